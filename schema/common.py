"""What several nouns share: nodes, pages, money."""

from decimal import Decimal
from enum import StrEnum
from inspect import Parameter
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Numeric, Text, Uuid, func, literal_column

from auth.permissions import ANYONE
from models.catalogue import AlterationKind, CurrencyCode, MeasurementName
from models.ids import read_id
from reads.declare import Argument, Embedded, Value, value

# Before any type that uses them: strawberry would declare an enum of its own there.
strawberry.enum(CurrencyCode)
strawberry.enum(MeasurementName)
strawberry.enum(AlterationKind, description="MADE_TO_MEASURE is the tailor's work on what is made to measure.")


@strawberry.interface(description="An object with an opaque, unguessable id, which is never the only credential.")
class Node:
    id: strawberry.ID


@value(readers=ANYONE)
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@value(readers=ANYONE)
class Money:
    """An exact amount of a currency."""

    amount: Decimal
    currency_code: CurrencyCode


def word(member: StrEnum) -> ColumnElement[str]:
    """An enum's word as SQL text: a constant of the statement, which partial indexes need."""
    return literal_column(f"'{member.value}'", Text)


def decimal_amount(minor: ColumnElement[int]) -> ColumnElement[Any]:
    """Minor units as a decimal number; every currency of the shop has two decimals."""
    return minor * literal_column("0.01", Numeric(20, 2))


def money(amount: str, currency: str = "currency") -> dict[str, Value]:
    """Money's fields over two columns of a row."""
    return {
        "amount": Value(lambda row: decimal_amount(row[amount]), False),
        "currency_code": Value(lambda row: row[currency], False),
    }


def embedded_money(amount: str, currency: str = "currency") -> Embedded:
    """Money over two columns of a row, within another object."""
    return Embedded(money(amount, currency))


def by_id(prefix: str, *, required: bool = False) -> Argument:
    """An argument `id` that names a row; another type's id names none."""
    return Argument(
        strawberry.ID if required else strawberry.ID | None,
        Uuid(),
        where=lambda row, key: row.id == key,
        convert=lambda shown: read_id(prefix, shown),
        default=Parameter.empty if required else strawberry.UNSET,
    )


def shown_key(prefix: str, key: ColumnElement[Any]) -> ColumnElement[Any]:
    """The public form of a column that refers to another row."""
    return literal_column(f"'{prefix}_'", Text) + func.encode(func.uuid_send(key), literal_column("'hex'"), type_=Text)


def by_slug(*, required: bool = False) -> Argument:
    return Argument(
        str if required else str | None,
        Text(),
        where=lambda row, slug: row.slug == slug,
        default=Parameter.empty if required else strawberry.UNSET,
    )
