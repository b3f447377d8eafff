"""How staff set the terms of shipping methods, each as a whole."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import text
from commerce.money import Amount, Amounts, one_a_currency
from commerce.postal_rules import COUNTRIES
from commerce.unique import written
from models.catalogue import SLUG
from models.ids import new_id
from models.shipping import ShippingMethod, ShippingPrice

CODE_LIMIT = 50
NAME_LIMIT = 100
MOST_DAYS = 365
MOST_GRAMS = 10_000_000

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such way of shipping.", ("id",))
TAKEN = Refusal(RefusalCode.TAKEN, "Another way of shipping has this code.", ("code",))
VERSION_CONFLICT = Refusal(RefusalCode.VERSION_CONFLICT, "It was changed meanwhile.", ("expectedVersion",))

_CODE = re.compile(SLUG)


@dataclass(frozen=True, slots=True)
class MethodDraft:
    """A method as it was typed. `countries` are ISO 3166-1 alpha-2; days count from the day after the order."""

    code: str
    name: str
    countries: Sequence[str]
    prices: Sequence[Amount]
    free_from: Sequence[Amount] = ()
    pickup: bool = False
    min_days: int | None = None
    max_days: int | None = None
    max_weight_grams: int | None = None
    active: bool = True


async def save(
    transaction: AsyncConnection, draft: MethodDraft, method_id: UUID | None, *, expected_version: int | None = None
) -> UUID | list[Refusal]:
    """Makes a method, or sets one anew. Orders keep what they were placed by.

    NOT_FOUND and VERSION_CONFLICT where it is another one, INVALID for terms that make no sense, TAKEN for its code.
    """
    if method_id is not None:
        locked = select(ShippingMethod.version).where(ShippingMethod.id == method_id).with_for_update()
        version = await transaction.scalar(locked)
        if version is None:
            return [NOT_FOUND]
        if expected_version not in {None, version}:
            return [VERSION_CONFLICT]
    checked = _checked(draft)
    if isinstance(checked, list):
        return checked
    columns, prices = checked
    saved = await _write(transaction, method_id, columns)
    if isinstance(saved, Refusal):
        return [saved]
    await transaction.execute(delete(ShippingPrice).where(ShippingPrice.method_id == saved))
    await transaction.execute(insert(ShippingPrice), [{"method_id": saved, **price} for price in prices])
    return saved


async def _write(transaction: AsyncConnection, method_id: UUID | None, columns: dict[str, Any]) -> UUID | Refusal:
    key = method_id or new_id()
    if method_id is None:
        row: Any = insert(ShippingMethod).values(id=key, **columns)
    else:
        row = update(ShippingMethod).where(ShippingMethod.id == key)
        row = row.values(**columns, version=ShippingMethod.version + 1)
    return key if await written(transaction, row, "uq_shipping_method_code") else TAKEN


def _checked(draft: MethodDraft) -> tuple[dict[str, Any], list[dict[str, Any]]] | list[Refusal]:
    """Columns of the method and of its prices, or everything that is wrong."""
    code, name, countries, prices = _code(draft.code), _name(draft.name), _countries(draft), _prices(draft)
    wrong = [one for one in (code, name, countries) if isinstance(one, Refusal)] + _wrong_numbers(draft)
    if isinstance(prices, Refusal):
        return [*wrong, prices]
    if wrong:
        return wrong
    columns = {
        "code": code,
        "name": name,
        "countries": countries,
        "pickup": draft.pickup,
        "min_days": draft.min_days,
        "max_days": draft.max_days,
        "max_weight_grams": draft.max_weight_grams,
        "active": draft.active,
    }
    return columns, prices


def _code(typed: str) -> str | Refusal:
    code = text.line(typed, field=("code",), limit=CODE_LIMIT, required=True)
    if isinstance(code, Refusal) or _CODE.fullmatch(code):
        return code
    return Refusal(RefusalCode.INVALID, "A code is of small letters and digits, with single dashes between.", ("code",))


def _name(typed: str) -> str | Refusal:
    return text.line(typed, field=("name",), limit=NAME_LIMIT, required=True)


def _countries(draft: MethodDraft) -> list[str] | Refusal:
    """In upper case, each once. A pickup needs none."""
    countries = sorted({typed.strip().upper() for typed in draft.countries})
    unknown = [country for country in countries if country not in COUNTRIES]
    if unknown:
        return Refusal(RefusalCode.INVALID, "Name countries by their two letters (ISO 3166-1).", ("countries",))
    if not countries and not draft.pickup:
        return Refusal(RefusalCode.REQUIRED, "Name the countries that it goes to.", ("countries",))
    return countries


def _wrong_numbers(draft: MethodDraft) -> list[Refusal]:
    bounds = (
        ("minDays", draft.min_days, 0, MOST_DAYS),
        ("maxDays", draft.max_days, draft.min_days or 0, MOST_DAYS),
        ("maxWeightGrams", draft.max_weight_grams, 1, MOST_GRAMS),
    )
    return [
        Refusal(RefusalCode.INVALID, f"Enter a number from {least} to {most}.", (field,))
        for field, given, least, most in bounds
        if given is not None and not least <= given <= most
    ]


def _prices(draft: MethodDraft) -> list[dict[str, Any]] | Refusal:
    prices = one_a_currency(draft.prices, ("prices",))
    free_from: Amounts | Refusal = one_a_currency(draft.free_from, ("freeFrom",))
    if isinstance(prices, Refusal):
        return prices
    if isinstance(free_from, Refusal):
        return free_from
    if not prices:
        return Refusal(RefusalCode.REQUIRED, "Name what it costs, in one currency at least.", ("prices",))
    if not free_from.keys() <= prices.keys():
        message = "What is free from an amount on needs a price in the same currency."
        return Refusal(RefusalCode.INVALID, message, ("freeFrom",))
    return [
        {"currency": currency, "price": price, "free_from": free_from.get(currency)}
        for currency, price in prices.items()
    ]
