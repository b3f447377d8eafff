"""Carts: whose they are, what is put in, changed and taken out, and that all of it is done or none."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import update

from auth.refusal import RefusalCode
from auth.viewer import ANONYMOUS, Viewer, ViewerKind
from commerce import cart, cart_codes
from commerce.basket import AlterationDraft, LineDraft, of_cart
from commerce.cart_lines import LineChange
from commerce.cart_writing import Held, write
from commerce.goods import KeptLine
from models.cart import Cart
from models.catalogue import AlterationKind, CurrencyCode, MeasurementName, Variant
from models.classification import Channel
from models.database import Overtaken
from privacy.retention import RULES
from tests.support import account, selling
from tests.support.account import rows
from tests.support.cart import customer, filled, new_cart, pieces, refused, stored
from tests.support.database import RolledBackDatabase
from tests.support.statements import statements

Code = RefusalCode
Kind = AlterationKind
NOBODYS = UUID(int=0)
MONTH = timedelta(days=30)


@dataclass
class Filled:
    """A cart with one line of two pieces, who holds it, and goods to put in."""

    database: RolledBackDatabase
    cart_id: UUID
    holder: Viewer
    romper: UUID
    dress: UUID

    @property
    def connection(self) -> Any:
        return self.database.connection

    async def add(self, *drafts: LineDraft, viewer: Viewer | None = None) -> Any:
        return await cart.add(self.connection, viewer or self.holder, self.cart_id, drafts)

    async def change(self, *changes: LineChange) -> Any:
        return await cart.change(self.connection, self.holder, self.cart_id, changes)

    async def remove(self, *line_ids: UUID | None) -> Any:
        return await cart.remove(self.connection, self.holder, self.cart_id, line_ids)

    async def basket(self) -> Any:
        return await of_cart(self.connection, self.cart_id)

    async def line_ids(self) -> list[Any]:
        return [line.line_id for line in (await self.basket()).lines]

    async def stored(self) -> Any:
        return await stored(self.connection, self.cart_id)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(database: RolledBackDatabase) -> AsyncGenerator[Filled]:
    garment = await selling.product(database.connection, services={Kind.HEM: 900, Kind.MONOGRAM: 1200})
    romper = await selling.variant(database.connection, garment, on_hand=2000)
    dress = await selling.variant(database.connection, garment, position=1, on_hand=2000)
    cart_id, holder = await new_cart(database.connection, ANONYMOUS, LineDraft(romper, 2))
    yield Filled(database, cart_id, holder, romper, dress)


# ---- whose it is


async def test_cart_of_nobody_is_held_by_its_token_of_which_only_the_hash_is_kept(database: RolledBackDatabase):
    made = await cart.create(database.connection, ANONYMOUS, CurrencyCode.EUR, (), Channel.MOBILE)
    assert isinstance(made, cart.Created)
    assert made.token is not None
    assert made.token.text.startswith("lyk_")
    [row] = await rows(database.connection, Cart)
    assert (row.account_id, row.token_digest, row.currency, row.channel) == (None, made.token.digest, "EUR", "MOBILE")
    assert (row.version, row.placing_id) == (1, None)
    assert made.token.text not in repr(made)
    assert made.token.text not in await account.everything(database.connection)


async def test_cart_of_a_customer_is_theirs_and_has_no_token(database: RolledBackDatabase):
    owner = await account.customer(database)
    key = await selling.variant(database.connection)
    made = await cart.create(database.connection, customer(owner), CurrencyCode.USD, [LineDraft(key, 1)], Channel.WEB)
    assert isinstance(made, cart.Created)
    assert made.token is None
    found = await stored(database.connection, made.basket.cart_id or NOBODYS)
    assert (found["cart"].account_id, found["cart"].token_digest, found["cart"].version) == (owner, None, 1)
    assert [(line.account_id, line.quantity, line.seen_price) for line in found["lines"]] == [(owner, 1, 2000)]


async def test_cart_of_staff_is_held_by_its_token(database: RolledBackDatabase):
    owner = await account.customer(database)
    made = await cart.create(database.connection, Viewer(ViewerKind.STAFF, owner), CurrencyCode.USD, (), Channel.WEB)
    assert isinstance(made, cart.Created)
    assert made.token is not None


async def test_cart_is_not_made_where_a_line_is_refused(database: RolledBackDatabase):
    outcome = await cart.create(database.connection, ANONYMOUS, CurrencyCode.USD, [LineDraft(None, 1)], Channel.WEB)
    assert refused(outcome) == [(Code.NOT_FOUND, "lines.0.variantId")]
    assert await rows(database.connection, Cart) == []


@pytest.mark.parametrize("who", ["nobody", "another token", "another customer", "staff", "no such cart", "no id"])
async def test_cart_of_others_is_not_found_before_anything_else(shop: Filled, who: str):
    other = await account.customer(shop.database)
    viewers = {
        "nobody": ANONYMOUS,
        "another token": replace(shop.holder, cart_digest=b"x" * 32),
        "another customer": customer(other),
        "staff": Viewer(ViewerKind.STAFF, other, permissions=frozenset({"order:write"})),
    }
    cart_id = {"no such cart": NOBODYS, "no id": None}.get(who, shop.cart_id)
    viewer = viewers.get(who, shop.holder)
    before = await shop.stored()
    calls = (
        cart.add(shop.connection, viewer, cart_id, [LineDraft(None, -1)]),
        cart.change(shop.connection, viewer, cart_id, []),
        cart.remove(shop.connection, viewer, cart_id, [NOBODYS]),
        cart_codes.enter(shop.connection, viewer, cart_id, ["NOPE"]),
    )
    for call in calls:
        assert refused(await call) == [(Code.NOT_FOUND, "cartId")]
    assert await shop.stored() == before


async def test_cart_that_is_over_is_not_found(shop: Filled):
    await shop.connection.execute(update(Cart).values(expires_at=datetime.now(UTC) - timedelta(minutes=1)))
    assert refused(await shop.add(LineDraft(shop.dress, 1))) == [(Code.NOT_FOUND, "cartId")]


async def test_customer_with_a_token_holds_that_cart_too(shop: Filled):
    owner = await account.customer(shop.database)
    viewer = customer(owner, shop.holder.cart_digest)
    assert pieces(filled(await shop.add(LineDraft(shop.dress, 1), viewer=viewer))) == [
        (shop.romper, 2),
        (shop.dress, 1),
    ]


# ---- putting in


async def test_add_is_two_statements(shop: Filled):
    hem = (AlterationDraft(Kind.HEM, "2 cm"),)
    for drafts in ([LineDraft(shop.dress, 1)], [LineDraft(shop.dress, 1, hem), LineDraft(shop.romper, 1)]):
        with statements(shop.database) as sent:
            filled(await shop.add(*drafts))
        assert len(sent) == 2, sent


async def test_edit_that_was_overtaken_writes_nothing(shop: Filled):
    [line_id] = await shop.line_ids()
    line = KeptLine(LineDraft(shop.romper, 9, (AlterationDraft(Kind.HEM),)), line_id, 0, 1)
    await shop.add(LineDraft(shop.dress, 1))
    before = await shop.stored()
    for removed in ((), {line_id}):
        for version in (1, 3):
            with pytest.raises(Overtaken):
                await write(shop.connection, Held(shop.cart_id, None, CurrencyCode.USD, version), [line], removed)
    assert await shop.stored() == before
    await write(shop.connection, Held(shop.cart_id, None, CurrencyCode.USD, 2), [line])
    assert pieces(await shop.basket()) == [(shop.romper, 9), (shop.dress, 1)]


async def test_answer_of_an_edit_is_what_a_read_answers(shop: Filled):
    code = await selling.discount(shop.connection, "TEN")
    await cart_codes.enter(shop.connection, shop.holder, shop.cart_id, ["TEN"])
    hem = (AlterationDraft(Kind.HEM, "2 cm"),)
    added = filled(await shop.add(LineDraft(shop.dress, 1, hem), LineDraft(shop.romper, 4)))
    assert added == await shop.basket()
    assert [terms.id for terms in added.codes] == [code]
    first, last = (line.line_id for line in added.lines)
    changed = filled(await shop.change(LineChange(last, 3, {"gift_message": "Hi"}), LineChange(first, 0)))
    assert changed == await shop.basket()
    assert filled(await shop.remove(last)) == await shop.basket()


async def test_line_that_is_equal_grows(shop: Filled):
    hem, monogram = AlterationDraft(Kind.HEM, "2 cm"), AlterationDraft(Kind.MONOGRAM, "A")
    await shop.add(LineDraft(shop.romper, 1), LineDraft(shop.romper, 1, (monogram, hem), gift_message="Hi"))
    found = filled(await shop.add(LineDraft(shop.romper, 3, (hem, monogram), gift_message=" Hi ")))
    assert [line.draft.quantity for line in found.lines] == [3, 4]


@pytest.mark.parametrize("change", ["variant", "alteration", "note", "message"])
async def test_line_that_differs_stands_beside(shop: Filled, change: str):
    base = LineDraft(shop.romper, 1, (AlterationDraft(Kind.HEM),), gift_message="Hi")
    other = {
        "variant": replace(base, variant_id=shop.dress),
        "alteration": replace(base, alterations=()),
        "note": replace(base, alterations=(AlterationDraft(Kind.HEM, "2 cm"),)),
        "message": replace(base, gift_message="Ho"),
    }[change]
    found = filled(await shop.add(base, other))
    assert len(found.lines) == 3


async def test_lines_with_different_measurements_stand_beside_each_other(database: RolledBackDatabase):
    owner = await account.customer(database)
    garment = await selling.product(database.connection, required_measurements=[MeasurementName.WAIST])
    key = await selling.variant(database.connection, garment)
    mine, hers = [await selling.measurement_set(database.connection, owner) for _ in range(2)]
    drafts = [LineDraft(key, 1, measurement_set_id=one) for one in (mine, hers, mine, None)]
    cart_id, _ = await new_cart(database.connection, customer(owner), *drafts)
    found = await of_cart(database.connection, cart_id)
    assert [(line.draft.measurement_set_id, line.draft.quantity) for line in found.lines] == [
        (mine, 2),
        (hers, 1),
        (None, 1),
    ]


async def test_measurements_have_to_be_ones_own_and_of_use(shop: Filled):
    owner, other = await account.customer(shop.database), await account.customer(shop.database, "bo@example.com")
    theirs = await selling.measurement_set(shop.connection, other)
    mine = await selling.measurement_set(shop.connection, owner)
    cart_id, holder = await new_cart(shop.connection, customer(owner))
    for set_id, code in ((theirs, Code.NOT_FOUND), (NOBODYS, Code.NOT_FOUND), (mine, Code.INVALID)):
        draft = LineDraft(shop.romper, 1, measurement_set_id=set_id)
        outcome = await cart.add(shop.connection, holder, cart_id, [draft])
        assert refused(outcome) == [(code, "lines.0.measurementSetId")]
    # Whoever is signed in and has a token puts no measurements of their own into a cart that is not theirs.
    viewer = customer(owner, shop.holder.cart_digest)
    outcome = await shop.add(LineDraft(shop.romper, 1, measurement_set_id=mine), viewer=viewer)
    assert refused(outcome) == [(Code.NOT_FOUND, "lines.0.measurementSetId")]


async def test_adding_is_all_or_nothing(shop: Filled):
    before = await shop.stored()
    outcome = await shop.add(LineDraft(shop.dress, 1), LineDraft(shop.dress, 1, (AlterationDraft(Kind.LENGTHEN),)))
    assert refused(outcome) == [(Code.INVALID, "lines.1.alterations.0.kind")]
    assert refused(await shop.add()) == [(Code.REQUIRED, "lines")]
    assert await shop.stored() == before


async def test_more_than_there_is_may_be_asked_for_but_not_what_is_sold_out(shop: Filled):
    few = await selling.variant(shop.connection, on_hand=2)
    none = await selling.variant(shop.connection, on_hand=0)
    found = filled(await shop.add(LineDraft(few, 5)))
    assert [(line.draft.quantity, line.priced.quantity) for line in found.lines] == [(2, 2), (5, 2)]
    outcome = await shop.add(LineDraft(few, 1), LineDraft(none, 1))
    assert refused(outcome) == [(Code.OUT_OF_STOCK, "lines.1.quantity")]


@pytest.mark.parametrize("values", [{"archived_at": datetime.now(UTC)}, {"prices": {CurrencyCode.EUR: 100}}])
async def test_what_is_not_sold_is_not_put_in(shop: Filled, values: dict[str, Any]):
    key = await selling.variant(shop.connection, **values)
    assert refused(await shop.add(LineDraft(key, 1))) == [(Code.INVALID, "lines.0.variantId")]


async def test_line_grows_to_999_pieces_and_no_further(shop: Filled):
    filled(await shop.add(LineDraft(shop.romper, 997)))
    assert refused(await shop.add(LineDraft(shop.romper, 1))) == [(Code.LIMIT_REACHED, "lines.0.quantity")]
    outcome = await shop.add(LineDraft(shop.dress, 600), LineDraft(shop.dress, 600))
    assert refused(outcome) == [(Code.LIMIT_REACHED, "lines.1.quantity")]


async def test_cart_holds_a_hundred_lines(shop: Filled):
    drafts = [LineDraft(shop.dress, 1, gift_message=f"No. {at}") for at in range(99)]
    filled(await shop.add(*drafts))
    assert refused(await shop.add(LineDraft(shop.dress, 1))) == [(Code.LIMIT_REACHED, "lines")]
    assert len(filled(await shop.add(drafts[7])).lines) == 100


async def test_lines_stay_in_the_order_of_their_entering(shop: Filled):
    for word in "abc":
        await shop.add(LineDraft(shop.dress, 1, gift_message=word))
    first, second, *_ = await shop.line_ids()
    await shop.remove(first)
    await shop.add(LineDraft(shop.romper, 1), LineDraft(shop.dress, 1, gift_message="a"))
    found = await shop.basket()
    assert [line.draft.gift_message for line in found.lines] == ["a", "b", "c", None]
    assert found.lines[0].line_id == second


async def test_every_edit_counts_and_puts_off_the_end(shop: Filled):
    assert RULES["cart"].period == MONTH
    line_id = (await shop.line_ids())[0]
    soon = datetime.now(UTC) + timedelta(minutes=5)
    edits = (
        lambda: shop.add(LineDraft(shop.dress, 1)),
        lambda: shop.change(LineChange(line_id, 5)),
        lambda: cart_codes.enter(shop.connection, shop.holder, shop.cart_id, []),
        lambda: shop.remove(line_id),
    )
    for edit in edits:
        await shop.connection.execute(update(Cart).values(expires_at=soon))
        before = (await shop.stored())["cart"]
        found = filled(await edit())
        after = (await shop.stored())["cart"]
        assert (after.version, found.version) == (before.version + 1, before.version + 1)
        assert after.expires_at - after.updated_at == MONTH


# ---- changing


async def test_change_keeps_what_is_not_given_and_clears_what_is_null(shop: Filled):
    hem = AlterationDraft(Kind.HEM, "2 cm")
    await shop.add(LineDraft(shop.dress, 1, (hem,), gift_message="Hi"))
    line_id = (await shop.line_ids())[1]
    line = filled(await shop.change(LineChange(line_id, 3))).lines[1]
    assert line.draft == LineDraft(shop.dress, 3, (hem,), gift_message="Hi")
    monogram = AlterationDraft(Kind.MONOGRAM, "A")
    changes = {"alterations": (monogram, AlterationDraft(Kind.HEM, "3 cm")), "gift_message": None}
    line = filled(await shop.change(LineChange(line_id, 3, changes))).lines[1]
    assert line.draft == LineDraft(shop.dress, 3, (AlterationDraft(Kind.HEM, "3 cm"), monogram))
    line = filled(await shop.change(LineChange(line_id, 3, {"alterations": ()}))).lines[1]
    assert line.draft == LineDraft(shop.dress, 3)
    assert (await shop.stored())["alterations"] == []


async def test_quantity_of_zero_removes_the_line(shop: Filled):
    await shop.add(LineDraft(shop.dress, 1))
    first, second = await shop.line_ids()
    assert pieces(filled(await shop.change(LineChange(first, 0), LineChange(second, 4)))) == [(shop.dress, 4)]


async def test_change_takes_the_price_of_now_as_seen(shop: Filled):
    line_id = (await shop.line_ids())[0]
    other = await shop.add(LineDraft(shop.dress, 1))
    await selling.reprice(shop.connection, shop.romper, 2500)
    await selling.reprice(shop.connection, shop.dress, 2500)
    found = filled(await shop.change(LineChange(line_id, 2)))
    assert [(line.seen_price, line.unit_price) for line in found.lines] == [(2500, 2500), (2000, 2500)]
    assert len(filled(other).lines) == 2


async def test_change_is_refused_as_a_whole(shop: Filled):
    await shop.add(LineDraft(shop.dress, 1))
    first, second = await shop.line_ids()
    before = await shop.stored()
    lengthen = {"alterations": (AlterationDraft(Kind.LENGTHEN),)}
    cases = [
        ([LineChange(first, 1), LineChange(NOBODYS, 1)], (Code.NOT_FOUND, "lines.1.id")),
        ([LineChange(None, 0)], (Code.NOT_FOUND, "lines.0.id")),
        ([LineChange(first, 1, {"measurement_set_id": NOBODYS})], (Code.NOT_FOUND, "lines.0.measurementSetId")),
        ([LineChange(first, 1000)], (Code.INVALID, "lines.0.quantity")),
        ([LineChange(first, -1)], (Code.INVALID, "lines.0.quantity")),
        ([LineChange(first, 1), LineChange(first, 2)], (Code.INVALID, "lines.1.id")),
        ([LineChange(second, 1, lengthen)], (Code.INVALID, "lines.0.alterations.0.kind")),
        ([LineChange(second, 1, {"gift_message": "x" * 501})], (Code.TOO_LONG, "lines.0.giftMessage")),
        ([], (Code.REQUIRED, "lines")),
    ]
    for changes, expected in cases:
        assert refused(await shop.change(*changes)) == [expected]
    assert await shop.stored() == before


async def test_line_that_is_not_sold_any_more_can_be_lessened_and_removed(shop: Filled):
    await shop.connection.execute(
        update(Variant).where(Variant.id == shop.romper).values(archived_at=datetime.now(UTC))
    )
    line_id = (await shop.line_ids())[0]
    assert pieces(filled(await shop.change(LineChange(line_id, 1)))) == [(shop.romper, 1)]
    assert pieces(filled(await shop.remove(line_id))) == []


async def test_line_of_another_cart_is_not_found(shop: Filled):
    other, _ = await new_cart(shop.connection, ANONYMOUS, LineDraft(shop.romper, 1))
    theirs = (await of_cart(shop.connection, other)).lines[0].line_id
    before = await stored(shop.connection, other)
    assert refused(await shop.change(LineChange(theirs, 5))) == [(Code.NOT_FOUND, "lines.0.id")]
    assert refused(await shop.remove(theirs)) == [(Code.NOT_FOUND, "lineIds.0")]
    assert await stored(shop.connection, other) == before


async def test_removing_is_all_or_nothing(shop: Filled):
    [line_id] = await shop.line_ids()
    assert refused(await shop.remove(line_id, NOBODYS)) == [(Code.NOT_FOUND, "lineIds.1")]
    assert await shop.line_ids() == [line_id]


# ---- while it is ordered


async def test_cart_is_hidden_while_it_is_ordered_and_back_if_it_was_not(shop: Filled):
    order = await selling.order(shop.connection)
    await shop.connection.execute(update(Cart).values(placing_id=order))
    assert refused(await shop.add(LineDraft(shop.dress, 1))) == [(Code.NOT_FOUND, "cartId")]
    await cart.release(shop.connection, order)
    assert pieces(filled(await shop.add(LineDraft(shop.dress, 1)))) == [(shop.romper, 2), (shop.dress, 1)]
