"""Amounts of money as people write them, made integer minor units."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from auth.refusal import Refusal, RefusalCode
from models.catalogue import CurrencyCode

MOST_MINOR_UNITS = 10**11
"""A billion of any currency. Totals of the largest orders still fit into PostgreSQL's bigint."""

Path = tuple[str, ...]
Amounts = dict[CurrencyCode, int]
"""Minor units by currency."""


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount as it was given."""

    amount: Decimal
    currency: CurrencyCode


def minor_units(amount: Decimal) -> int | None:
    """The amount in minor units, of which every currency of the shop has a hundred; None where it is no whole number
    of them, below zero or beyond all measure.
    """
    if not amount.is_finite() or abs(amount) > MOST_MINOR_UNITS // 100:
        return None
    units = amount.scaleb(2)
    return int(units) if units == units.to_integral_value() and units >= 0 else None


def one_a_currency(given: Iterable[Amount], field: Path) -> Amounts | Refusal:
    """The amounts by currency. INVALID where one is no amount, or a currency is there twice."""
    found: Amounts = {}
    for at, one in enumerate(given):
        units = minor_units(one.amount)
        if units is None:
            message = "An amount is from 0 on, with two decimals at most."
            return Refusal(RefusalCode.INVALID, message, (*field, str(at), "amount"))
        if one.currency in found:
            message = f"There are two amounts in {one.currency}."
            return Refusal(RefusalCode.INVALID, message, (*field, str(at), "currencyCode"))
        found[one.currency] = units
    return found
