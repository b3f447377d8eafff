"""Selling in the store: what it costs, how it is paid, what it leaves, and what it leaves of a sale that fails."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from app.worker import HANDLERS
from auth.refusal import RefusalCode
from commerce import measurement
from commerce.basket import AlterationDraft, LineDraft
from commerce.measurement import SetDraft
from commerce.money import Amount
from commerce.placing import Desk
from commerce.till_drafting import Sale, Tendered
from commerce.till_sale import Sold, sell
from gateways.jobs import Jobs
from models.account import Account, AccountKind
from models.catalogue import AlterationKind, CurrencyCode, Variant
from models.classification import Channel
from models.discount import DiscountKind
from models.idempotency import Idempotency
from models.ids import new_id
from models.measurement import LengthUnit, MeasuredPerson, MeasurementName, OrderMeasurement
from models.order import Order, OrderContact, OrderEventKind, OrderLine, OrderPayment, OrderStatus
from models.payment import Tender, TenderKind
from models.stock import StockEntry, StockEntryKind
from tests.support.account import Post, rows
from tests.support.database import RolledBackDatabase
from tests.support.login_session import account_with
from tests.support.ordering import at_gateway, desk_of, ledger_holds, open_counter, timeline, uses
from tests.support.selling import discount, product, variant

USD, EUR = CurrencyCode.USD, CurrencyCode.EUR
CASH, CARD = TenderKind.CASH, TenderKind.CARD_TERMINAL
ON_HAND = 10


@pytest.fixture
async def desk(database: RolledBackDatabase, tmp_path: Path) -> Desk:
    await open_counter(database.connection)
    return desk_of(database, tmp_path)


@pytest.fixture
async def clerk(database: RolledBackDatabase) -> UUID:
    return await account_with(database.connection, None)


@pytest.fixture
async def dress(database: RolledBackDatabase) -> UUID:
    """At 20.00 USD, ten of them."""
    return await variant(database.connection, on_hand=ON_HAND)


def cash(amount: str, currency: CurrencyCode = USD) -> Tendered:
    return Tendered(CASH, Amount(Decimal(amount), currency))


def card(amount: str, token: str | None = "tok_visa") -> Tendered:
    return Tendered(CARD, Amount(Decimal(amount), USD), token)


def sale(dress: UUID, *tenders: Tendered, count: int = 2, handed_over: bool = True) -> Sale:
    return Sale([LineDraft(dress, count)], USD, tenders, str(new_id()), handed_over=handed_over)


def codes(sold: Sold) -> list[RefusalCode]:
    return [one.code for one in sold.refusals]


async def price_of(desk: Desk, clerk: UUID, wanted: Sale) -> Decimal:
    tried = await sell(desk, clerk, replace(wanted, dry_run=True))
    assert tried.quoted is not None, tried
    return Decimal(tried.quoted.price.total).scaleb(-2)


async def on_hand(database: RolledBackDatabase, key: UUID) -> int:
    return await database.connection.scalar(select(Variant.on_hand).where(Variant.id == key)) or 0


async def nothing_is_left(database: RolledBackDatabase, dress: UUID) -> bool:
    """No order, no key of the client's, and all pieces."""
    left = [await rows(database.connection, model) for model in (Order, Idempotency)]
    return left == [[], []] and await on_hand(database, dress) == ON_HAND


# ---- for cash


async def test_sale_for_cash_is_delivered_at_once(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    sold = await sell(desk, clerk, sale(dress, cash("50")))
    [order] = await rows(database.connection, Order)
    assert (order.id, order.status, order.channel, order.account_id) == (sold.order_id, "DELIVERED", "IN_STORE", None)
    assert order.delivered_at is not None
    assert (order.tax_country, order.tax_region, order.shipping_method, order.shipping_total) == (
        "US",
        "NY",
        "pickup",
        0,
    )
    assert order.total == order.subtotal + order.tax_total > 4000
    assert sold.change == 5000 - order.total
    [payment] = await rows(database.connection, OrderPayment)
    assert payment.status == "CAPTURED"
    assert await timeline(database, order.id) == [
        OrderEventKind.PLACED,
        OrderEventKind.PAYMENT_SETTLED,
        OrderEventKind.DELIVERED,
    ]


async def test_sale_takes_from_the_same_stock(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    sold = await sell(desk, clerk, sale(dress, cash("50")))
    [entry] = await rows(database.connection, StockEntry)
    assert (entry.kind, entry.change, entry.balance) == (StockEntryKind.SALE, -2, ON_HAND - 2)
    assert entry.order_id == sold.order_id
    assert await on_hand(database, dress) == ON_HAND - 2
    assert await ledger_holds(database)


async def test_drawer_keeps_what_the_sale_costs(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    await sell(desk, clerk, sale(dress, cash("20"), cash("30")))
    [order], [tender] = await rows(database.connection, Order), await rows(database.connection, Tender)
    assert (tender.kind, tender.amount, tender.charge_id) == (CASH, order.total, None)


async def test_what_is_collected_later_is_placed(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    sold = await sell(desk, clerk, sale(dress, cash("50"), handed_over=False))
    [order] = await rows(database.connection, Order)
    assert (order.id, order.status, order.delivered_at) == (sold.order_id, OrderStatus.PLACED, None)


async def test_customer_is_copied_with_the_order(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    buyer = await account_with(database.connection, None)
    await sell(desk, clerk, replace(sale(dress, cash("50")), named=True, customer_id=buyer))
    [order], [contact] = await rows(database.connection, Order), await rows(database.connection, OrderContact)
    assert (order.account_id, contact.account_id, contact.name) == (buyer, buyer, "Ana Ruiz")


async def test_sale_to_nobody_has_no_contact(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    await sell(desk, clerk, sale(dress, cash("50")))
    assert await rows(database.connection, OrderContact) == []


# ---- with cards


async def test_card_pays_what_cash_does_not(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    wanted = sale(dress)
    rest = await price_of(desk, clerk, wanted) - 15
    sold = await sell(desk, clerk, replace(wanted, tenders=[cash("20"), card(str(rest))]))
    assert sold.change == 500
    [order] = await rows(database.connection, Order)
    assert order.status == OrderStatus.DELIVERED
    assert await at_gateway(desk) == [("CAPTURED", int(rest * 100), 0)]
    [payment] = await rows(database.connection, OrderPayment)
    assert (payment.status, payment.last4) == ("CAPTURED", "4242")


async def test_two_cards_pay_together(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    wanted = sale(dress)
    rest = await price_of(desk, clerk, wanted) - 30
    sold = await sell(desk, clerk, replace(wanted, tenders=[card("30"), card(str(rest), "tok_mastercard")]))
    assert (sold.refusals, sold.change) == ([], 0)
    [order] = await rows(database.connection, Order)
    assert order.status == OrderStatus.DELIVERED
    assert sorted(await at_gateway(desk)) == sorted([("CAPTURED", 3000, 0), ("CAPTURED", int(rest * 100), 0)])


@pytest.mark.parametrize("token", ["tok_declined", "tok_insufficient", "tok_action"])
async def test_declined_card_leaves_nothing_behind(
    database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID, token: str
):
    wanted = sale(dress)
    price = await price_of(desk, clerk, wanted)
    sold = await sell(desk, clerk, replace(wanted, tenders=[card(str(price), token)]))
    assert (codes(sold), sold.order_id) == ([RefusalCode.PAYMENT_DECLINED], None)
    assert await nothing_is_left(database, dress)
    assert all(captured == 0 for _, captured, _ in await at_gateway(desk))


async def test_declined_card_may_be_followed_by_another_with_the_same_key(
    database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID
):
    wanted = sale(dress)
    price = str(await price_of(desk, clerk, wanted))
    await sell(desk, clerk, replace(wanted, tenders=[card(price, "tok_declined")]))
    sold = await sell(desk, clerk, replace(wanted, tenders=[card(price)]))
    assert sold.refusals == []


async def test_second_card_that_is_declined_gives_the_first_its_money_back(
    database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID
):
    wanted = sale(dress)
    rest = await price_of(desk, clerk, wanted) - 30
    sold = await sell(desk, clerk, replace(wanted, tenders=[card("30"), card(str(rest), "tok_declined")]))
    assert codes(sold) == [RefusalCode.PAYMENT_DECLINED]
    assert await nothing_is_left(database, dress)
    await Jobs(database, replace(Post(database).tools, payments=desk.payments), HANDLERS).drain()
    assert ("CAPTURED", 3000, 3000) in await at_gateway(desk)


async def test_unknown_token_is_invalid(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    wanted = sale(dress)
    rest = await price_of(desk, clerk, wanted) - 15
    sold = await sell(desk, clerk, replace(wanted, tenders=[cash("15"), card(str(rest), "tok_unheard_of")]))
    assert [(one.code, one.field) for one in sold.refusals] == [(RefusalCode.INVALID, ("tenders", "1", "gatewayToken"))]
    assert await nothing_is_left(database, dress)


async def test_card_that_is_not_decided_yet_waits(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    wanted = sale(dress)
    price = await price_of(desk, clerk, wanted)
    sold = await sell(desk, clerk, replace(wanted, tenders=[card(str(price), "tok_timeout")]))
    [order] = await rows(database.connection, Order)
    assert (sold.order_id, sold.refusals, order.status) == (order.id, [], OrderStatus.PENDING_PAYMENT)


async def test_same_key_is_one_sale_and_one_charge(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    wanted = sale(dress)
    price = await price_of(desk, clerk, wanted)
    wanted = replace(wanted, tenders=[card(str(price - 1)), cash("5")])
    first, second = await sell(desk, clerk, wanted), await sell(desk, clerk, wanted)
    assert (first.order_id, first.change) == (second.order_id, second.change)
    assert len(await rows(database.connection, Order)) == len(await at_gateway(desk)) == 1
    [conflict] = (await sell(desk, clerk, replace(wanted, handed_over=False))).refusals
    assert conflict.code is RefusalCode.IDEMPOTENCY_CONFLICT


async def test_key_of_another_clerk_is_another_key(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    wanted, other = sale(dress, cash("50")), await account_with(database.connection, None)
    first, second = await sell(desk, clerk, wanted), await sell(desk, other, wanted)
    assert first.order_id != second.order_id


# ---- what is refused


@pytest.mark.parametrize(
    ("tenders", "code"),
    [
        ([], RefusalCode.INVALID),
        ([cash("39.99")], RefusalCode.INVALID),
        ([card("100")], RefusalCode.INVALID),
        ([cash("0")], RefusalCode.INVALID),
        ([cash("-1"), cash("100")], RefusalCode.INVALID),
        ([cash("50.001")], RefusalCode.INVALID),
        ([cash("50", EUR)], RefusalCode.INVALID),
        ([card("10", None), cash("50")], RefusalCode.REQUIRED),
        ([card("10", "x" * 501), cash("50")], RefusalCode.INVALID),
        ([cash("50")] * 11, RefusalCode.LIMIT_REACHED),
    ],
)
async def test_tenders_have_to_pay_for_it(
    database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID, tenders: Sequence[Tendered], code: RefusalCode
):
    sold = await sell(desk, clerk, sale(dress, *tenders))
    assert codes(sold) == [code]
    assert sold.quoted is not None
    assert await nothing_is_left(database, dress)


async def test_too_few_pieces_are_out_of_stock(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    assert codes(await sell(desk, clerk, sale(dress, cash("900"), count=11))) == [RefusalCode.OUT_OF_STOCK]
    assert await nothing_is_left(database, dress)


async def test_what_is_unknown_is_not_found(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    whole = sale(dress, cash("50"))
    strange = [
        replace(whole, named=True, customer_id=new_id()),
        replace(whole, named=True, customer_id=None),
        replace(whole, lines=[LineDraft(new_id(), 1)]),
        replace(whole, lines=[LineDraft(None, 1)]),
        replace(whole, codes=["NOTHING"]),
    ]
    for one in strange:
        assert codes(await sell(desk, clerk, one)) == [RefusalCode.NOT_FOUND]
    assert await nothing_is_left(database, dress)


async def test_staff_are_nobodys_customers(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    await database.connection.execute(update(Account).where(Account.id == clerk).values(kind=AccountKind.STAFF))
    sold = await sell(desk, clerk, replace(sale(dress, cash("50")), named=True, customer_id=clerk))
    assert codes(sold) == [RefusalCode.NOT_FOUND]


async def test_nothing_is_not_sold(desk: Desk, clerk: UUID, dress: UUID):
    sold = await sell(desk, clerk, replace(sale(dress, cash("50")), lines=[]))
    assert codes(sold) == [RefusalCode.REQUIRED]


async def test_what_the_tailor_works_on_is_not_handed_over(database: RolledBackDatabase, desk: Desk, clerk: UUID):
    skirt = await variant(database.connection, await product(database.connection, services={AlterationKind.HEM: 500}))
    hemmed = [LineDraft(skirt, 1, (AlterationDraft(AlterationKind.HEM),))]
    wanted = replace(sale(skirt, cash("50")), lines=hemmed)
    assert codes(await sell(desk, clerk, wanted)) == [RefusalCode.NOT_FULFILLABLE]
    sold = await sell(desk, clerk, replace(wanted, handed_over=False))
    assert sold.refusals == []
    assert sold.quoted is not None
    assert sold.quoted.price.subtotal == 2500


async def test_measurements_are_a_customers(database: RolledBackDatabase, desk: Desk, clerk: UUID):
    buyer = await account_with(database.connection, None)
    waist = SetDraft("Me", MeasuredPerson.ADULT, LengthUnit.CM, [(MeasurementName.WAIST, Decimal(80))])
    mine = await measurement.save(database.connection, buyer, waist, desk.sealer, Channel.WEB)
    assert isinstance(mine, UUID)
    made = await product(database.connection, custom_made=True, required_measurements=[MeasurementName.WAIST.value])
    lines = [LineDraft(await variant(database.connection, made), 1, measurement_set_id=mine)]
    wanted = Sale(lines, USD, [cash("50")], str(new_id()), handed_over=False)
    assert codes(await sell(desk, clerk, wanted)) == [RefusalCode.NOT_FOUND]
    lacking = replace(wanted, lines=[replace(lines[0], measurement_set_id=None)])
    assert codes(await sell(desk, clerk, lacking)) == [RefusalCode.MEASUREMENTS_REQUIRED]
    sold = await sell(desk, clerk, replace(wanted, named=True, customer_id=buyer))
    assert sold.refusals == []
    [sealed] = await rows(database.connection, OrderMeasurement)
    assert sealed.account_id == buyer


# ---- codes


async def test_code_takes_its_part_off_and_counts(database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID):
    key = await discount(database.connection, "TEN")
    sold = await sell(desk, clerk, replace(sale(dress, cash("50")), codes=[" ten"]))
    assert sold.quoted is not None
    assert sold.quoted.price.discount_total == 400
    assert await uses(database, key) == (1, 1)
    [line] = await rows(database.connection, OrderLine)
    assert line.discount_total == 400


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"total_limit": 1, "used": 1}, RefusalCode.LIMIT_REACHED),
        ({"active": False}, RefusalCode.CODE_NOT_APPLICABLE),
        ({"per_customer_limit": 1}, RefusalCode.CODE_NOT_APPLICABLE),
    ],
)
async def test_code_that_takes_nothing_off_is_refused(
    database: RolledBackDatabase,
    desk: Desk,
    clerk: UUID,
    dress: UUID,
    limits: dict[str, Any],
    code: RefusalCode,
):
    await discount(database.connection, "TEN", DiscountKind.PERCENT, **limits)
    sold = await sell(desk, clerk, replace(sale(dress, cash("50")), codes=["TEN"]))
    assert [(one.code, one.field) for one in sold.refusals] == [(code, ("discountCodes", "0"))]
    assert await nothing_is_left(database, dress)


# ---- tried out


async def test_dry_run_tells_the_price_and_writes_nothing(
    database: RolledBackDatabase, desk: Desk, clerk: UUID, dress: UUID
):
    tried = await sell(desk, clerk, replace(sale(dress, cash("50")), dry_run=True))
    assert tried.quoted is not None
    assert (tried.order_id, tried.change, tried.refusals) == (None, 5000 - tried.quoted.price.total, [])
    assert await nothing_is_left(database, dress)
    assert await database.connection.scalar(select(func.count()).select_from(StockEntry)) == 0


async def test_dry_run_tells_what_would_be_refused(desk: Desk, clerk: UUID, dress: UUID):
    tried = await sell(desk, clerk, replace(sale(dress, cash("1"), count=11), dry_run=True))
    assert codes(tried) == [RefusalCode.OUT_OF_STOCK, RefusalCode.INVALID]
    assert tried.quoted is not None
