"""Which way an order may go: the one table of its moves, and what tells of them in its timeline."""

from uuid import UUID

from sqlalchemy import ColumnElement, Update, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateways.notices import of_order
from models.database import note_change
from models.ids import new_id
from models.order import Order, OrderEvent, OrderEventKind, OrderStatus

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


def moving(order_id: UUID | ColumnElement[UUID], status: OrderStatus) -> Update:
    """The statement of `move`, to stand in another's WITH: it touches no order that does not go there."""
    sources = [source for source, targets in MOVES.items() if status in targets]
    order = update(Order).where(Order.id == order_id, Order.status.in_(sources))
    return order.values(status=status, version=Order.version + 1)


async def move(transaction: AsyncConnection, order_id: UUID, status: OrderStatus) -> None:
    """Moves an order that is locked, and counts it as an edit. Raises IllegalMove."""
    if await transaction.scalar(moving(order_id, status).returning(Order.id)) is None:
        raise refused(status)
    note_change(transaction, *of_order(order_id))


def refused(status: OrderStatus) -> IllegalMove:
    return IllegalMove(f"an order does not go to {status} from where it is")


async def edited(transaction: AsyncConnection, order_id: UUID) -> None:
    """Counts an edit that moves the order, which is locked, nowhere."""
    await transaction.execute(update(Order).where(Order.id == order_id).values(version=Order.version + 1))
    note_change(transaction, *of_order(order_id))


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
    event = insert(OrderEvent).values(
        id=new_id(),
        order_id=order_id,
        kind=kind,
        fulfillment_id=fulfillment_id,
        return_request_id=return_request_id,
        refund_id=refund_id,
    )
    await transaction.execute(event)
    note_change(transaction, *of_order(order_id))
