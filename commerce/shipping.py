"""Shipping methods: which of them serve a basket, what they cost, and when it arrives."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Text, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from models.catalogue import CurrencyCode
from models.ids import key_of
from models.shipping import ShippingMethod, ShippingPrice
from models.statement import Statement


@dataclass(frozen=True, slots=True)
class ShippingTerms:
    """A method with its terms. `prices` are minor units; from `free_from` of the goods' total on it costs nothing."""

    id: UUID
    version: int
    code: str
    name: str
    countries: tuple[str, ...]
    pickup: bool
    min_days: int | None
    max_days: int | None
    max_weight_grams: int | None
    active: bool
    prices: Mapping[CurrencyCode, int]
    free_from: Mapping[CurrencyCode, int]

    def serves(self, country_code: str | None, weight_grams: int, currency: CurrencyCode) -> bool:
        """Whether it takes so much there, for a price in this currency. A pickup needs no country."""
        if currency not in self.prices or not self.active:
            return False
        if self.max_weight_grams is not None and weight_grams > self.max_weight_grams:
            return False
        return self.pickup or country_code in self.countries

    def price(self, total: int, currency: CurrencyCode) -> int:
        """What it costs with goods of this total, discounts taken off. Raises KeyError where it has no price."""
        free_from = self.free_from.get(currency)
        return 0 if free_from is not None and total >= free_from else self.prices[currency]

    def arrival(self, ordered_on: date, work_days: int = 0) -> tuple[date | None, date | None]:
        """The earliest and the latest day it arrives, after so many days of the tailor's work. None: not promised."""
        earliest, latest = (
            None if days is None else ordered_on + timedelta(days=work_days + days)
            for days in (self.min_days, self.max_days)
        )
        return earliest, latest


async def methods(transaction: AsyncConnection) -> tuple[ShippingTerms, ...]:
    """The active methods, those that ship first, each group by code. One statement."""
    return read(await _METHODS.value(transaction))


def listed() -> ColumnElement[str]:
    """The active methods as a text for `read`, to be selected with something else."""
    price, method = ShippingPrice, ShippingMethod
    offered = (
        select(
            *method.__table__.c,
            func.json_object_agg(price.currency, price.price).filter(price.currency.is_not(None)).label("prices"),
            func.json_object_agg(price.currency, price.free_from).filter(price.free_from.is_not(None)).label("free"),
        )
        .outerjoin(price, price.method_id == method.id)
        .where(method.active)
        .group_by(method.id)
        .subquery("offered")
    )
    in_order: Any = aggregate_order_by(offered.table_valued(), offered.c.pickup, offered.c.code)
    return cast(select(func.json_agg(in_order)).scalar_subquery(), Text)


@lru_cache(maxsize=8)
def read(text: str | None) -> tuple[ShippingTerms, ...]:
    """The methods of which `listed` is the text, which is the same again and again."""
    return tuple(map(_terms, orjson.loads(text or "[]")))


def _terms(row: Mapping[str, Any]) -> ShippingTerms:
    return ShippingTerms(
        key_of(row["id"]),
        row["version"],
        row["code"],
        row["name"],
        tuple(row["countries"]),
        row["pickup"],
        row["min_days"],
        row["max_days"],
        row["max_weight_grams"],
        row["active"],
        _by_currency(row["prices"]),
        _by_currency(row["free"]),
    )


def _by_currency(amounts: Mapping[str, int] | None) -> dict[CurrencyCode, int]:
    return {CurrencyCode(currency): amount for currency, amount in (amounts or {}).items()}


_METHODS = Statement(lambda: select(listed()))
