"""Refunds: what is paid back of an order, never more than was paid, and each unit's worth once.

A refund is written down first, with what it takes reserved under the order's lock, and committed; only then is the
gateway asked, with the part's key as idempotency key. Whatever crashes in between, it is asked again and answers as
before, so that every refund settles to one truth.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal
from commerce import refund_settling
from commerce.refund_backing import Part, backing, reserve
from commerce.refund_worth import RefundedLine
from models.ids import new_id
from models.order import Order
from models.payment import Refund, RefundLine, RefundPart, RefundReason, RefundStatus, TenderKind

__all__ = ["RefundedLine", "Unbacked", "begin"]


class Unbacked(RuntimeError):
    """A refund was begun that nothing pays for: a fault of ours, whose transaction must not commit."""


async def begin(  # noqa: PLR0913  # what a refund is of, each with a default
    transaction: AsyncConnection,
    order_id: UUID,
    *,
    amount: int,
    reason: RefundReason,
    lines: Sequence[RefundedLine] = (),
    shipping_amount: int = 0,
    return_request_id: UUID | None = None,
    tender: TenderKind | None = None,
) -> UUID:
    """Writes the refund down and reserves what it takes; the job `refund.settle` asks the gateway after the commit.

    `amount` is the whole, in minor units. It is paid back as it was paid, or by `tender`; cash at once. The order's
    version grows. Answers the refund's key. Raises Unbacked where `refund_backing.backing` refuses.
    """
    parts = await backing(transaction, order_id, amount, tender)
    if isinstance(parts, Refusal):
        raise Unbacked(parts.message)
    refund_id, currency = new_id(), await transaction.scalar(select(Order.currency).where(Order.id == order_id))
    row = insert(Refund).values(
        id=refund_id,
        order_id=order_id,
        return_request_id=return_request_id,
        status=RefundStatus.PENDING,
        reason=reason,
        currency=currency,
        amount=amount,
        shipping_amount=shipping_amount,
    )
    await transaction.execute(row)
    if lines:
        of_refund = {"refund_id": refund_id, "currency": currency}
        await transaction.execute(insert(RefundLine), [of_refund | asdict(line) for line in lines])
    await transaction.execute(insert(RefundPart), [_row(refund_id, at, part) for at, part in enumerate(parts)])
    await reserve(transaction, order_id, amount, parts)
    await refund_settling.carry_on(transaction, refund_id)
    return refund_id


def _row(refund_id: UUID, at: int, part: Part) -> dict[str, Any]:
    """A part of a refund; cash is paid by writing it down."""
    status = RefundStatus.SUCCEEDED if part.charge_id is None else RefundStatus.PENDING
    return {"id": new_id() if at else refund_id, "refund_id": refund_id, "status": status} | asdict(part)
