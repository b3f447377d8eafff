"""Stock: what is taken and given back, each with an entry in the ledger, so that on hand is always its sum.

Rows are locked in the order of their keys: of two orders for the same things one waits, and neither waits for ever.
"""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Uuid, bindparam, column, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.catalogue import Variant
from models.ids import new_id
from models.stock import StockEntry, StockEntryKind

Pieces = Mapping[UUID, int]
"""How many of which variant; all positive."""


async def take(transaction: AsyncConnection, pieces: Pieces, order_id: UUID) -> set[UUID]:
    """Takes pieces for an order. Answers the variants of which there are too few: then roll back. One statement."""
    taken = await _move(transaction, {key: -count for key, count in pieces.items()}, StockEntryKind.SALE, order_id)
    return set(pieces) - taken


async def give_back(transaction: AsyncConnection, pieces: Pieces, kind: StockEntryKind, order_id: UUID | None) -> None:
    """Puts pieces back: CANCELLATION, RETURN. A variant that is no more gets nothing. One statement."""
    await _move(transaction, pieces, kind, order_id)


async def _move(
    transaction: AsyncConnection, changes: Pieces, kind: StockEntryKind, order_id: UUID | None
) -> set[UUID]:
    """Changes what is on hand where it stays at zero or above, with an entry each; answers which variants it was."""
    if not changes:
        return set()
    asked = (
        func.unnest(
            bindparam("keys", list(changes), type_=ARRAY(Uuid)),
            bindparam("changes", list(changes.values()), type_=ARRAY(Integer)),
            bindparam("entries", [new_id() for _ in changes], type_=ARRAY(Uuid)),
        )
        .table_valued(column("key", Uuid), column("change", Integer), column("entry", Uuid))
        .render_derived(name="asked")
    )
    locked = (
        select(Variant.id, asked.c.change, asked.c.entry)
        .join(asked, asked.c.key == Variant.id)
        .order_by(Variant.id)
        .with_for_update(of=Variant)
        .cte("locked")
    )
    moved = (
        update(Variant)
        .where(Variant.id == locked.c.id, Variant.on_hand + locked.c.change >= 0)
        .values(on_hand=Variant.on_hand + locked.c.change)
        .returning(Variant.id, locked.c.change, Variant.on_hand.label("balance"), locked.c.entry)
        .cte("moved")
    )
    entries = insert(StockEntry).from_select(
        ["id", "variant_id", "change", "balance", "kind", "order_id"],
        select(
            moved.c.entry,
            moved.c.id,
            moved.c.change,
            moved.c.balance,
            literal(kind.value),
            literal(order_id, Uuid),
        ),
        include_defaults=False,
    )
    return set(await transaction.scalars(entries.returning(StockEntry.variant_id)))
