"""Tills: registers in the store, which sign staff in by a key of their own and the member's PIN."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
from sqlalchemy.orm import Mapped

from models.account import SECRET
from models.base import Base, channel_of, column, digest, flag, key, moment, reference, string, version
from models.classification import NotPersonal

REGISTER = NotPersonal("about a machine in the store")


class Till(Base):
    __tablename__ = "till"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    name: Mapped[str] = column(REGISTER, Text, unique=True)
    disabled: Mapped[bool] = flag(REGISTER, default=False)
    key_digest: Mapped[bytes | None] = digest(NotPersonal("the hash of a random secret"), unique=True)
    key_prefix: Mapped[str | None] = string(REGISTER)
    last_used_at: Mapped[datetime | None] = moment(REGISTER)


class StaffPin(Base):
    """A member's PIN for the till, argon2id."""

    __tablename__ = "staff_pin"
    account_id: Mapped[UUID] = reference("account.id", index=False, primary_key=True, ondelete="CASCADE")
    pin_hash: Mapped[str] = string(SECRET)

    __table_args__ = channel_of("account_id")
