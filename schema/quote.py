"""Quotes, made from what commerce reckons; none of it is read from a table."""

from datetime import date
from decimal import Decimal

import strawberry

from auth.permissions import ANYONE
from commerce.pricing import PricedLine
from commerce.quote import Destination, Option, Quoted
from commerce.shipping import ShippingTerms
from models.catalogue import CurrencyCode
from models.ids import read_id, show_id
from reads.declare import value
from schema.address import PREFIX as ADDRESS
from schema.common import Money
from schema.errors import UserError, user_errors
from schema.money import exact_money
from schema.shipping import PREFIX as METHOD
from schema.shipping import ShippingMethod

CART_LINE = "crl"


@strawberry.input(
    description="Where to: an address of one's own, or a bare place, whose `region` may be left out where the postal "
    "code tells it. `shippingMethod` is a code."
)
class CartQuoteInput:
    shipping_address_id: strawberry.ID | None = strawberry.UNSET
    country_code: str | None = strawberry.UNSET
    region: str | None = strawberry.UNSET
    postal_code: str | None = strawberry.UNSET
    shipping_method: str | None = strawberry.UNSET


@value(readers=ANYONE)
class QuoteLine:
    """`total` is before what codes take off; `taxRate` is a fraction, "0.19"."""

    line_id: strawberry.ID | None
    variant_id: strawberry.ID
    quantity: int
    total: Money
    discount_total: Money
    tax_rate: Decimal
    tax_total: Money


@value(readers=ANYONE)
class ShippingOption:
    """A method that takes the goods there, what it costs, and between which days they arrive."""

    method: ShippingMethod
    price: Money
    earliest: date | None
    latest: date | None


@value(readers=ANYONE)
class Quote:
    """total = subtotal - discountTotal + shippingTotal (+ taxTotal where prices exclude tax)."""

    lines: list[QuoteLine]
    subtotal: Money
    discount_total: Money
    shipping_total: Money
    shipping_tax_rate: Decimal
    shipping_tax_total: Money
    tax_total: Money
    total: Money
    prices_include_tax: bool
    shipping_methods: list[ShippingOption]
    user_errors: list[UserError]


def asked(input: CartQuoteInput) -> Destination:
    """Where the input says to. An id that is none of an address names one that nobody has."""
    shown = input.shipping_address_id or None
    return Destination(
        shown is not None,
        read_id(ADDRESS, shown) if shown else None,
        input.country_code or None,
        input.region or None,
        input.postal_code or None,
    )


def shown(quoted: Quoted) -> Quote:
    """The quote as an object of the API."""
    price, currency = quoted.price, quoted.basket.currency
    return Quote(
        lines=[_line(one, currency) for one in price.lines],
        subtotal=exact_money(price.subtotal, currency),
        discount_total=exact_money(price.discount_total, currency),
        shipping_total=exact_money(price.shipping_total, currency),
        shipping_tax_rate=price.shipping_tax_rate,
        shipping_tax_total=exact_money(price.shipping_tax_total, currency),
        tax_total=exact_money(price.tax_total, currency),
        total=exact_money(price.total, currency),
        prices_include_tax=price.prices_include_tax,
        shipping_methods=[_option(one, currency) for one in quoted.options],
        user_errors=user_errors(quoted.refusals),
    )


def _line(priced: PricedLine, currency: CurrencyCode) -> QuoteLine:
    line = priced.line
    return QuoteLine(
        line_id=strawberry.ID(show_id(CART_LINE, line.line_id)) if line.line_id else None,
        variant_id=strawberry.ID(show_id("var", line.variant_id)),
        quantity=line.quantity,
        total=exact_money(priced.total, currency),
        discount_total=exact_money(priced.discount_total, currency),
        tax_rate=priced.tax_rate,
        tax_total=exact_money(priced.tax_total, currency),
    )


def _option(option: Option, currency: CurrencyCode) -> ShippingOption:
    return ShippingOption(
        method=_method(option.method),
        price=exact_money(option.price, currency),
        earliest=option.earliest,
        latest=option.latest,
    )


def _method(terms: ShippingTerms) -> ShippingMethod:
    """As the root reads it from the tables."""
    return ShippingMethod(
        id=strawberry.ID(show_id(METHOD, terms.id)),
        version=terms.version,
        code=terms.code,
        name=terms.name,
        countries=list(terms.countries),
        pickup=terms.pickup,
        min_days=terms.min_days,
        max_days=terms.max_days,
        max_weight_grams=terms.max_weight_grams,
        prices=[exact_money(amount, currency) for currency, amount in sorted(terms.prices.items())],
        free_from=[exact_money(amount, currency) for currency, amount in sorted(terms.free_from.items())],
        active=terms.active,
    )
