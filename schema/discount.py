"""Discount codes, as staff make and read them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Numeric, Text, Uuid, func, literal_column, select

from auth.permissions import staff
from models import discount as tables
from models.discount import DiscountKind
from reads.cursors import wrong
from reads.declare import Argument, Columns, Join, Key, column, entity, many, referenced, to, value
from schema.catalogue import Category, Product
from schema.common import Money, Node, PageInfo, money
from schema.errors import UserError
from schema.money import MoneyInput

PREFIX = "dsc"
READERS = staff("discount:read")
WRITERS = staff("discount:write")
LONGEST_SEARCH = 100

strawberry.enum(DiscountKind)


def in_currencies(name: str) -> Any:
    """An amount in each currency that there is one in."""
    return many(
        lambda discount, amount: amount.discount_id == discount.id,
        model=tables.DiscountAmount,
        fields=money(name),
        order=lambda amount: (amount.currency,),
        when=lambda amount: amount[name].is_not(None),
    )


def named_in(link: Any, name: str) -> Join:
    """Those whose keys the link names for the discount."""
    table = link.__table__

    def on(discount: Columns, row: Columns) -> ColumnElement[bool]:
        keys = select(table.c[name]).where(table.c.discount_id == discount.id).correlate_except(table)
        return row.id.in_(keys)

    return on


@entity(
    tables.Discount,
    prefix=PREFIX,
    readers=READERS,
    visible=(to(READERS),),
    description='A code that customers enter. `percent`: "10" is 10 %. `minimums` are of what it applies to: to '
    "`products` and what is in `categories` or below them, to everything where both are empty. `used` counts orders "
    "that were not cancelled.",
)
class Discount(Node):
    id: strawberry.ID
    version: int
    code: str
    kind: DiscountKind
    percent: Decimal | None = column(lambda discount: func.trim_scale(discount.percent, type_=Numeric), nullable=True)
    amounts: list[Money] = in_currencies("amount")
    minimums: list[Money] = in_currencies("minimum")
    starts_at: datetime | None
    ends_at: datetime | None
    total_limit: int | None
    per_customer_limit: int | None
    used: int
    products: list[Product] = many(
        named_in(tables.DiscountProduct, "product_id"), order=lambda product: (product.name, product.id)
    )
    categories: list[Category] = many(
        named_in(tables.DiscountCategory, "category_id"), order=lambda category: (category.position, category.id)
    )
    combinable: bool
    active: bool


@value(readers=READERS)
class DiscountEdge:
    cursor: str
    node: Discount


@value(readers=READERS)
class DiscountConnection:
    edges: list[DiscountEdge]
    page_info: PageInfo


NEWEST = (Key(lambda discount, given: discount.id, Uuid(), descending=True),)
"""Keys grow with time."""


def search_text(typed: str) -> str:
    text = typed.strip().upper()
    if not 0 < len(text) <= LONGEST_SEARCH:
        raise wrong(f"A search has 1 to {LONGEST_SEARCH} characters.")
    return text


def matches(discount: Columns, search: ColumnElement[str]) -> ColumnElement[bool]:
    return func.strpos(discount.code, search) > literal_column("0")


SEARCH = Argument(str | None, Text(), where=matches, convert=search_text)


@strawberry.input(
    description="Without `id`, a new code; with it, what is left out stays and what is null is cleared, but for "
    "`combinable` and `active`, which are false and true where left out. Codes are kept in upper case. `categories` "
    "are slugs."
)
class DiscountSaveInput:
    id: strawberry.ID | None = strawberry.UNSET
    expected_version: int | None = strawberry.UNSET
    code: str
    kind: DiscountKind
    percent: Decimal | None = strawberry.UNSET
    amounts: list[MoneyInput] | None = strawberry.UNSET
    minimums: list[MoneyInput] | None = strawberry.UNSET
    starts_at: datetime | None = strawberry.UNSET
    ends_at: datetime | None = strawberry.UNSET
    total_limit: int | None = strawberry.UNSET
    per_customer_limit: int | None = strawberry.UNSET
    product_ids: list[strawberry.ID] | None = strawberry.UNSET
    categories: list[str] | None = strawberry.UNSET
    combinable: bool | None = False
    active: bool | None = True


@value(readers=WRITERS)
class DiscountSavePayload:
    discount: Discount | None = referenced()
    user_errors: list[UserError]
