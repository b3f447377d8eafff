"""What holds of every order: how it is locked, whose it is, until when it can be cancelled."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.viewer import Viewer
from models.alteration import Alteration, AlterationStatus
from models.cart import Cart
from models.order import Order, OrderLine, OrderStatus

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such order.", ("id",))
VERSION_CONFLICT = Refusal(RefusalCode.VERSION_CONFLICT, "The order was changed meanwhile.", ("expectedVersion",))

CUT = (AlterationStatus.IN_PROGRESS, AlterationStatus.READY, AlterationStatus.DONE)
"""Work that the tailor has begun: the garment is no longer what it was."""


async def lock(transaction: AsyncConnection, order_id: UUID) -> Row[Any] | None:
    """The order's row, all its columns; nobody else moves it until the transaction ends. None: there is none."""
    order = select(Order.__table__).where(Order.id == order_id).with_for_update(key_share=True)
    return (await transaction.execute(order)).one_or_none()


async def lock_for(
    transaction: AsyncConnection, viewer: Viewer, order_id: UUID, permission: str | None = None
) -> Row[Any] | None:
    """As `lock`, for the order's owner and for staff with `permission`; for all others there is none."""
    found = await lock(transaction, order_id)
    if found is None or permission in viewer.permissions:
        return found
    return found if viewer.account_id is not None and found.account_id == viewer.account_id else None


def cancellable(order: Any) -> ColumnElement[bool]:
    """Until the first shipment or cut, and not while it is being placed. `order` has Order's columns."""
    shipped = select(OrderLine.id).where(OrderLine.order_id == order.id, OrderLine.fulfilled_quantity > 0)
    cut = select(Alteration.id).where(Alteration.order_id == order.id, Alteration.status.in_(CUT))
    placing = select(Cart.id).where(Cart.placing_id == order.id)
    waiting = and_(order.status == OrderStatus.PENDING_PAYMENT, ~placing.exists())
    return and_(or_(order.status == OrderStatus.PLACED, waiting), ~shipped.exists(), ~cut.exists())
