"""Refunds: never more than was paid, each unit once, and one truth whatever the gateway answers."""

from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select, update

from auth.refusal import RefusalCode
from commerce import refund, refund_settling
from commerce.money import Amount
from commerce.order import NOT_FOUND
from commerce.refund import Unbacked
from commerce.refund_request import Asked, OfLines, OfReturn, refund_order
from gateways.payments import GatewayTimeout
from models.catalogue import CurrencyCode
from models.ids import new_id
from models.job import QueuedJob
from models.order import Order, OrderEvent, OrderEventKind, OrderPayment, PaymentStatus
from models.payment import Charge, ChargeStatus, Refund, RefundLine, RefundPart, RefundReason, RefundStatus, TenderKind
from tests.support.account import Post, rows
from tests.support.database import RolledBackDatabase
from tests.support.login_session import account_with
from tests.support.returns import Bought, Counter, Sold, row_of, sold

GOODWILL, RETURN = RefundReason.GOODWILL, RefundReason.RETURN
CASH, CARD = TenderKind.CASH, TenderKind.CARD_TERMINAL
SUCCEEDED, FAILED, PENDING = RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.PENDING


def amount(text: str, currency: CurrencyCode = CurrencyCode.USD) -> Asked:
    return Asked([Amount(Decimal(text), currency)], GOODWILL)


def pieces(order: Sold, *counts: int, shipping: bool = False) -> Asked:
    return Asked([OfLines(list(zip(order.lines, counts, strict=False)))], RETURN, shipping)


@pytest.fixture
async def owner(database: RolledBackDatabase) -> UUID:
    return await account_with(database.connection, None)


@pytest.fixture
async def order(database: RolledBackDatabase, owner: UUID) -> Sold:
    """Three dresses at 10.00 and a hat at 5.00, 7.00 for shipping, ten percent tax on everything: 46.20."""
    found = await sold(database.connection, owner, [Bought(3, 1000), Bought(1, 500)], shipping=700)
    assert found.total == 4620
    return found


async def ask(database: RolledBackDatabase, order: Sold, asked: Asked, **expected: int) -> UUID:
    made = await refund_order(database.connection, order.id, asked, **expected)
    assert isinstance(made, UUID), made
    return made


async def refused(database: RolledBackDatabase, order: Sold, asked: Asked, **expected: int) -> RefusalCode:
    outcome = await refund_order(database.connection, order.id, asked, **expected)
    assert isinstance(outcome, list)
    return outcome[0].code


async def payment_of(database: RolledBackDatabase, order: Sold) -> PaymentStatus:
    status = select(OrderPayment.status).where(OrderPayment.order_id == order.id)
    return PaymentStatus((await database.connection.execute(status)).scalar_one())


async def kinds(database: RolledBackDatabase, order: Sold) -> list[str]:
    return list(await database.connection.scalars(select(OrderEvent.kind).where(OrderEvent.order_id == order.id)))


# ---- begun


async def test_refund_is_reserved_before_the_gateway_is_asked(database: RolledBackDatabase, order: Sold):
    made = await ask(database, order, amount("10.00"))
    row = await row_of(database.connection, Order, order.id)
    assert (row.refunded_total, row.version) == (1000, 2)
    assert (await row_of(database.connection, Charge, order.charge_ids[0])).refunded == 1000
    assert (await row_of(database.connection, Refund, made)).status == PENDING
    assert await payment_of(database, order) is PaymentStatus.CAPTURED


async def test_gateway_is_asked_with_the_refunds_own_key(database: RolledBackDatabase, order: Sold):
    made, gateway = await ask(database, order, amount("10.00")), Counter()
    assert await refund_settling.settle(database, gateway.port, made)
    assert gateway.asked == [(order.charge_ids[0], made, 1000)]


async def test_refund_that_is_paid_shows_on_payment_and_timeline_and_is_told(database: RolledBackDatabase, order: Sold):
    made = await ask(database, order, amount("10.00"))
    await refund_settling.settle(database, Counter().port, made)
    assert (await row_of(database.connection, Refund, made)).status == SUCCEEDED
    assert await payment_of(database, order) is PaymentStatus.PARTIALLY_REFUNDED
    assert OrderEventKind.REFUNDED in await kinds(database, order)
    [letter] = [one for one in await Post(database).deliver() if "refunded" in one.subject]
    assert (letter.to, letter.subject) == ("ana@example.com", "Layette has refunded 10.00 USD")


async def test_order_that_is_paid_back_whole_is_refunded(database: RolledBackDatabase, order: Sold):
    for text in ("40.00", "6.20"):
        await refund_settling.settle(database, Counter().port, await ask(database, order, amount(text)))
    assert await payment_of(database, order) is PaymentStatus.REFUNDED


# ---- settled to one truth


async def test_settling_twice_pays_once(database: RolledBackDatabase, order: Sold):
    made, gateway = await ask(database, order, amount("10.00")), Counter()
    for _ in range(2):
        assert await refund_settling.settle(database, gateway.port, made)
    assert len(gateway.asked) == 1
    assert (await kinds(database, order)).count(OrderEventKind.REFUNDED) == 1


async def test_answer_that_was_lost_is_asked_for_again_with_the_same_key(database: RolledBackDatabase, order: Sold):
    made, gateway = await ask(database, order, amount("10.00")), Counter([GatewayTimeout()])
    with pytest.raises(GatewayTimeout):
        await refund_settling.settle(database, gateway.port, made)
    assert await refund_settling.settle(database, gateway.port, made)
    assert {key for _, key, _ in gateway.asked} == {made}
    assert gateway.paid == {made: 1000}


async def test_refund_that_the_gateway_has_not_decided_stays_open(database: RolledBackDatabase, order: Sold):
    made, gateway = await ask(database, order, amount("10.00")), Counter([PENDING])
    assert not await refund_settling.settle(database, gateway.port, made)
    assert (await row_of(database.connection, Refund, made)).status == PENDING
    assert await refund_settling.settle(database, gateway.port, made)


async def test_waiting_for_the_gateway_ends_when_it_does_not_answer(database: RolledBackDatabase, order: Sold):
    made, gateway = await ask(database, order, amount("10.00")), Counter([GatewayTimeout()])
    await refund_settling.settle_soon(database, gateway.port, made)
    assert (await row_of(database.connection, Refund, made)).status == PENDING


async def test_refund_that_fails_is_taken_back_and_told(database: RolledBackDatabase, order: Sold):
    made = await ask(database, order, pieces(order, 1))
    await refund_settling.settle(database, Counter([FAILED]).port, made)
    assert (await row_of(database.connection, Refund, made)).status == FAILED
    assert (await row_of(database.connection, Order, order.id)).refunded_total == 0
    assert (await row_of(database.connection, Charge, order.charge_ids[0])).refunded == 0
    assert await payment_of(database, order) is PaymentStatus.CAPTURED
    assert [one.subject for one in await Post(database).deliver()] == ["Layette could not refund your order yet"]
    again = await ask(database, order, pieces(order, 3))
    assert (await row_of(database.connection, Refund, again)).amount == 3300


async def test_open_refunds_are_looked_after(database: RolledBackDatabase, order: Sold):
    made = await ask(database, order, amount("10.00"))
    past = update(Refund).where(Refund.id == made)
    await database.connection.execute(past.values(created_at=Refund.created_at - refund_settling.LOOKED_AFTER * 2))
    post = Post(database)
    await refund_settling.look_after(post.tools)
    found = select(QueuedJob.subject_id).where(QueuedJob.kind == refund_settling.SETTLE)
    assert list(await database.connection.scalars(found)) == [made]


# ---- how it is paid back


@pytest.fixture
async def till_sale(database: RolledBackDatabase, owner: UUID) -> Sold:
    """33.00 paid with 10.00 in cash, then a card with 15.00 and one with 8.00."""
    tenders = [(CASH, 1000), (CARD, 1500), (CARD, 800)]
    return await sold(database.connection, owner, [Bought(3, 1000)], tenders=tenders)


async def test_tenders_are_refunded_in_the_order_they_were_paid(database: RolledBackDatabase, till_sale: Sold):
    await ask(database, till_sale, amount("12.00"))
    made, gateway = await ask(database, till_sale, amount("15.00")), Counter()
    await refund_settling.settle(database, gateway.port, made)
    first, second = till_sale.charge_ids
    assert [(charge, paid) for charge, _, paid in gateway.asked] == [(first, 1300), (second, 200)]
    assert (await row_of(database.connection, Order, till_sale.id)).refunded_total == 2700


async def test_cash_is_paid_back_at_once(database: RolledBackDatabase, till_sale: Sold):
    made = await ask(database, till_sale, amount("9.00"))
    assert (await row_of(database.connection, Refund, made)).status == SUCCEEDED
    assert await payment_of(database, till_sale) is PaymentStatus.PARTIALLY_REFUNDED


async def test_card_sale_is_paid_back_in_cash_where_that_is_asked_for(database: RolledBackDatabase, order: Sold):
    made = await ask(database, order, Asked([Amount(Decimal("46.20"), CurrencyCode.USD)], GOODWILL, tender=CASH))
    assert (await row_of(database.connection, Refund, made)).status == SUCCEEDED
    assert await payment_of(database, order) is PaymentStatus.REFUNDED
    assert await refused(database, order, amount("0.01")) is RefusalCode.NOT_REFUNDABLE


async def test_no_card_is_paid_more_than_it_paid(database: RolledBackDatabase, till_sale: Sold):
    twenty = Asked([Amount(Decimal("23.01"), CurrencyCode.USD)], GOODWILL, tender=CARD)
    assert await refused(database, till_sale, twenty) is RefusalCode.NOT_REFUNDABLE


async def test_where_one_card_fails_the_refund_is_of_what_was_paid(database: RolledBackDatabase, till_sale: Sold):
    made = await ask(database, till_sale, pieces(till_sale, 3))
    await refund_settling.settle(database, Counter([SUCCEEDED, FAILED]).port, made)
    row = await row_of(database.connection, Refund, made)
    assert (row.status, row.amount) == (SUCCEEDED, 2500)
    [line] = await rows(database.connection, RefundLine)
    assert (line.quantity, line.amount) == (3, 2500)
    assert (await row_of(database.connection, Order, till_sale.id)).refunded_total == 2500
    assert sum(one.amount for one in await rows(database.connection, RefundPart)) == 3300


async def test_refund_that_nothing_pays_for_is_never_begun(database: RolledBackDatabase, order: Sold):
    with pytest.raises(Unbacked):
        await refund.begin(database.connection, order.id, amount=order.total + 1, reason=GOODWILL)
    assert await rows(database.connection, Refund) == []


# ---- of what


async def test_refunds_of_single_pieces_add_up_to_the_line_to_the_cent(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(3, 333)])
    made = [await ask(database, order, pieces(order, 1)) for _ in range(3)]
    amounts = [(await row_of(database.connection, Refund, key)).amount for key in made]
    assert sum(amounts) == order.total == 1099
    assert max(amounts) - min(amounts) == 1


async def test_piece_is_paid_back_once(database: RolledBackDatabase, order: Sold):
    await ask(database, order, pieces(order, 2))
    assert await refused(database, order, pieces(order, 2)) is RefusalCode.NOT_REFUNDABLE
    assert await refused(database, order, pieces(order, 1, 2)) is RefusalCode.NOT_REFUNDABLE
    await ask(database, order, pieces(order, 1, 1))


async def test_shipping_comes_with_the_lines_where_it_is_asked_for_and_once(database: RolledBackDatabase, order: Sold):
    made = await ask(database, order, pieces(order, 1, shipping=True))
    row = await row_of(database.connection, Refund, made)
    assert (row.amount, row.shipping_amount) == (1100 + 770, 770)
    again = await row_of(database.connection, Refund, await ask(database, order, pieces(order, 1, shipping=True)))
    assert (again.amount, again.shipping_amount) == (1100, 0)


async def test_tax_in_the_price_is_not_paid_back_on_top(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(2, 1000)], currency=CurrencyCode.EUR, shipping=500)
    row = await row_of(database.connection, Refund, await ask(database, order, pieces(order, 2, shipping=True)))
    assert (row.amount, row.shipping_amount) == (2500, 500)


async def test_amounts_of_goodwill_are_bounded_by_what_is_left(database: RolledBackDatabase, order: Sold):
    await ask(database, order, amount("46.00"))
    assert await refused(database, order, amount("0.21")) is RefusalCode.NOT_REFUNDABLE
    assert await refused(database, order, pieces(order, 1)) is RefusalCode.NOT_REFUNDABLE
    await ask(database, order, amount("0.20"))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Asked([], GOODWILL), RefusalCode.INVALID),
        (Asked([Amount(Decimal(1), CurrencyCode.USD), OfLines([])], GOODWILL), RefusalCode.INVALID),
        (amount("1.00", CurrencyCode.EUR), RefusalCode.INVALID),
        (amount("0"), RefusalCode.INVALID),
        (amount("-1"), RefusalCode.INVALID),
        (amount("1.005"), RefusalCode.INVALID),
        (Asked([Amount(Decimal(1), CurrencyCode.USD)], GOODWILL, shipping=True), RefusalCode.INVALID),
        (Asked([OfLines([])], RETURN), RefusalCode.NOT_REFUNDABLE),
        (Asked([OfLines([(new_id(), 1)])], RETURN), RefusalCode.NOT_FOUND),
        (Asked([OfLines([(None, 0)])], RETURN), RefusalCode.NOT_FOUND),
        (Asked([OfReturn(new_id())], RETURN), RefusalCode.NOT_FOUND),
    ],
)
async def test_what_cannot_be_refunded_is_refused(
    database: RolledBackDatabase, order: Sold, asked: Asked, code: RefusalCode
):
    assert await refused(database, order, asked) is code
    assert await rows(database.connection, Refund) == []


async def test_less_than_a_piece_cannot_be_refunded(database: RolledBackDatabase, order: Sold):
    assert await refused(database, order, pieces(order, 0)) is RefusalCode.INVALID


async def test_unknown_order_and_another_version_are_refused(database: RolledBackDatabase, order: Sold):
    assert await refund_order(database.connection, new_id(), amount("1")) == [NOT_FOUND]
    assert await refund_order(database.connection, None, amount("1")) == [NOT_FOUND]
    assert await refused(database, order, amount("1"), expected_version=7) is RefusalCode.VERSION_CONFLICT
    await ask(database, order, amount("1"), expected_version=1)


async def test_order_that_is_not_paid_cannot_be_refunded(database: RolledBackDatabase, order: Sold):
    await database.connection.execute(update(Charge).values(status=ChargeStatus.PENDING))
    assert await refused(database, order, amount("1")) is RefusalCode.NOT_REFUNDABLE
