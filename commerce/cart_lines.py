"""What becomes of a cart's lines: how they grow, change and merge. Pure; what is answered is to be written."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from auth.refusal import Refusal, RefusalCode
from commerce import line_check, line_draft
from commerce.goods import KeptLine, Loaded
from commerce.line_check import MOST_LINES
from commerce.line_draft import MOST_PIECES, LineDraft
from models.ids import new_id

LINES = ("lines",)

Lines = list[KeptLine]
Outcome = tuple[Lines, list[Refusal]]
"""Lines to be put into the cart, or why none of them is."""


@dataclass(frozen=True, slots=True)
class LineChange:
    """Another quantity, 0 for none, and what else is given: `alterations`, `measurement_set_id`, `gift_message`."""

    line_id: UUID | None
    quantity: int
    changes: dict[str, Any] = field(default_factory=dict)


def grown(loaded: Loaded, drafts: Sequence[LineDraft]) -> Outcome:
    """The lines that are new, or have grown because they differ from a draft in their quantity alone."""
    missing = line_check.unknown(drafts, loaded.goods, loaded.measured, LINES)
    if missing:
        return [], missing
    tidied, refusals = line_check.checked(drafts, loaded.goods, LINES)
    lines = _Lines(loaded.lines)
    for at, draft in enumerate(tidied):
        assert draft.variant_id is not None
        goods = loaded.goods[draft.variant_id]
        if not goods.on_hand:
            message = f"{goods.product_name} is out of stock."
            refusals.append(Refusal(RefusalCode.OUT_OF_STOCK, message, (*LINES, str(at), "quantity")))
        elif lines.add(draft, goods.price or 0).draft.quantity > MOST_PIECES:
            message = f"There are at most {MOST_PIECES} pieces in a line."
            refusals.append(Refusal(RefusalCode.LIMIT_REACHED, message, (*LINES, str(at), "quantity")))
    if lines.added and len(lines) > MOST_LINES and not refusals:
        refusals.append(Refusal(RefusalCode.LIMIT_REACHED, f"A cart holds {MOST_LINES} lines.", LINES))
    return lines.touched(), refusals


def changed(loaded: Loaded, changes: Sequence[LineChange]) -> Outcome:
    """The lines as they are changed, but for those that go."""
    kept = {line.line_id: line for line in loaded.lines}
    refusals = _unknown(loaded, kept, changes)
    if refusals:
        return [], refusals
    if not changes:
        return [], [Refusal(RefusalCode.REQUIRED, "Name at least one line.", LINES)]
    lines: Lines = []
    for at, change in enumerate(changes):
        path = (*LINES, str(at))
        if change.line_id in {other.line_id for other in changes[:at]}:
            refusals.append(Refusal(RefusalCode.INVALID, "Name a line once.", (*path, "id")))
        elif change.quantity:
            outcome = _rewritten(loaded, kept[change.line_id], change, path)
            if isinstance(outcome, KeptLine):
                lines.append(outcome)
            else:
                refusals += outcome
    return lines, refusals


def removed(loaded: Loaded, line_ids: Sequence[UUID | None]) -> tuple[set[UUID], list[Refusal]]:
    """The lines that go; or which are not in the cart."""
    kept = {line.line_id for line in loaded.lines}
    missing = [_no_line(("lineIds", str(at))) for at, line_id in enumerate(line_ids) if line_id not in kept]
    return {line_id for line_id in line_ids if line_id is not None}, missing


def merged(into: Loaded, other: Loaded) -> Lines:
    """The lines of another cart, as those that they make grow, or moved behind the last: none is lost.

    Pieces beyond 999 of a line are left out.
    """
    lines = _Lines(into.lines)
    for line in other.lines:
        lines.take(line)
    return lines.touched()


def all_of(loaded: Loaded, put: Sequence[KeptLine], removed: Collection[UUID] = ()) -> Lines:
    """The cart's lines, in their order, once these are put in and those taken out."""
    lines = {line.line_id: line for line in (*loaded.lines, *put)}
    staying = [line for line_id, line in lines.items() if line_id not in removed]
    return sorted(staying, key=lambda line: (line.position, line.line_id or UUID(int=0)))


class _Lines:
    """Lines by what they are of, and which were touched."""

    def __init__(self, lines: Sequence[KeptLine]) -> None:
        self._lines = {_of(line.draft): line for line in lines}
        self._touched: dict[_Kind, None] = {}
        self._known = len(lines)
        self.added = 0
        self._last = max((line.position for line in lines), default=-1)

    def __len__(self) -> int:
        return self._known + self.added

    def touched(self) -> Lines:
        return [self._lines[of] for of in self._touched]

    def add(self, draft: LineDraft, price: int) -> KeptLine:
        """A line with the draft's pieces, whose price has been seen."""
        known = self._lines.get(_of(draft))
        if known is None:
            return self._append(KeptLine(draft, new_id(), 0, price))
        more = replace(draft, quantity=known.draft.quantity + draft.quantity)
        return self._touch(replace(known, draft=more, seen_price=price))

    def take(self, line: KeptLine) -> None:
        """A line of another cart, with the price that was seen there."""
        known = self._lines.get(_of(line.draft))
        if known is None:
            self._append(line)
            return
        quantity = min(known.draft.quantity + line.draft.quantity, MOST_PIECES)
        self._touch(replace(known, draft=replace(known.draft, quantity=quantity)))

    def _append(self, line: KeptLine) -> KeptLine:
        self._last += 1
        self.added += 1
        return self._touch(replace(line, position=self._last))

    def _touch(self, line: KeptLine) -> KeptLine:
        self._lines[_of(line.draft)] = line
        self._touched[_of(line.draft)] = None
        return line


_Kind = tuple[object, ...]


def _of(draft: LineDraft) -> _Kind:
    """What a line is of, whatever its quantity."""
    return draft.variant_id, draft.alterations, draft.measurement_set_id, draft.gift_message


def _unknown(loaded: Loaded, kept: Collection[UUID | None], changes: Sequence[LineChange]) -> list[Refusal]:
    refusals = []
    for at, change in enumerate(changes):
        if change.line_id not in kept:
            refusals.append(_no_line((*LINES, str(at), "id")))
        set_id = change.changes.get("measurement_set_id")
        if set_id is not None and set_id not in loaded.measured:
            refusals.append(line_check.no_measurements((*LINES, str(at), "measurementSetId")))
    return refusals


def _rewritten(loaded: Loaded, line: KeptLine, change: LineChange, path: tuple[str, ...]) -> KeptLine | list[Refusal]:
    draft = line_draft.tidy(replace(line.draft, quantity=change.quantity, **change.changes), path)
    if isinstance(draft, list):
        return draft
    assert draft.variant_id is not None
    goods = loaded.goods[draft.variant_id]
    refusals = list(line_check.unfit(draft, goods, path)) if change.changes else []
    return refusals or replace(line, draft=draft, seen_price=line.seen_price if goods.price is None else goods.price)


def _no_line(field: tuple[str, ...]) -> Refusal:
    return Refusal(RefusalCode.NOT_FOUND, "There is no such line in the cart.", field)
