"""On which terms the fictional shop sells: its ways of shipping, and its discount codes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from commerce.pricing import DiscountTerms
from commerce.shipping import ShippingTerms
from models.catalogue import CurrencyCode
from models.discount import Discount, DiscountAmount, DiscountCategory, DiscountKind, DiscountUse
from models.ids import new_id
from models.shipping import ShippingMethod, ShippingPrice
from seeds.prices import Prices, in_currencies
from seeds.rows import Rows

Methods = Mapping[str, ShippingTerms]
"""Ways of shipping by their codes."""

STANDARD, EXPRESS, PICKUP = "standard", "express", "pickup"
EXPRESS_COUNTRIES = ("US", "CA", "GB", "DE", "FR")
EXPRESS_GRAMS = 10_000
FREE_FROM = 7500

_STANDARD_PRICES = {CurrencyCode.USD: 695, CurrencyCode.EUR: 590, CurrencyCode.GBP: 450, CurrencyCode.CAD: 950}
_EXPRESS_PRICES = {CurrencyCode.USD: 1895, CurrencyCode.EUR: 1690, CurrencyCode.GBP: 1450, CurrencyCode.CAD: 2450}


def add_methods(rows: Rows, ships_to: Sequence[str]) -> Methods:
    """Adds the three ways: standard to everywhere that the shop ships to, express, and pickup."""
    express = tuple(country for country in EXPRESS_COUNTRIES if country in ships_to)
    free_from = dict.fromkeys(CurrencyCode, FREE_FROM)
    methods = (
        _method(STANDARD, "Standard", tuple(ships_to), (3, 7), _STANDARD_PRICES, free_from=free_from),
        _method(EXPRESS, "Express", express, (1, 2), _EXPRESS_PRICES, grams=EXPRESS_GRAMS),
        _method(PICKUP, "Pickup in the store", (), (0, 1), dict.fromkeys(CurrencyCode, 0)),
    )
    for method in methods:
        _add_method(rows, method)
    return {method.code: method for method in methods}


def _method(
    code: str,
    name: str,
    countries: tuple[str, ...],
    days: tuple[int, int],
    prices: Prices,
    *,
    grams: int | None = None,
    free_from: Prices | None = None,
) -> ShippingTerms:
    return ShippingTerms(
        id=new_id(),
        version=1,
        code=code,
        name=name,
        countries=countries,
        pickup=not countries,
        min_days=days[0],
        max_days=days[1],
        max_weight_grams=grams,
        active=True,
        prices=prices,
        free_from=free_from or {},
    )


def _add_method(rows: Rows, method: ShippingTerms) -> None:
    rows.add(
        ShippingMethod,
        id=method.id,
        code=method.code,
        name=method.name,
        countries=list(method.countries),
        pickup=method.pickup,
        min_days=method.min_days,
        max_days=method.max_days,
        max_weight_grams=method.max_weight_grams,
    )
    for currency, price in method.prices.items():
        free_from = method.free_from.get(currency)
        rows.add(ShippingPrice, method_id=method.id, currency=currency, price=price, free_from=free_from)


@dataclass(frozen=True, slots=True)
class Offer:
    """A discount code. `amount` and `minimum` are what they are worth in dollars; dates are days from now."""

    code: str
    kind: DiscountKind
    percent: Decimal | None = None
    amount: int | None = None
    minimum: int | None = None
    starts: int | None = None
    ends: int | None = None
    total_limit: int | None = None
    per_customer_limit: int | None = None
    combinable: bool = False
    category: str | None = None
    id: UUID = field(default_factory=new_id)


class Offers:
    """The shop's codes, and how often orders have used each."""

    def __init__(self, categories: Mapping[str, UUID], now: datetime) -> None:
        self._categories = categories
        self._now = now
        self._used: Counter[UUID] = Counter()
        self._offers = {
            offer.code: offer
            for offer in (
                Offer("WELCOME10", DiscountKind.PERCENT, Decimal(10), per_customer_limit=1),
                Offer("FREESHIP", DiscountKind.FREE_SHIPPING, combinable=True),
                Offer("BABY5", DiscountKind.AMOUNT, amount=5, minimum=25, combinable=True, category="baby"),
                Offer("LAST3", DiscountKind.PERCENT, Decimal(15), total_limit=3),
                Offer("SUMMER20", DiscountKind.PERCENT, Decimal(20), starts=-150, ends=-60),
                Offer("LULLABY25", DiscountKind.AMOUNT, amount=25, minimum=150, starts=30, ends=60),
            )
        }

    def terms(self, code: str, currency: CurrencyCode) -> DiscountTerms:
        """The code in a currency, as of one who has not used it."""
        offer = self._offers[code]
        return DiscountTerms(
            id=offer.id,
            code=offer.code,
            kind=offer.kind,
            percent=offer.percent,
            amount=_in(currency, offer.amount),
            minimum=_in(currency, offer.minimum),
            starts_at=self._moment(offer.starts),
            ends_at=self._moment(offer.ends),
            total_limit=offer.total_limit,
            per_customer_limit=offer.per_customer_limit,
            combinable=offer.combinable,
            category_ids=frozenset(self._category(offer)),
        )

    def use(self, rows: Rows, terms: DiscountTerms, order_id: UUID, account_id: UUID | None, used_at: datetime) -> None:
        self._used[terms.id] += 1
        rows.add(DiscountUse, order_id=order_id, discount_id=terms.id, account_id=account_id, used_at=used_at)

    def add(self, rows: Rows) -> None:
        """Adds the codes, once all orders have used them."""
        for offer in self._offers.values():
            self._add(rows, offer)

    def _add(self, rows: Rows, offer: Offer) -> None:
        rows.add(
            Discount,
            id=offer.id,
            code=offer.code,
            kind=offer.kind,
            percent=offer.percent,
            starts_at=self._moment(offer.starts),
            ends_at=self._moment(offer.ends),
            total_limit=offer.total_limit,
            per_customer_limit=offer.per_customer_limit,
            used=self._used[offer.id],
            combinable=offer.combinable,
        )
        if offer.amount is not None or offer.minimum is not None:
            for currency in CurrencyCode:
                amounts = {"amount": _in(currency, offer.amount), "minimum": _in(currency, offer.minimum)}
                rows.add(DiscountAmount, discount_id=offer.id, currency=currency, **amounts)
        for category_id in self._category(offer):
            rows.add(DiscountCategory, discount_id=offer.id, category_id=category_id)

    def _category(self, offer: Offer) -> list[UUID]:
        return [self._categories[offer.category]] if offer.category else []

    def _moment(self, days: int | None) -> datetime | None:
        return None if days is None else self._now + timedelta(days=days)


def _in(currency: CurrencyCode, dollars: int | None) -> int | None:
    return None if dollars is None else in_currencies(dollars)[currency]
