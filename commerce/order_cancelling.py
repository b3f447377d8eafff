"""Cancelling an order: by its owner while nothing was shipped or cut, or by staff."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.viewer import Viewer
from commerce import order, order_balance, refund
from commerce.checkout import release
from commerce.idempotency import once
from commerce.order_undoing import call_off
from commerce.refund_worth import Worth, of_units
from gateways.jobs import Job, enqueue
from models.order import Order, OrderCancelReason, OrderStatus
from models.payment import Charge, RefundReason

CANCELLATION = "order.cancellation"
PERMISSION = "order:write"

NOT_CANCELLABLE = Refusal(
    RefusalCode.NOT_CANCELLABLE, "It cannot be cancelled any more: work on it has begun, or it was shipped.", ("id",)
)


async def cancel(
    transaction: AsyncConnection,
    viewer: Viewer,
    order_id: UUID,
    given: Mapping[str, Any],
    *,
    reason: OrderCancelReason = OrderCancelReason.CHANGED_MIND,
    expected_version: int | None = None,
) -> UUID | list[Refusal]:
    """Cancels the order: what was taken goes back into stock, codes and money likewise. `given` is the whole input.

    NOT_FOUND for an order that is neither the viewer's nor theirs to manage, VERSION_CONFLICT, NOT_CANCELLABLE.
    """
    found = await order.lock_for(transaction, viewer, order_id, PERMISSION)
    if found is None or viewer.account_id is None:
        return [order.NOT_FOUND]
    return await once(
        transaction,
        viewer.account_id,
        "orderCancel",
        given,
        lambda: _cancel(transaction, found, reason, expected_version),
    )


async def _cancel(
    transaction: AsyncConnection, found: Row[Any], reason: OrderCancelReason, expected_version: int | None
) -> UUID | list[Refusal]:
    if expected_version not in {None, found.version}:
        return [order.VERSION_CONFLICT]
    can = select(Order.id).where(Order.id == found.id, order.cancellable(Order))
    if await transaction.scalar(can) is None:
        return [NOT_CANCELLABLE]
    await call_off(transaction, found.id, reason)
    await _give_back(transaction, found)
    await enqueue(transaction, Job(CANCELLATION, found.id))
    return found.id


async def _give_back(transaction: AsyncConnection, found: Row[Any]) -> None:
    """Pays back what is left of what was paid; a charge that is not taken yet is let go of after the transaction."""
    if found.status == OrderStatus.PENDING_PAYMENT:
        for charge_id in await transaction.scalars(select(Charge.id).where(Charge.order_id == found.id)):
            await release(transaction, charge_id)
        return
    balance = await order_balance.load(transaction, found.id)
    if balance.left == 0:
        return
    lines = of_units(balance, {key: line.refundable for key, line in balance.lines.items()})
    worth = Worth(lines, balance.shipping_left).at_most(balance.left)
    await refund.begin(
        transaction,
        found.id,
        amount=balance.left,
        reason=RefundReason.CANCELLATION,
        lines=worth.lines,
        shipping_amount=worth.shipping,
    )
