"""Shipping methods, as the public reads them."""

from typing import Any

import strawberry

from auth.permissions import ANYONE, staff
from models import shipping as tables
from reads.declare import Columns, entity, many, to
from schema.common import Money, money

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
