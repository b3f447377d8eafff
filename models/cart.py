"""Carts. One holds nothing back: prices, stock and codes are looked at again whenever it is read."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger
from sqlalchemy.orm import Mapped

from models.base import (
    Base,
    channel,
    channel_of,
    choice,
    column,
    digest,
    key,
    minor_units,
    moment,
    number,
    recorded_at,
    reference,
    string,
    version,
)
from models.catalogue import AlterationKind, CurrencyCode
from models.classification import Channel, Erasure, NotPersonal, Personal, Purpose

CART = NotPersonal("what is in a cart; a person only through cart.account_id")
SHOPPER = Personal(
    "user.behavior.purchase_history",
    purposes=frozenset({Purpose.ACCESS, Purpose.PRODUCTS}),
    retention="cart",
    erasure=Erasure.DELETE_ROW,
)
WISH = SHOPPER.but("user.content.private")


class Cart(Base):
    """A customer's, or that of whoever has the token. `placing_id`: the order being placed, which hides the cart."""

    __tablename__ = "cart"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    account_id: Mapped[UUID | None] = reference("account.id", what=SHOPPER, ondelete="CASCADE")
    token_digest: Mapped[bytes | None] = digest(NotPersonal("the hash of a random token"), unique=True)
    channel: Mapped[Channel] = channel()
    currency: Mapped[CurrencyCode] = choice(CART, CurrencyCode, "currency")
    created_at: Mapped[datetime] = recorded_at()
    updated_at: Mapped[datetime] = recorded_at()
    expires_at: Mapped[datetime] = moment(CART, index=True)
    placing_id: Mapped[UUID | None] = reference("orders.id", ondelete="SET NULL")

    __table_args__ = (CheckConstraint("(account_id IS NULL) <> (token_digest IS NULL)", name="holder"),)


class CartLine(Base):
    """`seen_price` is the unit price when it was put in or last confirmed, for the warning that it moved."""

    __tablename__ = "cart_line"
    id: Mapped[UUID] = key()
    cart_id: Mapped[UUID] = reference("cart.id", index=False, ondelete="CASCADE")
    account_id: Mapped[UUID | None] = reference("account.id", what=SHOPPER, ondelete="CASCADE")
    position: Mapped[int] = column(CART, SmallInteger)
    variant_id: Mapped[UUID] = reference("variant.id", ondelete="CASCADE")
    quantity: Mapped[int] = number(CART)
    seen_price: Mapped[int] = minor_units(CART)
    measurement_set_id: Mapped[UUID | None] = reference("measurement_set.id", ondelete="SET NULL")
    gift_message: Mapped[str | None] = string(WISH)

    __table_args__ = (
        Index("ix_cart_line_position", "cart_id", "position"),
        CheckConstraint("quantity > 0", name="quantity"),
        channel_of("cart_id"),
    )


class CartAlteration(Base):
    """What the tailor is to do with each piece of a line; `note` is in the customer's words."""

    __tablename__ = "cart_alteration"
    line_id: Mapped[UUID] = reference("cart_line.id", index=False, primary_key=True, ondelete="CASCADE")
    kind: Mapped[AlterationKind] = choice(CART, AlterationKind, "kind", primary_key=True)
    account_id: Mapped[UUID | None] = reference("account.id", what=SHOPPER, ondelete="CASCADE")
    note: Mapped[str | None] = string(WISH)

    __table_args__ = channel_of("line_id")


class CartDiscount(Base):
    """A code that was entered, in the order of entering."""

    __tablename__ = "cart_discount"
    cart_id: Mapped[UUID] = reference("cart.id", index=False, primary_key=True, ondelete="CASCADE")
    discount_id: Mapped[UUID] = reference("discount.id", primary_key=True, ondelete="CASCADE")
    position: Mapped[int] = column(CART, SmallInteger)
