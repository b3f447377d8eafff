"""What pays for a refund: the charges and the cash that an order was paid with, and what is left of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from gateways.notices import of_order
from models.database import note_change
from models.order import Order
from models.payment import Charge, ChargeStatus, Refund, RefundPart, RefundStatus, Tender, TenderKind

TOO_MUCH = Refusal(RefusalCode.NOT_REFUNDABLE, "That is more than is left of what was paid.")


@dataclass(frozen=True, slots=True)
class Part:
    """What one charge pays of a refund; cash where there is none."""

    charge_id: UUID | None
    amount: int


async def left(transaction: AsyncConnection, order_id: UUID) -> int:
    """Locks the order, and answers what of its total is not paid back yet, nor about to be."""
    order = select(Order.total - Order.refunded_total).where(Order.id == order_id).with_for_update(key_share=True)
    return await transaction.scalar(order) or 0


async def backing(
    transaction: AsyncConnection, order_id: UUID, amount: int, tender: TenderKind | None = None
) -> list[Part] | Refusal:
    """What pays the amount back: what was paid, in the order in which it was paid; or `tender` alone.

    The order stays locked. NOT_REFUNDABLE above what is left of the order, or of what was paid by card.
    """
    if not 0 < amount <= await left(transaction, order_id):
        return TOO_MUCH
    if tender is TenderKind.CASH:
        return [Part(None, amount)]
    parts: list[Part] = []
    for source in await _sources(transaction, order_id):
        if tender is None or source.charge_id is not None:
            taken = min(source.amount, amount - sum(part.amount for part in parts))
            parts += [Part(source.charge_id, taken)] if taken > 0 else []
    return parts if sum(part.amount for part in parts) == amount else TOO_MUCH


async def _sources(transaction: AsyncConnection, order_id: UUID) -> list[Part]:
    """What is left of each charge and of the cash, in the order in which they were paid."""
    charges = select(
        func.coalesce(Tender.id, Charge.id).label("paid"), Charge.id, (Charge.amount - Charge.refunded).label("left")
    ).join_from(Charge, Tender, Tender.charge_id == Charge.id, isouter=True)
    charges = charges.where(Charge.order_id == order_id, Charge.status == ChargeStatus.CAPTURED)
    cash = select(Tender.id, null(), Tender.amount).where(Tender.order_id == order_id, Tender.kind == TenderKind.CASH)
    both = charges.union_all(cash).subquery()
    rows = (await transaction.execute(select(both).order_by(both.c.paid))).all()
    back = await _cash_back(transaction, order_id)
    found = []
    for _, charge_id, amount in rows:
        given = min(back, amount) if charge_id is None else 0
        back -= given
        found.append(Part(charge_id, amount - given))
    return found


async def _cash_back(transaction: AsyncConnection, order_id: UUID) -> int:
    parts = select(func.coalesce(func.sum(RefundPart.amount), 0)).join_from(RefundPart, Refund)
    parts = parts.where(
        Refund.order_id == order_id, RefundPart.charge_id.is_(None), RefundPart.status != RefundStatus.FAILED
    )
    return int(await transaction.scalar(parts) or 0)


async def reserve(transaction: AsyncConnection, order_id: UUID, amount: int, parts: Sequence[Part]) -> None:
    """Raises what is refunded of order and charges; of a negative amount, lowers it."""
    order = update(Order).where(Order.id == order_id)
    order = order.values(refunded_total=Order.refunded_total + amount, version=Order.version + 1)
    await transaction.execute(order)
    note_change(transaction, *of_order(order_id))
    for part in sorted((part for part in parts if part.charge_id is not None), key=lambda part: str(part.charge_id)):
        charge = update(Charge).where(Charge.id == part.charge_id)
        await transaction.execute(charge.values(refunded=Charge.refunded + part.amount))
