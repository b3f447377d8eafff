"""Quotes: a basket's whole price for a place and a way to get there, before anybody commits to it.

The one way to a price with shipping and tax: carts, orders and the till ask here, so that they never differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import shipping
from commerce.alteration import MAKING_DAYS
from commerce.basket import Basket, GoodsLine
from commerce.postal_rules import country_rules
from commerce.pricing import Discounted, Price, price
from commerce.shipping import ShippingTerms
from commerce.tax import TABLES, Place, Taxes
from models.address import Address

__all__ = ["Destination", "Option", "Place", "Quoted", "destination", "in_store", "place_of", "quote", "quote_to"]

METHOD = ("shippingMethod",)


@dataclass(frozen=True, slots=True)
class Option:
    """A method that serves the basket: its price in minor units, and between which days it arrives."""

    method: ShippingTerms
    price: int
    earliest: date | None
    latest: date | None


@dataclass(frozen=True, slots=True)
class Quoted:
    """`taxed_at` is the place that tax is owed to, None while it is not known.

    Until a method is chosen that fits, shipping costs nothing. `refusals` say what does not fit: then the price is none
    to order by.
    """

    price: Price
    basket: Basket
    options: tuple[Option, ...]
    method: ShippingTerms | None
    taxed_at: Place | None
    refusals: list[Refusal]


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to, as it was asked for: an address of one's own, None for one that nobody has, or a bare place."""

    by_address: bool = False
    address_id: UUID | None = None
    country_code: str | None = None
    region: str | None = None
    postal_code: str | None = None


async def quote(
    transaction: AsyncConnection,
    basket: Basket,
    place: Place | None,
    method_code: str | None,
    now: datetime,
    *,
    store: Place,
    taxes: Taxes = TABLES,
) -> Quoted:
    """The basket's price at a place, by a method. What is picked up is taxed where the store is. One statement.

    INVALID for a method that there is not, REQUIRED for one that needs a place, NOT_SHIPPABLE for one that does not
    serve place, weight or currency; also where no method named and none goes to the place.
    """
    return reckon(await shipping.methods(transaction), basket, place, method_code, now, store=store, taxes=taxes)


def in_store(basket: Basket, now: datetime, *, store: Place, taxes: Taxes = TABLES) -> Quoted:
    """The basket's price where it is handed over in the store: taxed there, and whatever ways of shipping there are."""
    priced = price(basket.discounted(now), basket.currency, rates=taxes.at(store))
    return Quoted(priced, basket, (), None, store, [])


def reckon(
    methods: Sequence[ShippingTerms],
    basket: Basket,
    place: Place | None,
    method_code: str | None,
    now: datetime,
    *,
    store: Place,
    taxes: Taxes = TABLES,
) -> Quoted:
    """As `quote`, by these methods."""
    discounted = basket.discounted(now)
    options = _options(methods, basket, discounted, place, now)
    chosen = next((one for one in options if one.method.code == method_code), None)
    known = next((one for one in methods if one.code == method_code), None)
    taxed_at = store if known is not None and known.pickup else place
    priced = price(
        discounted,
        basket.currency,
        shipping=chosen.price if chosen else 0,
        rates=taxes.at(taxed_at) if taxed_at else None,
    )
    refusal = None if chosen else _refusal(options, place, method_code, known)
    method = chosen.method if chosen else None
    return Quoted(priced, basket, options, method, taxed_at, [refusal] if refusal else [])


def _options(
    methods: Sequence[ShippingTerms], basket: Basket, discounted: Discounted, place: Place | None, now: datetime
) -> tuple[Option, ...]:
    country, currency = place.country_code if place else None, basket.currency
    work_days = max(map(_work_days, basket.lines), default=0)
    return tuple(
        Option(
            method,
            0 if discounted.free_shipping else method.price(discounted.total, currency),
            *method.arrival(now.date(), work_days),
        )
        for method in methods
        if method.serves(country, basket.weight_grams, currency)
    )


def _work_days(line: GoodsLine) -> int:
    """What is made to measure is made first, and altered then."""
    made = MAKING_DAYS if line.custom_made else 0
    return made + max((one.days for one in line.alterations), default=0)


def _refusal(
    options: Sequence[Option], place: Place | None, method_code: str | None, known: ShippingTerms | None
) -> Refusal | None:
    """Why the basket does not go there by the method; None where none was asked for and there is one that does."""
    if method_code is not None and known is None:
        return Refusal(RefusalCode.INVALID, "There is no such way of shipping. Choose one of those offered.", METHOD)
    if known is not None and place is None and not known.pickup:
        return Refusal(RefusalCode.REQUIRED, "Say where it is to be shipped.", ("shippingAddressId",))
    if known is not None:
        return Refusal(RefusalCode.NOT_SHIPPABLE, f"{known.name} does not take these goods there.", METHOD)
    if place is not None and all(one.method.pickup for one in options):
        return Refusal(RefusalCode.NOT_SHIPPABLE, "These goods cannot be shipped there.", ("countryCode",))
    return None


async def quote_to(
    transaction: AsyncConnection,
    basket: Basket,
    account_id: UUID | None,
    asked: Destination,
    method_code: str | None,
    now: datetime,
    *,
    store: Place,
) -> Quoted:
    """As `quote`, for a place as a client says it: an address has to be the account's own. Two statements."""
    place = await destination(transaction, account_id, asked)
    if isinstance(place, list):
        return replace(await quote(transaction, basket, None, None, now, store=store), refusals=place)
    return await quote(transaction, basket, place, method_code, now, store=store)


async def destination(
    transaction: AsyncConnection, account_id: UUID | None, asked: Destination, taxes: Taxes = TABLES
) -> Place | list[Refusal] | None:
    """The place that was asked for, None for none. One statement where it is an address.

    NOT_FOUND for an address that is not the account's own, INVALID for a country or region that there is not.
    """
    if not asked.by_address:
        return place_of(asked, taxes) if asked.country_code or asked.region or asked.postal_code else None
    columns = select(Address.country_code, Address.region, Address.postal_code)
    own = columns.where(Address.id == asked.address_id, Address.account_id == account_id)
    row = (await transaction.execute(own)).one_or_none()
    if row is None or row.country_code is None:
        message = "There is no such address in your address book."
        return [Refusal(RefusalCode.NOT_FOUND, message, ("shippingAddressId",))]
    return Place(row.country_code, row.region, row.postal_code)


def place_of(asked: Destination, taxes: Taxes = TABLES) -> Place | list[Refusal]:
    """A bare place as addresses write it. A postal code that tells the region stands for one that is left out.

    REQUIRED for a country that is not named, or a region that taxes ask for; INVALID for those that there are not.
    """
    named = (asked.country_code or "").strip()
    typed = named.upper()
    rules = country_rules(typed) if named.isascii() else None
    if rules is None:
        code = RefusalCode.INVALID if named else RefusalCode.REQUIRED
        return [Refusal(code, "Enter the two letters of a country (ISO 3166-1), such as US or DE.", ("countryCode",))]
    postal_code = (asked.postal_code or "").strip().upper() or None
    region = (asked.region or "").strip() or None
    if region is not None and rules.format.regions:
        region = rules.region_code(region)
        if region is None:
            return [Refusal(RefusalCode.INVALID, f"{typed} has no such region.", ("region",))]
    elif region is None and postal_code is not None:
        matching = (code for code, start in rules.region_postal_codes.items() if start.match(postal_code))
        region = next(matching, None)
    if region is None and taxes.by_region(typed):
        return [Refusal(RefusalCode.REQUIRED, "Enter the state, province or postal code too.", ("region",))]
    return Place(typed, region, postal_code)
