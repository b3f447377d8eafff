"""Discount codes: what they take off, from when to when, of what, how often; and each use of one by an order."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Numeric, text
from sqlalchemy.orm import Mapped

from models.base import (
    Base,
    channel_of,
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
    version,
)
from models.catalogue import CurrencyCode
from models.classification import NotPersonal
from models.order import PURCHASER

OFFER = NotPersonal("an offer of the shop, of nobody in particular")
USE = NotPersonal("that an order used an offer; an accounting fact")

CODE = "^[A-Z0-9][A-Z0-9_-]*$"


class DiscountKind(StrEnum):
    PERCENT = "PERCENT"
    AMOUNT = "AMOUNT"
    FREE_SHIPPING = "FREE_SHIPPING"


class Discount(Base):
    """`code` is upper case. `percent`: 10 is 10 %. `used` counts the uses that were not given back."""

    __tablename__ = "discount"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    code: Mapped[str] = code(OFFER, CODE, "code", unique=True)
    kind: Mapped[DiscountKind] = choice(OFFER, DiscountKind, "kind")
    percent: Mapped[Decimal | None] = column(OFFER, Numeric(6, 3))
    starts_at: Mapped[datetime | None] = moment(OFFER)
    ends_at: Mapped[datetime | None] = moment(OFFER)
    total_limit: Mapped[int | None] = number(OFFER)
    per_customer_limit: Mapped[int | None] = number(OFFER)
    used: Mapped[int] = number(OFFER, server_default=text("0"))
    combinable: Mapped[bool] = flag(OFFER, default=False)
    active: Mapped[bool] = flag(OFFER, default=True)

    __table_args__ = (
        CheckConstraint(
            "(kind = 'PERCENT') = (percent IS NOT NULL) AND percent > 0 AND percent <= 100", name="percent"
        ),
        CheckConstraint("used >= 0 AND used <= total_limit", name="used"),
        CheckConstraint("total_limit > 0 AND per_customer_limit > 0 AND starts_at < ends_at", name="limits"),
    )


class DiscountAmount(Base):
    """In one currency: what an AMOUNT code takes off, and the least that has to be bought of what it applies to."""

    __tablename__ = "discount_amount"
    discount_id: Mapped[UUID] = reference("discount.id", index=False, primary_key=True, ondelete="CASCADE")
    currency: Mapped[CurrencyCode] = choice(OFFER, CurrencyCode, "currency", primary_key=True)
    amount: Mapped[int | None] = minor_units(OFFER)
    minimum: Mapped[int | None] = minor_units(OFFER)

    __table_args__ = (CheckConstraint("amount > 0 AND minimum >= 0", name="amounts"),)


class DiscountProduct(Base):
    """A product that a code is for; one with neither products nor categories is for all."""

    __tablename__ = "discount_product"
    discount_id: Mapped[UUID] = reference("discount.id", index=False, primary_key=True, ondelete="CASCADE")
    product_id: Mapped[UUID] = reference("product.id", primary_key=True, ondelete="CASCADE")


class DiscountCategory(Base):
    __tablename__ = "discount_category"
    discount_id: Mapped[UUID] = reference("discount.id", index=False, primary_key=True, ondelete="CASCADE")
    category_id: Mapped[UUID] = reference("category.id", primary_key=True, ondelete="CASCADE")


class DiscountUse(Base):
    """An order's use of a code, until it is given back with the order's cancellation."""

    __tablename__ = "discount_use"
    order_id: Mapped[UUID] = reference("orders.id", index=False, primary_key=True, ondelete="CASCADE")
    discount_id: Mapped[UUID] = reference("discount.id", index=False, primary_key=True)
    account_id: Mapped[UUID | None] = reference("account.id", what=PURCHASER, ondelete="SET NULL")
    used_at: Mapped[datetime] = recorded_at(USE)

    __table_args__ = (Index("ix_discount_use_customer", "discount_id", "account_id"), channel_of("order_id"))
