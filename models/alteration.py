"""The tailor's work on order lines. A ticket is pinned to the garment; nothing leads from it to the person."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, Index
from sqlalchemy.orm import Mapped

from models.base import (
    Base,
    channel,
    choice,
    code,
    column,
    key,
    minor_units,
    number,
    recorded_at,
    reference,
    string,
    version,
)
from models.catalogue import AlterationKind, CurrencyCode
from models.classification import Channel
from models.measurement import BODY
from models.order import FACT

WORK = BODY.but("user.content.private", sensitivity=3)


class AlterationStatus(StrEnum):
    REQUESTED = "REQUESTED"
    IN_PROGRESS = "IN_PROGRESS"
    READY = "READY"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


class Alteration(Base):
    """`price` is of one garment. Notes can describe a body, and go when the measurements go (P6)."""

    __tablename__ = "alteration"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    order_id: Mapped[UUID] = reference("orders.id", ondelete="CASCADE")
    order_line_id: Mapped[UUID] = reference("order_line.id", ondelete="CASCADE")
    account_id: Mapped[UUID | None] = reference("account.id", ondelete="SET NULL")
    channel: Mapped[Channel] = channel()
    created_at: Mapped[datetime] = recorded_at(FACT)
    ticket: Mapped[str] = code(FACT, "^[A-Z0-9-]+$", "ticket", unique=True)
    kind: Mapped[AlterationKind] = choice(FACT, AlterationKind, "kind")
    status: Mapped[AlterationStatus] = choice(FACT, AlterationStatus, "status")
    price: Mapped[int] = minor_units(FACT)
    currency: Mapped[CurrencyCode] = choice(FACT, CurrencyCode, "currency")
    quantity: Mapped[int] = number(FACT)
    due_on: Mapped[date] = column(FACT, Date)
    note: Mapped[str | None] = string(WORK)
    workshop_note: Mapped[str | None] = string(WORK)

    __table_args__ = (
        Index("ix_alteration_queue", "status", "due_on", "id"),
        CheckConstraint("price >= 0 AND quantity > 0", name="amounts"),
    )
