"""What a basket costs: the one place where lines, codes, shipping and tax are added up. Pure, in integer minor units.

The identities (every cart, quote and order keeps them):

    line.total    = (unit price + its alterations' prices) * quantity, before discounts
    subtotal      = the sum of line.total; discount_total = the sum of line.discount_total
    line.tax      = taxable * rate, or taxable * rate / (1 + rate) where prices include tax; taxable = total - discount
    tax_total     = the sum of line.tax and the tax on shipping
    total         = subtotal - discount_total + shipping_total (+ tax_total where prices exclude tax)

What a code takes off is rounded once and spread over its lines by largest remainder; a tax is rounded once. Rounding is
half away from zero. A later code is reckoned from what the earlier ones left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from models.catalogue import CurrencyCode, TaxCategory
from models.discount import DiscountKind

TAX_INCLUDED = frozenset({CurrencyCode.EUR, CurrencyCode.GBP})
"""Currencies whose prices include tax; in the others it is added."""

_RATE_UNIT = 10**6


class DiscountRefusal(StrEnum):
    """Why a code takes nothing off at the moment."""

    NOT_YET = "NOT_YET"
    EXPIRED = "EXPIRED"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    LIMIT_REACHED = "LIMIT_REACHED"
    NOTHING_ELIGIBLE = "NOTHING_ELIGIBLE"
    NOT_COMBINABLE = "NOT_COMBINABLE"
    SIGN_IN_REQUIRED = "SIGN_IN_REQUIRED"


@dataclass(frozen=True, slots=True)
class BasketLine:
    """What is bought, at which price of one piece. `line_id` is the cart's, None at the till."""

    line_id: UUID | None
    variant_id: UUID
    product_id: UUID
    quantity: int
    unit_price: int
    alterations: tuple[int, ...] = ()
    category_ids: frozenset[UUID] = frozenset()
    tax_category: TaxCategory = TaxCategory.STANDARD
    weight_grams: int = 0

    @property
    def total(self) -> int:
        return (self.unit_price + sum(self.alterations)) * self.quantity


@dataclass(frozen=True, slots=True)
class DiscountTerms:
    """A code, with `amount` and `minimum` in the basket's currency and what was used of it so far."""

    id: UUID
    code: str
    kind: DiscountKind
    percent: Decimal | None = None
    amount: int | None = None
    minimum: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    total_limit: int | None = None
    per_customer_limit: int | None = None
    used: int = 0
    used_by_customer: int = 0
    combinable: bool = False
    active: bool = True
    product_ids: frozenset[UUID] = frozenset()
    category_ids: frozenset[UUID] = frozenset()

    def applies_to(self, line: BasketLine) -> bool:
        """A code with neither products nor categories is for everything."""
        if not self.product_ids and not self.category_ids:
            return True
        return line.product_id in self.product_ids or not self.category_ids.isdisjoint(line.category_ids)


@dataclass(frozen=True, slots=True)
class AppliedCode:
    """A code with what it takes off, or why it takes nothing."""

    terms: DiscountTerms
    refusal: DiscountRefusal | None
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Discounted:
    """Lines with what is taken off each, in their order."""

    lines: tuple[BasketLine, ...]
    off: tuple[int, ...]
    codes: tuple[AppliedCode, ...] = ()

    @property
    def subtotal(self) -> int:
        return sum(line.total for line in self.lines)

    @property
    def discount_total(self) -> int:
        return sum(self.off)

    @property
    def total(self) -> int:
        """Cart.total: without shipping and tax; what free shipping is measured by."""
        return self.subtotal - self.discount_total

    @property
    def free_shipping(self) -> bool:
        return any(one.refusal is None and one.terms.kind is DiscountKind.FREE_SHIPPING for one in self.codes)


class TaxRates(Protocol):
    """The rates at a place, as fractions: 0.19 is 19 %."""

    def of(self, category: TaxCategory, piece: int) -> Decimal:
        """The rate on goods of which one piece costs so much after discounts: some places tax dear clothes alone."""
        ...

    def of_shipping(self, goods: Sequence[Decimal]) -> Decimal:
        """The rate on the shipping of goods with these rates."""
        ...


@dataclass(frozen=True, slots=True)
class PricedLine:
    """`worth`: what the customer pays for the line, tax and discount included."""

    line: BasketLine
    total: int
    discount_total: int
    tax_rate: Decimal
    tax_total: int
    worth: int


@dataclass(frozen=True, slots=True)
class Price:
    """The whole of it. `shipping_total` is after a code for free shipping."""

    lines: tuple[PricedLine, ...]
    codes: tuple[AppliedCode, ...]
    subtotal: int
    discount_total: int
    shipping_total: int
    shipping_tax_rate: Decimal
    shipping_tax_total: int
    tax_total: int
    total: int
    prices_include_tax: bool


@dataclass(slots=True)
class _Reckoning:
    """Codes applied one after the other: what is left of each line, and which codes hold so far."""

    lines: Sequence[BasketLine]
    left: list[int]
    applied: list[AppliedCode] = field(default_factory=list)

    def apply(self, terms: DiscountTerms, now: datetime, *, signed_in: bool) -> None:
        eligible = [at for at, line in enumerate(self.lines) if terms.applies_to(line)]
        refusal = self._refusal(terms, eligible, now, signed_in=signed_in)
        if refusal is not None:
            self.applied.append(AppliedCode(terms, refusal))
            return
        weights = [self.left[at] for at in eligible]
        taken = _taken(terms, sum(weights))
        for at, part in zip(eligible, spread(taken, weights), strict=True):
            self.left[at] -= part
        self.applied.append(AppliedCode(terms, None, taken))

    def _refusal(
        self, terms: DiscountTerms, eligible: list[int], now: datetime, *, signed_in: bool
    ) -> DiscountRefusal | None:
        if not terms.active or (terms.ends_at is not None and terms.ends_at <= now):
            return DiscountRefusal.EXPIRED
        if terms.starts_at is not None and terms.starts_at > now:
            return DiscountRefusal.NOT_YET
        if terms.per_customer_limit is not None and not signed_in:
            return DiscountRefusal.SIGN_IN_REQUIRED
        if _reached(terms.used, terms.total_limit) or _reached(terms.used_by_customer, terms.per_customer_limit):
            return DiscountRefusal.LIMIT_REACHED
        if not eligible or (terms.kind is DiscountKind.AMOUNT and terms.amount is None):
            return DiscountRefusal.NOTHING_ELIGIBLE
        if terms.minimum is not None and sum(self.lines[at].total for at in eligible) < terms.minimum:
            return DiscountRefusal.BELOW_MINIMUM
        others = [one.terms for one in self.applied if one.refusal is None]
        if others and not (terms.combinable and all(other.combinable for other in others)):
            return DiscountRefusal.NOT_COMBINABLE
        return None


def discount(
    lines: Sequence[BasketLine], codes: Sequence[DiscountTerms], now: datetime, *, signed_in: bool
) -> Discounted:
    """The lines with what the codes take off, applied in their order."""
    reckoning = _Reckoning(lines, [line.total for line in lines])
    for terms in codes:
        reckoning.apply(terms, now, signed_in=signed_in)
    off = tuple(line.total - left for line, left in zip(lines, reckoning.left, strict=True))
    return Discounted(tuple(lines), off, tuple(reckoning.applied))


def price(basket: Discounted, currency: CurrencyCode, *, shipping: int = 0, rates: TaxRates | None = None) -> Price:
    """The basket with shipping, as before a code for free shipping, and tax; no `rates`: the place is not known yet."""
    included = currency in TAX_INCLUDED
    lines = tuple(
        _taxed(line, off, rates, included=included) for line, off in zip(basket.lines, basket.off, strict=True)
    )
    shipping_total = 0 if basket.free_shipping else shipping
    shipping_rate = rates.of_shipping([line.tax_rate for line in lines]) if rates else Decimal(0)
    shipping_tax = tax_on(shipping_total, shipping_rate, included=included)
    tax_total = sum(line.tax_total for line in lines) + shipping_tax
    return Price(
        lines,
        basket.codes,
        basket.subtotal,
        basket.discount_total,
        shipping_total,
        shipping_rate,
        shipping_tax,
        tax_total,
        basket.total + shipping_total + (0 if included else tax_total),
        included,
    )


def _taxed(line: BasketLine, off: int, rates: TaxRates | None, *, included: bool) -> PricedLine:
    taxable = line.total - off
    rate = rates.of(line.tax_category, -(-taxable // line.quantity)) if rates else Decimal(0)
    tax = tax_on(taxable, rate, included=included)
    return PricedLine(line, line.total, off, rate, tax, taxable if included else taxable + tax)


def tax_on(taxable: int, rate: Decimal, *, included: bool) -> int:
    """The tax in, or on top of, an amount."""
    part = int(rate * _RATE_UNIT)
    return rounded(taxable * part, _RATE_UNIT + part if included else _RATE_UNIT)


def worth_of(worth: int, quantity: int, first: int) -> int:
    """What the first so many of a line's units are worth; what is between two such numbers adds up to the whole."""
    return rounded(worth * first, quantity)


def rounded(numerator: int, denominator: int) -> int:
    """A non-negative quotient, half away from zero."""
    return (2 * numerator + denominator) // (2 * denominator)


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Parts in proportion to the weights that add up to the amount, by largest remainder; of equals the first."""
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    parts = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: -(amount * weights[at] % whole))
    for at in by_remainder[: amount - sum(parts)]:
        parts[at] += 1
    return parts


def _taken(terms: DiscountTerms, left: int) -> int:
    match terms.kind:
        case DiscountKind.PERCENT:
            assert terms.percent is not None
            return rounded(left * int(terms.percent * 1000), 100_000)
        case DiscountKind.AMOUNT:
            assert terms.amount is not None
            return min(terms.amount, left)
    return 0


def _reached(used: int, limit: int | None) -> bool:
    return limit is not None and used >= limit
