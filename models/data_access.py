"""Which member of staff read what of whom, and what for. The person sees it without the member's name."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, Text
from sqlalchemy.orm import Mapped

from models.base import Base, choice, column, key, made_here, recorded_at, reference, string
from models.classification import NotPersonal, Purpose
from models.staff import ACCESS_TRAIL

WORK = ACCESS_TRAIL.but("user.account.access_log", guarded=False)
"""What a member of staff did: those who oversee it see that it was done, and whose data it was for a purpose alone."""


class DataAccess(Base):
    """One request's reads of one person; written by the statement that reads."""

    __tablename__ = "data_access"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference(
        "account.id", index=False, what=ACCESS_TRAIL.but("user.unique_id"), ondelete="CASCADE"
    )
    staff_id: Mapped[UUID | None] = reference("staff_member.id", index=False, ondelete="SET NULL")
    role: Mapped[str] = string(NotPersonal("the names of roles"))
    purpose: Mapped[Purpose] = choice(WORK, Purpose, "purpose")
    case_reference: Mapped[str | None] = string(ACCESS_TRAIL)
    categories: Mapped[list[str]] = column(WORK, ARRAY(Text))
    occurred_at: Mapped[datetime] = recorded_at(WORK)

    __table_args__ = (
        Index("ix_data_access_account_id", "account_id", "occurred_at", "id"),
        Index("ix_data_access_staff_id", "staff_id", "occurred_at", "id"),
        Index("ix_data_access_newest", "occurred_at", "id"),
        made_here("what staff read is written down by the statement that reads it"),
    )
