"""Receiving returns: what is back in stock, what goes out in exchange, and what may then be paid back."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from auth.refusal import RefusalCode
from commerce import order_balance, refund_settling, return_receipt, return_request
from commerce.money import Amount
from commerce.refund_request import Asked, OfLines, OfReturn, refund_order
from commerce.return_draft import LineDraft
from commerce.return_receipt import Receipt
from commerce.return_request import NOT_FOUND, Draft
from models.catalogue import CurrencyCode, Variant
from models.classification import Channel
from models.ids import new_id
from models.order import Order, OrderContact, OrderEvent, OrderLine, OrderPayment, OrderStatus, PaymentStatus
from models.payment import Refund, RefundReason
from models.return_request import ReturnLine, ReturnReason, ReturnRequest, ReturnStatus
from models.stock import StockEntry, StockEntryKind
from tests.support.account import Post, rows
from tests.support.database import RolledBackDatabase
from tests.support.login_session import account_with
from tests.support.returns import Bought, Counter, Sold, clerk, on_hand, only, other_size, row_of, sold

RECEIVED = ReturnStatus.RECEIVED
Why = ReturnReason


@pytest.fixture
async def owner(database: RolledBackDatabase) -> UUID:
    return await account_with(database.connection, None)


@pytest.fixture
async def order(database: RolledBackDatabase, owner: UUID) -> Sold:
    """Three dresses at 10.00 and a hat at 20.00, 7.00 for shipping, ten percent tax: 62.70, delivered yesterday."""
    return await sold(database.connection, owner, [Bought(3, 1000), Bought(1, 2000)], shipping=700)


async def approved(
    database: RolledBackDatabase,
    order: Sold,
    count: int = 1,
    reason: ReturnReason = Why.TOO_SMALL,
    *,
    at: int = 0,
    exchange: UUID | None = None,
) -> UUID:
    lines = [LineDraft(order.lines[at], count, reason, exchange is not None, exchange)]
    draft = Draft(order.id, lines)
    key = await return_request.create(database.connection, clerk("return:write"), Channel.WEB, draft)
    assert isinstance(key, UUID), key
    return key


async def line_of(database: RolledBackDatabase, key: UUID) -> UUID:
    line = select(ReturnLine.id).where(ReturnLine.return_request_id == key)
    return (await database.connection.execute(line)).scalar_one()


async def receive(
    database: RolledBackDatabase, key: UUID, *counts: tuple[int, bool], expected_version: int | None = None
) -> Any:
    line = await line_of(database, key)
    receipts = [Receipt(line, count, restock) for count, restock in counts]
    return await return_receipt.receive(
        database.connection, key, receipts, Channel.WEB, expected_version=expected_version
    )


async def refunded(database: RolledBackDatabase, order: Sold, key: UUID, *, shipping: bool = False) -> Any:
    asked = Asked([OfReturn(key)], RefundReason.RETURN, shipping)
    return await refund_order(database.connection, order.id, asked)


# ---- taken in


async def test_what_came_is_counted_and_what_is_as_new_is_back_in_stock(database: RolledBackDatabase, order: Sold):
    key = await approved(database, order, 3)
    assert await receive(database, key, (1, True), (1, False)) == key
    line = await row_of(database.connection, ReturnLine, await line_of(database, key))
    assert (line.quantity, line.received_quantity, line.restocked) == (3, 2, 1)
    assert (await row_of(database.connection, OrderLine, order.lines[0])).returned_quantity == 2
    assert await on_hand(database.connection, order.variant_ids[0]) == 6
    [entry] = await rows(database.connection, StockEntry)
    assert (entry.kind, entry.change, entry.balance, entry.order_id) == (StockEntryKind.RETURN, 1, 6, order.id)


async def test_receipt_is_told(database: RolledBackDatabase, order: Sold):
    key = await approved(database, order)
    await receive(database, key, (1, True))
    row = await row_of(database.connection, ReturnRequest, key)
    assert (row.status, row.version) == (RECEIVED, 2)
    assert (await row_of(database.connection, Order, order.id)).version == 2
    kinds = await database.connection.scalars(select(OrderEvent.kind).order_by(OrderEvent.id))
    assert [*kinds][-3:] == ["RETURN_REQUESTED", "RETURN_DECIDED", "RETURN_RECEIVED"]
    subjects = [one.subject for one in await Post(database).deliver()]
    assert f"We have received your return {row.rma}" in subjects


async def test_rest_goes_back_to_being_returnable(database: RolledBackDatabase, order: Sold):
    await receive(database, await approved(database, order, 3), (1, False))
    balance = await order_balance.load(database.connection, order.id)
    assert balance.lines[order.lines[0]].returnable == 2
    await approved(database, order, 2)


async def test_return_is_received_once(database: RolledBackDatabase, order: Sold):
    key = await approved(database, order, 3)
    await receive(database, key, (1, True))
    [refused] = await receive(database, key, (2, True))
    assert refused.code is RefusalCode.ILLEGAL_TRANSITION
    assert await on_hand(database.connection, order.variant_ids[0]) == 6


@pytest.mark.parametrize("status", [ReturnStatus.REQUESTED, ReturnStatus.DECLINED, ReturnStatus.CANCELLED])
async def test_return_that_is_not_approved_is_not_received(
    database: RolledBackDatabase, order: Sold, status: ReturnStatus
):
    key = await approved(database, order)
    await database.connection.execute(update(ReturnRequest).values(status=status))
    [refused] = await receive(database, key, (1, True))
    assert refused.code is RefusalCode.ILLEGAL_TRANSITION


@pytest.mark.parametrize("counts", [[(2, True)], [(1, True), (1, False)], [(-1, True)], [(0, True)], []])
async def test_more_than_was_asked_for_or_nothing_did_not_come(
    database: RolledBackDatabase, order: Sold, counts: list[tuple[int, bool]]
):
    key = await approved(database, order)
    [refused] = await receive(database, key, *counts)
    assert refused.code is RefusalCode.INVALID
    assert await rows(database.connection, StockEntry) == []


async def test_unknown_returns_lines_and_versions_are_refused(database: RolledBackDatabase, order: Sold):
    key, unknown = await approved(database, order), [Receipt(new_id(), 1, True)]
    assert await return_receipt.receive(database.connection, new_id(), unknown, Channel.WEB) == [NOT_FOUND]
    missing = await return_receipt.receive(database.connection, key, unknown, Channel.WEB, expected_version=5)
    assert only(missing) is RefusalCode.NOT_FOUND
    [stale] = await receive(database, key, (1, True), expected_version=5)
    assert stale.code is RefusalCode.VERSION_CONFLICT


# ---- exchanged


async def test_exchange_is_ordered_and_costs_nothing(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(2)], shipping=700)
    large = await other_size(database.connection, order)
    key = await approved(database, order, 2, exchange=large)
    await receive(database, key, (2, True))
    made = (await row_of(database.connection, ReturnRequest, key)).exchange_order_id
    new = await row_of(database.connection, Order, made)
    assert (new.status, new.account_id, new.total, new.subtotal) == (OrderStatus.PLACED, owner, 0, 4000)
    assert new.total == new.subtotal - new.discount_total + new.shipping_total + new.tax_total
    line = select(OrderLine.variant_id, OrderLine.quantity, OrderLine.unit_price).where(OrderLine.order_id == made)
    assert (await database.connection.execute(line)).one() == (large, 2, 2000)
    assert (await on_hand(database.connection, large), await on_hand(database.connection, order.variant_ids[0])) == (
        3,
        7,
    )
    contact = select(OrderContact.email).where(OrderContact.order_id == made)
    assert await database.connection.scalar(contact) == "ana@example.com"


async def test_exchange_that_is_gone_by_now_leaves_everything_as_it_was(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(2)])
    large = await other_size(database.connection, order)
    key = await approved(database, order, 2, exchange=large)
    await database.connection.execute(update(Variant).where(Variant.id == large).values(on_hand=1))
    [refused] = await receive(database, key, (2, True))
    assert refused.code is RefusalCode.OUT_OF_STOCK
    assert (await row_of(database.connection, ReturnRequest, key)).status == ReturnStatus.APPROVED
    assert len(await rows(database.connection, Order)) == 1
    assert await on_hand(database.connection, large) == 1
    await receive(database, key, (1, True))


async def test_what_was_exchanged_is_not_paid_back(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(2)])
    key = await approved(database, order, exchange=await other_size(database.connection, order))
    await receive(database, key, (1, True))
    [refused] = await refunded(database, order, key)
    assert refused.code is RefusalCode.NOT_REFUNDABLE
    of_lines = Asked([OfLines([(order.lines[0], 2)])], RefundReason.OTHER)
    assert only(await refund_order(database.connection, order.id, of_lines)) is RefusalCode.NOT_REFUNDABLE


async def test_where_the_exchange_is_cancelled_its_pieces_may_be_paid_back(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(2)])
    key = await approved(database, order, exchange=await other_size(database.connection, order))
    await receive(database, key, (1, True))
    other = (await row_of(database.connection, ReturnRequest, key)).exchange_order_id
    await database.connection.execute(update(Order).where(Order.id == other).values(status=OrderStatus.CANCELLED))
    of_lines = Asked([OfLines([(order.lines[0], 2)])], RefundReason.OTHER)
    assert isinstance(await refund_order(database.connection, order.id, of_lines), UUID)


# ---- paid back


async def test_what_came_is_paid_back_and_the_return_is_refunded(database: RolledBackDatabase, order: Sold):
    key = await approved(database, order, 3)
    await receive(database, key, (2, True))
    made = await refunded(database, order, key)
    row = await row_of(database.connection, Refund, made)
    assert (row.amount, row.shipping_amount, row.return_request_id) == (2200, 0, key)
    assert (await row_of(database.connection, ReturnRequest, key)).status == RECEIVED
    await refund_settling.settle(database, Counter().port, made)
    assert (await row_of(database.connection, ReturnRequest, key)).status == ReturnStatus.REFUNDED


async def test_return_is_paid_back_once(database: RolledBackDatabase, order: Sold):
    key = await approved(database, order)
    await receive(database, key, (1, True))
    made = await refunded(database, order, key)
    [pending] = await refunded(database, order, key)
    await refund_settling.settle(database, Counter().port, made)
    [settled] = await refunded(database, order, key)
    assert pending.code is settled.code is RefusalCode.NOT_REFUNDABLE


async def test_return_that_is_not_received_is_not_paid_back(database: RolledBackDatabase, order: Sold):
    [refused] = await refunded(database, order, await approved(database, order))
    assert refused.code is RefusalCode.NOT_REFUNDABLE


async def test_shipping_comes_back_when_everything_has(database: RolledBackDatabase, order: Sold):
    first, second = await approved(database, order, 3), await approved(database, order, at=1)
    await receive(database, first, (3, True))
    assert (await row_of(database.connection, Refund, await refunded(database, order, first))).shipping_amount == 0
    await receive(database, second, (1, True))
    last = await refunded(database, order, second)
    assert (await row_of(database.connection, Refund, last)).shipping_amount == 770
    assert (await row_of(database.connection, Order, order.id)).refunded_total == order.total
    await refund_settling.settle(database, Counter().port, last)


async def test_shipping_comes_back_for_fault_or_favour(database: RolledBackDatabase, owner: UUID):
    for reason, favour in ((Why.WRONG_ITEM, False), (Why.CHANGED_MIND, True)):
        order = await sold(database.connection, owner, [Bought(2)], shipping=700, delivered_ago=timedelta(days=20))
        key = await approved(database, order, reason=reason)
        await receive(database, key, (1, False))
        made = await refunded(database, order, key, shipping=favour)
        assert (await row_of(database.connection, Refund, made)).shipping_amount == 770


async def test_goodwill_that_went_before_is_not_paid_twice(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner)
    await refund_order(
        database.connection, order.id, Asked([Amount(Decimal(5), CurrencyCode.USD)], RefundReason.GOODWILL)
    )
    key = await approved(database, order)
    await receive(database, key, (1, True))
    made = await refunded(database, order, key)
    assert (await row_of(database.connection, Refund, made)).amount == order.total - 500
    for one in await rows(database.connection, Refund):
        await refund_settling.settle(database, Counter().port, one.id)
    [payment] = await rows(database.connection, OrderPayment)
    assert payment.status == PaymentStatus.REFUNDED
