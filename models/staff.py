"""Employees, contractors and service providers, their roles, and what they acknowledged (P52)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.orm import Mapped

from models.base import Base, channel, choice, flag, key, moment, number, recorded_at, reference, string, version
from models.classification import Channel, Erasure, NotPersonal, Personal, Purpose, Source

MEMBER = Personal(
    "user.contact.email",
    purposes=frozenset({Purpose.LEGAL_SAFETY}),
    retention="staff",
    erasure=Erasure.KEEP,
    subject="id",
    sensitivity=1,
    guarded=False,
)


class StaffKind(StrEnum):
    EMPLOYEE = "EMPLOYEE"
    CONTRACTOR = "CONTRACTOR"
    SERVICE_PROVIDER = "SERVICE_PROVIDER"


class StaffStatus(StrEnum):
    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


class StaffMember(Base):
    """Someone who works for the shop. The account signs in; it exists once the invitation is accepted.

    `access_stamp` changes with everything that decides what the member may do: a statement that was planned for an
    older one reads nothing.
    """

    __tablename__ = "staff_member"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    account_id: Mapped[UUID | None] = reference("account.id", index=False, unique=True, ondelete="SET NULL")
    name: Mapped[str] = string(MEMBER.but("user.name"))
    email: Mapped[str] = string(MEMBER)
    kind: Mapped[StaffKind] = choice(MEMBER.but("user.job_title"), StaffKind, "kind")
    status: Mapped[StaffStatus] = choice(NotPersonal("a state of employment records"), StaffStatus, "status")
    channel: Mapped[Channel] = channel()
    invited_at: Mapped[datetime] = recorded_at(MEMBER.but("user.account"))
    last_sign_in_at: Mapped[datetime | None] = moment(MEMBER.but("user.account"))
    access_stamp: Mapped[int] = number(NotPersonal("counts changes of access"), server_default=text("1"))
    second_factor_waived: Mapped[bool] = flag(NotPersonal("true for the demo's members alone"), default=False)
    obligations_version: Mapped[str | None] = string(NotPersonal("names a published text"))
    obligations_acknowledged_at: Mapped[datetime | None] = moment(MEMBER.but("user.consent"))

    __table_args__ = (
        Index("uq_staff_member_email", func.lower(text("email")), unique=True),
        CheckConstraint("(status = 'INVITED') <= (account_id IS NULL)", name="invited"),
    )


class StaffRole(Base):
    """A role that a member has, by its name in auth/roles.py."""

    __tablename__ = "staff_role"
    staff_id: Mapped[UUID] = reference("staff_member.id", index=False, primary_key=True, ondelete="CASCADE")
    role: Mapped[str] = string(NotPersonal("the name of a role"), primary_key=True)


ACCESS_TRAIL = Personal(
    "user.account.access_log",
    purposes=frozenset({Purpose.ACCESS, Purpose.LEGAL_SAFETY}),
    retention="data_access",
    erasure=Erasure.DELETE_ROW,
    sources=frozenset({Source.AUTOMATED}),
    sensitivity=1,
)
