"""What staff write about a product, made regular field by field: each check answers the value to keep, or a refusal."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from auth.refusal import Refusal, RefusalCode
from commerce import text
from commerce.money import Amount, Amounts, one_a_currency
from commerce.product_state import AlterationOffer, Price, in_order
from models.catalogue import (
    DEFAULT_CURRENCY,
    SKU,
    SLUG,
    AlterationKind,
    Audience,
    CurrencyCode,
    MeasurementName,
    TaxCategory,
)

SLUG_LIMIT = 100
NAME_LIMIT = 200
DESCRIPTION_LIMIT = 10_000
CARE_LIMIT = 2_000
SKU_LIMIT = 64
SIZE_LIMIT = 40
COLOR_LIMIT = 60
ALT_LIMIT = 300
MOST_VARIANTS = 100
MOST_MEDIA = 30
MOST_CATEGORIES = 30
MOST_DAYS = 365
HEAVIEST = 1_000_000
"""Grams."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VariantDraft:
    """A variant as it is written: a known one by `id` or by the SKU that it has, else a new one.

    `unknown`: the id that was given is none at all.
    """

    sku: str
    prices: Sequence[Amount]
    id: UUID | None = None
    size: str | None = None
    color: str | None = None
    weight_grams: int | None = None
    compare_at: Sequence[Amount] = ()
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class OfferDraft:
    """What the tailor offers."""

    kind: AlterationKind
    days: int
    prices: Sequence[Amount] = ()


@dataclass(frozen=True, slots=True)
class PictureDraft:
    """An uploaded picture; no `id`: one that does not exist."""

    id: UUID | None
    alt: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A variant's values, made regular."""

    sku: str
    size: str | None
    color: str | None
    weight_grams: int | None
    prices: Mapping[CurrencyCode, Price]


def slug(value: str | None, path: Path = ("slug",)) -> str | Refusal:
    """A slug: words of small letters and digits, joined by single dashes."""
    if not value:
        return Refusal(RefusalCode.REQUIRED, "This is needed.", path)
    if len(value) > SLUG_LIMIT:
        return Refusal(RefusalCode.TOO_LONG, f"This may have at most {SLUG_LIMIT} characters.", path)
    if not re.fullmatch(SLUG, value):
        message = "Write small letters and digits, with a single dash between words."
        return Refusal(RefusalCode.INVALID, message, path)
    return value


def name(value: str | None, path: Path = ("name",)) -> str | Refusal:
    return text.line(value, field=path, limit=NAME_LIMIT, required=True)


def sku(value: str | None, path: Path) -> str | Refusal:
    """A SKU: letters, digits and `._/-`, a letter or digit first."""
    if not value:
        return Refusal(RefusalCode.REQUIRED, "This is needed.", path)
    if len(value) > SKU_LIMIT:
        return Refusal(RefusalCode.TOO_LONG, f"This may have at most {SKU_LIMIT} characters.", path)
    if not re.fullmatch(SKU, value):
        message = "Write letters, digits, dots, dashes, underscores and slashes, a letter or digit first."
        return Refusal(RefusalCode.INVALID, message, path)
    return value


def _prose(value: str | None, path: Path, *, limit: int) -> str | Refusal | None:
    return text.multiline(value, field=path, limit=limit) or None


def _flag(value: bool | None, path: Path) -> bool:
    return bool(value)


def _tax_category(value: TaxCategory | None, path: Path) -> TaxCategory:
    return value or TaxCategory.STANDARD


def _words(value: Iterable[Any] | None, path: Path, *, words: type[Any]) -> tuple[Any, ...]:
    return in_order(words, value or ())


CHECKS: Mapping[str, Callable[[Any, Path], Any]] = {
    "slug": slug,
    "name": name,
    "description": partial(_prose, limit=DESCRIPTION_LIMIT),
    "care_instructions": partial(_prose, limit=CARE_LIMIT),
    "audience": partial(_words, words=Audience),
    "custom_made": _flag,
    "required_measurements": partial(_words, words=MeasurementName),
    "tax_category": _tax_category,
}
"""The fields that stand for themselves. Null clears one, or gives it its default."""

API_NAMES = {"care_instructions": "careInstructions"}


def fields(changes: Mapping[str, Any]) -> tuple[dict[str, Any], list[Refusal]]:
    """What is changed of CHECKS' fields, and what is wrong with it."""
    found = {one: CHECKS[one](given, (API_NAMES.get(one, one),)) for one, given in changes.items() if one in CHECKS}
    refusals = [one for one in found.values() if isinstance(one, Refusal)]
    return {one: value for one, value in found.items() if not isinstance(value, Refusal)}, refusals


def variant(draft: VariantDraft, path: Path) -> Checked | list[Refusal]:
    """A variant's own values. REQUIRED: a price in the shop's first currency, which stands in for others."""
    found: dict[str, Any] = {
        "sku": sku(draft.sku, (*path, "sku")),
        "size": text.line(draft.size, field=(*path, "size"), limit=SIZE_LIMIT) or None,
        "color": text.line(draft.color, field=(*path, "color"), limit=COLOR_LIMIT) or None,
        "weight_grams": _weight(draft.weight_grams, path),
        "prices": _prices(draft, path),
    }
    refusals = [one for one in found.values() if isinstance(one, Refusal)]
    return refusals or Checked(**found)


def _weight(grams: int | None, path: Path) -> int | Refusal | None:
    if grams is None or 0 < grams <= HEAVIEST:
        return grams
    return Refusal(RefusalCode.INVALID, f"A weight is 1 to {HEAVIEST} grams.", (*path, "weightGrams"))


def _prices(draft: VariantDraft, path: Path) -> dict[CurrencyCode, Price] | Refusal:
    prices = _priced(draft.prices, (*path, "prices"))
    compare_at = one_a_currency(draft.compare_at, (*path, "compareAtPrices"))
    if isinstance(prices, Refusal):
        return prices
    if isinstance(compare_at, Refusal):
        return compare_at
    for at, currency in enumerate(compare_at):
        if currency not in prices or compare_at[currency] < prices[currency]:
            message = "A price to compare with is one in the same currency that is no lower."
            return Refusal(RefusalCode.INVALID, message, (*path, "compareAtPrices", str(at)))
    return {currency: Price(price, compare_at.get(currency)) for currency, price in prices.items()}


def _priced(given: Sequence[Amount], path: Path) -> Amounts | Refusal:
    prices = one_a_currency(given, path)
    if isinstance(prices, Refusal) or DEFAULT_CURRENCY in prices:
        return prices
    return Refusal(RefusalCode.REQUIRED, f"A price in {DEFAULT_CURRENCY} is needed.", path)


def offers(given: Sequence[OfferDraft]) -> tuple[AlterationOffer, ...] | list[Refusal]:
    """What the tailor offers, one a kind. INVALID: MADE_TO_MEASURE, which nobody asks for as an alteration."""
    found: dict[AlterationKind, AlterationOffer] = {}
    refusals: list[Refusal] = []
    for at, one in enumerate(given):
        path = ("alterations", str(at))
        prices = _priced(one.prices, (*path, "prices"))
        if one.kind is AlterationKind.MADE_TO_MEASURE:
            message = "What is made to measure is no alteration: say customMade."
            refusals.append(Refusal(RefusalCode.INVALID, message, (*path, "kind")))
        elif one.kind in found:
            refusals.append(Refusal(RefusalCode.INVALID, "This kind is there twice.", (*path, "kind")))
        elif not 0 <= one.days <= MOST_DAYS:
            message = f"Work takes 0 to {MOST_DAYS} days."
            refusals.append(Refusal(RefusalCode.INVALID, message, (*path, "days")))
        elif isinstance(prices, Refusal):
            refusals.append(prices)
        else:
            found[one.kind] = AlterationOffer(one.kind, one.days, prices)
    return refusals or tuple(sorted(found.values(), key=lambda one: one.kind))


def alt(draft: PictureDraft, path: Path) -> str | Refusal | None:
    """What a picture shows."""
    return text.line(draft.alt, field=(*path, "alt"), limit=ALT_LIMIT) or None


def too_many(given: Mapping[str, Any]) -> list[Refusal]:
    """LIMIT_REACHED for each list that is longer than a product's may be."""
    most = {"variants": MOST_VARIANTS, "media": MOST_MEDIA, "categories": MOST_CATEGORIES}
    return [
        Refusal(RefusalCode.LIMIT_REACHED, f"A product has at most {limit} of these.", (one,))
        for one, limit in most.items()
        if len(given.get(one) or ()) > limit
    ]
