"""Placing an order: what it takes, what it leaves where it is refused, and what it answers."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select, update

from commerce.measurement import unseal
from commerce.money import Amount
from commerce.order_drafting import Named, Purchase
from commerce.placing import Desk
from models.alteration import Alteration
from models.catalogue import CurrencyCode, Variant
from models.measurement import MeasurementName, MeasurementSet, OrderMeasurement
from models.order import (
    Order,
    OrderAddress,
    OrderContact,
    OrderEventKind,
    OrderGift,
    OrderLine,
    OrderPayment,
    OrderStatus,
    PaymentStatus,
)
from models.payment import ChargeStatus
from models.stock import StockEntry, StockEntryKind
from tests.support.database import RolledBackDatabase
from tests.support.ordering import (
    ON_HAND,
    PRICE,
    SEALER,
    SHIPPING,
    TOTAL,
    Books,
    Buyer,
    Trousseau,
    again,
    at_gateway,
    books,
    codes_of,
    place,
    saved_card,
    timeline,
    uses,
)
from tests.support.selling import reprice
from tests.support.statements import statements


async def test_paid_order_is_placed_and_its_cart_is_gone(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await place(desk, ana, purchase)
    assert (codes_of(placed), placed.action, placed.quoted) == ([], None, None)
    assert await books(database) == Books([OrderStatus.PLACED], [ChargeStatus.CAPTURED], on_hand=ON_HAND - 2)
    assert await at_gateway(desk) == [("CAPTURED", TOTAL, 0)]
    assert await timeline(database, placed.order_id) == [OrderEventKind.PLACED, OrderEventKind.PAYMENT_SETTLED]
    order = (await database.connection.execute(select(Order.__table__))).one()
    assert (order.id, order.total, order.shipping_total, order.channel) == (placed.order_id, TOTAL, SHIPPING, "WEB")
    assert (order.tax_country, order.tax_region, order.prices_include_tax) == ("US", "OR", False)
    payment = (await database.connection.execute(select(OrderPayment.__table__))).one()
    assert (payment.status, payment.brand, payment.last4) == (PaymentStatus.CAPTURED, "visa", "4242")


async def test_stock_is_taken_with_an_entry_in_the_ledger(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await place(desk, ana, purchase)
    entry = (await database.connection.execute(select(StockEntry.__table__))).one()
    assert (entry.kind, entry.change, entry.balance) == (StockEntryKind.SALE, -2, ON_HAND - 2)
    assert entry.order_id == placed.order_id


async def test_order_keeps_what_is_edited_or_deleted_afterwards(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, romper: UUID
):
    await place(desk, ana, purchase)
    await reprice(database.connection, romper, 1)
    await database.connection.execute(update(Variant).values(sku="OTHER"))
    address = (await database.connection.execute(select(OrderAddress.__table__).limit(1))).one()
    contact = (await database.connection.execute(select(OrderContact.__table__))).one()
    line = (await database.connection.execute(select(OrderLine.__table__))).one()
    assert (address.line1, address.region, address.country_code) == ("1 Main St", "OR", "US")
    assert contact.email == f"{ana.account_id.hex}@example.com"
    assert (line.unit_price, line.quantity, line.total) == (PRICE, 2, 2 * PRICE)
    assert line.sku != "OTHER"


async def test_order_takes_three_statements_here(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    """What there is, the order; then the settlement. The API adds two."""
    with statements(database) as sent:
        assert codes_of(await place(desk, ana, purchase)) == []
    assert len(sent) == 3


async def test_order_with_all_that_one_can_have_takes_seven_statements_here(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, trousseau: Trousseau
):
    """Measurements add one. A code that each customer may use once has it begun again once they are locked."""
    with statements(database) as sent:
        assert codes_of(await place(desk, ana, trousseau.purchase)) == []
    assert len(sent) == 7


# ---- what a line can have


async def test_everything_of_a_line_is_copied(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, trousseau: Trousseau
):
    placed = await place(desk, ana, trousseau.purchase)
    assert codes_of(placed) == []
    line = (await database.connection.execute(select(OrderLine.__table__))).one()
    assert (line.quantity, line.unit_price, line.total, line.discount_total) == (2, 2000, 4600, 460)
    work = (await database.connection.execute(select(Alteration.__table__).order_by(Alteration.price))).all()
    assert [(one.kind, one.price, one.quantity) for one in work] == [("MADE_TO_MEASURE", 0, 2), ("HEM", 300, 2)]
    assert work[1].note == "two fingers"
    assert await database.connection.scalar(select(OrderGift.message)) == "With love"
    copy = (await database.connection.execute(select(OrderMeasurement.__table__))).one()
    assert unseal(SEALER, copy.sealed, line.id) == {MeasurementName.WAIST: Decimal("71.5")}
    assert copy.account_id == ana.account_id


async def test_measurements_that_are_not_kept_go_with_the_order(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, trousseau: Trousseau
):
    declined = replace(trousseau.purchase, gateway_token="tok_declined")
    assert codes_of(await place(desk, ana, declined)) == ["PAYMENT_DECLINED"]
    assert await database.connection.scalar(select(MeasurementSet.id)) == trousseau.set_id
    await place(desk, ana, trousseau.purchase)
    assert await database.connection.scalar(select(MeasurementSet.id)) is None


async def test_code_is_used_by_an_order_and_given_back_by_a_refusal(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, trousseau: Trousseau
):
    declined = replace(trousseau.purchase, gateway_token="tok_declined")
    assert codes_of(await place(desk, ana, declined)) == ["PAYMENT_DECLINED"]
    assert await uses(database, trousseau.discount_id) == (0, 0)
    assert codes_of(await place(desk, ana, trousseau.purchase)) == []
    assert await uses(database, trousseau.discount_id) == (1, 1)


async def test_pickup_needs_no_address_and_is_taxed_at_the_store(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    collected = replace(purchase, shipping_method="pickup", shipping_address=None)
    refused = await place(desk, ana, replace(collected, expected=Amount(Decimal("1.00"), CurrencyCode.USD)))
    assert codes_of(refused) == ["PRICE_CHANGED"]
    assert refused.quoted is not None
    total = Amount(Decimal(refused.quoted.price.total).scaleb(-2), CurrencyCode.USD)
    assert codes_of(await place(desk, ana, again(collected, expected=total))) == []
    order = (await database.connection.execute(select(Order.__table__))).one()
    assert (order.tax_country, order.tax_region, order.shipping_total) == ("US", "NY", 0)
    assert list(await database.connection.scalars(select(OrderAddress.kind))) == ["BILLING"]


# ---- how it is paid


async def test_saved_card_pays(desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase):
    card = await saved_card(desk, database.connection, ana, "tok_mastercard")
    placed = await place(desk, ana, replace(purchase, gateway_token=None, saved_method=Named(card)))
    assert codes_of(placed) == []
    assert await database.connection.scalar(select(OrderPayment.brand)) == "mastercard"


async def test_what_costs_nothing_is_not_charged(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, romper: UUID
):
    await reprice(database.connection, romper, 0)
    free = replace(
        purchase,
        gateway_token=None,
        shipping_method="pickup",
        shipping_address=None,
        expected=Amount(Decimal("0.00"), CurrencyCode.USD),
    )
    placed = await place(desk, ana, free)
    assert codes_of(placed) == []
    assert await books(database) == Books([OrderStatus.PLACED], on_hand=ON_HAND - 2)
    assert await timeline(database, placed.order_id) == [OrderEventKind.PLACED, OrderEventKind.PAYMENT_SETTLED]
    assert await at_gateway(desk) == []
    assert (await place(desk, ana, free)).order_id == placed.order_id


async def test_bank_that_asks_first_keeps_the_order_waiting(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await place(desk, ana, replace(purchase, gateway_token="tok_action"))
    assert codes_of(placed) == ["PAYMENT_ACTION_REQUIRED"]
    assert placed.action is not None
    waiting = Books([OrderStatus.PENDING_PAYMENT], [ChargeStatus.ACTION], on_hand=ON_HAND - 2)
    assert await books(database) == waiting
    assert await timeline(database, placed.order_id) == [OrderEventKind.PLACED, OrderEventKind.PAYMENT_PENDING]


@pytest.mark.parametrize("token", ["tok_timeout", "tok_timeout_lost", "tok_late"])
async def test_answer_that_does_not_come_keeps_the_order_waiting_without_a_refusal(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, token: str
):
    placed = await place(desk, ana, replace(purchase, gateway_token=token))
    assert (codes_of(placed), placed.action) == ([], None)
    waiting = Books([OrderStatus.PENDING_PAYMENT], [ChargeStatus.PENDING], on_hand=ON_HAND - 2)
    assert await books(database) == waiting


# ---- the client's key


@pytest.mark.parametrize("token", ["tok_visa", "tok_action", "tok_late"])
async def test_repetition_gets_the_first_answer(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, token: str
):
    asked = replace(purchase, gateway_token=token)
    first = await place(desk, ana, asked)
    assert await place(desk, ana, asked) == first
    assert len((await books(database)).orders) == len(await at_gateway(desk)) == 1


async def test_key_with_another_input_is_a_conflict(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await place(desk, ana, purchase)
    other = await place(desk, ana, replace(purchase, gateway_token="tok_mastercard"))
    assert codes_of(other) == ["IDEMPOTENCY_CONFLICT"]
    assert len(await at_gateway(desk)) == 1


async def test_key_of_a_refusal_may_be_used_again(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    assert codes_of(await place(desk, ana, replace(purchase, gateway_token="tok_declined"))) == ["PAYMENT_DECLINED"]
    assert codes_of(await place(desk, ana, purchase)) == []


async def test_placed_cart_is_not_ordered_again(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await place(desk, ana, purchase)
    assert codes_of(await place(desk, ana, again(purchase))) == ["NOT_FOUND"]
    assert len((await books(database)).orders) == 1
