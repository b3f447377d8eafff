"""Carts that are taken along when their owner signs in: no line is lost, and the token is dead (vendure 4481)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from auth.refusal import RefusalCode
from auth.viewer import ANONYMOUS, Viewer
from commerce import cart, cart_claim, cart_codes
from commerce.basket import AlterationDraft, LineDraft, of_cart
from models.cart import Cart
from models.catalogue import AlterationKind, CurrencyCode
from tests.support import account, selling
from tests.support.account import rows
from tests.support.cart import customer, filled, new_cart, pieces, refused, stored
from tests.support.database import RolledBackDatabase

Code = RefusalCode
Kind = AlterationKind
NOBODYS = UUID(int=0)


@pytest.fixture
async def owner(database: RolledBackDatabase) -> UUID:
    return await account.customer(database)


async def claim(database: RolledBackDatabase, owner: UUID, viewer: Viewer, *into: UUID | None) -> Any:
    named = bool(into)
    return await cart_claim.claim(
        database.connection, owner, viewer.cart_digest, into[0] if into else None, named=named
    )


async def test_cart_becomes_the_customers_who_has_none(database: RolledBackDatabase, owner: UUID):
    garment = await selling.product(database.connection, services={Kind.HEM: 900})
    key = await selling.variant(database.connection, garment)
    draft = LineDraft(key, 2, (AlterationDraft(Kind.HEM, "2 cm"),), gift_message="Hi")
    cart_id, bearer = await new_cart(database.connection, ANONYMOUS, draft)
    before = await of_cart(database.connection, cart_id)
    found = filled(await claim(database, owner, bearer))
    assert (found.cart_id, found.account_id, found.version) == (cart_id, owner, 2)
    assert [line.draft for line in found.lines] == [line.draft for line in before.lines] == [draft]
    kept = await stored(database.connection, cart_id)
    assert (kept["cart"].account_id, kept["cart"].token_digest) == (owner, None)
    assert {row.account_id for row in (*kept["lines"], *kept["alterations"])} == {owner}


async def test_token_is_dead_afterwards(database: RolledBackDatabase, owner: UUID):
    cart_id, bearer = await new_cart(database.connection)
    filled(await claim(database, owner, bearer))
    assert refused(await cart.add(database.connection, bearer, cart_id, [])) == [(Code.NOT_FOUND, "cartId")]
    assert refused(await claim(database, owner, bearer)) == [(Code.NOT_FOUND, "cartToken")]


async def test_carts_are_merged_and_no_line_is_lost(database: RolledBackDatabase, owner: UUID):
    garment = await selling.product(database.connection, services={Kind.HEM: 900})
    first, second, third = [await selling.variant(database.connection, garment, position=at) for at in range(3)]
    hem = (AlterationDraft(Kind.HEM, "2 cm"),)
    mine, viewer = await new_cart(database.connection, customer(owner), LineDraft(first, 1), LineDraft(second, 1, hem))
    drafts = [LineDraft(third, 4), LineDraft(second, 2, hem), LineDraft(second, 3), LineDraft(first, 1, hem)]
    theirs, bearer = await new_cart(database.connection, ANONYMOUS, *drafts)
    found = filled(await claim(database, owner, bearer))
    assert (found.cart_id, found.account_id) == (mine, owner)
    assert [(line.variant_id, line.draft.quantity, line.draft.alterations) for line in found.lines] == [
        (first, 1, ()),
        (second, 3, hem),
        (third, 4, ()),
        (second, 3, ()),
        (first, 1, hem),
    ]
    kept = await stored(database.connection, mine)
    assert {row.account_id for row in (*kept["lines"], *kept["alterations"])} == {owner}
    assert await stored(database.connection, theirs) == {}
    assert pieces(filled(await cart.add(database.connection, viewer, mine, [LineDraft(first, 1)])))[0] == (first, 2)


async def test_merging_keeps_the_prices_that_were_seen(database: RolledBackDatabase, owner: UUID):
    both, only = [await selling.variant(database.connection) for _ in range(2)]
    await new_cart(database.connection, customer(owner), LineDraft(both, 1))
    await selling.reprice(database.connection, both, 2200)
    _, bearer = await new_cart(database.connection, ANONYMOUS, LineDraft(both, 1), LineDraft(only, 1))
    await selling.reprice(database.connection, only, 2300)
    found = filled(await claim(database, owner, bearer))
    assert [(line.seen_price, line.unit_price) for line in found.lines] == [(2000, 2200), (2000, 2300)]


async def test_codes_come_along_behind_those_that_were_there(database: RolledBackDatabase, owner: UUID):
    words = [f"C{at:02}" for at in range(12)]
    for word in words:
        await selling.discount(database.connection, word)
    mine, viewer = await new_cart(database.connection, customer(owner))
    _, bearer = await new_cart(database.connection)
    theirs = (await rows(database.connection, Cart))[-1].id
    filled(await cart_codes.enter(database.connection, viewer, mine, words[4:8]))
    filled(await cart_codes.enter(database.connection, bearer, theirs, [*words[5:2:-1], *words[8:]]))
    found = filled(await claim(database, owner, bearer))
    assert [terms.code for terms in found.codes] == [*words[4:8], "C03", *words[8:]]
    _, bearer = await new_cart(database.connection)
    last = next(row.id for row in await rows(database.connection, Cart) if row.account_id is None)
    filled(await cart_codes.enter(database.connection, bearer, last, words[:2]))
    found = filled(await claim(database, owner, bearer))
    assert [terms.code for terms in found.codes] == [*words[4:8], "C03", *words[8:], "C00"]


async def test_newest_open_cart_of_the_currency_is_merged_into(database: RolledBackDatabase, owner: UUID):
    key = await selling.variant(database.connection)
    older, newer, over, euros = [
        (await new_cart(database.connection, customer(owner), currency=currency))[0]
        for currency in (CurrencyCode.USD, CurrencyCode.USD, CurrencyCode.USD, CurrencyCode.EUR)
    ]
    past = datetime.now(UTC) - timedelta(seconds=1)
    await database.connection.execute(update(Cart).where(Cart.id == over).values(expires_at=past))
    earlier = datetime.now(UTC) - timedelta(hours=1)
    await database.connection.execute(update(Cart).where(Cart.id == older).values(created_at=earlier))
    _, bearer = await new_cart(database.connection, ANONYMOUS, LineDraft(key, 1))
    assert filled(await claim(database, owner, bearer)).cart_id == newer
    _, bearer = await new_cart(database.connection, ANONYMOUS, LineDraft(key, 1), currency=CurrencyCode.EUR)
    assert filled(await claim(database, owner, bearer)).cart_id == euros
    _, bearer = await new_cart(database.connection, ANONYMOUS, LineDraft(key, 1))
    assert filled(await claim(database, owner, bearer, older)).cart_id == older


async def test_cart_of_another_currency_stays_beside(database: RolledBackDatabase, owner: UUID):
    key = await selling.variant(database.connection)
    dollars, _ = await new_cart(database.connection, customer(owner), LineDraft(key, 1))
    euros, bearer = await new_cart(database.connection, ANONYMOUS, LineDraft(key, 2), currency=CurrencyCode.EUR)
    assert refused(await claim(database, owner, bearer, dollars)) == [(Code.INVALID, "intoCartId")]
    found = filled(await claim(database, owner, bearer))
    assert (found.cart_id, found.currency, found.account_id) == (euros, CurrencyCode.EUR, owner)
    assert pieces(await of_cart(database.connection, dollars)) == [(key, 1)]


@pytest.mark.parametrize("into", ["another customer's", "no such cart", "no id"])
async def test_cart_to_merge_into_has_to_be_ones_own(database: RolledBackDatabase, owner: UUID, into: str):
    other = await account.customer(database, "bo@example.com")
    theirs, _ = await new_cart(database.connection, customer(other))
    cart_id, bearer = await new_cart(database.connection)
    key = {"another customer's": theirs, "no such cart": NOBODYS}.get(into)
    assert refused(await claim(database, owner, bearer, key)) == [(Code.NOT_FOUND, "intoCartId")]
    assert (await stored(database.connection, cart_id))["cart"].account_id is None


async def test_cart_of_a_customer_is_not_claimed_by_another(database: RolledBackDatabase, owner: UUID):
    other = await account.customer(database, "bo@example.com")
    await new_cart(database.connection, customer(other))
    for digest in (None, b"x" * 32):
        outcome = await cart_claim.claim(database.connection, owner, digest, None, named=False)
        assert refused(outcome) == [(Code.NOT_FOUND, "cartToken")]


async def test_merge_goes_beyond_a_hundred_lines_but_not_for_ever(database: RolledBackDatabase, owner: UUID):
    key = await selling.variant(database.connection)

    async def hundred(word: str) -> tuple[UUID, Viewer]:
        drafts = [LineDraft(key, 1, gift_message=f"{word} {at}") for at in range(100)]
        return await new_cart(database.connection, ANONYMOUS, *drafts)

    _, bearer = await hundred("a")
    filled(await claim(database, owner, bearer))
    _, bearer = await hundred("b")
    assert len(filled(await claim(database, owner, bearer)).lines) == 200
    last, bearer = await new_cart(database.connection, ANONYMOUS, LineDraft(key, 1))
    assert refused(await claim(database, owner, bearer)) == [(Code.LIMIT_REACHED, "")]
    assert pieces(await of_cart(database.connection, last)) == [(key, 1)]


async def test_line_does_not_grow_beyond_its_bound_by_merging(database: RolledBackDatabase, owner: UUID):
    key = await selling.variant(database.connection, on_hand=2000)
    await new_cart(database.connection, customer(owner), LineDraft(key, 900))
    _, bearer = await new_cart(database.connection, ANONYMOUS, LineDraft(key, 900))
    assert pieces(filled(await claim(database, owner, bearer))) == [(key, 999)]
