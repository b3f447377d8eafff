"""What of persons every declared field tells, whoever asks: by its value, by the rows it finds, by each argument."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema, get_named_type
from sqlalchemy import Column, ColumnElement, Table

from reads import declare
from reads.arguments import argument_name
from reads.declare import ENTITIES, field_readers, field_reads
from reads.entities import strawberry_field
from reads.guards import Field
from reads.nodes import Bind
from reads.traces import PROBE, columns_read, personal_in

Elements = Iterator[ColumnElement[Any]]


@dataclass(frozen=True)
class Disclosure:
    """A field or one of its arguments, as `customers(search)`, and the guarded columns that it reads.

    `seen_by`: the field is null, without an error, to all others.
    """

    field: Field
    columns: frozenset[Column[Any]]
    personal: frozenset[Any]
    seen_by: Any = None


def disclosures(schema: GraphQLSchema) -> Iterator[Disclosure]:
    """All fields of all types, by type, and after its field each argument that asks for more than the field does."""
    for type_ in sorted(schema.type_map.values(), key=lambda one: one.name):
        if not isinstance(type_, GraphQLObjectType) or type_.name.startswith("__"):
            continue
        for name in type_.fields:
            yield from of_field(schema, type_, name)


def of_field(schema: GraphQLSchema, type_: GraphQLObjectType, name: str) -> Iterator[Disclosure]:
    declared = strawberry_field(type_, name)
    field, reads = Field(type_.name, name, field_readers(declared)), field_reads(declared)
    entity = ENTITIES.get(declared_by(type_))
    root = type_ is schema.query_type
    found = disclosure(field, told(type_, name, reads, None if entity is None else entity.table, root=root))
    yield replace(found, seen_by=reads.seen_by) if isinstance(reads, declare.Related) else found
    if isinstance(reads, declare.Related | declare.Page):
        row = table_of(type_.fields[name].type, reads).alias().c
        for argument, readers, condition in conditions(reads, row):
            found = disclosure(Field(type_.name, f"{name}({argument})", readers or field.readers), iter([condition]))
            if readers or found.personal:
                yield found


def disclosure(field: Field, elements: Elements) -> Disclosure:
    found = tuple(elements)
    guarded = frozenset(column for column in columns_read(found) if column.info["privacy"] in personal_in([column]))
    return Disclosure(field, guarded, personal_in(found))


def declared_by(type_: Any) -> Any:
    return type_.extensions["strawberry-definition"].origin


def told(type_: GraphQLObjectType, name: str, reads: Any, table: Table | None, *, root: bool) -> Elements:
    """What the field reads whatever its arguments."""
    match reads:
        case declare.Value() if table is not None:
            yield value(reads, strawberry_field(type_, name).python_name, table.alias())
        case declare.Embedded() if table is not None:
            yield from shape(reads.fields, table)
        case declare.Computed() if table is not None:
            row = table.alias()
            yield from (sql(row.c) for sql in reads.needs.values())
        case declare.Related() | declare.Page():
            yield from relation(reads, table, table_of(type_.fields[name].type, reads), root=root)
        case declare.OneOf() if table is not None:
            yield from one_of(reads, table)


def one_of(reads: declare.OneOf, parent: Table) -> Elements:
    """What the rows of the alternatives, and those that link to them, are found under."""
    beside = parent if reads.link is None else reads.link
    if reads.link is not None and reads.on is not None:
        yield reads.on(parent.alias().c, reads.link.alias().c)
    if reads.link is not None and reads.order is not None:
        yield from reads.order(reads.link.alias().c)
    for type_, on in reads.alternatives:
        yield on(beside.alias().c, ENTITIES[type_].table.alias().c)


def value(reads: declare.Value, name: str, row: Any) -> ColumnElement[Any]:
    if reads.seen is not None:
        return reads.seen(PROBE.viewer, row.c)
    if reads.sql is not None:
        return reads.sql(row.c)
    return row.c[name]


def shape(fields: Mapping[str, Any], table: Table) -> Elements:
    """The values of an object that is made of one row."""
    for name, reads in fields.items():
        if isinstance(reads, declare.Embedded):
            yield from shape(reads.fields, table)
        else:
            yield value(reads, name, table.alias())


def relation(reads: Any, parent: Table | None, table: Table, *, root: bool) -> Elements:
    """What the rows are found under, and in what order."""
    row = table.alias().c
    if reads.on is not None:
        yield reads.on(PROBE.viewer if root or parent is None else parent.alias().c, row)
    if reads.when is not None:
        yield reads.when(row)
    if isinstance(reads, declare.Page):
        given = Given(reads)
        yield from (key.sql(row, given) for keys in reads.sorts.values() for key in keys)
        return
    if reads.order is not None:
        yield from reads.order(row)
    if reads.only is not None:
        yield reads.only(row)
    if reads.fields is not None:
        yield from shape(reads.fields, table)


def conditions(reads: Any, row: Any) -> Iterator[tuple[str, Any, ColumnElement[Any]]]:
    """Each argument's name, who may use it, and its condition."""
    for name, argument in reads.arguments.items():
        yield argument_name(name), argument.readers, argument.where(row, probe(argument.type))
    if isinstance(reads, declare.Page) and reads.filter is not None:
        given = Given(reads)
        for name, one in reads.filter.fields.items():
            yield f"filter.{argument_name(name)}", one.readers, one.where(row, probe(one.type), given)


class Given:
    """The values of a page's filter, all of which are given."""

    def __init__(self, reads: declare.Page) -> None:
        self._types = {}
        if reads.filter is not None:
            shared = {name: type_ for name, (type_, _) in reads.filter.shared.items()}
            self._types = {**{name: one.type for name, one in reads.filter.fields.items()}, **shared}

    def __call__(self, name: str) -> ColumnElement[Any] | None:
        return probe(self._types[name]) if name in self._types else None


def probe(type_: Any) -> ColumnElement[Any]:
    return PROBE.bind(Bind(type_, lambda variables, viewer: None))


def table_of(type_: Any, reads: Any) -> Table:
    """The table of a relation's rows."""
    if reads.table is not None:
        return reads.table
    named: Any = get_named_type(type_)
    if isinstance(reads, declare.Page):
        named = get_named_type(get_named_type(named.fields["edges"].type).fields["node"].type)
    return ENTITIES[declared_by(named)].table
