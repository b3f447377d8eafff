"""What operations with a key of the client's have done, so that a repetition does it once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.orm import Mapped

from models.base import Base, column, digest, key, recorded_at, reference
from models.classification import NotPersonal


class Idempotency(Base):
    """One operation of one account with one key. `result_id` is the key of what it made.

    Neither key nor input is kept: what was given is known again by its hash, which the key salts.
    """

    __tablename__ = "idempotency"
    id: Mapped[UUID] = key()
    key_digest: Mapped[bytes] = digest(NotPersonal("the hash of a random key"), unique=True)
    account_id: Mapped[UUID] = reference("account.id", ondelete="CASCADE")
    input_digest: Mapped[bytes] = digest(NotPersonal("a hash that is salted with a key that is not kept"))
    result_id: Mapped[UUID | None] = column(NotPersonal("the key of what was made"), Uuid)
    created_at: Mapped[datetime] = recorded_at()
