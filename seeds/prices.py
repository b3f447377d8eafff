"""Prices in the shop's currencies. Each is set as a shop sets it, not converted to the cent."""

from collections.abc import Mapping
from functools import cache

from models.catalogue import CurrencyCode

Prices = Mapping[CurrencyCode, int]

# What a dollar's worth of goods costs. Prices in EUR and GBP include tax.
_LEVEL = {CurrencyCode.USD: 1.0, CurrencyCode.EUR: 0.98, CurrencyCode.GBP: 0.84, CurrencyCode.CAD: 1.34}


@cache
def in_currencies(dollars: int) -> Prices:
    """Prices in minor units of what costs this many dollars: exactly that in USD, a price point in the others."""
    return {
        currency: dollars * 100 if currency is CurrencyCode.USD else _price_point(dollars * level)
        for currency, level in _LEVEL.items()
    }


@cache
def reduced(price: int, percent: int) -> int:
    """A price in minor units with this much off, as a price point."""
    return _price_point(price * (100 - percent) / 10_000)


def _price_point(amount: float) -> int:
    """The nearest price that looks like one, in minor units: 17.50, 42, 85, 168, 340."""
    if amount < 20:
        return round(amount * 2) * 50
    if amount >= 300:
        return round(amount / 10) * 1000
    endings = (0, 2, 5, 8) if amount < 100 else (0, 5, 8)
    tens = int(amount // 10) * 10
    return 100 * min((tens + ending for ending in (*endings, 10)), key=lambda point: abs(point - amount))
