"""Address books (P3). A recipient may be another person than the account's, and is personal data all the same (P10)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped

from models.base import Base, channel, choices, flag, key, recorded_at, reference, string, version
from models.classification import Channel, Erasure, Personal, Purpose

PLACE = Personal(
    "user.contact.address",
    purposes=frozenset({Purpose.ACCESS, Purpose.PRODUCTS, Purpose.LEGAL_SAFETY}),
    retention="account",
    erasure=Erasure.DELETE_ROW,
)
USE = PLACE.but("user.account.settings", sensitivity=1)


class AddressKind(StrEnum):
    """What an address is for."""

    BILLING = "BILLING"
    SHIPPING = "SHIPPING"
    MAILING = "MAILING"


class Address(Base):
    """An address as its country writes it (`commerce.postal`); phone is E.164. A default is of the kind it is for."""

    __tablename__ = "address"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", index=False, ondelete="CASCADE")
    version: Mapped[int] = version()
    channel: Mapped[Channel] = channel()
    created_at: Mapped[datetime] = recorded_at()
    updated_at: Mapped[datetime] = recorded_at()
    label: Mapped[str | None] = string(USE)
    recipient_name: Mapped[str] = string(PLACE.but("user.name", sensitivity=1))
    company: Mapped[str | None] = string(PLACE.but("user.workplace"))
    line1: Mapped[str] = string(PLACE.but("user.contact.address.street"))
    line2: Mapped[str | None] = string(PLACE.but("user.contact.address.street"))
    city: Mapped[str | None] = string(PLACE.but("user.contact.address.city"))
    region: Mapped[str | None] = string(PLACE.but("user.contact.address.state"))
    postal_code: Mapped[str | None] = string(PLACE.but("user.contact.address.postal_code"))
    country_code: Mapped[str] = string(PLACE.but("user.contact.address.country", sensitivity=1))
    phone: Mapped[str | None] = string(PLACE.but("user.contact.phone_number"))
    kinds: Mapped[list[AddressKind]] = choices(USE, AddressKind, "kinds")
    is_default_shipping: Mapped[bool] = flag(USE, default=False)
    is_default_billing: Mapped[bool] = flag(USE, default=False)

    __table_args__ = (
        Index("ix_address_account_id", "account_id", "id"),
        Index("uq_address_default_shipping", "account_id", unique=True, postgresql_where=text("is_default_shipping")),
        Index("uq_address_default_billing", "account_id", unique=True, postgresql_where=text("is_default_billing")),
        CheckConstraint("country_code ~ '^[A-Z]{2}$'", name="country_code"),
        CheckConstraint("NOT is_default_shipping OR 'SHIPPING' = ANY (kinds)", name="default_shipping"),
        CheckConstraint("NOT is_default_billing OR 'BILLING' = ANY (kinds)", name="default_billing"),
    )
