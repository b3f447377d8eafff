"""Stock: what is taken, given back and corrected, each with an entry in the ledger, so that on hand is always its sum.

Rows are locked in the order of their keys: of two orders for the same things one waits, and neither waits for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    Integer,
    Text,
    Uuid,
    bindparam,
    column,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import text
from models.catalogue import Variant
from models.ids import new_id
from models.statement import Statement
from models.stock import StockEntry, StockEntryKind

MOST_AT_ONCE = 1_000_000
MOST_ON_HAND = 1_000_000_000
NOTE_LIMIT = 300

BY_HAND = frozenset({StockEntryKind.RECEIVED, StockEntryKind.DAMAGED, StockEntryKind.LOST, StockEntryKind.COUNTED})
"""Kinds that staff enter; the others come from orders alone."""

INCOMING = frozenset({StockEntryKind.RECEIVED})
OUTGOING = frozenset({StockEntryKind.DAMAGED, StockEntryKind.LOST})

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such variant.", ("variantId",))

NEVER_BELOW_ZERO = "ck_variant_on_hand"
"""The constraint that refuses to take more than there is."""

Pieces = Mapping[UUID, int]
"""How many of which variant; all positive."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A correction by hand: pieces that came (`change` > 0) or went, and what the shelf was thought to hold before."""

    variant_id: UUID
    change: int
    kind: StockEntryKind
    note: str | None = None
    expected_on_hand: int | None = None


class TooFew(Exception):
    """There are fewer pieces than that."""


async def give_back(transaction: AsyncConnection, pieces: Pieces, kind: StockEntryKind, order_id: UUID | None) -> None:
    """Puts pieces back: CANCELLATION, RETURN. A variant that is no more gets nothing. One statement."""
    if pieces:
        await _MOVING.run(transaction, **_given(pieces, kind, order_id))


async def adjust(transaction: AsyncConnection, adjustment: Adjustment) -> UUID | list[Refusal]:
    """Corrects what is on hand, and answers the entry's key.

    VERSION_CONFLICT where another number than the expected one is on hand, OUT_OF_STOCK where less than none would be.
    INVALID: a kind that only orders make; goods received that go, or damaged and lost ones that come; no change at all.
    """
    on_hand = await transaction.scalar(
        select(Variant.on_hand).where(Variant.id == adjustment.variant_id).with_for_update(key_share=True)
    )
    if on_hand is None:
        return [NOT_FOUND]
    if adjustment.expected_on_hand not in {None, on_hand}:
        message = "Another number of pieces is on hand by now."
        return [Refusal(RefusalCode.VERSION_CONFLICT, message, ("expectedOnHand",))]
    note = text.line(adjustment.note, field=("note",), limit=NOTE_LIMIT)
    found = [note, _objection(adjustment, on_hand)]
    if refusals := [one for one in found if isinstance(one, Refusal)]:
        return refusals
    balance, entry_id = on_hand + adjustment.change, new_id()
    await transaction.execute(update(Variant).where(Variant.id == adjustment.variant_id).values(on_hand=balance))
    entry = insert(StockEntry).values(
        id=entry_id,
        variant_id=adjustment.variant_id,
        at=func.clock_timestamp(),
        change=adjustment.change,
        balance=balance,
        kind=adjustment.kind,
        note=note or None,
    )
    await transaction.execute(entry)
    return entry_id


def _objection(adjustment: Adjustment, on_hand: int) -> Refusal | None:
    change, kind = adjustment.change, adjustment.kind
    if kind not in BY_HAND:
        return Refusal(RefusalCode.INVALID, "Sales, cancellations and returns come from orders alone.", ("kind",))
    if change == 0 or abs(change) > MOST_AT_ONCE:
        message = f"A correction is of one piece at least and {MOST_AT_ONCE} at most."
        return Refusal(RefusalCode.INVALID, message, ("change",))
    if (kind in INCOMING and change < 0) or (kind in OUTGOING and change > 0):
        message = "What is received comes in; what is damaged or lost goes. Correct a count either way with COUNTED."
        return Refusal(RefusalCode.INVALID, message, ("change",))
    if on_hand + change > MOST_ON_HAND:
        return Refusal(RefusalCode.INVALID, f"At most {MOST_ON_HAND} pieces can be on hand.", ("change",))
    if on_hand + change < 0:
        return Refusal(RefusalCode.OUT_OF_STOCK, "There are fewer pieces on hand than that.", ("change",))
    return None


def moving(begun: CTE | None = None) -> tuple[CTE, CTE]:
    """Changes what is on hand, with an entry each, to stand in a statement's WITH; see `taken` for its parameters.

    NEVER_BELOW_ZERO refuses the whole statement. Nothing is changed where `begun`, if there is one, has no row. The
    first part has a row for each variant that was changed, the second writes the entries.
    """
    moved = _moved(_locked(begun))
    entries = insert(StockEntry).from_select(
        ["id", "variant_id", "at", "change", "balance", "kind", "order_id"],
        select(
            moved.c.entry,
            moved.c.id,
            # Not the transaction's beginning, which was before the locks: this is the order that balances have.
            func.clock_timestamp(),
            moved.c.change,
            moved.c.balance,
            bindparam("stock_kind", type_=Text),
            bindparam("stock_order", type_=Uuid),
        ),
        include_defaults=False,
    )
    return moved, entries.cte("stock_entries")


def taken(pieces: Pieces, order_id: UUID) -> dict[str, Any]:
    """The parameters of `moving` for what an order takes."""
    return _given({key: -count for key, count in pieces.items()}, StockEntryKind.SALE, order_id)


def _given(changes: Pieces, kind: StockEntryKind, order_id: UUID | None) -> dict[str, Any]:
    return {
        "stock_keys": [*changes],
        "stock_changes": [*changes.values()],
        "stock_entries": [new_id() for _ in changes],
        "stock_kind": kind,
        "stock_order": order_id,
    }


def _locked(begun: CTE | None) -> CTE:
    """The variants that are asked for, locked in the order of their keys."""
    asked = (
        func.unnest(
            bindparam("stock_keys", type_=ARRAY(Uuid)),
            bindparam("stock_changes", type_=ARRAY(Integer)),
            bindparam("stock_entries", type_=ARRAY(Uuid)),
        )
        .table_valued(column("key", Uuid), column("change", Integer), column("entry", Uuid))
        .render_derived(name="asked")
    )
    variants = select(Variant.id, asked.c.change, asked.c.entry).join(asked, asked.c.key == Variant.id)
    if begun is not None:
        variants = variants.join(begun, true())
    return variants.order_by(Variant.id).with_for_update(of=Variant, key_share=True).cte("locked")


def _moved(locked: CTE) -> CTE:
    moved = update(Variant).where(Variant.id == locked.c.id).values(on_hand=Variant.on_hand + locked.c.change)
    balance = Variant.on_hand.label("balance")
    return moved.returning(Variant.id, locked.c.change, balance, locked.c.entry).cte("moved")


def _moving() -> Any:
    moved, entries = moving()
    return select(moved.c.id).add_cte(entries)


_MOVING = Statement(_moving)
