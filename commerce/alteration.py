"""The tailor's work: what an order asks of it, and how it goes on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from commerce.numbers import new_number
from models.alteration import AlterationStatus
from models.catalogue import AlterationKind, CurrencyCode
from models.classification import Channel
from models.ids import new_id

TICKET = "T"
MAKING_DAYS = 21
"""How long it takes to make a garment to measure; what else is asked for is done to it afterwards."""


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
