"""The stock ledger of the fictional shop: what came and went of each variant, so that on hand is the sum."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from models.ids import new_id
from models.stock import StockEntry, StockEntryKind
from seeds.rows import Rows


@dataclass(frozen=True, slots=True)
class Move:
    """Pieces that came (`change` > 0) or went."""

    at: datetime
    change: int
    kind: StockEntryKind
    order_id: UUID | None = None
    note: str | None = None


class Ledger(Protocol):
    """What orders tell of stock, and its entries."""

    def note(self, variant_id: UUID, move: Move) -> None: ...

    def add_entries(self, rows: Rows, variant_id: UUID, arrived_at: datetime, on_hand: int) -> None:
        """The variant's entries, from its arrival to what is on hand now."""
        ...


class Journal:
    """Remembers each move."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._moves: defaultdict[UUID, list[Move]] = defaultdict(list)

    def note(self, variant_id: UUID, move: Move) -> None:
        self._moves[variant_id].append(move)

    def add_entries(self, rows: Rows, variant_id: UUID, arrived_at: datetime, on_hand: int) -> None:
        """So much was received that there was always enough; a count puts right what was left over."""
        moves = sorted(self._moves.pop(variant_id, ()), key=lambda move: move.at)
        sums = [0]
        for move in moves:
            sums.append(sums[-1] + move.change)
        received = max(on_hand - sums[-1], -min(sums))
        if received:
            moves.insert(0, Move(arrived_at, received, StockEntryKind.RECEIVED))
        if surplus := received + sums[-1] - on_hand:
            counted_at = moves[-1].at + (self._now - moves[-1].at) / 2
            moves.append(Move(counted_at, -surplus, StockEntryKind.COUNTED, note="Fewer than the books say"))
        balance = 0
        for move in moves:
            balance += move.change
            _add(rows, variant_id, move, balance)


class Sums:
    """Remembers how many went and not when: of each variant one receipt, and all sales together."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._went: Counter[UUID] = Counter()

    def note(self, variant_id: UUID, move: Move) -> None:
        self._went[variant_id] -= move.change

    def add_entries(self, rows: Rows, variant_id: UUID, arrived_at: datetime, on_hand: int) -> None:
        went = self._went.pop(variant_id, 0)
        if on_hand + went:
            _add(rows, variant_id, Move(arrived_at, on_hand + went, StockEntryKind.RECEIVED), on_hand + went)
        if went:
            sold_at = arrived_at + (self._now - arrived_at) / 2
            _add(rows, variant_id, Move(sold_at, -went, StockEntryKind.SALE), on_hand)


def _add(rows: Rows, variant_id: UUID, move: Move, balance: int) -> None:
    rows.add(
        StockEntry,
        id=new_id(),
        variant_id=variant_id,
        at=move.at,
        change=move.change,
        balance=balance,
        kind=move.kind,
        note=move.note,
        order_id=move.order_id,
    )
