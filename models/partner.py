"""Partners and their keys. A partner is a company; nothing here is about a person."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, Date, Integer, Text, text
from sqlalchemy.orm import Mapped

from models.base import Base, choice, column, digest, key, moment, recorded_at, reference, string, version
from models.classification import NotPersonal

COMPANY = NotPersonal("about a company that we work with")


class PartnerStatus(StrEnum):
    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


class Partner(Base):
    """`scopes` is what its keys may have at most; `networks` are CIDR blocks its requests come from, none means any."""

    __tablename__ = "partner"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    name: Mapped[str] = column(COMPANY, Text, unique=True)
    status: Mapped[PartnerStatus] = choice(COMPANY, PartnerStatus, "status")
    scopes: Mapped[list[str]] = column(COMPANY, ARRAY(Text))
    networks: Mapped[list[str]] = column(COMPANY, ARRAY(Text), server_default=text("'{}'"))
    created_at: Mapped[datetime] = recorded_at(COMPANY)


class PartnerKey(Base):
    """A key as its digest; `prefix` is what tells keys apart on a page."""

    __tablename__ = "partner_key"
    id: Mapped[UUID] = key()
    partner_id: Mapped[UUID] = reference("partner.id", ondelete="CASCADE")
    key_digest: Mapped[bytes] = digest(NotPersonal("the hash of a random secret"), unique=True)
    prefix: Mapped[str] = string(COMPANY)
    label: Mapped[str | None] = string(COMPANY)
    scopes: Mapped[list[str]] = column(COMPANY, ARRAY(Text))
    created_at: Mapped[datetime] = recorded_at(COMPANY)
    expires_at: Mapped[datetime | None] = moment(COMPANY)
    last_used_at: Mapped[datetime | None] = moment(COMPANY)
    revoked_at: Mapped[datetime | None] = moment(COMPANY)


class PartnerUsage(Base):
    """Requests of one day."""

    __tablename__ = "partner_usage"
    partner_id: Mapped[UUID] = reference("partner.id", index=False, primary_key=True, ondelete="CASCADE")
    day: Mapped[date] = column(COMPANY, Date, primary_key=True)
    requests: Mapped[int] = column(COMPANY, Integer, server_default=text("0"))
    refused: Mapped[int] = column(COMPANY, Integer, server_default=text("0"))
