"""Orders. An order is accounting facts; the person is in tables of their own that can be cut off from them (P5)."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric, SmallInteger, text
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
    version,
)
from models.catalogue import SLUG, CurrencyCode
from models.classification import Channel, Erasure, Mask, NotPersonal, Personal, Purpose

FACT = NotPersonal("an accounting fact; a person only through orders.account_id, which erasure clears")
TAX_PLACE = NotPersonal("the country and state that tax is owed to; kept with the books")
TAX_RATE = Numeric(7, 6)
"""A fraction: 0.19 is 19 %."""
PURCHASER = Personal(
    "user.behavior.purchase_history",
    purposes=frozenset({Purpose.ACCESS, Purpose.PRODUCTS, Purpose.LEGAL_SAFETY}),
    retention="order",
    erasure=Erasure.UNLINK,
)
DELIVERY = Personal(
    "user.contact.address",
    purposes=frozenset({Purpose.ACCESS, Purpose.PRODUCTS, Purpose.LEGAL_SAFETY}),
    retention="order_contact",
    erasure=Erasure.DELETE_ROW,
)
CARD = DELIVERY.but("user.financial.payment_method", sensitivity=3)


class OrderStatus(StrEnum):
    PENDING_PAYMENT = "PENDING_PAYMENT"
    PLACED = "PLACED"
    IN_ALTERATION = "IN_ALTERATION"
    PARTIALLY_FULFILLED = "PARTIALLY_FULFILLED"
    FULFILLED = "FULFILLED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"


class OrderAddressKind(StrEnum):
    SHIPPING = "SHIPPING"
    BILLING = "BILLING"


class OrderCancelReason(StrEnum):
    CHANGED_MIND = "CHANGED_MIND"
    ORDERED_BY_MISTAKE = "ORDERED_BY_MISTAKE"
    TOO_SLOW = "TOO_SLOW"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    FRAUD = "FRAUD"
    OTHER = "OTHER"


class OrderEventKind(StrEnum):
    PLACED = "PLACED"
    PAYMENT_PENDING = "PAYMENT_PENDING"
    PAYMENT_SETTLED = "PAYMENT_SETTLED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    ALTERATION_STARTED = "ALTERATION_STARTED"
    ALTERATION_READY = "ALTERATION_READY"
    FULFILLED = "FULFILLED"
    DELIVERED = "DELIVERED"
    RETURN_REQUESTED = "RETURN_REQUESTED"
    RETURN_DECIDED = "RETURN_DECIDED"
    RETURN_RECEIVED = "RETURN_RECEIVED"
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"


class PaymentStatus(StrEnum):
    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    CAPTURED = "CAPTURED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    FAILED = "FAILED"


class Order(Base):
    """Amounts are minor units; total = subtotal - discount_total + shipping_total (+ tax_total if excluded)."""

    __tablename__ = "orders"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    account_id: Mapped[UUID | None] = reference("account.id", index=False, what=PURCHASER, ondelete="SET NULL")
    number: Mapped[str] = code(NotPersonal("random and readable, tells nothing"), "^[A-Z0-9-]+$", "number", unique=True)
    placed_at: Mapped[datetime] = moment(FACT)
    channel: Mapped[Channel] = channel()
    status: Mapped[OrderStatus] = choice(FACT, OrderStatus, "status")
    currency: Mapped[CurrencyCode] = choice(FACT, CurrencyCode, "currency")
    subtotal: Mapped[int] = minor_units(FACT)
    discount_total: Mapped[int] = minor_units(FACT, server_default=text("0"))
    shipping_total: Mapped[int] = minor_units(FACT, server_default=text("0"))
    tax_total: Mapped[int] = minor_units(FACT, server_default=text("0"))
    total: Mapped[int] = minor_units(FACT)
    refunded_total: Mapped[int] = minor_units(FACT, server_default=text("0"))
    prices_include_tax: Mapped[bool] = flag(FACT, default=False)
    shipping_method: Mapped[str] = code(FACT, SLUG, "shipping_method", server_default=text("'standard'"))
    shipping_tax_rate: Mapped[Decimal] = column(FACT, TAX_RATE, server_default=text("0"))
    shipping_tax_total: Mapped[int] = minor_units(FACT, server_default=text("0"))
    tax_country: Mapped[str | None] = string(TAX_PLACE)
    tax_region: Mapped[str | None] = string(TAX_PLACE)
    cancel_reason: Mapped[OrderCancelReason | None] = choice(FACT, OrderCancelReason, "cancel_reason")
    delivered_at: Mapped[datetime | None] = moment(FACT)

    __table_args__ = (
        Index("ix_orders_unsettled", "placed_at", postgresql_where=text("status = 'PENDING_PAYMENT'")),
        Index("ix_orders_account_id", "account_id", "placed_at", "id"),
        Index("ix_orders_newest", "placed_at", "id"),
        Index("ix_orders_total", "total", "id"),
        CheckConstraint("0 <= refunded_total AND refunded_total <= total", name="refunded_total"),
        CheckConstraint("least(subtotal, discount_total, shipping_total, tax_total, total) >= 0", name="amounts"),
    )


class OrderLine(Base):
    __tablename__ = "order_line"
    id: Mapped[UUID] = key()
    order_id: Mapped[UUID] = reference("orders.id", index=False, ondelete="CASCADE")
    position: Mapped[int] = column(FACT, SmallInteger)
    variant_id: Mapped[UUID | None] = reference("variant.id", ondelete="SET NULL")
    sku: Mapped[str] = string(FACT)
    product_name: Mapped[str] = string(FACT)
    size: Mapped[str | None] = string(FACT)
    color: Mapped[str | None] = string(FACT)
    quantity: Mapped[int] = number(FACT)
    unit_price: Mapped[int] = minor_units(FACT)
    total: Mapped[int] = minor_units(FACT)
    currency: Mapped[CurrencyCode] = choice(FACT, CurrencyCode, "currency")
    custom_made: Mapped[bool] = flag(FACT, default=False)
    discount_total: Mapped[int] = minor_units(FACT, server_default=text("0"))
    tax_rate: Mapped[Decimal] = column(FACT, TAX_RATE, server_default=text("0"))
    tax_total: Mapped[int] = minor_units(FACT, server_default=text("0"))
    fulfilled_quantity: Mapped[int] = number(FACT, server_default=text("0"))
    returned_quantity: Mapped[int] = number(FACT, server_default=text("0"))
    cancelled_quantity: Mapped[int] = number(FACT, server_default=text("0"))

    __table_args__ = (
        Index("uq_order_line_position", "order_id", "position", unique=True),
        Index("ix_order_line_sku", "sku"),
        CheckConstraint("quantity > 0 AND unit_price >= 0 AND total >= 0", name="amounts"),
        CheckConstraint(
            "least(discount_total, tax_total, fulfilled_quantity, returned_quantity, cancelled_quantity) >= 0 "
            "AND discount_total <= total AND fulfilled_quantity + cancelled_quantity <= quantity "
            "AND returned_quantity <= fulfilled_quantity",
            name="counts",
        ),
    )


class OrderGift(Base):
    """What is written on the card that goes with a line."""

    __tablename__ = "order_gift"
    order_line_id: Mapped[UUID] = reference("order_line.id", index=False, primary_key=True, ondelete="CASCADE")
    account_id: Mapped[UUID | None] = reference("account.id", ondelete="CASCADE")
    channel: Mapped[Channel] = channel()
    message: Mapped[str] = string(DELIVERY.but("user.content.private"))


class OrderEvent(Base):
    """What happened to an order, in the order of its keys: no free text, and nobody's name."""

    __tablename__ = "order_event"
    id: Mapped[UUID] = key()
    order_id: Mapped[UUID] = reference("orders.id", index=False, ondelete="CASCADE")
    kind: Mapped[OrderEventKind] = choice(FACT, OrderEventKind, "kind")
    at: Mapped[datetime] = recorded_at(FACT)
    fulfillment_id: Mapped[UUID | None] = reference("fulfillment.id", ondelete="SET NULL")
    return_request_id: Mapped[UUID | None] = reference("return_request.id", ondelete="SET NULL")
    refund_id: Mapped[UUID | None] = reference("refund.id", ondelete="SET NULL")

    __table_args__ = (Index("ix_order_event_timeline", "order_id", "id"),)


class OrderContact(Base):
    """Who ordered, copied at the time of the order."""

    __tablename__ = "order_contact"
    order_id: Mapped[UUID] = reference("orders.id", index=False, primary_key=True, ondelete="CASCADE")
    account_id: Mapped[UUID | None] = reference("account.id", ondelete="CASCADE")
    channel: Mapped[Channel] = channel()
    name: Mapped[str | None] = string(DELIVERY.but("user.name", mask=Mask.NAME))
    email: Mapped[str | None] = string(DELIVERY.but("user.contact.email", mask=Mask.EMAIL))
    phone: Mapped[str | None] = string(DELIVERY.but("user.contact.phone_number", mask=Mask.PHONE))


class OrderAddress(Base):
    """Where to, copied at the time of the order; the recipient may be another person (P10)."""

    __tablename__ = "order_address"
    order_id: Mapped[UUID] = reference("orders.id", index=False, primary_key=True, ondelete="CASCADE")
    kind: Mapped[OrderAddressKind] = choice(FACT, OrderAddressKind, "kind", primary_key=True)
    account_id: Mapped[UUID | None] = reference("account.id", ondelete="CASCADE")
    channel: Mapped[Channel] = channel()
    recipient_name: Mapped[str | None] = string(DELIVERY.but("user.name"))
    company: Mapped[str | None] = string(DELIVERY.but("user.workplace"))
    line1: Mapped[str | None] = string(DELIVERY.but("user.contact.address.street"))
    line2: Mapped[str | None] = string(DELIVERY.but("user.contact.address.street"))
    city: Mapped[str | None] = string(DELIVERY.but("user.contact.address.city"))
    region: Mapped[str | None] = string(DELIVERY.but("user.contact.address.state"))
    postal_code: Mapped[str | None] = string(DELIVERY.but("user.contact.address.postal_code"))
    country_code: Mapped[str | None] = string(DELIVERY.but("user.contact.address.country"))
    phone: Mapped[str | None] = string(DELIVERY.but("user.contact.phone_number"))


class OrderPayment(Base):
    """What of a payment the shop keeps: never a card number (P4)."""

    __tablename__ = "order_payment"
    order_id: Mapped[UUID] = reference("orders.id", index=False, primary_key=True, ondelete="CASCADE")
    account_id: Mapped[UUID | None] = reference("account.id", ondelete="CASCADE")
    channel: Mapped[Channel] = channel()
    status: Mapped[PaymentStatus] = choice(FACT, PaymentStatus, "status")
    brand: Mapped[str | None] = string(CARD)
    last4: Mapped[str | None] = code(CARD, "^[0-9]{4}$", "last4")
