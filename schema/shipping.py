"""Shipping methods, as the public reads them."""

from typing import Any

import strawberry

from auth.permissions import ANYONE, staff
from models import shipping as tables
from reads.declare import Columns, entity, many, referenced, to, value
from schema.common import Money, money
from schema.errors import UserError
from schema.money import MoneyInput

PREFIX = "shm"
EDITORS = staff("shipping:write")


def amounts(name: str) -> Any:
    """A price in each currency that there is one in."""
    return many(
        lambda method, price: price.method_id == method.id,
        model=tables.ShippingPrice,
        fields=money(name),
        order=lambda price: (price.currency,),
        when=lambda price: present(price, name),
    )


def present(price: Columns, name: str) -> Any:
    return price[name].is_not(None)


@entity(
    tables.ShippingMethod,
    prefix=PREFIX,
    readers=ANYONE,
    visible=(to(EDITORS), to(ANYONE, lambda viewer, method: method.active)),
)
class ShippingMethod:
    """How goods get to the customer: to which countries, how heavy, within how many days of the order."""

    id: strawberry.ID
    version: int
    code: str
    name: str
    countries: list[str]
    pickup: bool
    min_days: int | None
    max_days: int | None
    max_weight_grams: int | None
    prices: list[Money] = amounts("price")
    free_from: list[Money] = amounts("free_from")
    active: bool


@strawberry.input(
    description="A method as a whole: what is left out is none. Without `id`, a new one. `countries` are ISO 3166-1 "
    "alpha-2; `freeFrom` is measured by Cart.total. Orders keep what they were placed by."
)
class ShippingMethodSaveInput:
    id: strawberry.ID | None = strawberry.UNSET
    expected_version: int | None = strawberry.UNSET
    code: str
    name: str
    countries: list[str]
    pickup: bool | None = False
    min_days: int | None = strawberry.UNSET
    max_days: int | None = strawberry.UNSET
    max_weight_grams: int | None = strawberry.UNSET
    prices: list[MoneyInput]
    free_from: list[MoneyInput] | None = strawberry.UNSET
    active: bool | None = True


@value(readers=EDITORS)
class ShippingMethodSavePayload:
    shipping_method: ShippingMethod | None = referenced()
    user_errors: list[UserError]
