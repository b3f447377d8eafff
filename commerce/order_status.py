"""Which way an order may go: the one table of its moves, and what tells of them in its timeline."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Update, Uuid, bindparam, false, insert, or_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateways.notices import of_order
from models.database import note_change
from models.ids import new_id
from models.order import Order, OrderEvent, OrderEventKind, OrderStatus
from models.statement import Statement

MOVES: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.PENDING_PAYMENT: frozenset({OrderStatus.PLACED, OrderStatus.CANCELLED}),
    OrderStatus.PLACED: frozenset(
        {
            OrderStatus.IN_ALTERATION,
            OrderStatus.PARTIALLY_FULFILLED,
            OrderStatus.FULFILLED,
            OrderStatus.DELIVERED,
            OrderStatus.CANCELLED,
        }
    ),
    OrderStatus.IN_ALTERATION: frozenset(
        {OrderStatus.PLACED, OrderStatus.PARTIALLY_FULFILLED, OrderStatus.FULFILLED, OrderStatus.CANCELLED}
    ),
    OrderStatus.PARTIALLY_FULFILLED: frozenset({OrderStatus.FULFILLED, OrderStatus.DELIVERED}),
    OrderStatus.FULFILLED: frozenset({OrderStatus.DELIVERED}),
    OrderStatus.DELIVERED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
}
"""IN_ALTERATION goes back to PLACED when all of the tailor's work on it is ready; till sales are delivered at once."""


class IllegalMove(RuntimeError):
    """A rule tried to move an order where no order goes: a fault of ours, whose transaction must not commit."""


def moving(order_id: ColumnElement[Any], status: OrderStatus) -> Update:
    """The statement of `move`, to stand in another's WITH: it touches no order that does not go there."""
    sources = or_(false(), *(Order.status == source for source, targets in MOVES.items() if status in targets))
    return update(Order).where(Order.id == order_id, sources).values(status=status, version=Order.version + 1)


async def move(transaction: AsyncConnection, order_id: UUID, status: OrderStatus) -> None:
    """Moves an order that is locked, and counts it as an edit. Raises IllegalMove."""
    if await _moved(status).value(transaction, order=order_id) is None:
        raise refused(status)
    note_change(transaction, *of_order(order_id))


@cache
def _moved(status: OrderStatus) -> Statement:
    return Statement(lambda: moving(_ORDER, status).returning(Order.id))


def refused(status: OrderStatus) -> IllegalMove:
    return IllegalMove(f"an order does not go to {status} from where it is")


async def edited(transaction: AsyncConnection, order_id: UUID) -> None:
    """Counts an edit that moves the order, which is locked, nowhere."""
    await _EDITED.run(transaction, order=order_id)
    note_change(transaction, *of_order(order_id))


_ORDER = bindparam("order", type_=Uuid)
_EDITED = Statement(lambda: update(Order).where(Order.id == _ORDER).values(version=Order.version + 1))


async def tell(
    transaction: AsyncConnection,
    order_id: UUID,
    kind: OrderEventKind,
    *,
    fulfillment_id: UUID | None = None,
    return_request_id: UUID | None = None,
    refund_id: UUID | None = None,
) -> None:
    """Adds to the order's timeline."""
    await _TOLD.run(
        transaction,
        id=new_id(),
        order_id=order_id,
        kind=kind,
        fulfillment_id=fulfillment_id,
        return_request_id=return_request_id,
        refund_id=refund_id,
    )
    note_change(transaction, *of_order(order_id))


_EVENT = ("id", "order_id", "kind", "fulfillment_id", "return_request_id", "refund_id")
_TOLD = Statement(lambda: insert(OrderEvent).values({name: bindparam(name) for name in _EVENT}))
