"""The stock ledger: append-only, and a variant's `on_hand` is always the sum of its entries."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from models.base import Base, choice, key, number, recorded_at, reference, string
from models.classification import NotPersonal

LEDGER = NotPersonal("how many pieces of a product came and went")


class StockEntryKind(StrEnum):
    RECEIVED = "RECEIVED"
    SALE = "SALE"
    CANCELLATION = "CANCELLATION"
    RETURN = "RETURN"
    DAMAGED = "DAMAGED"
    LOST = "LOST"
    COUNTED = "COUNTED"


class StockEntry(Base):
    """Pieces that came (`change` > 0) or went; `balance` is what was on hand afterwards.

    `at` is when, under the variant's lock: in its order each balance follows from the one before.
    """

    __tablename__ = "stock_entry"
    id: Mapped[UUID] = key()
    variant_id: Mapped[UUID] = reference("variant.id", index=False, ondelete="CASCADE")
    at: Mapped[datetime] = recorded_at(LEDGER)
    change: Mapped[int] = number(LEDGER)
    balance: Mapped[int] = number(LEDGER)
    kind: Mapped[StockEntryKind] = choice(LEDGER, StockEntryKind, "kind")
    note: Mapped[str | None] = string(NotPersonal("why stock was corrected, about goods"))
    order_id: Mapped[UUID | None] = reference("orders.id", ondelete="SET NULL")

    __table_args__ = (
        Index("ix_stock_entry_newest", "variant_id", "at", "id"),
        CheckConstraint("balance >= 0 AND change <> 0", name="change"),
    )
