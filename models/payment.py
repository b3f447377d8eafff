"""Saved ways to pay: a gateway's token and what a person recognises it by; never a card number (P4)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.orm import Mapped

from models.base import Base, channel, code, column, flag, key, recorded_at, reference, string
from models.classification import Channel, Erasure, Personal, Purpose

SAVED_CARD = Personal(
    "user.financial.payment_method",
    purposes=frozenset({Purpose.ACCESS, Purpose.PRODUCTS}),
    retention="account",
    erasure=Erasure.DELETE_ROW,
    sensitivity=3,
)


class PaymentMethod(Base):
    __tablename__ = "payment_method"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", ondelete="CASCADE")
    created_at: Mapped[datetime] = recorded_at(SAVED_CARD)
    channel: Mapped[Channel] = channel()
    gateway_token: Mapped[str] = string(SAVED_CARD.but("user.financial.token", exported=False, sensitivity=4))
    brand: Mapped[str] = string(SAVED_CARD)
    last4: Mapped[str] = code(SAVED_CARD, "^[0-9]{4}$", "last4")
    expiry_month: Mapped[int] = column(SAVED_CARD, SmallInteger)
    expiry_year: Mapped[int] = column(SAVED_CARD, SmallInteger)
    is_default: Mapped[bool] = flag(SAVED_CARD, default=False)

    __table_args__ = (
        Index("uq_payment_method_default", "account_id", unique=True, postgresql_where=text("is_default")),
    )
