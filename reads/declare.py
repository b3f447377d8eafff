"""What a type's fields read from and who may read them: declared once, beside the GraphQL field.

    @entity(Brand, prefix="brd", readers=ANYONE, visible=(to(ANYONE),))
    class BrandType(Node):
        id: ID
        slug: str
        products: ProductConnection = page(order=..., on=lambda brand, product: product.brand_id == brand.id)

A field without an assignment is the column of its name. Both ways of executing, the directives in the SDL and the
permission matrix come from these declarations (`field_reads`, `field_readers`).
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar, dataclass_transform

import strawberry
from sqlalchemy import ColumnElement, LargeBinary, Table, Text, cast, func, literal_column
from strawberry.schema_directive import Location
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from reads.origins import (
    AnyEntity,
    Argument,
    Columns,
    Computed,
    Embedded,
    Expression,
    Facet,
    Facets,
    Filter,
    FilterField,
    Join,
    Key,
    Known,
    OneOf,
    Page,
    Reads,
    Ref,
    Referenced,
    Related,
    Sort,
    Value,
)
from reads.signatures import resolver_of

__all__ = [
    "ENTITIES",
    "AnyEntity",
    "Argument",
    "Columns",
    "Computed",
    "Embedded",
    "Entity",
    "Expression",
    "Facet",
    "Facets",
    "Filter",
    "FilterField",
    "Join",
    "Key",
    "Known",
    "OneOf",
    "Page",
    "Ref",
    "Referenced",
    "Related",
    "Sort",
    "Value",
    "any_entities",
    "any_entity",
    "column",
    "computed",
    "definition_of",
    "embed",
    "entity",
    "field_readers",
    "field_reads",
    "known",
    "many",
    "many_of",
    "one",
    "one_of",
    "page",
    "referenced",
    "stamp",
    "to",
    "value",
    "value_beside",
]

T = TypeVar("T")


@strawberry.schema_directive(locations=[Location.FIELD_DEFINITION], name="readers")
class ReadersDirective:
    """Who may read the field or call the operation."""

    by: list[str]


# ---- entities and their visibility


@dataclass(frozen=True)
class Visible:
    """Rows that these readers may see: all, or those where `where(viewer, row)`."""

    readers: Any
    where: Join | None = None


@dataclass(frozen=True)
class Entity:
    """A GraphQL type over a table.

    `visible` says which rows a root, `node` or a payload may show to whom: the first rule whose readers admit the
    caller holds, and where none does all are hidden.
    """

    name: str
    table: Table
    prefix: str | None
    visible: tuple[Visible, ...]
    key: Expression


ENTITIES: dict[type, Entity] = {}


def to(readers: Any, where: Join | None = None) -> Visible:
    return Visible(readers, where)


# ---- declaring fields


def _declared(
    reads: Reads | None,
    readers: Any,
    arguments: Mapping[str, tuple[Any, Any]] | None = None,
    description: str | None = None,
) -> Any:
    metadata = {"reads": reads, "readers": readers}
    if not arguments and not isinstance(reads, Known):
        return strawberry.field(metadata=metadata, description=description)
    resolver = resolver_of(reads, arguments or {})
    return strawberry.field(resolver=resolver, metadata=metadata, description=description)


def column(
    sql: Expression | None = None,
    *,
    seen: Callable[[Columns, Columns], ColumnElement[Any]] | None = None,
    nullable: bool | None = None,
    readers: Any = None,
) -> Any:
    """The column of the field's name, or an expression over the row, or over viewer and row (`seen`).

    `nullable` says so of an expression.
    """
    return _declared(Value(sql, nullable, seen), readers)


def embed(*, absent: Expression | None = None, readers: Any = None, **fields: Expression | Value) -> Any:
    """An object made of the same row, its fields by Python name; an expression that may be null is a nullable Value."""
    values = {n: found if isinstance(found, Value) else Value(found, False) for n, found in fields.items()}
    return _declared(Embedded(values, absent), readers)


def computed(
    make: Callable[..., Any],
    *needs: str,
    beside: Mapping[str, Expression] | None = None,
    arguments: Mapping[str, tuple[Any, Any]] | None = None,
    readers: Any = None,
    description: str | None = None,
) -> Any:
    """What `make(needs, info, **arguments)` answers, or awaits, given the named columns of the row as text.

    Bytes are given in hexadecimal. `beside` are expressions by name, given as text too; fields that need the same are
    given the same, once, which of expressions is seen where they are the same functions. `arguments` are annotation and
    default by Python name; inputs are given as objects.
    """
    expressions = {name: _as_text(sql) for name, sql in (beside or {}).items()}
    reads = Computed(make, {name: _text_of(name) for name in needs} | expressions)
    return _declared(reads, readers, arguments, description)


def known(
    make: Callable[..., Any],
    *,
    arguments: Mapping[str, tuple[Any, Any]] | None = None,
    readers: Any = None,
    description: str | None = None,
) -> Any:
    """A root that is what `make(facts, **arguments)` answers, given what the engine's process knows.

    Arguments are texts, numbers and booleans; one that is not given is left out or None.
    """
    return _declared(Known(make), readers, arguments, description)


@cache
def _as_text(sql: Expression) -> Expression:
    return lambda row: cast(sql(row), Text)


@cache
def _text_of(name: str) -> Expression:
    def sql(row: Columns) -> ColumnElement[Any]:
        found = row[name]
        if isinstance(found.type, LargeBinary):
            return func.encode(found, literal_column("'hex'", Text), type_=Text)
        return cast(found, Text)

    return sql


def one(  # noqa: PLR0913  # as many aspects as a relation has, each with a default
    on: Join | None = None,
    *,
    model: Any = None,
    fields: Mapping[str, Value | Embedded] | None = None,
    arguments: Mapping[str, Argument] | None = None,
    when: Expression | None = None,
    seen_by: Any = None,
    readers: Any = None,
    description: str | None = None,
) -> Any:
    """One related object, null where there is none. At a root with arguments, one of them has to be given."""
    given = arguments or {}
    reads = Related(on, _table(model), fields, arguments=given, when=when, seen_by=seen_by)
    return _declared(reads, readers, {n: (a.annotation, a.default) for n, a in given.items()}, description)


def value_beside(on: Join, model: Any, only: Expression, *, readers: Any = None) -> Any:
    """A value, never null, of the one row beside this one; null where there is none. The row's person is its own."""
    return _declared(Related(on, _table(model), only=only), readers)


def many(
    on: Join | None = None,
    *,
    order: Callable[[Columns], Sequence[ColumnElement[Any]]],
    model: Any = None,
    fields: Mapping[str, Value | Embedded] | None = None,
    arguments: Mapping[str, Argument] | None = None,
    when: Expression | None = None,
    readers: Any = None,
) -> Any:
    """All related objects, in an order that is total. For lists that are small by nature."""
    given = arguments or {}
    reads = Related(on, _table(model), fields, many=True, order=order, arguments=given, when=when)
    return _declared(reads, readers, {n: (a.annotation, a.default) for n, a in given.items()})


def page(  # noqa: PLR0913  # a connection has that many aspects, each with a default
    on: Join | None = None,
    *,
    sorts: Mapping[Any, Sort] | Sort,
    sort: Enum | None = None,
    model: Any = None,
    when: Expression | None = None,
    filter: Filter | None = None,
    facets: Facets | None = None,
    arguments: Mapping[str, Argument] | None = None,
    readers: Any = None,
    description: str | None = None,
) -> Any:
    """A connection. `sorts` is one order, or one for each value of the enum of the argument `sort`."""
    given = arguments or {}
    by_name = sorts if isinstance(sorts, Mapping) else {None: sorts}
    paging: dict[str, tuple[Any, Any]] = {
        "first": (int | None, strawberry.UNSET),
        "after": (str | None, strawberry.UNSET),
        "last": (int | None, strawberry.UNSET),
        "before": (str | None, strawberry.UNSET),
    }
    if filter is not None:
        paging["filter"] = (filter.annotation, strawberry.UNSET)
    if sort is not None:
        paging["sort"] = (type(sort) | None, sort)
    paging |= {name: (one.annotation, one.default) for name, one in given.items()}
    reads = Page(on, by_name, sort, _table(model), when, filter, facets, given)
    return _declared(reads, readers, paging, description)


def one_of(*alternatives: tuple[type, Join], readers: Any = None) -> Any:
    """An object of a union or an interface, each alternative `(Product, lambda row, product: …)`; null if none."""
    return _declared(OneOf(alternatives), readers)


def many_of(
    *alternatives: tuple[type, Join],
    on: Join,
    model: Any,
    order: Callable[[Columns], Sequence[ColumnElement[Any]]],
    readers: Any = None,
) -> Any:
    """A list of such objects, one beside each related row of `model`, in an order that is total."""
    return _declared(OneOf(alternatives, _table(model), on, order), readers)


def any_entity(*, readers: Any = None) -> Any:
    """Declares `node(id: ID!): Node`."""
    return _declared(AnyEntity(), readers, {"id": (strawberry.ID, inspect.Parameter.empty)})


def any_entities(*, readers: Any = None) -> Any:
    """Declares `nodes(ids: [ID!]!): [Node]!`."""
    return _declared(AnyEntity(many=True), readers, {"ids": (list[strawberry.ID], inspect.Parameter.empty)})


def referenced(*, readers: Any = None) -> Any:
    """A payload's entity; the resolver gives `Ref(key)` or None."""
    return strawberry.field(metadata={"reads": Referenced(), "readers": readers})


def _table(model: Any) -> Table | None:
    return None if model is None else model.__table__


# ---- declaring types


@dataclass_transform(
    field_specifiers=(column, computed, embed, known, one, many, page, referenced), kw_only_default=True
)
def entity(
    model: Any,
    *,
    readers: Any,
    name: str | None = None,
    prefix: str | None = None,
    visible: Sequence[Visible] = (),
    key: Expression | None = None,
    description: str | None = None,
) -> Callable[[type[T]], type[T]]:
    """A GraphQL type over a table; `readers` hold for fields that do not say otherwise."""

    def declare(cls: type[T]) -> type[T]:
        made: Any = strawberry.type(cls, name=name, description=description or _first_line(cls))
        definition = definition_of(made)
        for one_field in definition.fields:
            metadata = dict(one_field.metadata)
            if metadata.get("reads") is None and one_field.base_resolver is None:
                metadata["reads"] = Value()
            one_field.metadata = MappingProxyType(metadata)
        stamp(definition, readers)
        ENTITIES[made] = Entity(definition.name, model.__table__, prefix, tuple(visible), key or (lambda row: row.id))
        return made

    return declare


@dataclass_transform(field_specifiers=(referenced, strawberry.field), kw_only_default=True)
def value(*, readers: Any, name: str | None = None, description: str | None = None) -> Callable[[type[T]], type[T]]:
    """A GraphQL type that is not a table's: a payload, a connection, a shape for `embed` or a computed object."""

    def declare(cls: type[T]) -> type[T]:
        made: Any = strawberry.type(cls, name=name, description=description or _first_line(cls))
        stamp(definition_of(made), readers)
        return made

    return declare


def stamp(definition: StrawberryObjectDefinition, readers: Any) -> None:
    """Gives each field its readers, and prints them as a directive."""
    for one_field in definition.fields:
        found = one_field.metadata.get("readers") or readers
        one_field.metadata = MappingProxyType({**one_field.metadata, "readers": found})
        one_field.directives = [
            *(d for d in one_field.directives if not isinstance(d, ReadersDirective)),
            ReadersDirective(by=[str(reader) for reader in found]),
        ]


def definition_of(cls: Any) -> StrawberryObjectDefinition:
    return cls.__strawberry_definition__


def field_reads(declared: StrawberryField) -> Reads | None:
    return declared.metadata.get("reads")


def field_readers(declared: StrawberryField) -> Any:
    """The field's readers; None is an error at start."""
    return declared.metadata.get("readers")


def _first_line(cls: type) -> str | None:
    return inspect.cleandoc(cls.__doc__).partition("\n\n")[0] if "__doc__" in vars(cls) and cls.__doc__ else None
