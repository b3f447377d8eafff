"""What holds of every order: how it is locked, whose it is, until when it can be cancelled."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Text, and_, literal_column, or_, select
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
    """Until the first shipment or cut, and not while it is being placed. `order` has Order's columns.

    Made of constants alone, so that it can stand in a compiled read.
    """
    line, work, cart = OrderLine.__table__, Alteration.__table__, Cart.__table__
    shipped = select(line.c.id).where(line.c.order_id == order.id, line.c.fulfilled_quantity > literal_column("0"))
    cut = select(work.c.id).where(work.c.order_id == order.id, work.c.status.in_([_word(one) for one in CUT]))
    placing = select(cart.c.id).where(cart.c.placing_id == order.id)
    waiting = and_(order.status == _word(OrderStatus.PENDING_PAYMENT), ~placing.correlate_except(cart).exists())
    return and_(
        or_(order.status == _word(OrderStatus.PLACED), waiting),
        ~shipped.correlate_except(line).exists(),
        ~cut.correlate_except(work).exists(),
    )


def _word(member: StrEnum) -> ColumnElement[str]:
    return literal_column(f"'{member.value}'", Text)
