"""Second factors: authenticator apps, passkeys, recovery codes, and sign-ins that wait for one."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary
from sqlalchemy.orm import Mapped

from models.account import SECRET, TRAIL
from models.base import (
    Base,
    channel,
    choice,
    column,
    digest,
    flag,
    key,
    made_here,
    moment,
    recorded_at,
    reference,
    string,
)
from models.classification import Channel, NotPersonal, Source
from models.login_session import SESSION, DeviceKind

OWN = TRAIL.but("user.account.activity", retention="account", guarded=False)
"""Nobody is shown anyone's second factors but their own, staff and customers alike."""


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
    method: Mapped[SecondFactorMethod] = choice(OWN, SecondFactorMethod, "method")
    label: Mapped[str | None] = string(OWN.but("user.device.name"))
    created_at: Mapped[datetime] = recorded_at(OWN)
    confirmed_at: Mapped[datetime | None] = moment(OWN)
    last_used_at: Mapped[datetime | None] = moment(OWN)
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
    code_digest: Mapped[bytes] = digest(
        SECRET.but("user.authorization.credentials", sources=frozenset({Source.AUTOMATED}))
    )
    created_at: Mapped[datetime] = recorded_at(OWN)
    used_at: Mapped[datetime | None] = moment(OWN)

    __table_args__ = made_here("codes are drawn by the server, whoever asks for them")


class ChallengeKind(StrEnum):
    """What an answer is good for; no kind is ever answered by another's."""

    SIGN_IN = "SIGN_IN"
    STEP_UP = "STEP_UP"
    ENROLMENT = "ENROLMENT"


class Challenge(Base):
    """Something that waits for a second factor: a sign-in, a step-up, or a passkey that is being enrolled.

    A sign-in is found by its token; the others belong to a session.
    """

    __tablename__ = "challenge"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", index=False, ondelete="CASCADE")
    session_id: Mapped[UUID | None] = reference("login_session.id", ondelete="CASCADE")
    channel: Mapped[Channel] = channel()
    kind: Mapped[ChallengeKind] = choice(NotPersonal("what an answer is good for"), ChallengeKind, "kind")
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

    __table_args__ = (
        Index("ix_challenge_account_id", "account_id", "id"),
        CheckConstraint(
            "(kind = 'SIGN_IN') = (token_digest IS NOT NULL) AND (kind = 'SIGN_IN') = (session_id IS NULL)",
            name="place",
        ),
    )
