"""What a cart says when it is read: what moved since it was filled, and what stands in the way of ordering it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest_asyncio
from sqlalchemy import delete, update

from auth.viewer import ANONYMOUS, Viewer
from commerce import cart, cart_codes, measurement
from commerce.basket import AlterationDraft, LineDraft, of_cart
from commerce.cart_lines import LineChange
from commerce.cart_pricing import GONE, CartWarningCode, PricedCart
from commerce.measurement import SetDraft, sealer_of
from models.cart import Cart, CartLine
from models.catalogue import AlterationKind, AlterationService, MeasurementName, Product, Variant, VariantPrice
from models.classification import Channel
from models.discount import DiscountKind
from models.measurement import LengthUnit, MeasuredPerson, MeasurementSet
from resolvers.baskets import Baskets
from tests.support import account, selling
from tests.support.account import rows
from tests.support.cart import customer, filled, new_cart, stored
from tests.support.database import RolledBackDatabase
from tests.support.selling import USD
from tests.support.statements import statements

Warn = CartWarningCode
Kind = AlterationKind
NOW = datetime.now(UTC)
SECRET = b"a secret of the tests, 32 or longer"
SEALER = sealer_of(SECRET)


@dataclass
class Read:
    """A cart with two pieces of one variant, which is read again and again."""

    database: RolledBackDatabase
    cart_id: UUID
    holder: Viewer
    variant: UUID

    @property
    def connection(self) -> Any:
        return self.database.connection

    async def priced(self) -> PricedCart:
        return PricedCart(await of_cart(self.connection, self.cart_id), NOW, SEALER)

    async def warned(self) -> list[CartWarningCode]:
        return [one.code for one in (await self.priced()).warnings]

    async def set_stock(self, pieces: int) -> None:
        await self.connection.execute(update(Variant).where(Variant.id == self.variant).values(on_hand=pieces))


@pytest_asyncio.fixture(loop_scope="session")
async def read(database: RolledBackDatabase) -> AsyncGenerator[Read]:
    garment = await selling.product(database.connection, services={Kind.HEM: 900})
    variant = await selling.variant(database.connection, garment)
    cart_id, holder = await new_cart(database.connection, ANONYMOUS, LineDraft(variant, 2))
    yield Read(database, cart_id, holder, variant)


async def test_cart_as_it_was_filled_warns_of_nothing(read: Read):
    assert await read.warned() == []
    priced = await read.priced()
    line = priced.line(str(priced.basket.lines[0].line_id))
    assert (line.quantity, line.unit_price, line.total, line.discount_total) == (2, 2000, 4000, 0)


async def test_fewer_than_asked_for_are_shown_and_warned_of_until_confirmed(read: Read):
    before = await stored(read.connection, read.cart_id)
    await read.set_stock(1)
    for _ in range(2):
        priced = await read.priced()
        assert [(one.code, one.line and one.line.variant_id) for one in priced.warnings] == [
            (Warn.QUANTITY_REDUCED, read.variant)
        ]
        assert priced.discounted.total == 2000
    assert await stored(read.connection, read.cart_id) == before
    line_id = priced.basket.lines[0].line_id
    filled(await cart.change(read.connection, read.holder, read.cart_id, [LineChange(line_id, 1)]))
    assert await read.warned() == []


async def test_what_is_sold_out_is_warned_of(read: Read):
    await read.set_stock(0)
    assert await read.warned() == [Warn.OUT_OF_STOCK]
    assert (await read.priced()).discounted.total == 4000
    await read.set_stock(2)
    assert await read.warned() == []


async def test_archived_variant_or_product_is_warned_of(read: Read):
    for model in (Variant, Product):
        await read.connection.execute(update(model).values(archived_at=NOW))
        assert await read.warned() == [Warn.ARCHIVED]
        await read.connection.execute(update(model).values(archived_at=None))
    assert await read.warned() == []


async def test_line_that_is_not_sold_so_any_more_is_warned_of(read: Read):
    hem = LineDraft(read.variant, 1, (AlterationDraft(Kind.HEM),))
    filled(await cart.add(read.connection, read.holder, read.cart_id, [hem]))
    await read.connection.execute(delete(AlterationService))
    assert await read.warned() == [Warn.ARCHIVED]
    await read.connection.execute(delete(VariantPrice).where(VariantPrice.currency == USD))
    assert await read.warned() == [Warn.ARCHIVED, Warn.ARCHIVED]


async def test_another_price_is_warned_of_and_counts(read: Read):
    for price in (2100, 1900):
        await selling.reprice(read.connection, read.variant, price)
        assert await read.warned() == [Warn.PRICE_CHANGED]
        assert (await read.priced()).discounted.total == 2 * price
    filled(await cart.add(read.connection, read.holder, read.cart_id, [LineDraft(read.variant, 1)]))
    assert await read.warned() == []


async def test_code_that_does_not_apply_is_warned_of_once_a_code(read: Read):
    await selling.discount(read.connection, "OVER", ends_at=NOW - timedelta(days=1))
    await selling.discount(read.connection, "MUCH", DiscountKind.AMOUNT, amounts={USD: (500, 10_000)})
    await selling.discount(read.connection, "TEN")
    words = ["OVER", "MUCH", "TEN"]
    filled(await cart_codes.enter(read.connection, read.holder, read.cart_id, words))
    priced = await read.priced()
    assert [(one.code, one.line, one.message.split()[0]) for one in priced.warnings] == [
        (Warn.CODE_NOT_APPLICABLE, None, "OVER"),
        (Warn.CODE_NOT_APPLICABLE, None, "MUCH"),
    ]
    assert (priced.discounted.discount_total, priced.discounted.total) == (400, 3600)


async def test_missing_measurements_are_warned_of_by_name(database: RolledBackDatabase):
    owner = await account.customer(database)
    required = [MeasurementName.WAIST, MeasurementName.BACK_LENGTH]
    garment = await selling.product(database.connection, required_measurements=required)
    variant = await selling.variant(database.connection, garment)

    async def saved(*names: MeasurementName) -> UUID:
        values = tuple((name, Decimal(70 if name is MeasurementName.WAIST else 40)) for name in names)
        draft = SetDraft("Me", MeasuredPerson.ADULT, LengthUnit.CM, values)
        outcome = await measurement.save(database.connection, owner, draft, SEALER, Channel.WEB)
        assert isinstance(outcome, UUID), outcome
        return outcome

    whole, half = await saved(*required), await saved(MeasurementName.WAIST)
    broken = await selling.measurement_set(database.connection, owner)
    drafts = [LineDraft(variant, 1, measurement_set_id=one) for one in (None, half, whole, broken)]
    cart_id, holder = await new_cart(database.connection, customer(owner), *drafts)
    read = Read(database, cart_id, holder, variant)
    assert [one.message for one in (await read.priced()).warnings] == [
        "Linen romper is made to measure, and needs waist, back length.",
        "Linen romper is made to measure, and needs back length.",
        "Linen romper is made to measure, and needs waist, back length.",
    ]
    await database.connection.execute(delete(MeasurementSet).where(MeasurementSet.id == whole))
    assert await read.warned() == [Warn.MEASUREMENTS_MISSING] * 4
    assert len(await rows(database.connection, CartLine)) == 4


async def test_line_that_went_meanwhile_counts_for_nothing(read: Read):
    assert (await read.priced()).line(str(read.cart_id)) is GONE


# ---- within one request


async def test_cart_is_read_once_a_request_and_anew_when_it_has_changed(read: Read):
    baskets = Baskets(read.database, SECRET)
    with statements(read.database) as sent:
        first, second = await asyncio.gather(*(baskets.of(str(read.cart_id), 1, USD) for _ in range(2)))
    assert first is second is baskets.known(str(read.cart_id), 1)
    assert len(sent) == 1
    basket = filled(await cart.add(read.connection, read.holder, read.cart_id, [LineDraft(read.variant, 1)]))
    assert baskets.known(str(read.cart_id), 2) is None
    assert (await baskets.of(str(read.cart_id), 2, USD)).basket == basket


async def test_cart_that_a_mutation_holds_is_not_read_again(read: Read):
    basket = filled(await cart.add(read.connection, read.holder, read.cart_id, [LineDraft(read.variant, 1)]))
    baskets = Baskets(read.database, SECRET)
    baskets.hold(basket)
    with statements(read.database) as sent:
        assert (await baskets.of(str(read.cart_id), 2, USD)).basket is basket
    assert sent == []


async def test_cart_that_went_while_it_is_read_is_empty(read: Read):
    await read.connection.execute(delete(Cart))
    found = await Baskets(read.database, SECRET).of(str(read.cart_id), 1, USD)
    assert (found.basket.lines, found.discounted.total, found.warnings) == ((), 0, ())
