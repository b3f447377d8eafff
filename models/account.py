"""Accounts, their credentials, and what is kept while someone proves a mailbox."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.orm import Mapped

from models.base import Base, channel, channel_of, choice, digest, key, moment, recorded_at, reference, string, version
from models.classification import Channel, Erasure, Mask, NotPersonal, Personal, Purpose, Source

CONTACT = Personal(
    "user.contact.email",
    purposes=frozenset({Purpose.ACCESS, Purpose.PRODUCTS, Purpose.LEGAL_SAFETY}),
    retention="account",
    erasure=Erasure.DELETE_ROW,
    subject="id",
)
ACCOUNT_FACT = CONTACT.but("user.account", sensitivity=1)
PROOF = Personal(
    "user.contact.email",
    purposes=frozenset({Purpose.ACCESS}),
    retention="mail_proof",
    erasure=Erasure.DELETE_ROW,
    exported=False,
)
ORIGIN = PROOF.but("user.device", subject="id", sources=frozenset({Source.AUTOMATED}), sensitivity=1)
TRAIL = Personal(
    "user.account.activity",
    purposes=frozenset({Purpose.ACCESS, Purpose.LEGAL_SAFETY}),
    retention="account_event",
    erasure=Erasure.DELETE_ROW,
    sources=frozenset({Source.AUTOMATED}),
    sensitivity=1,
)
SECRET = Personal(
    "user.authorization.credentials",
    purposes=frozenset({Purpose.ACCESS}),
    retention="account",
    erasure=Erasure.DELETE_ROW,
    sensitivity=5,
    exported=False,
    secret=True,
)


class AgeBand(StrEnum):
    """Asked neutrally; no birth date is ever stored (P21)."""

    UNDER_13 = "UNDER_13"
    FROM_13_TO_17 = "FROM_13_TO_17"
    ADULT = "ADULT"


class AccountKind(StrEnum):
    """Staff sign in by accounts of their own: who also buys here has another, as a customer."""

    CUSTOMER = "CUSTOMER"
    STAFF = "STAFF"


class AccountEventKind(StrEnum):
    REGISTERED = "REGISTERED"
    SIGNED_IN = "SIGNED_IN"
    SIGN_IN_FAILED = "SIGN_IN_FAILED"
    SIGNED_OUT = "SIGNED_OUT"
    NEW_DEVICE = "NEW_DEVICE"
    STEPPED_UP = "STEPPED_UP"
    SESSION_REVOKED = "SESSION_REVOKED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"
    PASSWORD_RESET_REQUESTED = "PASSWORD_RESET_REQUESTED"
    PASSWORD_RESET = "PASSWORD_RESET"
    EMAIL_CHANGE_REQUESTED = "EMAIL_CHANGE_REQUESTED"
    EMAIL_CHANGED = "EMAIL_CHANGED"
    EMAIL_CHANGE_UNDONE = "EMAIL_CHANGE_UNDONE"
    PROFILE_CHANGED = "PROFILE_CHANGED"
    SECOND_FACTOR_ADDED = "SECOND_FACTOR_ADDED"
    SECOND_FACTOR_REMOVED = "SECOND_FACTOR_REMOVED"
    RECOVERY_CODE_USED = "RECOVERY_CODE_USED"
    ACTIVITY_REPORTED = "ACTIVITY_REPORTED"
    DISABLED = "DISABLED"
    ENABLED = "ENABLED"


class Account(Base):
    """A customer. Only name and email are asked for (P26); all else is nullable."""

    __tablename__ = "account"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    created_at: Mapped[datetime] = recorded_at(ACCOUNT_FACT.but("user.account", guarded=False))
    channel: Mapped[Channel] = channel()
    kind: Mapped[AccountKind] = choice(
        NotPersonal("tells customers from staff"), AccountKind, "kind", server_default=text("'CUSTOMER'")
    )
    name: Mapped[str] = string(CONTACT.but("user.name", mask=Mask.NAME))
    email: Mapped[str] = string(CONTACT.but("user.contact.email", mask=Mask.EMAIL))
    email_verified_at: Mapped[datetime | None] = moment(ACCOUNT_FACT)
    username: Mapped[str | None] = string(CONTACT.but("user.account.username", sensitivity=1))
    phone: Mapped[str | None] = string(CONTACT.but("user.contact.phone_number", mask=Mask.PHONE))
    age_band: Mapped[AgeBand] = choice(CONTACT.but("user.demographic.age_range", sensitivity=3), AgeBand, "age_band")
    disabled_at: Mapped[datetime | None] = moment(ACCOUNT_FACT)

    __table_args__ = (
        Index("uq_account_email", func.lower(text("email")), "kind", unique=True),
        Index("uq_account_username", func.lower(text("username")), unique=True),
    )


class Credential(Base):
    """The password, argon2id (P8). A table of its own, which nothing readable refers to."""

    __tablename__ = "credential"
    account_id: Mapped[UUID] = reference("account.id", index=False, primary_key=True, ondelete="CASCADE")
    password_hash: Mapped[str] = string(SECRET)
    changed_at: Mapped[datetime] = recorded_at(SECRET.but("user.account", sensitivity=1, secret=False))

    __table_args__ = channel_of("account_id")


class Acknowledgement(Base):
    """That a version of the policy was accepted, and where (P2). Never consent to anything else."""

    __tablename__ = "acknowledgement"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", ondelete="CASCADE")
    policy_version: Mapped[str] = string(NotPersonal("names a published text"))
    channel: Mapped[Channel] = channel()
    acknowledged_at: Mapped[datetime] = recorded_at(TRAIL.but("user.consent", sources=frozenset({Source.DIRECT})))
    withdrawn_at: Mapped[datetime | None] = moment(TRAIL.but("user.consent"))


class AccountEvent(Base):
    """What happened to an account, for its owner to see (P53). Networks are coarse, devices are families (P14, P16)."""

    __tablename__ = "account_event"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", index=False, ondelete="CASCADE")
    kind: Mapped[AccountEventKind] = choice(TRAIL, AccountEventKind, "kind")
    occurred_at: Mapped[datetime] = recorded_at(TRAIL)
    channel: Mapped[Channel] = channel()
    device_name: Mapped[str | None] = string(TRAIL.but("user.device.name"))
    device_kind: Mapped[str | None] = string(TRAIL.but("user.device.type"))
    ip_network: Mapped[str | None] = string(TRAIL.but("user.device.ip_network"))

    __table_args__ = (Index("ix_account_event_account_id", "account_id", "occurred_at", "id"),)


class Registration(Base):
    """What was given at registration, until the mailbox is proved; written the same for a known address (P26)."""

    __tablename__ = "registration"
    id: Mapped[UUID] = key()
    created_at: Mapped[datetime] = recorded_at(PROOF.but("user.account", subject="id"))
    channel: Mapped[Channel] = channel()
    name: Mapped[str] = string(PROOF.but("user.name", subject="id"))
    email: Mapped[str] = string(PROOF.but("user.contact.email", subject="id"))
    phone: Mapped[str | None] = string(PROOF.but("user.contact.phone_number", subject="id"))
    age_band: Mapped[AgeBand] = choice(PROOF.but("user.demographic.age_range", subject="id"), AgeBand, "age_band")
    policy_version: Mapped[str] = string(NotPersonal("names a published text"))

    __table_args__ = (CheckConstraint("age_band <> 'UNDER_13'", name="not_a_child"),)


class GuardianRequest(Base):
    """A child asked for an account: the guardian's address and nothing of the child (P22)."""

    __tablename__ = "guardian_request"
    id: Mapped[UUID] = key()
    created_at: Mapped[datetime] = recorded_at(PROOF.but("user.account", subject="id"))
    channel: Mapped[Channel] = channel()
    guardian_email: Mapped[str] = string(PROOF.but("user.contact.email", subject="id"))


class MailTokenKind(StrEnum):
    VERIFY = "VERIFY"
    GUARDIAN_CONSENT = "GUARDIAN_CONSENT"
    PASSWORD_RESET = "PASSWORD_RESET"
    EMAIL_CHANGE = "EMAIL_CHANGE"
    EMAIL_CHANGE_UNDO = "EMAIL_CHANGE_UNDO"
    STAFF_INVITATION = "STAFF_INVITATION"


class MailToken(Base):
    """A secret that was sent to a mailbox, as its digest. Used once.

    It outlives what it was about, so that who comes too late can be told so.
    """

    __tablename__ = "mail_token"
    id: Mapped[UUID] = key()
    kind: Mapped[MailTokenKind] = choice(NotPersonal("what the token is good for"), MailTokenKind, "kind")
    account_id: Mapped[UUID | None] = reference("account.id", ondelete="CASCADE")
    registration_id: Mapped[UUID | None] = reference("registration.id", ondelete="SET NULL")
    guardian_request_id: Mapped[UUID | None] = reference("guardian_request.id", ondelete="SET NULL")
    email_change_id: Mapped[UUID | None] = reference("email_change.id", ondelete="SET NULL")
    staff_id: Mapped[UUID | None] = reference("staff_member.id", ondelete="SET NULL")
    token_digest: Mapped[bytes] = digest(NotPersonal("the hash of a random secret"), unique=True)
    created_at: Mapped[datetime] = recorded_at()
    expires_at: Mapped[datetime] = moment(NotPersonal("the end of the secret"))
    used_at: Mapped[datetime | None] = moment(NotPersonal("the end of the secret"))


class PasswordResetRequest(Base):
    """A wish to reset, by address; written the same whether or not an account has it. The worker deletes it.

    Where it came from is shown to the owner, if there is one (P53).
    """

    __tablename__ = "password_reset_request"
    id: Mapped[UUID] = key()
    created_at: Mapped[datetime] = recorded_at(PROOF.but("user.account", subject="id"))
    channel: Mapped[Channel] = channel()
    email: Mapped[str] = string(PROOF.but("user.contact.email", subject="id"))
    device_name: Mapped[str | None] = string(ORIGIN.but("user.device.name"))
    device_kind: Mapped[str] = string(ORIGIN.but("user.device.type"))
    ip_network: Mapped[str | None] = string(ORIGIN.but("user.device.ip_network"))


class EmailChange(Base):
    """A change of address: confirmed from the new mailbox, undone from the old one within seven days (P51).

    One that is undone before it was confirmed was given up: by its owner, or for a later one.
    """

    __tablename__ = "email_change"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", ondelete="CASCADE")
    created_at: Mapped[datetime] = recorded_at(TRAIL)
    channel: Mapped[Channel] = channel()
    old_email: Mapped[str] = string(PROOF)
    new_email: Mapped[str] = string(PROOF)
    confirmed_at: Mapped[datetime | None] = moment(TRAIL)
    undone_at: Mapped[datetime | None] = moment(TRAIL)

    __table_args__ = (Index("ix_email_change_old_email", func.lower(text("old_email"))),)
