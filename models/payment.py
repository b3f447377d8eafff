"""Payments: saved ways to pay, charges, tenders at the till, refunds. Never a card number (P4)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped

from models.base import (
    Base,
    channel,
    choice,
    code,
    column,
    flag,
    key,
    minor_units,
    moment,
    number,
    recorded_at,
    reference,
    string,
)
from models.catalogue import CurrencyCode
from models.classification import Channel, Erasure, NotPersonal, Personal, Purpose

BOOKED = NotPersonal("an accounting fact of an order")
GATEWAY_KEY = NotPersonal("the gateway's own key of what it did; means nothing without the gateway")

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
    gateway_token: Mapped[str] = string(
        SAVED_CARD.but("user.financial.token", exported=False, sensitivity=4, secret=True)
    )
    brand: Mapped[str] = string(SAVED_CARD)
    last4: Mapped[str] = code(SAVED_CARD, "^[0-9]{4}$", "last4")
    expiry_month: Mapped[int] = column(SAVED_CARD, SmallInteger)
    expiry_year: Mapped[int] = column(SAVED_CARD, SmallInteger)
    is_default: Mapped[bool] = flag(SAVED_CARD, default=False)

    __table_args__ = (
        Index("uq_payment_method_default", "account_id", unique=True, postgresql_where=text("is_default")),
    )


class ForgottenCard(Base):
    """A card that the gateway shall forget: whoever's it was has it no more, and the row goes when that is done."""

    __tablename__ = "forgotten_card"
    id: Mapped[UUID] = key()
    gateway_token: Mapped[str] = string(
        NotPersonal("the gateway's key of a card that is linked to nobody any more", secret=True)
    )
    created_at: Mapped[datetime] = recorded_at()


class ChargeStatus(StrEnum):
    """As of gateways.payments: PENDING is not known yet, ACTION waits for the customer at their bank."""

    PENDING = "PENDING"
    ACTION = "ACTION"
    AUTHORIZED = "AUTHORIZED"
    CAPTURED = "CAPTURED"
    FAILED = "FAILED"
    VOIDED = "VOIDED"


class RefundStatus(StrEnum):
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class RefundReason(StrEnum):
    RETURN = "RETURN"
    CANCELLATION = "CANCELLATION"
    GOODWILL = "GOODWILL"
    DAMAGED = "DAMAGED"
    LOST = "LOST"
    OTHER = "OTHER"


class TenderKind(StrEnum):
    CASH = "CASH"
    CARD_TERMINAL = "CARD_TERMINAL"


class Charge(Base):
    """What a gateway is asked to take for an order. Its key is the idempotency key of all that is asked about it.

    The row is committed before the gateway hears of it, so that no charge is unknown here.
    """

    __tablename__ = "charge"
    id: Mapped[UUID] = key()
    order_id: Mapped[UUID] = reference("orders.id", ondelete="CASCADE")
    gateway: Mapped[str] = code(BOOKED, "^[a-z]+$", "gateway")
    gateway_key: Mapped[str | None] = string(GATEWAY_KEY, index=True)
    status: Mapped[ChargeStatus] = choice(BOOKED, ChargeStatus, "status")
    currency: Mapped[CurrencyCode] = choice(BOOKED, CurrencyCode, "currency")
    amount: Mapped[int] = minor_units(BOOKED)
    refunded: Mapped[int] = minor_units(BOOKED, server_default=text("0"))
    created_at: Mapped[datetime] = recorded_at(BOOKED)
    expires_at: Mapped[datetime | None] = moment(BOOKED)
    settled_at: Mapped[datetime | None] = moment(BOOKED)

    __table_args__ = (
        Index("ix_charge_unsettled", "created_at", postgresql_where=text("status IN ('PENDING', 'ACTION')")),
        CheckConstraint("amount > 0 AND 0 <= refunded AND refunded <= amount", name="amounts"),
    )


class Tender(Base):
    """How a sale at the till was paid; what was given back as change is not part of the amount."""

    __tablename__ = "tender"
    id: Mapped[UUID] = key()
    order_id: Mapped[UUID] = reference("orders.id", ondelete="CASCADE")
    kind: Mapped[TenderKind] = choice(BOOKED, TenderKind, "kind")
    amount: Mapped[int] = minor_units(BOOKED)
    charge_id: Mapped[UUID | None] = reference("charge.id", ondelete="SET NULL")

    __table_args__ = (CheckConstraint("amount > 0", name="amount"),)


class Refund(Base):
    """What was paid back; `shipping_amount` is part of `amount`. How it was paid is in its parts."""

    __tablename__ = "refund"
    id: Mapped[UUID] = key()
    order_id: Mapped[UUID] = reference("orders.id", ondelete="CASCADE")
    return_request_id: Mapped[UUID | None] = reference("return_request.id", ondelete="SET NULL")
    status: Mapped[RefundStatus] = choice(BOOKED, RefundStatus, "status")
    reason: Mapped[RefundReason] = choice(BOOKED, RefundReason, "reason")
    currency: Mapped[CurrencyCode] = choice(BOOKED, CurrencyCode, "currency")
    amount: Mapped[int] = minor_units(BOOKED)
    shipping_amount: Mapped[int] = minor_units(BOOKED, server_default=text("0"))
    created_at: Mapped[datetime] = recorded_at(BOOKED)
    settled_at: Mapped[datetime | None] = moment(BOOKED)

    __table_args__ = (
        Index("ix_refund_unsettled", "created_at", postgresql_where=text("status = 'PENDING'")),
        Index("uq_refund_return", "return_request_id", unique=True, postgresql_where=text("status <> 'FAILED'")),
        CheckConstraint("amount > 0 AND 0 <= shipping_amount AND shipping_amount <= amount", name="amounts"),
    )


class RefundPart(Base):
    """What one charge or the till's drawer pays of a refund; its key is the idempotency key at the gateway.

    The first part has the refund's own key. A part without a charge is cash.
    """

    __tablename__ = "refund_part"
    id: Mapped[UUID] = key()
    refund_id: Mapped[UUID] = reference("refund.id", ondelete="CASCADE")
    charge_id: Mapped[UUID | None] = reference("charge.id", ondelete="CASCADE")
    status: Mapped[RefundStatus] = choice(BOOKED, RefundStatus, "status")
    amount: Mapped[int] = minor_units(BOOKED)

    __table_args__ = (CheckConstraint("amount > 0", name="amount"),)


class RefundLine(Base):
    __tablename__ = "refund_line"
    refund_id: Mapped[UUID] = reference("refund.id", index=False, primary_key=True, ondelete="CASCADE")
    order_line_id: Mapped[UUID] = reference("order_line.id", primary_key=True, ondelete="CASCADE")
    quantity: Mapped[int] = number(BOOKED)
    amount: Mapped[int] = minor_units(BOOKED)
    currency: Mapped[CurrencyCode] = choice(BOOKED, CurrencyCode, "currency")

    __table_args__ = (CheckConstraint("quantity > 0 AND amount >= 0", name="amounts"),)


class GatewayEvent(Base):
    """A webhook that was acted on, by the gateway's own key of it: its repetition is not."""

    __tablename__ = "gateway_event"
    id: Mapped[UUID] = key()
    gateway: Mapped[str] = code(BOOKED, "^[a-z]+$", "gateway")
    event_key: Mapped[str] = string(GATEWAY_KEY)
    received_at: Mapped[datetime] = recorded_at(BOOKED)

    __table_args__ = (Index("uq_gateway_event_key", "gateway", "event_key", unique=True),)
