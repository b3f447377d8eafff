"""What a field reads from: a column, an expression, rows beside a row, a page of them; and what its arguments do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Table
from sqlalchemy.sql import Select
from sqlalchemy.types import TypeEngine

Columns = Any
"""The columns of a row's table, by attribute: `lambda product: product.slug`."""

Expression = Callable[[Columns], ColumnElement[Any]]
Join = Callable[[Columns, Columns], ColumnElement[bool]]
Condition = Callable[..., ColumnElement[bool]]


# ---- arguments


@dataclass(frozen=True)
class Argument:
    """An argument that becomes a condition on the rows: `where(row, value)`.

    `convert` turns the client's value into SQL's and raises GraphQLError. Without a value the condition is left out, or
    is `absent(row)`. `readers` may use it, if not everyone who reads the field may.
    """

    annotation: Any
    type: TypeEngine[Any]
    where: Condition
    convert: Callable[[Any], Any] = lambda value: value
    default: Any = strawberry.UNSET
    absent: Expression | None = None
    readers: Any = None


@dataclass(frozen=True)
class FilterField:
    """One field of an input object that filters: `where(row, value, given)`; `given(name)` is another field's value.

    `convert` and `readers` are as an Argument's.
    """

    type: TypeEngine[Any]
    where: Condition
    convert: Callable[[Any], Any] = lambda value: value
    readers: Any = None


@dataclass(frozen=True)
class Filter:
    """An argument that is an input object; each of its fields that is given restricts the rows.

    A field that is named in `shared` is no condition itself but a value that others use, with its default.
    """

    annotation: Any
    fields: Mapping[str, FilterField]
    shared: Mapping[str, tuple[TypeEngine[Any], Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Key:
    """One sort key of a page: never null, with a type whose text form is exact."""

    sql: Callable[..., ColumnElement[Any]]
    type: TypeEngine[Any]
    descending: bool = False


Sort = Sequence[Key]


# ---- what a field reads from


@dataclass(frozen=True)
class Value:
    """A scalar, an enum or a list of such, computed from the row; None: the column of the field's name.

    `seen(viewer, row)` computes it from the viewer's columns as well.
    """

    sql: Expression | None = None
    nullable: bool | None = None
    seen: Callable[[Columns, Columns], ColumnElement[Any]] | None = None


@dataclass(frozen=True)
class Embedded:
    """An object made of the same row; null where `absent(row)`."""

    fields: "Mapping[str, Value | Embedded]"
    absent: Expression | None = None


@dataclass(frozen=True)
class Computed:
    """What Python makes of values of the row: `make(needs, info, **arguments)`, each need as text or None.

    Only payloads' entities and the reference way can: a whole operation with such a field is not compiled.
    """

    make: Callable[..., Any]
    needs: Mapping[str, Expression]


@dataclass(frozen=True)
class Known:
    """What a root makes of what the process knows and of its arguments: `make(facts, **arguments)`.

    It is the same for everyone who may read it, and no row is looked at.
    """

    make: Callable[..., Any]


@dataclass(frozen=True)
class Related:
    """Another table's rows: one object or, with an order, a list.

    `fields` shapes a value type; else the entity's own are read. `only` is the one value, never null, that a scalar
    shows of the row. `table` is the entity's unless given. At a root, `on` takes the viewer's columns instead of a
    parent's. The field is null, without an error, to all but `seen_by`.
    """

    on: Join | None
    table: Table | None = None
    fields: Mapping[str, Value | Embedded] | None = None
    many: bool = False
    order: Callable[[Columns], Sequence[ColumnElement[Any]]] | None = None
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    when: Expression | None = None
    seen_by: Any = None
    only: Expression | None = None


@dataclass(frozen=True)
class OneOf:
    """An object of a union or an interface: of the first alternative, an entity's type, that has a row beside this one.

    For a list there is one beside each row of the table `link`, which `on` finds beside this one, in an order.
    """

    alternatives: tuple[tuple[type, Join], ...]
    link: Table | None = None
    on: Join | None = None
    order: Callable[[Columns], Sequence[ColumnElement[Any]]] | None = None


@dataclass(frozen=True)
class Facets:
    """A page's counts by value, each without its own filter. `select(matching)` counts over rows that match."""

    kinds: Mapping[str, "Facet"]


@dataclass(frozen=True)
class Facet:
    """`select(rows)` takes a select of the page's matching keys and gives columns value, label, count, in order."""

    filter: str
    select: Callable[[Select[Any]], Select[Any]]


@dataclass(frozen=True)
class Page:
    """A Relay connection with keyset cursors: first/after, last/before, at most `most` (Relay's specification)."""

    on: Join | None
    sorts: Mapping[Enum | None, Sort]
    sort: Enum | None = None
    table: Table | None = None
    when: Expression | None = None
    filter: Filter | None = None
    facets: Facets | None = None
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    counted: int = 10_000
    most: int = 100


@dataclass(frozen=True)
class AnyEntity:
    """The object behind an opaque id, or a list of them, of any entity that the viewer may see."""

    many: bool = False


@dataclass(frozen=True)
class Referenced:
    """An entity in a payload: the payload holds a `Ref`, which is read as the viewer may see it."""


@dataclass(frozen=True)
class Ref:
    """The key of an entity to be read."""

    key: Any


Reads = Value | Embedded | Computed | Known | Related | OneOf | Page | AnyEntity | Referenced
