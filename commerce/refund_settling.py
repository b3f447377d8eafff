"""Settling refunds: asking the gateway for what is written down, and bringing order, charge and return to one truth."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import order_status
from commerce.pricing import spread
from commerce.refund_backing import Part, reserve
from commerce.tools import Tools
from gateways.failure import TemporaryFailure
from gateways.jobs import Handler, Job, Periodic, enqueue
from gateways.payments import GatewayTimeout, PaymentGateway
from models.database import Database
from models.ids import show_id
from models.order import Order, OrderContact, OrderEventKind, OrderPayment, PaymentStatus
from models.payment import Charge, Refund, RefundLine, RefundPart, RefundStatus
from models.return_request import ReturnRequest, ReturnStatus

log = structlog.get_logger("refunds")

SETTLE = "refund.settle"
LETTER = "refund.letter"

PATIENCE = 3.0
"""Seconds that whoever asked for a refund waits for the gateway."""

LOOKED_AFTER = timedelta(hours=1)
"""How often the gateway is asked again about refunds that its job was given up for."""


async def carry_on(transaction: AsyncConnection, refund_id: UUID) -> None:
    """Concludes the refund where nothing is asked of the gateway, or promises to ask. Its order is locked."""
    if await _is_open(transaction, refund_id):
        await enqueue(transaction, Job(SETTLE, refund_id), dedupe=show_id("rfd", refund_id))
    else:
        await _conclude(transaction, refund_id)


async def settle(database: Database, payments: PaymentGateway, refund_id: UUID) -> bool:
    """Asks the gateway about every part that is open, and notes what it says; answers whether the refund is settled.

    Done twice, or by two at once, nothing is paid twice. Raises GatewayTimeout.
    """
    for part in await database.transact(partial(_open_parts, refund_id=refund_id)):
        status = await payments.refund(part.charge_id, part.id, part.amount, gateway_key=part.gateway_key)
        if status is not RefundStatus.PENDING:
            await database.transact(partial(_note, refund_id=refund_id, part_id=part.id, status=status))
    return not await database.transact(partial(_is_open, refund_id=refund_id))


async def settle_soon(database: Database, payments: PaymentGateway, refund_id: UUID) -> None:
    """Settles it now where the gateway answers at once; else the job does."""
    with suppress(GatewayTimeout, TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await settle(database, payments, refund_id)


async def settle_in_time(tools: Tools, refund_id: UUID) -> None:
    """The job; it is tried again until the gateway has decided."""
    if not await settle(tools.database, tools.payments, refund_id):
        raise TemporaryFailure("the gateway has not decided yet")


async def look_after(tools: Tools) -> None:
    """Promises again to settle what has been open for long."""
    await tools.database.transact(_promise_again)


async def _promise_again(transaction: AsyncConnection) -> None:
    old = Refund.created_at < func.now() - LOOKED_AFTER
    # A constant, as the partial index has it: generic plans know of no parameter's value.
    pending = Refund.status == literal_column(f"'{RefundStatus.PENDING}'")
    for refund_id in await transaction.scalars(select(Refund.id).where(pending, old)):
        await enqueue(transaction, Job(SETTLE, refund_id), dedupe=show_id("rfd", refund_id))


async def _open_parts(transaction: AsyncConnection, refund_id: UUID) -> Sequence[Any]:
    parts = (
        select(RefundPart.id, RefundPart.charge_id, RefundPart.amount, Charge.gateway_key)
        .join_from(RefundPart, Charge, Charge.id == RefundPart.charge_id)
        .order_by(RefundPart.id)
    )
    parts = parts.where(RefundPart.refund_id == refund_id, RefundPart.status == RefundStatus.PENDING)
    return (await transaction.execute(parts)).all()


async def _is_open(transaction: AsyncConnection, refund_id: UUID) -> bool:
    return bool(await _open_parts(transaction, refund_id))


async def _note(transaction: AsyncConnection, refund_id: UUID, part_id: UUID, status: RefundStatus) -> None:
    """Keeps what became of a part; of two that ask at once, the later finds it kept."""
    order_id = select(Refund.order_id).where(Refund.id == refund_id).scalar_subquery()
    await transaction.execute(select(Order.id).where(Order.id == order_id).with_for_update(key_share=True))
    part = update(RefundPart).where(RefundPart.id == part_id, RefundPart.status == RefundStatus.PENDING)
    noted = await transaction.scalar(part.values(status=status).returning(RefundPart.id))
    if noted is not None and not await _is_open(transaction, refund_id):
        await _conclude(transaction, refund_id)


async def _conclude(transaction: AsyncConnection, refund_id: UUID) -> None:
    """Every part is settled: so is the refund. What could not be paid is not refunded any more."""
    refund = (await transaction.execute(select(Refund.__table__).where(Refund.id == refund_id))).one()
    failed = select(RefundPart.charge_id, RefundPart.amount).where(RefundPart.status == RefundStatus.FAILED)
    parts = (await transaction.execute(failed.where(RefundPart.refund_id == refund_id))).all()
    unpaid = sum(part.amount for part in parts)
    if unpaid:
        await reserve(transaction, refund.order_id, -unpaid, [Part(part.charge_id, -part.amount) for part in parts])
        log.warning("refund.failed", id=show_id("rfd", refund_id), count=len(parts))
    if 0 < unpaid < refund.amount:
        await _shrink(transaction, refund, refund.amount - unpaid)
    status = RefundStatus.FAILED if unpaid == refund.amount else RefundStatus.SUCCEEDED
    row = update(Refund).where(Refund.id == refund_id)
    await transaction.execute(row.values(status=status, settled_at=func.now()))
    if status is RefundStatus.SUCCEEDED:
        await _show(transaction, refund)
    await enqueue(transaction, Job(LETTER, refund_id))


async def _shrink(transaction: AsyncConnection, refund: Any, paid: int) -> None:
    """Makes the refund one of what was paid, each of its lines and shipping by its share."""
    lines = select(RefundLine.order_line_id, RefundLine.amount).where(RefundLine.refund_id == refund.id)
    rows = (await transaction.execute(lines.order_by(RefundLine.order_line_id))).all()
    rest = refund.amount - refund.shipping_amount - sum(row.amount for row in rows)
    shares = spread(paid, [refund.shipping_amount, rest, *(row.amount for row in rows)])
    await transaction.execute(
        update(Refund).where(Refund.id == refund.id).values(amount=paid, shipping_amount=shares[0])
    )
    for row, share in zip(rows, shares[2:], strict=True):
        line = update(RefundLine).where(
            RefundLine.refund_id == refund.id, RefundLine.order_line_id == row.order_line_id
        )
        await transaction.execute(line.values(amount=share))


async def _show(transaction: AsyncConnection, refund: Any) -> None:
    """Says on payment, timeline and return that it was refunded."""
    paid = select(func.sum(Refund.amount)).where(
        Refund.order_id == refund.order_id, Refund.status == RefundStatus.SUCCEEDED
    )
    total = select(Order.total).where(Order.id == refund.order_id)
    whole = (await transaction.scalar(paid) or 0) >= (await transaction.scalar(total) or 0)
    status = PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED
    await transaction.execute(
        update(OrderPayment).where(OrderPayment.order_id == refund.order_id).values(status=status)
    )
    await order_status.tell(transaction, refund.order_id, OrderEventKind.REFUNDED, refund_id=refund.id)
    request = update(ReturnRequest).where(
        ReturnRequest.id == refund.return_request_id, ReturnRequest.status == ReturnStatus.RECEIVED
    )
    await transaction.execute(request.values(status=ReturnStatus.REFUNDED, version=ReturnRequest.version + 1))


async def write_letter(tools: Tools, refund_id: UUID) -> None:
    """Tells whoever ordered that money is on its way, or that the gateway could not pay it back."""
    facts = (
        select(OrderContact.email, Order.number, Refund.amount, Refund.currency, Refund.status)
        .join_from(Refund, Order, Order.id == Refund.order_id)
        .join(OrderContact, OrderContact.order_id == Order.id)
        .where(Refund.id == refund_id, OrderContact.email.is_not(None))
    )
    found = (await tools.database.transact(lambda t: t.execute(facts))).one_or_none()
    if found is not None:
        letter = "refund_failed" if found.status == RefundStatus.FAILED else "refund"
        await tools.post(found.email, letter, number=found.number, amount=found.amount, currency=found.currency)


HANDLERS: Mapping[str, Handler[Tools]] = {SETTLE: settle_in_time, LETTER: write_letter}
PERIODIC: Sequence[Periodic[Tools]] = (Periodic("refund.look_after", LOOKED_AFTER, look_after),)
