"""Sessions: rows, so that revocation holds everywhere from the next statement on."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Mapped

from models.base import Base, channel, choice, digest, flag, key, moment, number, recorded_at, reference, string
from models.classification import Channel, Erasure, NotPersonal, Personal, Purpose, Source

SESSION = Personal(
    "user.account.session",
    purposes=frozenset({Purpose.ACCESS, Purpose.LEGAL_SAFETY}),
    retention="login_session",
    erasure=Erasure.DELETE_ROW,
    sources=frozenset({Source.AUTOMATED}),
    sensitivity=1,
)


class DeviceKind(StrEnum):
    DESKTOP = "DESKTOP"
    MOBILE = "MOBILE"
    TABLET = "TABLET"
    OTHER = "OTHER"


class LoginSession(Base):
    """A signed-in device. It ends when revoked, at `expires_at`, or after `idle_seconds` without use (ASVS 7.3).

    `second_factor_at`: when a second factor was given for it. `till_id`: the till that a member of staff signed in at.
    """

    __tablename__ = "login_session"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", ondelete="CASCADE")
    token_digest: Mapped[bytes] = digest(NotPersonal("the hash of a random secret"), unique=True)
    created_at: Mapped[datetime] = recorded_at(SESSION)
    channel: Mapped[Channel] = channel()
    last_used_at: Mapped[datetime] = recorded_at(SESSION)
    expires_at: Mapped[datetime] = moment(SESSION)
    idle_seconds: Mapped[int] = number(NotPersonal("a setting of the shop"))
    stepped_up_at: Mapped[datetime | None] = moment(SESSION)
    second_factor_at: Mapped[datetime | None] = moment(SESSION)
    till_id: Mapped[UUID | None] = reference("till.id", ondelete="CASCADE")
    revoked_at: Mapped[datetime | None] = moment(SESSION)
    device_name: Mapped[str | None] = string(SESSION.but("user.device.name"))
    device_kind: Mapped[DeviceKind] = choice(SESSION.but("user.device.type"), DeviceKind, "device_kind")
    ip_network: Mapped[str | None] = string(SESSION.but("user.device.ip_network"))
    public_computer: Mapped[bool] = flag(SESSION, default=False)
