"""Corrections of stock, as staff enter them."""

import strawberry

from auth.permissions import ANYONE, staff
from models.stock import StockEntryKind
from reads.declare import referenced, value
from schema.catalogue import Variant
from schema.errors import UserError
from schema.stock import READERS, StockEntry

KEEPERS = staff("stock:write")


@strawberry.input(
    description="`change` is how many pieces came, or below zero, went. RECEIVED comes, DAMAGED and LOST go, COUNTED "
    "corrects either way; the other kinds come from orders alone."
)
class StockAdjustInput:
    variant_id: strawberry.ID
    change: int
    kind: StockEntryKind
    note: str | None = strawberry.UNSET
    expected_on_hand: int | None = strawberry.UNSET
    idempotency_key: str


@value(readers=KEEPERS)
class StockAdjustPayload:
    variant: Variant | None = referenced(readers=ANYONE)
    entry: StockEntry | None = referenced(readers=READERS)
    user_errors: list[UserError]
