"""What staff decide about customers' accounts, and why."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from models.base import Base, channel, choice, key, recorded_at, reference, string
from models.classification import Channel, Erasure, Personal, Purpose

DECISION = Personal(
    "user.account.decision",
    purposes=frozenset({Purpose.ACCESS, Purpose.LEGAL_SAFETY}),
    retention="customer_decision",
    erasure=Erasure.DELETE_ROW,
)


class CustomerDecisionKind(StrEnum):
    DISABLED = "DISABLED"
    ENABLED = "ENABLED"


class CustomerDecision(Base):
    """That a member of staff disabled or enabled an account, with the reason given; the owner's trail has neither."""

    __tablename__ = "customer_decision"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", index=False, ondelete="CASCADE")
    staff_id: Mapped[UUID | None] = reference("staff_member.id", ondelete="SET NULL")
    channel: Mapped[Channel] = channel()
    kind: Mapped[CustomerDecisionKind] = choice(DECISION, CustomerDecisionKind, "kind")
    reason: Mapped[str] = string(DECISION)
    decided_at: Mapped[datetime] = recorded_at(DECISION)

    __table_args__ = (Index("ix_customer_decision_account_id", "account_id", "decided_at"),)
