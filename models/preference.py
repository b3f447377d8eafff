"""What a customer says about taste and about being written to; all of it optional (P7, P27)."""

from uuid import UUID

from sqlalchemy import ARRAY, Text, text
from sqlalchemy.orm import Mapped

from models.base import Base, channel, column, flag, reference, string, version
from models.classification import Channel, Erasure, Personal, Purpose

TASTE = Personal(
    "user.content.preferences",
    purposes=frozenset({Purpose.ACCESS, Purpose.PRODUCTS, Purpose.PERSONALIZATION}),
    retention="account",
    erasure=Erasure.DELETE_ROW,
)
WISH = TASTE.but("user.consent.communication", purposes=frozenset({Purpose.ACCESS, Purpose.PRODUCTS}), sensitivity=1)


class Preference(Base):
    __tablename__ = "preference"
    account_id: Mapped[UUID] = reference("account.id", index=False, primary_key=True, ondelete="CASCADE")
    version: Mapped[int] = version()
    channel: Mapped[Channel] = channel()
    interests: Mapped[list[str]] = column(TASTE, ARRAY(Text), server_default=text("'{}'"))
    personalization: Mapped[bool] = flag(WISH, default=True)


class SizePreference(Base):
    __tablename__ = "size_preference"
    account_id: Mapped[UUID] = reference("account.id", index=False, primary_key=True, ondelete="CASCADE")
    garment: Mapped[str] = string(TASTE, primary_key=True)
    size: Mapped[str] = string(TASTE)
    channel: Mapped[Channel] = channel()


class BrandPreference(Base):
    __tablename__ = "brand_preference"
    account_id: Mapped[UUID] = reference("account.id", index=False, primary_key=True, ondelete="CASCADE")
    brand_id: Mapped[UUID] = reference("brand.id", primary_key=True, what=TASTE, ondelete="CASCADE")
    channel: Mapped[Channel] = channel()


class CommunicationPreference(Base):
    """Marketing only; service and safety messages are not optional. Off until chosen."""

    __tablename__ = "communication_preference"
    account_id: Mapped[UUID] = reference("account.id", index=False, primary_key=True, ondelete="CASCADE")
    version: Mapped[int] = version()
    channel: Mapped[Channel] = channel()
    email: Mapped[bool] = flag(WISH, default=False)
    sms: Mapped[bool] = flag(WISH, default=False)
    phone: Mapped[bool] = flag(WISH, default=False)
    post: Mapped[bool] = flag(WISH, default=False)
