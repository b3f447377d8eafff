"""Second factors: authenticator apps, passkeys, recovery codes, and sign-ins that wait for one."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlalchemy.orm import Mapped

from models.account import SECRET, TRAIL
from models.base import Base, channel, choice, column, digest, flag, key, moment, recorded_at, reference, string
from models.classification import Channel, NotPersonal
from models.login_session import SESSION, DeviceKind


class SecondFactorMethod(StrEnum):
    TOTP = "TOTP"
    PASSKEY = "PASSKEY"
    RECOVERY_CODE = "RECOVERY_CODE"


class SecondFactor(Base):
    """One that its owner enrolled; it counts once confirmed. `sealed` is a TOTP seed, encrypted by the server."""

    __tablename__ = "second_factor"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", ondelete="CASCADE")
    channel: Mapped[Channel] = channel()
    method: Mapped[SecondFactorMethod] = choice(TRAIL, SecondFactorMethod, "method")
    label: Mapped[str | None] = string(TRAIL.but("user.device.name"))
    created_at: Mapped[datetime] = recorded_at(TRAIL)
    confirmed_at: Mapped[datetime | None] = moment(TRAIL)
    last_used_at: Mapped[datetime | None] = moment(TRAIL)
    sealed: Mapped[bytes | None] = column(SECRET, LargeBinary)
    last_step: Mapped[int | None] = column(NotPersonal("the last time step that was used, against replay"), BigInteger)
    credential_id: Mapped[bytes | None] = column(SECRET, LargeBinary, unique=True)
    public_key: Mapped[bytes | None] = column(SECRET, LargeBinary)
    sign_count: Mapped[int | None] = column(NotPersonal("a counter of the authenticator"), BigInteger)


class RecoveryCode(Base):
    """A code that stands for a second factor once, as its digest."""

    __tablename__ = "recovery_code"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", ondelete="CASCADE")
    code_digest: Mapped[bytes] = digest(SECRET)
    created_at: Mapped[datetime] = recorded_at(TRAIL)
    used_at: Mapped[datetime | None] = moment(TRAIL)


class Challenge(Base):
    """Something that waits for a second factor: a sign-in, a step-up, or a passkey that is being enrolled."""

    __tablename__ = "challenge"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", index=False, ondelete="CASCADE")
    channel: Mapped[Channel] = channel()
    token_digest: Mapped[bytes | None] = digest(NotPersonal("the hash of a random secret"), unique=True)
    passkey_challenge: Mapped[bytes | None] = column(NotPersonal("random bytes to be signed"), LargeBinary)
    created_at: Mapped[datetime] = recorded_at()
    expires_at: Mapped[datetime] = moment(NotPersonal("the end of the challenge"))
    used_at: Mapped[datetime | None] = moment(NotPersonal("the end of the challenge"))
    failures: Mapped[int] = column(NotPersonal("wrong answers so far"), BigInteger, server_default="0")
    public_computer: Mapped[bool] = flag(SESSION, default=False)
    by_cookie: Mapped[bool] = flag(NotPersonal("how the session will travel"), default=False)
    device_name: Mapped[str | None] = string(SESSION.but("user.device.name"))
    device_kind: Mapped[DeviceKind] = choice(SESSION.but("user.device.type"), DeviceKind, "device_kind")

    __table_args__ = (Index("ix_challenge_account_id", "account_id", "id"),)
