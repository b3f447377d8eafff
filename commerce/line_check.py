"""What speaks against lines that somebody wants, given the goods that they are of."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from uuid import UUID

from auth.refusal import Refusal, RefusalCode
from commerce import line_draft
from commerce.goods import Goods
from commerce.line_draft import LineDraft, Path
from models.catalogue import AlterationKind

MOST_LINES = 100
"""Lines that are named at a time, or in a cart; one that others were merged into may have more."""


def unknown(
    drafts: Sequence[LineDraft], goods: Mapping[UUID, Goods], own_sets: Collection[UUID], base: Path
) -> list[Refusal]:
    """NOT_FOUND for each variant and each measurement set that the customer may not know of."""
    refusals = []
    for at, draft in enumerate(drafts):
        if draft.variant_id not in goods:
            refusals.append(Refusal(RefusalCode.NOT_FOUND, "There is no such variant.", (*base, str(at), "variantId")))
        if draft.measurement_set_id is not None and draft.measurement_set_id not in own_sets:
            refusals.append(no_measurements((*base, str(at), "measurementSetId")))
    return refusals


def unsold(goods: Goods, path: Path) -> Iterator[Refusal]:
    """Why the goods cannot be had at all, in this currency."""
    if goods.archived:
        yield Refusal(RefusalCode.INVALID, f"{goods.product_name} is not sold any more.", (*path, "variantId"))
    elif goods.price is None:
        message = f"{goods.product_name} is not sold in this currency."
        yield Refusal(RefusalCode.INVALID, message, (*path, "variantId"))


def unfit(draft: LineDraft, goods: Goods, path: Path) -> Iterator[Refusal]:
    """What of the draft the goods are not offered with."""
    for at, one in enumerate(draft.alterations):
        if one.kind is AlterationKind.MADE_TO_MEASURE or one.kind not in goods.services:
            message = f"This alteration is not offered for {goods.product_name}."
            yield Refusal(RefusalCode.INVALID, message, (*path, "alterations", str(at), "kind"))
    if draft.measurement_set_id is not None and not goods.required_measurements:
        message = f"{goods.product_name} is not made to measure."
        yield Refusal(RefusalCode.INVALID, message, (*path, "measurementSetId"))


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
        outcome = line_draft.tidy(draft, path)
        if isinstance(outcome, list):
            refusals += outcome
            continue
        assert outcome.variant_id is not None
        found = goods[outcome.variant_id]
        refusals += [*unsold(found, path), *unfit(outcome, found, path)]
        tidied.append(outcome)
    return tidied, refusals


def no_measurements(field: Path) -> Refusal:
    return Refusal(RefusalCode.NOT_FOUND, "You have no such measurements.", field)
