"""Settling orders: whatever brings news of a charge, one order comes to one truth.

The request itself, a webhook, the worker and `payments reconcile` all end in `settle`, which looks at the order under
its lock and at what the gateway says. News that are old, or come twice, change nothing.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import order_status, refund
from commerce.checkout_notes import CONCLUDED, PAID, PAID_ALONE, WAITING
from commerce.order_undoing import call_off, undo
from gateways.jobs import Job, enqueue
from gateways.notices import of_order
from gateways.payments import Charged
from models.cart import Cart
from models.database import Database, Overtaken, note_change
from models.ids import new_id, show_id
from models.order import Order, OrderEventKind, OrderPayment, OrderStatus, PaymentStatus
from models.payment import Charge, ChargeStatus, RefundReason
from models.statement import Statement

FAILURE = "order.payment_failed"
RELEASE = "charge.release"
"""The job that gives up, or pays back, a charge that no order needs."""

LOST = frozenset({ChargeStatus.FAILED, ChargeStatus.VOIDED})


class Fate(StrEnum):
    """What became of an order. GONE: there is no such charge, as its order was undone meanwhile."""

    PLACED = "PLACED"
    WAITING = "WAITING"
    CANCELLED = "CANCELLED"
    UNDONE = "UNDONE"
    GONE = "GONE"


@dataclass(frozen=True, slots=True)
class Settlement:
    """`order_id` is None where there is no order any more."""

    order_id: UUID | None
    fate: Fate


@dataclass(frozen=True, slots=True)
class _Case:
    """An order that is locked, with all of its charges, and what the gateway says of one of them."""

    order_id: UUID
    order_status: OrderStatus
    charges: Sequence[Any]
    charge_id: UUID
    charged: Charged | None

    @property
    def status(self) -> ChargeStatus:
        """What the gateway does not know was never taken."""
        return self.charged.status if self.charged is not None else ChargeStatus.FAILED

    @property
    def charge(self) -> Any:
        return next(one for one in self.charges if one.id == self.charge_id)

    @property
    def others(self) -> list[Any]:
        return [one for one in self.charges if one.id != self.charge_id]


def _news(charge_id: UUID, charged: Charged | None) -> dict[str, Any]:
    """The parameters of the notes. What the gateway does not know was never taken."""
    return {
        "charge": charge_id,
        "charge_status": charged.status if charged else ChargeStatus.FAILED,
        "gateway_key": charged and charged.gateway_key,
        "expires_at": charged.action.expires_at if charged and charged.action else None,
        "brand": charged and charged.brand,
        "last4": charged and charged.last4,
        "event": new_id(),
        "job": new_id(),
    }


async def settle(
    transaction: AsyncConnection, charge_id: UUID, charged: Charged | None, *, unanswered: bool | None = None
) -> Settlement:
    """Brings the charge's order to what the gateway says. `charged` is None where the gateway never heard of it.

    Paid: PLACED. Refused: cancelled, or undone where nobody was told of the order yet, which is so while its cart is
    hidden, or as `unanswered` says. Not known, or the bank asks: it waits, and its cart is gone. An order that was
    cancelled pays back what comes in. An order with several charges is placed when all are paid. One statement for an
    order with one charge that is paid, which is almost all there are.
    """
    if charged is not None and charged.status is ChargeStatus.CAPTURED:
        placed = await _place_alone(transaction, charge_id, charged)
        if placed is not None:
            return placed
    case = await _locked(transaction, charge_id, charged)
    if case is None:
        return Settlement(None, Fate.GONE)
    match case.order_status:
        case OrderStatus.PENDING_PAYMENT:
            return await _settle_pending(transaction, case, unanswered=unanswered)
        case OrderStatus.CANCELLED:
            await _settle_cancelled(transaction, case)
            return Settlement(case.order_id, Fate.CANCELLED)
    return Settlement(case.order_id, Fate.PLACED)


async def settle_at_once(database: Database, charge_id: UUID, charged: Charged) -> Settlement:
    """As `settle`, and a transaction of its own; one statement is one without being told."""
    if charged.status is ChargeStatus.CAPTURED:
        with suppress(Overtaken):
            placed = await database.at_once(lambda t: _place_alone(t, charge_id, charged))
            if placed is not None:
                return placed
    return await database.transact(lambda t: settle(t, charge_id, charged))


async def _place_alone(transaction: AsyncConnection, charge_id: UUID, charged: Charged) -> Settlement | None:
    """Places the order of its only charge, which is paid; None where it is another case."""
    placed = await PAID_ALONE.value(transaction, **_news(charge_id, charged))
    if placed is None:
        return None
    note_change(transaction, *of_order(placed))
    return Settlement(placed, Fate.PLACED)


async def wait(transaction: AsyncConnection, charge_id: UUID) -> Settlement:
    """Notes that the gateway's answer has not come: the order waits, if nothing else is known of it meanwhile."""
    case = await _locked(transaction, charge_id, None)
    if case is None:
        return Settlement(None, Fate.GONE)
    if case.order_status is OrderStatus.CANCELLED:
        return Settlement(case.order_id, Fate.CANCELLED)
    if case.order_status is not OrderStatus.PENDING_PAYMENT:
        return Settlement(case.order_id, Fate.PLACED)
    if case.charge.status == ChargeStatus.PENDING:
        await _note_waiting(transaction, case, ChargeStatus.PENDING)
    return Settlement(case.order_id, Fate.WAITING)


async def conclude(transaction: AsyncConnection, order_id: UUID) -> None:
    """Ends the placing of an order that is written as PLACED, as nothing is to be paid: its cart is gone."""
    await CONCLUDED.run(transaction, order=order_id, job=new_id())


async def _locked(transaction: AsyncConnection, charge_id: UUID, charged: Charged | None) -> _Case | None:
    """The case, the order's row and its charges' as they are now that nobody else changes them."""
    found = await _LOCKED.all(transaction, charge=charge_id)
    if not found:
        return None
    return _Case(found[0].order_id, OrderStatus(found[0].now), found, charge_id, charged)


def _locking() -> Select[*tuple[Any, ...]]:
    charge = bindparam("charge", type_=Uuid)
    of_charge = select(Charge.order_id).where(Charge.id == charge).scalar_subquery()
    return (
        select(Charge.id, Charge.status, Charge.amount, Charge.refunded, Charge.order_id, Order.status.label("now"))
        .join(Order, Order.id == Charge.order_id)
        .where(Order.id == of_charge)
        .order_by(Charge.id)
        .with_for_update(of=(Order, Charge), key_share=True)
    )


_LOCKED = Statement(_locking)


async def _settle_pending(transaction: AsyncConnection, case: _Case, *, unanswered: bool | None) -> Settlement:
    statuses = {case.status, *(ChargeStatus(one.status) for one in case.others)}
    if statuses & LOST:
        return await _fail(transaction, case, unanswered=unanswered)
    if statuses == {ChargeStatus.CAPTURED}:
        await _note_paid(transaction, case)
        return Settlement(case.order_id, Fate.PLACED)
    await _note_waiting(transaction, case, case.status)
    return Settlement(case.order_id, Fate.WAITING)


async def _note_paid(transaction: AsyncConnection, case: _Case) -> None:
    if await PAID.value(transaction, **_news(case.charge_id, case.charged)) is None:
        raise order_status.refused(OrderStatus.PLACED)
    note_change(transaction, *of_order(case.order_id))


async def _note_waiting(transaction: AsyncConnection, case: _Case, status: ChargeStatus) -> None:
    news = _news(case.charge_id, case.charged) | {"order": case.order_id, "charge_status": status}
    await WAITING.run(transaction, **news)
    note_change(transaction, *of_order(case.order_id))


async def _fail(transaction: AsyncConnection, case: _Case, *, unanswered: bool | None) -> Settlement:
    """The order cannot be paid: what its other charges took is let go of."""
    if unanswered is None:
        hidden = select(Cart.id).where(Cart.placing_id == case.order_id)
        unanswered = await transaction.scalar(hidden) is not None
    for other in case.others:
        await release(transaction, other.id)
    if unanswered:
        await undo(transaction, case.order_id)
        return Settlement(None, Fate.UNDONE)
    await _note(transaction, case)
    payment = update(OrderPayment).where(OrderPayment.order_id == case.order_id)
    await transaction.execute(payment.values(status=PaymentStatus.FAILED))
    await order_status.tell(transaction, case.order_id, OrderEventKind.PAYMENT_FAILED)
    await call_off(transaction, case.order_id)
    await enqueue(transaction, Job(FAILURE, case.order_id))
    return Settlement(case.order_id, Fate.CANCELLED)


async def _settle_cancelled(transaction: AsyncConnection, case: _Case) -> None:
    """Nobody waits for this money any more: what is taken goes back, what is held is let go of."""
    await _note(transaction, case)
    left = case.charge.amount - case.charge.refunded
    if case.status is ChargeStatus.CAPTURED and left > 0:
        await refund.begin(transaction, case.order_id, amount=left, reason=RefundReason.CANCELLATION)
    elif case.status not in {ChargeStatus.CAPTURED, *LOST}:
        await release(transaction, case.charge_id)


async def _note(transaction: AsyncConnection, case: _Case) -> None:
    charge = update(Charge).where(Charge.id == case.charge_id)
    values = {"status": case.status, "expires_at": None, "settled_at": func.coalesce(Charge.settled_at, func.now())}
    if case.charged is not None:
        values["gateway_key"] = case.charged.gateway_key
    await transaction.execute(charge.values(values))


async def release(transaction: AsyncConnection, charge_id: UUID) -> None:
    """Promises that the gateway gives up the charge, or pays it back, after the transaction."""
    await enqueue(transaction, Job(RELEASE, charge_id), dedupe=show_id("chg", charge_id))
