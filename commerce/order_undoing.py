"""Taking an order back: what it took of stock and codes returns, and it is cancelled, or is as if it had never been."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import cart, discount_use, order_status, stock
from models.alteration import Alteration, AlterationStatus
from models.idempotency import Idempotency
from models.order import Order, OrderCancelReason, OrderEventKind, OrderLine, OrderStatus
from models.stock import StockEntryKind


async def undo(transaction: AsyncConnection, order_id: UUID) -> None:
    """Deletes an order that nobody was told of, and forgets the client's key. Its cart is back. The order is locked."""
    await _give_back(transaction, order_id)
    await cart.release(transaction, order_id)
    owner = select(Order.account_id).where(Order.id == order_id).scalar_subquery()
    key = delete(Idempotency).where(Idempotency.account_id == owner, Idempotency.result_id == order_id).cte("key")
    await transaction.execute(delete(Order).where(Order.id == order_id).add_cte(key))


async def call_off(transaction: AsyncConnection, order_id: UUID, reason: OrderCancelReason | None = None) -> None:
    """Cancels an order of which nothing was shipped or cut; payment is another matter. The order is locked.

    Raises order_status.IllegalMove.
    """
    await _give_back(transaction, order_id)
    await transaction.execute(_calling_off(), {"order": order_id})
    await order_status.move(transaction, order_id, OrderStatus.CANCELLED)
    if reason is not None:
        await transaction.execute(update(Order).where(Order.id == order_id).values(cancel_reason=reason))
    await order_status.tell(transaction, order_id, OrderEventKind.CANCELLED)


async def _give_back(transaction: AsyncConnection, order_id: UUID) -> None:
    pieces = select(OrderLine.variant_id, func.sum(OrderLine.quantity))
    pieces = pieces.where(OrderLine.order_id == order_id, OrderLine.variant_id.is_not(None))
    found = await transaction.execute(pieces.group_by(OrderLine.variant_id))
    taken = {variant: int(count) for variant, count in found if variant is not None}
    await stock.give_back(transaction, taken, StockEntryKind.CANCELLATION, order_id)
    await discount_use.give_back(transaction, order_id)


@cache
def _calling_off() -> Any:
    order = bindparam("order", type_=Uuid)
    waiting = Alteration.status == AlterationStatus.REQUESTED
    work = update(Alteration).where(Alteration.order_id == order, waiting)
    work = work.values(status=AlterationStatus.CANCELLED, version=Alteration.version + 1).cte("work")
    lines = update(OrderLine).where(OrderLine.order_id == order).values(cancelled_quantity=OrderLine.quantity)
    return lines.add_cte(work)
