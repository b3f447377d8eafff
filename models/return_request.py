"""Returns: what a customer wants to send back, why, what came, and what became of it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from models.base import Base, channel, choice, code, key, number, recorded_at, reference, string, version
from models.classification import Channel, Erasure
from models.order import DELIVERY, FACT

TALK = DELIVERY.but("user.content.private", erasure=Erasure.CLEAR)


class ReturnStatus(StrEnum):
    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    DECLINED = "DECLINED"
    RECEIVED = "RECEIVED"
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"


class ReturnReason(StrEnum):
    TOO_SMALL = "TOO_SMALL"
    TOO_LARGE = "TOO_LARGE"
    NOT_AS_DESCRIBED = "NOT_AS_DESCRIBED"
    DAMAGED = "DAMAGED"
    WRONG_ITEM = "WRONG_ITEM"
    CHANGED_MIND = "CHANGED_MIND"
    UNWANTED_GIFT = "UNWANTED_GIFT"
    OTHER = "OTHER"


class ReturnRequest(Base):
    """`note` is the customer's, `message` the shop's answer; `rma` is random and readable."""

    __tablename__ = "return_request"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    order_id: Mapped[UUID] = reference("orders.id", ondelete="CASCADE")
    account_id: Mapped[UUID | None] = reference("account.id", index=False, ondelete="SET NULL")
    channel: Mapped[Channel] = channel()
    rma: Mapped[str] = code(FACT, "^[A-Z0-9-]+$", "rma", unique=True)
    status: Mapped[ReturnStatus] = choice(FACT, ReturnStatus, "status")
    created_at: Mapped[datetime] = recorded_at(FACT)
    note: Mapped[str | None] = string(TALK)
    message: Mapped[str | None] = string(TALK)
    exchange_order_id: Mapped[UUID | None] = reference("orders.id", ondelete="SET NULL")

    __table_args__ = (
        Index("ix_return_request_account_id", "account_id", "id"),
        Index("ix_return_request_queue", "status", "id"),
    )


class ReturnLine(Base):
    """`quantity` is asked for, then what came: `received_quantity`, of which `restocked` can be sold again."""

    __tablename__ = "return_line"
    id: Mapped[UUID] = key()
    return_request_id: Mapped[UUID] = reference("return_request.id", ondelete="CASCADE")
    order_line_id: Mapped[UUID] = reference("order_line.id", ondelete="CASCADE")
    quantity: Mapped[int] = number(FACT)
    received_quantity: Mapped[int] = number(FACT, server_default="0")
    restocked: Mapped[int] = number(FACT, server_default="0")
    reason: Mapped[ReturnReason] = choice(FACT, ReturnReason, "reason")
    exchange_variant_id: Mapped[UUID | None] = reference("variant.id", ondelete="SET NULL")

    __table_args__ = (
        CheckConstraint(
            "quantity > 0 AND 0 <= restocked AND restocked <= received_quantity AND received_quantity <= quantity",
            name="quantities",
        ),
    )
