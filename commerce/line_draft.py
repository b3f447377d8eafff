"""What somebody wants a line of a cart or a till's sale to be, made regular."""

from dataclasses import dataclass, replace
from uuid import UUID

from auth.refusal import Refusal, RefusalCode
from commerce import text
from models.catalogue import AlterationKind

MOST_PIECES = 999
"""Pieces of a line."""
NOTE_LIMIT = 300
GIFT_MESSAGE_LIMIT = 500

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlterationDraft:
    """What the tailor is to do with each piece; `note` is for the tailor."""

    kind: AlterationKind
    note: str | None = None


@dataclass(frozen=True, slots=True)
class LineDraft:
    """So many pieces of a variant; no `variant_id`: of one that does not exist."""

    variant_id: UUID | None
    quantity: int
    alterations: tuple[AlterationDraft, ...] = ()
    measurement_set_id: UUID | None = None
    gift_message: str | None = None


def tidy(draft: LineDraft, path: Path) -> LineDraft | list[Refusal]:
    """The draft with its texts made regular and its alterations in order; or what no goods could make right."""
    refusals = [] if 1 <= draft.quantity <= MOST_PIECES else [_quantity((*path, "quantity"))]
    message = text.multiline(draft.gift_message, field=(*path, "giftMessage"), limit=GIFT_MESSAGE_LIMIT)
    if isinstance(message, Refusal):
        refusals.append(message)
    alterations: list[AlterationDraft] = []
    for at, one in enumerate(draft.alterations):
        where = (*path, "alterations", str(at))
        note = text.multiline(one.note, field=(*where, "note"), limit=NOTE_LIMIT)
        if isinstance(note, Refusal):
            refusals.append(note)
            continue
        if one.kind in {known.kind for known in alterations}:
            refusals.append(Refusal(RefusalCode.INVALID, "An alteration is asked for once a line.", (*where, "kind")))
        alterations.append(AlterationDraft(one.kind, note or None))
    if refusals or isinstance(message, Refusal):
        return refusals
    in_order = tuple(sorted(alterations, key=lambda one: one.kind))
    return replace(draft, alterations=in_order, gift_message=message or None)


def _quantity(field: Path) -> Refusal:
    return Refusal(RefusalCode.INVALID, f"A line is of 1 to {MOST_PIECES} pieces.", field)
