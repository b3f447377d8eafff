"""What is shipped, and that it arrived."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal
from commerce import alteration, fulfillment
from commerce.fulfillment import Shipment
from models.alteration import AlterationStatus
from models.classification import Channel
from models.fulfillment import Fulfillment, FulfillmentLine
from models.ids import new_id
from models.order import Order, OrderContact, OrderEvent, OrderEventKind, OrderLine, OrderStatus
from models.shipping import ShippingMethod
from tests.support.account import Post, rows
from tests.support.address import account
from tests.support.database import RolledBackDatabase
from tests.support.workshop import HEM, Line, Ordered, ordered, shipped_of, status_of, timeline

FULFILLED, DELIVERED = OrderEventKind.FULFILLED, OrderEventKind.DELIVERED
TRACKED = Shipment(None, " DHL ", "JD0146", "https://carrier.example/track?id=JD0146")


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def order(transaction: AsyncConnection) -> Ordered:
    """Two pieces of one line, three of another."""
    return await ordered(transaction, await account(transaction), (Line(2), Line(3)))


async def ship(
    transaction: AsyncConnection, order: Ordered, *lines: tuple[UUID | None, int], **given: Any
) -> UUID | list[Refusal]:
    shipment = Shipment(lines or None, **given)
    return await fulfillment.fulfill(transaction, order.id, shipment, Channel.IN_STORE)


async def shipped(transaction: AsyncConnection, order: Ordered, *lines: tuple[UUID | None, int]) -> UUID:
    outcome = await ship(transaction, order, *lines)
    assert isinstance(outcome, UUID), outcome
    return outcome


def codes(outcome: UUID | list[Refusal]) -> list[tuple[str, ...]]:
    assert isinstance(outcome, list), outcome
    return [(refusal.code, *refusal.field) for refusal in outcome]


# ---- shipping


async def test_all_that_is_left_is_shipped(transaction: AsyncConnection, order: Ordered):
    outcome = await fulfillment.fulfill(transaction, order.id, TRACKED, Channel.IN_STORE, expected_version=1)
    [shipment] = await rows(transaction, Fulfillment)
    assert shipment.id == outcome
    assert (shipment.order_id, shipment.account_id, shipment.channel) == (order.id, order.account_id, "IN_STORE")
    assert (shipment.carrier, shipment.tracking_number) == ("DHL", "JD0146")
    assert shipment.tracking_url == TRACKED.tracking_url
    assert shipment.delivered_at is None
    contents = {line.order_line_id: line.quantity for line in await rows(transaction, FulfillmentLine)}
    assert contents == dict(zip(order.lines, (2, 3), strict=True))
    assert await shipped_of(transaction, order) == [2, 3]
    assert await status_of(transaction, order) == OrderStatus.FULFILLED
    [event] = await rows(transaction, OrderEvent)
    assert (event.kind, event.fulfillment_id) == (FULFILLED, outcome)


async def test_order_is_shipped_in_parts(transaction: AsyncConnection, order: Ordered):
    first, second = order.lines
    await shipped(transaction, order, (first, 2), (second, 1))
    assert await status_of(transaction, order) == OrderStatus.PARTIALLY_FULFILLED
    await shipped(transaction, order, (second, 1))
    assert await status_of(transaction, order) == OrderStatus.PARTIALLY_FULFILLED
    assert await shipped_of(transaction, order) == [2, 2]
    last = await shipped(transaction, order)
    assert await status_of(transaction, order) == OrderStatus.FULFILLED
    contents = [line for line in await rows(transaction, FulfillmentLine) if line.fulfillment_id == last]
    assert [(line.order_line_id, line.quantity) for line in contents] == [(second, 1)]
    assert await timeline(transaction, order) == [FULFILLED] * 3
    assert await transaction.scalar(select(Order.version).where(Order.id == order.id)) == 4


async def test_what_was_cancelled_of_a_line_is_not_left(transaction: AsyncConnection, order: Ordered):
    first, second = order.lines
    await transaction.execute(update(OrderLine).where(OrderLine.id == second).values(cancelled_quantity=3))
    assert codes(await ship(transaction, order, (second, 1))) == [("NOT_FULFILLABLE", "lines", "0", "quantity")]
    await shipped(transaction, order, (first, 2))
    assert await status_of(transaction, order) == OrderStatus.FULFILLED


async def test_lines_that_are_wrong_are_named(transaction: AsyncConnection, order: Ordered):
    first, second = order.lines
    other = await ordered(transaction, None)
    outcome = await ship(
        transaction, order, (first, 3), (None, 1), (other.lines[0], 1), (second, 0), (second, 1), (second, 1)
    )
    assert codes(outcome) == [
        ("NOT_FULFILLABLE", "lines", "0", "quantity"),
        ("NOT_FOUND", "lines", "1", "lineId"),
        ("NOT_FOUND", "lines", "2", "lineId"),
        ("INVALID", "lines", "3", "quantity"),
        ("INVALID", "lines", "5", "lineId"),
    ]
    outcome = await fulfillment.fulfill(transaction, order.id, Shipment([]), Channel.WEB)
    assert codes(outcome) == [("REQUIRED", "lines")]
    assert await shipped_of(transaction, order) == [0, 0]


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"carrier": "x" * 61}, ("TOO_LONG", "carrier")),
        ({"tracking_number": "JD\u202e0146"}, ("INVALID", "trackingNumber")),
        ({"tracking_url": "http://carrier.example/JD0146"}, ("INVALID", "trackingUrl")),
        ({"tracking_url": "javascript:alert(1)"}, ("INVALID", "trackingUrl")),
        ({"tracking_url": "https:///JD0146"}, ("INVALID", "trackingUrl")),
        ({"tracking_url": "https://[carrier"}, ("INVALID", "trackingUrl")),
        ({"tracking_url": "https://carrier.example/a b"}, ("INVALID", "trackingUrl")),
    ],
)
async def test_tracking_that_cannot_be_shown_is_refused(
    transaction: AsyncConnection, order: Ordered, given: dict[str, str], refused: tuple[str, ...]
):
    assert codes(await ship(transaction, order, **given)) == [refused]
    assert await rows(transaction, Fulfillment) == []


@pytest.mark.parametrize("status", [OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELLED, OrderStatus.DELIVERED])
async def test_order_that_is_not_to_be_shipped_is_not(transaction: AsyncConnection, status: OrderStatus):
    order = await ordered(transaction, None, status=status)
    assert codes(await ship(transaction, order)) == [("NOT_FULFILLABLE",)]


async def test_nothing_is_left_of_an_order_that_is_shipped(transaction: AsyncConnection, order: Ordered):
    await shipped(transaction, order)
    assert codes(await ship(transaction, order)) == [("NOT_FULFILLABLE",)]
    assert await shipped_of(transaction, order) == [2, 3]


async def test_unknown_order_and_another_version_are_refused_first(transaction: AsyncConnection, order: Ordered):
    wrong = Shipment([], tracking_url="nowhere")
    outcome = await fulfillment.fulfill(transaction, new_id(), wrong, Channel.WEB, expected_version=9)
    assert codes(outcome) == [("NOT_FOUND", "id")]
    outcome = await fulfillment.fulfill(transaction, order.id, wrong, Channel.WEB, expected_version=9)
    assert codes(outcome) == [("VERSION_CONFLICT", "expectedVersion")]


# ---- work first


async def test_what_is_at_the_tailors_is_not_shipped(transaction: AsyncConnection):
    order = await ordered(transaction, None, (Line(work=(HEM,)), Line()))
    dress, plain = order.lines
    assert codes(await ship(transaction, order)) == [("NOT_FULFILLABLE",)]
    assert codes(await ship(transaction, order, (plain, 1), (dress, 1))) == [("NOT_FULFILLABLE", "lines")]
    await alteration.change(transaction, order.work[0], {"status": AlterationStatus.IN_PROGRESS})
    assert codes(await ship(transaction, order, (dress, 1))) == [("NOT_FULFILLABLE", "lines")]
    await shipped(transaction, order, (plain, 1))
    assert await status_of(transaction, order) == OrderStatus.PARTIALLY_FULFILLED
    assert codes(await ship(transaction, order)) == [("NOT_FULFILLABLE",)]
    await alteration.change(transaction, order.work[0], {"status": AlterationStatus.READY})
    await shipped(transaction, order)
    assert await status_of(transaction, order) == OrderStatus.FULFILLED


async def test_garment_made_to_measure_is_shipped_when_it_is_made(transaction: AsyncConnection):
    order = await ordered(transaction, None, (Line(custom_made=True),))
    assert codes(await ship(transaction, order)) == [("NOT_FULFILLABLE",)]
    for status in (AlterationStatus.IN_PROGRESS, AlterationStatus.READY, AlterationStatus.DONE):
        await alteration.change(transaction, order.work[0], {"status": status})
    await shipped(transaction, order)


# ---- delivery


async def delivered_at(transaction: AsyncConnection, order: Ordered) -> Any:
    return await transaction.scalar(select(Order.delivered_at).where(Order.id == order.id))


async def test_order_is_delivered_when_all_of_it_is(transaction: AsyncConnection, order: Ordered):
    first, second = order.lines
    one = await shipped(transaction, order, (first, 2))
    assert await fulfillment.deliver(transaction, order.id, fulfillment_id=one, expected_version=2) == order.id
    assert await status_of(transaction, order) == OrderStatus.PARTIALLY_FULFILLED
    two, three = await shipped(transaction, order, (second, 1)), await shipped(transaction, order)
    await fulfillment.deliver(transaction, order.id, fulfillment_id=three)
    assert await status_of(transaction, order) == OrderStatus.FULFILLED
    assert await delivered_at(transaction, order) is None
    await fulfillment.deliver(transaction, order.id, fulfillment_id=two)
    assert await status_of(transaction, order) == OrderStatus.DELIVERED
    assert await delivered_at(transaction, order) == await transaction.scalar(select(func.now()))
    told = [(event.kind, event.fulfillment_id) for event in await rows(transaction, OrderEvent)]
    assert sorted(told) == sorted([(kind, key) for kind in (FULFILLED, DELIVERED) for key in (one, two, three)])


async def test_all_shipments_are_delivered_at_once(transaction: AsyncConnection, order: Ordered):
    await shipped(transaction, order, (order.lines[0], 1))
    await shipped(transaction, order)
    assert await fulfillment.deliver(transaction, order.id) == order.id
    assert await status_of(transaction, order) == OrderStatus.DELIVERED
    assert await timeline(transaction, order) == [FULFILLED, FULFILLED, DELIVERED, DELIVERED]
    assert all(one.delivered_at for one in await rows(transaction, Fulfillment))


async def test_nothing_is_delivered_that_is_not_on_its_way(transaction: AsyncConnection, order: Ordered):
    assert codes(await fulfillment.deliver(transaction, order.id)) == [("ILLEGAL_TRANSITION",)]
    one = await shipped(transaction, order, (order.lines[0], 1))
    await fulfillment.deliver(transaction, order.id, fulfillment_id=one)
    for key in (one, None):
        outcome = await fulfillment.deliver(transaction, order.id, fulfillment_id=key)
        assert codes(outcome) == [("ILLEGAL_TRANSITION",)]
    assert await timeline(transaction, order) == [FULFILLED, DELIVERED]


async def test_shipment_of_another_order_is_not_found(transaction: AsyncConnection, order: Ordered):
    other = await ordered(transaction, None)
    foreign = await shipped(transaction, other)
    for key in (foreign, new_id()):
        outcome = await fulfillment.deliver(transaction, order.id, fulfillment_id=key, expected_version=9)
        assert codes(outcome) == [("NOT_FOUND", "fulfillmentId")]
    assert codes(await fulfillment.deliver(transaction, new_id())) == [("NOT_FOUND", "id")]
    assert codes(await fulfillment.deliver(transaction, order.id, expected_version=9)) == [
        ("VERSION_CONFLICT", "expectedVersion")
    ]
    assert await status_of(transaction, other) == OrderStatus.FULFILLED


async def test_order_is_handed_over_in_the_store_at_once(database: RolledBackDatabase, order: Ordered):
    transaction = database.connection
    shipment_id = await fulfillment.hand_over(transaction, order.id, Channel.IN_STORE)
    [shipment] = await rows(transaction, Fulfillment)
    assert (shipment.id, shipment.channel) == (shipment_id, "IN_STORE")
    assert shipment.delivered_at == await delivered_at(transaction, order)
    assert await status_of(transaction, order) == OrderStatus.DELIVERED
    assert await shipped_of(transaction, order) == [2, 3]
    assert await timeline(transaction, order) == [DELIVERED]
    assert await Post(database).deliver() == []
    assert codes(await fulfillment.hand_over(transaction, order.id, Channel.IN_STORE)) == [("NOT_FULFILLABLE",)]
    assert codes(await fulfillment.hand_over(transaction, new_id(), Channel.IN_STORE)) == [("NOT_FOUND", "id")]


async def test_what_is_at_the_tailors_is_not_handed_over(transaction: AsyncConnection):
    order = await ordered(transaction, None, (Line(work=(HEM,)), Line()))
    assert codes(await fulfillment.hand_over(transaction, order.id, Channel.IN_STORE)) == [("NOT_FULFILLABLE",)]
    assert await shipped_of(transaction, order) == [0, 0]


# ---- letters


async def test_customer_is_told_what_is_on_its_way(database: RolledBackDatabase, order: Ordered):
    post = Post(database)
    lines = ((order.lines[0], 1),)
    tracked = Shipment(lines, "DHL", "JD0146", "https://carrier.example/JD0146")
    await fulfillment.fulfill(database.connection, order.id, tracked, Channel.WEB)
    [letter] = await post.deliver()
    assert letter.to == "ana@example.com"
    assert letter.subject.startswith("Part of your order LL-")
    for text in (letter.text, letter.html):
        assert "https://carrier.example/JD0146" in text
        assert "JD0146" in text
    assert "  1 x Linen dress, M\n" in letter.text
    assert "1 Main St" not in letter.text
    await shipped(database.connection, order)
    [letter] = await post.deliver()
    assert letter.subject.startswith("Your order LL-")
    assert "  1 x Linen dress, M\n  3 x Linen dress, M\n" in letter.text


async def test_pickup_is_ready_to_be_collected_and_handed_over(database: RolledBackDatabase):
    transaction = database.connection
    method = {"id": new_id(), "code": "pickup", "name": "In the store", "countries": [], "pickup": True}
    await transaction.execute(insert(ShippingMethod).values(method))
    order = await ordered(transaction, await account(transaction), shipping_method="pickup")
    await shipped(transaction, order)
    [letter] = await Post(database).deliver()
    assert "can be collected" in letter.subject
    await fulfillment.deliver(transaction, order.id)
    assert await status_of(transaction, order) == OrderStatus.DELIVERED


async def test_nobody_is_told_when_the_person_is_gone(database: RolledBackDatabase, order: Ordered):
    await shipped(database.connection, order)
    await database.connection.execute(delete(OrderContact))
    assert await Post(database).deliver() == []
