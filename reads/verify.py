"""Looks through all declarations before the engine starts, and refuses what could not be read rightly later on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    specified_scalar_types,
)
from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Date, DateTime, Integer, Numeric, Table, Text, Uuid
from sqlalchemy.types import NullType, TypeEngine

from reads import declare
from reads.declare import ENTITIES, Entity, definition_of, field_readers, field_reads
from reads.entities import strawberry_field
from reads.traces import PROBE

STORED: dict[str, type[TypeEngine[Any]]] = {
    "Int": Integer,
    "Boolean": Boolean,
    "String": Text,
    "Decimal": Numeric,
    "DateTime": DateTime,
    "Date": Date,
}
"""What a scalar is read from. Of others reads.text knows no text."""

LISTED = frozenset({"Int", "Boolean", "String"})
"""Scalars whose lists PostgreSQL writes as graphql-core does."""


class Misdeclared(TypeError):
    """Declarations that the schema does not start with; the message names each."""


@dataclass(frozen=True)
class Place:
    """A field of a type, with the declaration of what it reads."""

    parent: GraphQLObjectType
    name: str
    reads: Any

    def __str__(self) -> str:
        return f"{self.parent.name}.{self.name}"

    @property
    def type(self) -> Any:
        return self.parent.fields[self.name].type


def verify(schema: GraphQLSchema) -> None:
    """Raises Misdeclared."""
    found = list(complaints(schema))
    if found:
        raise Misdeclared("; ".join(found))


def complaints(schema: GraphQLSchema) -> Iterator[str]:
    """What is wrong with the declarations, each in some words."""
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or type_.name.startswith("__"):
            continue
        entity = entity_behind(type_)
        for name in type_.fields:
            declared = strawberry_field(type_, name)
            place = Place(type_, name, field_reads(declared))
            if not field_readers(declared):
                yield f"{place} names no reader"
            if entity is not None:
                yield from of_row(place, entity.table, entity)
            elif type_ is schema.query_type and place.reads is not None:
                yield from of_root(place)
            elif type_ is schema.subscription_type:
                yield from of_event(place)


def entity_behind(type_: Any) -> Entity | None:
    definition = type_.extensions.get("strawberry-definition")
    return None if definition is None else ENTITIES.get(definition.origin)


def of_root(place: Place) -> Iterator[str]:
    match place.reads:
        case declare.Related() | declare.Page():
            yield from related(place, root=True)
        case declare.AnyEntity():
            if not isinstance(get_named_type(place.type), GraphQLInterfaceType):
                yield f"{place} is of no interface"
        case declare.Known():
            yield from known(place)
        case _:
            yield f"{place} reads from a row, and there is none"


def known(place: Place) -> Iterator[str]:
    for name, argument in place.parent.fields[place.name].args.items():
        if str(get_nullable_type(argument.type)) not in specified_scalar_types:
            yield f"{place}({name}) is no text, number or boolean"


def of_event(place: Place) -> Iterator[str]:
    entity = entity_behind(get_named_type(place.type))
    if not isinstance(place.reads, declare.Referenced) or entity is None or not entity.visible:
        yield f"{place} tells of no entity that is read anew for who listens"


def reads_of(sql: Any, table: Table) -> bool:
    """Whether the table has the columns of the expression."""
    try:
        sql(table.alias().c)
    except (AttributeError, KeyError):
        return False
    return True


def of_row(place: Place, table: Table, entity: Entity | None) -> Iterator[str]:
    """A field of an object that is made of a row; `entity` is None for a shape within it."""
    match place.reads:
        case declare.Value():
            yield from leaf(place, table, entity)
        case declare.Embedded():
            yield from shape(place, place.reads.fields, table)
        case declare.Computed():
            yield from (
                f"{place}: {table.name} has no column {name}"
                for name, sql in place.reads.needs.items()
                if not reads_of(sql, table)
            )
        case declare.Related() | declare.Page():
            yield from related(place, root=False)
        case declare.OneOf():
            yield from one_of(place)
        case _:
            yield f"{place} is computed, and entities are read"


def shape(place: Place, fields: Mapping[str, Any], table: Table) -> Iterator[str]:
    """The fields of an object that is no entity: all of them, each with what it reads."""
    named: Any = get_named_type(place.type)
    for name in named.fields:
        reads = fields.get(strawberry_field(named, name).python_name)
        yield from of_row(Place(named, name, reads), table, None)


# ---- relations


def related(place: Place, *, root: bool) -> Iterator[str]:
    reads, named = place.reads, get_named_type(place.type)
    if isinstance(reads, declare.Page):
        yield from page(place, root=root)
        return
    if reads.many != isinstance(get_nullable_type(place.type), GraphQLList):
        yield f"{place} is {'' if reads.many else 'not '}declared as a list"
    if reads.many and reads.order is None:
        yield f"{place} has no order"
    if not root and reads.on is None:
        yield f"{place} does not say beside which row its rows lie"
    if reads.only is not None:
        if not is_leaf_type(named) or isinstance(place.type, GraphQLNonNull):
            yield f"{place} shows one value of a row that may be missing"
        return
    entity = entity_behind(named)
    if reads.fields is not None and reads.table is not None:
        yield from shape(place, reads.fields, reads.table)
    elif entity is None:
        yield f"{place} is of no entity"


def one_of(place: Place) -> Iterator[str]:
    reads, named = place.reads, get_named_type(place.type)
    listed = isinstance(get_nullable_type(place.type), GraphQLList)
    if listed != (reads.link is not None):
        yield f"{place} is {'' if reads.link is not None else 'not '}declared as a list"
    possible = {one.name for one in getattr(named, "types", ())}
    for type_, _ in reads.alternatives:
        name = definition_of(type_).name
        if type_ not in ENTITIES:
            yield f"{place} may be of {name}, which is no entity"
        elif name not in possible and not isinstance(named, GraphQLInterfaceType):
            yield f"{place} may be of {name}, which {named.name} may not"


def page(place: Place, *, root: bool) -> Iterator[str]:
    reads, connection = place.reads, get_named_type(place.type)
    edge = get_named_type(connection.fields["edges"].type)
    entity = entity_behind(get_named_type(edge.fields["node"].type))
    if entity is None:
        yield f"{place} is a page of no entity"
        return
    if reads.facets is not None and not root:
        yield f"{place} counts facets beside a row"
    if reads.sort is not None and set(reads.sorts) != set(type(reads.sort)):
        yield f"{place} does not have an order for each sort"
    row = (reads.table if reads.table is not None else entity.table).alias()
    for sort, keys in reads.sorts.items():
        last, unique = keys[-1].sql(row.c, lambda name: None), list(row.primary_key)
        if len(unique) != 1 or unique[0] is not last:
            yield f"{place} sorted by {sort} ends with no unique key"


# ---- values


def leaf(place: Place, table: Table, entity: Entity | None) -> Iterator[str]:
    named, python_name = get_named_type(place.type), strawberry_field(place.parent, place.name).python_name
    listed = isinstance(get_nullable_type(place.type), GraphQLList)
    if not is_leaf_type(named):
        yield f"{place} is no scalar"
    elif entity is not None and python_name == "id" and entity.prefix and named.name == "ID":
        return
    elif listed and named.name not in LISTED and not isinstance(named, GraphQLEnumType):
        yield f"{place}: a list of {named.name} has no text"
    else:
        yield from value(place, table, python_name)


def value(place: Place, table: Table, python_name: str) -> Iterator[str]:
    reads, required = place.reads, isinstance(place.type, GraphQLNonNull)
    row = table.alias()
    if reads.seen is not None:
        read = reads.seen(PROBE.viewer, row.c)
    elif reads.sql is not None:
        read = reads.sql(row.c)
    elif python_name in row.c:
        read = row.c[python_name]
    else:
        yield f"{place}: {table.name} has no such column"
        return
    may_be_null = isinstance(read, Column) and read.nullable if reads.nullable is None else reads.nullable
    if required and may_be_null:
        yield f"{place} is non-null over a value that may be null"
    yield from type_of(place, read.type)


def type_of(place: Place, read: TypeEngine[Any]) -> Iterator[str]:
    """Whether the text of such a value is the text of the field's type."""
    named: Any = get_named_type(place.type)
    if isinstance(get_nullable_type(place.type), GraphQLList):
        if not isinstance(read, ARRAY | NullType):
            yield f"{place} is a list over {read}"
            return
        read = read.item_type if isinstance(read, ARRAY) else read
    if isinstance(read, NullType):
        return
    wanted = Text if isinstance(named, GraphQLEnumType) or named.name == "ID" else STORED.get(named.name)
    if wanted is None:
        yield f"{place}: {named.name} has no text"
    elif not isinstance(read, wanted) or isinstance(read, BigInteger | Uuid):
        yield f"{place} is {named.name} over {read}"
    elif isinstance(read, DateTime) and not read.timezone:
        yield f"{place} is a moment without its offset"
