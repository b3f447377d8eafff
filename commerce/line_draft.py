"""What somebody wants a line of a cart or a till's sale to be, and what speaks against it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from auth.refusal import Refusal, RefusalCode
from commerce import text
from commerce.goods import Goods
from models.catalogue import AlterationKind

MOST_LINES = 100
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

    def like(self, other: "LineDraft") -> bool:
        """Whether the two differ in their quantity at most: then they are one line."""
        return self == replace(other, quantity=self.quantity)


def checked(
    drafts: Sequence[LineDraft], goods: Mapping[UUID, Goods], base: Path
) -> tuple[list[LineDraft], list[Refusal]]:
    """The drafts made regular, all of whose goods are known; and everything that is wrong with them."""
    refusals: list[Refusal] = []
    tidied: list[LineDraft] = []
    if not drafts:
        refusals.append(Refusal(RefusalCode.REQUIRED, "Name at least one line.", base))
    if len(drafts) > MOST_LINES:
        refusals.append(Refusal(RefusalCode.LIMIT_REACHED, f"Name at most {MOST_LINES} lines.", base))
    for at, draft in enumerate(drafts):
        path = (*base, str(at))
        outcome = tidy(draft, path)
        if isinstance(outcome, list):
            refusals += outcome
            continue
        assert outcome.variant_id is not None
        refusals += unfit(outcome, goods[outcome.variant_id], path)
        tidied.append(outcome)
    return tidied, refusals


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


def unknown(
    drafts: Sequence[LineDraft], goods: Mapping[UUID, Goods], own_sets: Collection[UUID], base: Path
) -> list[Refusal]:
    """NOT_FOUND for each variant and each measurement set that the customer may not know of."""
    refusals = []
    for at, draft in enumerate(drafts):
        if draft.variant_id not in goods:
            refusals.append(_not_found("There is no such variant.", (*base, str(at), "variantId")))
        if draft.measurement_set_id is not None and draft.measurement_set_id not in own_sets:
            refusals.append(_not_found("You have no such measurements.", (*base, str(at), "measurementSetId")))
    return refusals


def unfit(draft: LineDraft, goods: Goods, path: Path) -> Iterator[Refusal]:
    """What is wrong with wanting these goods so."""
    if goods.archived:
        yield Refusal(RefusalCode.INVALID, f"{goods.product_name} is not sold any more.", (*path, "variantId"))
    elif goods.price is None:
        message = f"{goods.product_name} is not sold in this currency."
        yield Refusal(RefusalCode.INVALID, message, (*path, "variantId"))
    for at, one in enumerate(draft.alterations):
        if one.kind is AlterationKind.MADE_TO_MEASURE or one.kind not in goods.services:
            message = f"This alteration is not offered for {goods.product_name}."
            yield Refusal(RefusalCode.INVALID, message, (*path, "alterations", str(at), "kind"))
    if draft.measurement_set_id is not None and not goods.required_measurements:
        message = f"{goods.product_name} is not made to measure."
        yield Refusal(RefusalCode.INVALID, message, (*path, "measurementSetId"))


def _quantity(field: Path) -> Refusal:
    return Refusal(RefusalCode.INVALID, f"A line is of 1 to {MOST_PIECES} pieces.", field)


def _not_found(message: str, field: Path) -> Refusal:
    return Refusal(RefusalCode.NOT_FOUND, message, field)
