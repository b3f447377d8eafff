"""Several at once at one cart, over real connections: nothing is lost, and nothing happens twice."""

import asyncio
from functools import partial
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import RefusalCode
from auth.viewer import ANONYMOUS, Viewer
from commerce import cart, cart_claim, cart_codes
from commerce.basket import Basket, LineDraft, of_cart
from commerce.cart import Outcome
from models.cart import Cart, CartLine
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.database import Database
from tests.support import account, selling
from tests.support.cart import customer, filled, new_cart, pieces

AT_ONCE = 12


async def planted(database: Database, *quantities: int) -> tuple[list[UUID], UUID, Viewer]:
    """Variants, and a cart with so many of each."""

    async def plant(transaction: AsyncConnection) -> tuple[list[UUID], UUID, Viewer]:
        keys = [await selling.variant(transaction, on_hand=500) for _ in quantities]
        drafts = [LineDraft(key, count) for key, count in zip(keys, quantities, strict=True) if count]
        return keys, *await new_cart(transaction, ANONYMOUS, *drafts)

    return await database.transact(plant)


async def basket_of(database: Database, cart_id: UUID) -> Basket:
    return await database.transact(partial(of_cart, cart_id=cart_id))


async def test_lines_that_are_added_at_once_are_all_there(committed_database: Database):
    (same, other), cart_id, holder = await planted(committed_database, 1, 0)

    async def add(at: int) -> Outcome:
        drafts = [LineDraft(same, 1), LineDraft(other, 1, gift_message=f"No. {at}")]
        work = partial(cart.add, viewer=holder, cart_id=cart_id, drafts=drafts)
        return await cart.edit(committed_database, cart_id, work)

    for outcome in await asyncio.gather(*(add(at) for at in range(AT_ONCE))):
        filled(outcome)
    found = await basket_of(committed_database, cart_id)
    assert pieces(found)[0] == (same, 1 + AT_ONCE)
    assert sorted(line.draft.gift_message or "" for line in found.lines[1:]) == sorted(
        f"No. {at}" for at in range(AT_ONCE)
    )
    assert found.version == 1 + AT_ONCE


async def test_line_that_is_new_is_made_once_however_many_add_it_at_once(committed_database: Database):
    (key,), cart_id, holder = await planted(committed_database, 0)
    draft = LineDraft(key, 1)
    calls = [partial(cart.add, viewer=holder, cart_id=cart_id, drafts=[draft]) for _ in range(AT_ONCE)]
    await asyncio.gather(*(cart.edit(committed_database, cart_id, call) for call in calls))
    assert pieces(await basket_of(committed_database, cart_id)) == [(key, AT_ONCE)]


async def test_one_token_is_claimed_by_one(committed_database: Database):
    (key,), cart_id, holder = await planted(committed_database, 3)
    owners = [await account.customer(committed_database, f"c{at}@example.com") for at in range(AT_ONCE)]

    async def claim(owner: UUID) -> Outcome:
        return await committed_database.transact(
            lambda t: cart_claim.claim(t, owner, holder.cart_digest, None, named=False)
        )

    outcomes = await asyncio.gather(*map(claim, owners))
    [won] = [outcome for outcome in outcomes if isinstance(outcome, Basket)]
    assert {one.code for outcome in outcomes if isinstance(outcome, list) for one in outcome} == {RefusalCode.NOT_FOUND}
    found = await basket_of(committed_database, cart_id)
    assert (found.account_id, pieces(found)) == (won.account_id, [(key, 3)])


async def test_carts_that_one_customer_claims_at_once_lose_no_line(committed_database: Database):
    owner = await account.customer(committed_database)
    (key,), _, _ = await planted(committed_database, 0)

    async def bring(transaction: AsyncConnection, at: int) -> bytes:
        made = await cart.create(transaction, ANONYMOUS, CurrencyCode.USD, [LineDraft(key, at + 1)], Channel.WEB)
        assert isinstance(made, cart.Created)
        assert made.token is not None
        return made.token.digest

    await committed_database.transact(lambda t: new_cart(t, customer(owner), LineDraft(key, 1)))
    tokens = [await committed_database.transact(partial(bring, at=at)) for at in range(AT_ONCE)]
    # Every token is used twice: a client that did not get its answer tries again.
    outcomes = await asyncio.gather(
        *(
            committed_database.transact(lambda t, digest=digest: cart_claim.claim(t, owner, digest, None, named=False))
            for digest in tokens * 2
        )
    )
    assert sum(isinstance(outcome, Basket) for outcome in outcomes) == AT_ONCE

    async def counted(transaction: AsyncConnection) -> tuple[int | None, int | None]:
        total = select(func.sum(CartLine.quantity)).join(Cart, Cart.id == CartLine.cart_id)
        carts = select(func.count()).select_from(Cart).where(Cart.account_id == owner)
        return await transaction.scalar(total.where(Cart.account_id == owner)), await transaction.scalar(carts)

    assert await committed_database.transact(counted) == (1 + sum(range(1, AT_ONCE + 1)), 1)


async def test_line_that_is_added_while_the_cart_is_claimed_is_kept_or_refused(committed_database: Database):
    owner = await account.customer(committed_database)
    (first, second), cart_id, holder = await planted(committed_database, 1, 0)
    into, _ = await committed_database.transact(lambda t: new_cart(t, customer(owner)))
    add = partial(cart.add, viewer=holder, cart_id=cart_id, drafts=[LineDraft(second, 2)])
    added, claimed = await asyncio.gather(
        cart.edit(committed_database, cart_id, add),
        committed_database.transact(lambda t: cart_claim.claim(t, owner, holder.cart_digest, into, named=True)),
    )
    expected = [(first, 1), (second, 2)] if isinstance(added, Basket) else [(first, 1)]
    assert filled(claimed).cart_id == into
    assert pieces(await basket_of(committed_database, into)) == expected


async def test_edits_of_all_kinds_at_once_leave_a_whole_cart(committed_database: Database):
    (_, second), cart_id, holder = await planted(committed_database, 1, 0)
    await committed_database.transact(partial(selling.discount, code="TEN"))
    [line_id] = [line.line_id for line in (await basket_of(committed_database, cart_id)).lines]
    calls = [
        partial(cart.add, viewer=holder, cart_id=cart_id, drafts=[LineDraft(second, 1)]),
        partial(cart.change, viewer=holder, cart_id=cart_id, changes=[cart.LineChange(line_id, 5)]),
        partial(cart.remove, viewer=holder, cart_id=cart_id, line_ids=[line_id]),
        partial(cart_codes.enter, viewer=holder, cart_id=cart_id, codes=["TEN"]),
    ]
    outcomes = await asyncio.gather(*(cart.edit(committed_database, cart_id, call) for call in calls * 3))
    found = await basket_of(committed_database, cart_id)
    done = sum(isinstance(outcome, Basket) for outcome in outcomes)
    assert (found.version or 0) == 1 + done
    assert pieces(found) == [(second, 3)]
    assert [terms.code for terms in found.codes] == ["TEN"]
