"""The packing table, the tailor and the customer at the same order at once."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal
from auth.viewer import Viewer, ViewerKind
from commerce import alteration, fulfillment, order_cancelling
from commerce.alteration import Work
from commerce.fulfillment import Shipment
from models.alteration import Alteration, AlterationStatus
from models.catalogue import Variant
from models.classification import Channel
from models.database import Database
from models.order import Order, OrderEventKind, OrderStatus
from tests.support.address import account
from tests.support.returns import Bought, Sold, sold
from tests.support.workshop import HEM, SLEEVES, Line, Ordered, ordered, shipped_of, status_of, timeline

FULFILLED, DELIVERED = OrderEventKind.FULFILLED, OrderEventKind.DELIVERED
STARTED, FINISHED = OrderEventKind.ALTERATION_STARTED, OrderEventKind.ALTERATION_READY
IN_PROGRESS, READY = {"status": AlterationStatus.IN_PROGRESS}, {"status": AlterationStatus.READY}
Outcome = UUID | list[Refusal]


async def ship(transaction: AsyncConnection, order: Ordered | Sold, *lines: tuple[UUID, int]) -> Outcome:
    return await fulfillment.fulfill(transaction, order.id, Shipment(lines or None), Channel.IN_STORE)


def codes(outcome: Outcome) -> list[tuple[str, ...]]:
    assert isinstance(outcome, list), outcome
    return [(refusal.code, *refusal.field) for refusal in outcome]


async def test_last_piece_is_shipped_once_by_fifty_who_try_at_once(committed_database: Database):
    order = await committed_database.transact(lambda t: ordered(t, None, (Line(3), Line(1))))

    async def try_to() -> UUID | list[Refusal]:
        return await committed_database.transact(lambda t: ship(t, order, (order.lines[0], 1)))

    outcomes = await asyncio.gather(*(try_to() for _ in range(50)))
    assert sum(isinstance(one, UUID) for one in outcomes) == 3
    refused = {tuple(codes(one)) for one in outcomes if isinstance(one, list)}
    assert refused == {(("NOT_FULFILLABLE", "lines", "0", "quantity"),)}
    assert await committed_database.transact(lambda t: shipped_of(t, order)) == [3, 0]
    assert await committed_database.transact(lambda t: timeline(t, order)) == [FULFILLED] * 3
    assert await committed_database.transact(lambda t: status_of(t, order)) == OrderStatus.PARTIALLY_FULFILLED


async def test_all_that_is_left_is_shipped_and_delivered_once(committed_database: Database):
    order = await committed_database.transact(lambda t: ordered(t, None, (Line(2),)))
    outcomes = await asyncio.gather(*(committed_database.transact(lambda t: ship(t, order)) for _ in range(8)))
    assert sum(isinstance(one, UUID) for one in outcomes) == 1
    outcomes = await asyncio.gather(
        *(committed_database.transact(lambda t: fulfillment.deliver(t, order.id)) for _ in range(8))
    )
    assert sum(isinstance(one, UUID) for one in outcomes) == 1
    assert await committed_database.transact(lambda t: timeline(t, order)) == [FULFILLED, DELIVERED]


async def test_work_begun_and_shipping_at_once_never_ship_what_is_cut(committed_database: Database):
    """The tailor takes up work that was ready to be shipped by nobody yet."""
    order = await committed_database.transact(lambda t: ordered(t, None, (Line(work=(HEM,)), Line())))
    outcomes = await asyncio.gather(
        *(committed_database.transact(lambda t: ship(t, order, (order.lines[0], 1))) for _ in range(4)),
        committed_database.transact(lambda t: alteration.change(t, order.work[0], IN_PROGRESS)),
        committed_database.transact(lambda t: ship(t, order, (order.lines[1], 1))),
    )
    assert [isinstance(one, UUID) for one in outcomes] == [False] * 4 + [True] * 2
    assert await committed_database.transact(lambda t: status_of(t, order)) == OrderStatus.PARTIALLY_FULFILLED


async def test_one_of_two_who_begin_the_same_work_at_once_does(committed_database: Database):
    order = await committed_database.transact(lambda t: ordered(t, None, (Line(work=(HEM, SLEEVES)),)))

    async def begin(key: UUID) -> UUID | list[Refusal]:
        return await committed_database.transact(lambda t: alteration.change(t, key, IN_PROGRESS))

    outcomes = await asyncio.gather(*(begin(key) for key in order.work * 8))
    assert sum(isinstance(one, UUID) for one in outcomes) == 2
    assert {tuple(codes(one)) for one in outcomes if isinstance(one, list)} == {(("ILLEGAL_TRANSITION", "status"),)}
    assert await committed_database.transact(lambda t: timeline(t, order)) == [STARTED]
    assert await committed_database.transact(lambda t: status_of(t, order)) == OrderStatus.IN_ALTERATION

    async def end(key: UUID) -> UUID | list[Refusal]:
        return await committed_database.transact(lambda t: alteration.change(t, key, READY))

    await asyncio.gather(*(end(key) for key in order.work))
    assert await committed_database.transact(lambda t: timeline(t, order)) == [STARTED, FINISHED]
    assert await committed_database.transact(lambda t: status_of(t, order)) == OrderStatus.PLACED


@pytest.mark.parametrize("work", [(), (HEM,)], ids=["ship", "cut"])
async def test_order_is_cancelled_or_goes_on_but_never_both(committed_database: Database, work: tuple[Work, ...]):
    """Its owner cancels against the packing table, or against the tailor's scissors."""
    owner = await committed_database.transact(account)
    viewer = Viewer(ViewerKind.CUSTOMER, owner)
    bought = [Bought(work=work)]
    orders = [await committed_database.transact(lambda t: sold(t, owner, bought, delivered_ago=None)) for _ in range(6)]

    async def cancel(order: Sold) -> Outcome:
        given = {"idempotency_key": order.shown}
        return await committed_database.transact(lambda t: order_cancelling.cancel(t, viewer, order.id, given))

    async def go_on(order: Sold) -> Outcome:
        if not work:
            return await committed_database.transact(lambda t: ship(t, order))
        of_order = select(Alteration.id).where(Alteration.order_id == order.id)
        key = await committed_database.transact(lambda t: t.scalar(of_order))
        assert key is not None
        return await committed_database.transact(lambda t: alteration.change(t, key, IN_PROGRESS))

    outcomes = await asyncio.gather(*(doing(order) for order in orders for doing in (cancel, go_on)))
    for order, cancelled, gone_on in zip(orders, outcomes[::2], outcomes[1::2], strict=True):
        assert isinstance(cancelled, UUID) is not isinstance(gone_on, UUID), (cancelled, gone_on)
        status, on_hand = await committed_database.transact(lambda t, o=order: end_of(t, o))
        if isinstance(cancelled, UUID):
            assert (status, on_hand) == (OrderStatus.CANCELLED, 6)
            assert codes(gone_on) == [("ILLEGAL_TRANSITION", "status") if work else ("NOT_FULFILLABLE",)]
        else:
            assert (status, on_hand) == (OrderStatus.IN_ALTERATION if work else OrderStatus.FULFILLED, 5)
            assert codes(cancelled) == [("NOT_CANCELLABLE", "id")]


async def end_of(transaction: AsyncConnection, order: Sold) -> tuple[str, int]:
    """The order's status, and how many pieces are on hand."""
    status = await transaction.scalar(select(Order.status).where(Order.id == order.id))
    on_hand = await transaction.scalar(select(Variant.on_hand).where(Variant.id == order.variant_ids[0]))
    assert status is not None
    assert on_hand is not None
    return status, on_hand
