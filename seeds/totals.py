"""What an order adds up to, in minor units: the arithmetic that its columns promise, for a uniform tax rate."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.catalogue import CurrencyCode

TAX_INCLUDED = frozenset({CurrencyCode.EUR, CurrencyCode.GBP})
SHIPPING = {CurrencyCode.USD: 695, CurrencyCode.EUR: 590, CurrencyCode.GBP: 450, CurrencyCode.CAD: 950}
FREE_SHIPPING_FROM = 7500

_WHOLE = 100_000
# Fictional, and near enough to what is charged there; in hundred-thousandths. Elsewhere the shop is not registered.
_TAX_RATES = {
    "US-NY": 8_875, "US-CA": 7_250, "US-WA": 6_500, "US-MA": 6_250, "US-IL": 6_250, "US-TX": 6_250,
    "CA-QC": 14_975, "CA-ON": 13_000, "CA-BC": 12_000, "GB": 20_000, "IE": 23_000, "DE": 19_000, "FR": 20_000,
    "IT": 22_000, "ES": 21_000, "NL": 21_000, "BE": 21_000, "AT": 20_000,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Totals:
    """An order's amounts; `worth` is what the customer paid for each line, tax and discount included."""

    subtotal: int
    discount: int
    shipping: int
    tax: int
    total: int
    worth: tuple[int, ...]


def tax_rate(country: str, region: str | None) -> int:
    """The rate of sales or value-added tax at a place, in hundred-thousandths."""
    return _TAX_RATES.get(f"{country}-{region}", _TAX_RATES.get(country, 0))


def totals(
    lines: Sequence[int], currency: CurrencyCode, rate: int, *, discount_percent: int = 0, pickup: bool = False
) -> Totals:
    """Adds up lines of these totals. Shipping is free when picked up, or from 75.00 after discount."""
    subtotal = sum(lines)
    discount = _rounded(subtotal * discount_percent, 100)
    shipping = 0 if pickup or subtotal - discount >= FREE_SHIPPING_FROM else SHIPPING[currency]
    included = currency in TAX_INCLUDED
    taxable = [line - off for line, off in zip(lines, _spread(discount, lines), strict=True)]
    taxes = [_rounded(amount * rate, _WHOLE + rate if included else _WHOLE) for amount in (*taxable, shipping)]
    tax = sum(taxes)
    return Totals(
        subtotal,
        discount,
        shipping,
        tax,
        total=subtotal - discount + shipping + (0 if included else tax),
        worth=tuple(amount if included else amount + due for amount, due in zip(taxable, taxes, strict=False)),
    )


def _rounded(numerator: int, denominator: int) -> int:
    """Half away from zero."""
    return (2 * numerator + denominator) // (2 * denominator)


def _spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Parts in proportion to the weights that add up to the amount, by largest remainder."""
    whole = sum(weights) or 1
    parts = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(amount * weights[place] % whole))
    for place in by_remainder[: amount - sum(parts)]:
        parts[place] += 1
    return parts
