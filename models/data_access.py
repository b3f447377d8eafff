"""Which member of staff read what of whom, and what for. The person sees it without the member's name."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, Text
from sqlalchemy.orm import Mapped

from models.base import Base, choice, column, key, recorded_at, reference, string
from models.classification import NotPersonal, Purpose
from models.staff import ACCESS_TRAIL


class DataAccess(Base):
    """One request's reads of one person; written by the statement that reads."""

    __tablename__ = "data_access"
    id: Mapped[UUID] = key()
    account_id: Mapped[UUID] = reference("account.id", index=False, ondelete="CASCADE")
    staff_id: Mapped[UUID | None] = reference("staff_member.id", ondelete="SET NULL")
    role: Mapped[str] = string(NotPersonal("the names of roles"))
    purpose: Mapped[Purpose] = choice(ACCESS_TRAIL, Purpose, "purpose")
    case_reference: Mapped[str | None] = string(ACCESS_TRAIL)
    categories: Mapped[list[str]] = column(ACCESS_TRAIL, ARRAY(Text))
    occurred_at: Mapped[datetime] = recorded_at(ACCESS_TRAIL)

    __table_args__ = (Index("ix_data_access_account_id", "account_id", "id"),)
