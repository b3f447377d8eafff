"""The tailor's work: what an order asks of it, and how it goes on.

Whoever changes work locks its order first, so that it is not cancelled or shipped in between.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import order as orders
from commerce import text
from commerce.numbers import new_number
from commerce.order_status import move, tell
from gateways.jobs import Job, enqueue
from gateways.notices import of_order
from models.alteration import Alteration, AlterationStatus
from models.catalogue import AlterationKind, CurrencyCode
from models.classification import Channel
from models.database import note_change
from models.ids import new_id
from models.order import OrderEventKind, OrderStatus

READY_LETTER = "alteration.ready_letter"

TICKET = "T"
MAKING_DAYS = 21
"""How long it takes to make a garment to measure; what else is asked for is done to it afterwards."""

NOTE_LIMIT = 500

STEPS = {
    AlterationStatus.REQUESTED: AlterationStatus.IN_PROGRESS,
    AlterationStatus.IN_PROGRESS: AlterationStatus.READY,
    AlterationStatus.READY: AlterationStatus.DONE,
}
"""Work goes one way. It is cancelled with its order, and by nobody alone."""

OPEN = frozenset({AlterationStatus.REQUESTED, AlterationStatus.IN_PROGRESS})
"""The garment is still to be worked on, and is not shipped."""

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such work.", ("id",))


@dataclass(frozen=True, slots=True)
class Work:
    """A change that was asked for: the price of one garment in the order's currency, and how long it takes."""

    kind: AlterationKind
    note: str | None = field(repr=False)
    price: int
    days: int


@dataclass(frozen=True, slots=True)
class Piece:
    """An order line as the tailor's work needs it."""

    order_line_id: UUID
    quantity: int
    custom_made: bool
    work: tuple[Work, ...] = ()


@dataclass(frozen=True, slots=True)
class Commission:
    """The order that work is for, and the day that it was placed."""

    order_id: UUID
    account_id: UUID | None
    channel: Channel
    currency: CurrencyCode
    placed_on: date


def rows(commission: Commission, pieces: Iterable[Piece]) -> list[dict[str, Any]]:
    """Rows of the table alteration for an order's lines; where it refuses a ticket as taken, ask again.

    A line made to measure is work of kind MADE_TO_MEASURE, whose price is the line's own.
    """
    return [
        {
            "id": new_id(),
            "order_id": commission.order_id,
            "order_line_id": piece.order_line_id,
            "account_id": commission.account_id,
            "channel": commission.channel,
            "ticket": new_number(TICKET),
            "kind": work.kind,
            "status": AlterationStatus.REQUESTED,
            "price": work.price,
            "currency": commission.currency,
            "quantity": piece.quantity,
            "due_on": commission.placed_on + timedelta(days=work.days),
            "note": work.note,
        }
        for piece in pieces
        for work in _in_order(piece)
    ]


def _in_order(piece: Piece) -> tuple[Work, ...]:
    if not piece.custom_made:
        return piece.work
    making = Work(AlterationKind.MADE_TO_MEASURE, None, 0, MAKING_DAYS)
    after = (Work(one.kind, one.note, one.price, MAKING_DAYS + one.days) for one in piece.work)
    return (making, *after)


# ---- going on


async def change(
    transaction: AsyncConnection,
    alteration_id: UUID,
    changes: Mapping[str, Any],
    *,
    expected_version: int | None = None,
) -> UUID | list[Refusal]:
    """Changes the status, the day that work is due on, or the workshop's note, which None removes.

    ILLEGAL_TRANSITION for a status that is not the next one. The first work that is begun takes the order into
    alteration, and the last that is ready back out of it; its owner is told that all is ready.
    """
    found = await _lock(transaction, alteration_id)
    if found is None:
        return [NOT_FOUND]
    order, work = found
    if expected_version not in {None, work.version}:
        return [Refusal(RefusalCode.VERSION_CONFLICT, "The work was changed meanwhile.", ("expectedVersion",))]
    values = _checked(work, changes)
    if isinstance(values, list):
        return values
    row = update(Alteration).where(Alteration.id == alteration_id)
    await transaction.execute(row.values(values | {"version": work.version + 1}))
    note_change(transaction, *of_order(order.id))
    if values.get("status") in {AlterationStatus.IN_PROGRESS, AlterationStatus.READY}:
        await _move_order(transaction, order, alteration_id, values["status"])
    return alteration_id


async def _lock(transaction: AsyncConnection, alteration_id: UUID) -> tuple[Any, Any] | None:
    """Order and work, locked; None too where the order still waits for its payment."""
    order_id = await transaction.scalar(select(Alteration.order_id).where(Alteration.id == alteration_id))
    order = None if order_id is None else await orders.lock(transaction, order_id)
    if order is None or order.status == OrderStatus.PENDING_PAYMENT:
        return None
    work = select(Alteration.version, Alteration.status).where(Alteration.id == alteration_id).with_for_update()
    return order, (await transaction.execute(work)).one()


def _checked(work: Any, changes: Mapping[str, Any]) -> dict[str, Any] | list[Refusal]:
    values: dict[str, Any] = {}
    refused = []
    status, due_on = changes.get("status"), changes.get("due_on")
    if status is not None and STEPS.get(AlterationStatus(work.status)) is not status:
        message = f"Work that is {work.status} does not become {status}."
        refused.append(Refusal(RefusalCode.ILLEGAL_TRANSITION, message, ("status",)))
    if "workshop_note" in changes:
        note = text.multiline(changes["workshop_note"], field=("workshopNote",), limit=NOTE_LIMIT)
        refused += [note] if isinstance(note, Refusal) else []
        values["workshop_note"] = note or None
    given = {"status": status, "due_on": due_on}
    return refused or values | {name: value for name, value in given.items() if value is not None}


async def _move_order(transaction: AsyncConnection, order: Any, alteration_id: UUID, status: AlterationStatus) -> None:
    """What work that is begun or ready means for its order."""
    statuses = select(Alteration.status).where(Alteration.order_id == order.id, Alteration.id != alteration_id)
    others = set(await transaction.scalars(statuses)) - {AlterationStatus.CANCELLED}
    if status is AlterationStatus.IN_PROGRESS and others <= {AlterationStatus.REQUESTED}:
        await tell(transaction, order.id, OrderEventKind.ALTERATION_STARTED)
        if order.status == OrderStatus.PLACED:
            await move(transaction, order.id, OrderStatus.IN_ALTERATION)
    if status is AlterationStatus.READY and not others & OPEN:
        await tell(transaction, order.id, OrderEventKind.ALTERATION_READY)
        await enqueue(transaction, Job(READY_LETTER, order.id))
        if order.status == OrderStatus.IN_ALTERATION:
            await move(transaction, order.id, OrderStatus.PLACED)
