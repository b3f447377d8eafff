"""Walks the graph of a schema: what each field reads from, and where a caller gets by which path."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, get_named_type
from sqlalchemy import Column, Table, select

from reads import declare
from reads.declare import ENTITIES, Entity, field_readers, field_reads
from reads.entities import strawberry_field
from reads.nodes import Bind
from reads.traces import PROBE, columns_read

Admits = Callable[[Any], bool]
"""Whether readers admit the caller."""


@dataclass(frozen=True)
class Step:
    """A field that a path leads to, with the stored columns that answering it looks at."""

    path: tuple[str, ...]
    type_name: str
    name: str
    columns: frozenset[Column[Any]]

    @property
    def field(self) -> str:
        return f"{self.type_name}.{self.name}"

    def __str__(self) -> str:
        return " → ".join(self.path)


class Walk:
    """Every field that the caller may read, from every root or from one type, each by its shortest path."""

    def __init__(self, schema: GraphQLSchema, admits: Admits) -> None:
        self.schema, self.admits = schema, admits

    def steps(self, start: str | None = None) -> Iterator[Step]:
        seen: set[tuple[Any, ...]] = set()
        schema = self.schema
        roots: tuple[Any, ...] = (schema.query_type, schema.mutation_type, schema.subscription_type)
        if start is not None:
            roots = (schema.type_map[start],)
        waiting: list[tuple[Any, Any, Table | None, tuple[str, ...]]] = [
            (root, None, home(root), ()) for root in roots if root is not None
        ]
        while waiting:
            type_, fields, table, path = waiting.pop(0)
            key = (type_.name, id(fields), id(table))
            if key in seen:
                continue
            seen.add(key)
            for name in type_.fields:
                declared = strawberry_field(type_, name)
                if not self.admits(field_readers(declared) or ()):
                    continue
                reads = field_reads(declared) if fields is None else fields.get(declared.python_name)
                if isinstance(reads, declare.Related) and reads.seen_by and not self.admits(reads.seen_by):
                    continue  # null, whatever is there
                columns = columns_of(type_, name, reads, table, root=type_ is self.schema.query_type)
                step = Step((*path, f"{type_.name}.{name}"), type_.name, name, columns)
                yield step
                waiting += self.beyond(type_, name, reads, table, step.path)

    def beyond(self, type_: GraphQLObjectType, name: str, reads: Any, table: Any, path: tuple[str, ...]) -> Any:
        """What the field leads to: types with their own declarations, or shapes over a row."""
        named: Any = get_named_type(type_.fields[name].type)
        root = type_ is self.schema.query_type
        if isinstance(reads, declare.Embedded):
            return [(named, reads.fields, table, path)]
        if isinstance(reads, declare.Related) and reads.fields is not None:
            return [(named, reads.fields, reads.table, path)]
        if isinstance(named, GraphQLInterfaceType):
            possible = self.schema.get_possible_types(named)
            return [(one, None, home(one), path) for one in possible if self.visible(one)]
        if not isinstance(named, GraphQLObjectType):
            return []
        if (root or isinstance(reads, declare.Referenced)) and entity_behind(named) and not self.visible(named):
            return []
        return [(named, None, home(named), path)]

    def visible(self, type_: Any) -> bool:
        entity = entity_behind(type_)
        return entity is not None and any(self.admits(rule.readers) for rule in entity.visible)


def entity_behind(type_: Any) -> Entity | None:
    return ENTITIES.get(type_.extensions["strawberry-definition"].origin)


def home(type_: Any) -> Table | None:
    entity = entity_behind(type_)
    return None if entity is None else entity.table


# ---- what a field looks at


def columns_of(type_: GraphQLObjectType, name: str, reads: Any, table: Any, *, root: bool) -> frozenset[Column[Any]]:
    """The stored columns in the field's value, and in the conditions and orders that its rows are found by."""
    if isinstance(reads, declare.Related | declare.Page):
        named: Any = get_named_type(type_.fields[name].type)
        return columns_read(relation(named, reads, None if root else table))
    if table is None:
        return frozenset()
    if isinstance(reads, declare.Embedded):
        return columns_read([reads.absent(table.c)] if reads.absent is not None else [])
    if isinstance(reads, declare.Value):
        return columns_read([value(type_, name, reads, table)])
    if isinstance(reads, declare.Computed):
        return columns_read([need(table.c) for need in reads.needs.values()])
    return frozenset()


def value(type_: GraphQLObjectType, name: str, reads: declare.Value, table: Table) -> Any:
    if reads.seen is not None:
        return reads.seen(PROBE.viewer, table.c)
    if reads.sql is not None:
        return reads.sql(table.c)
    python_name = strawberry_field(type_, name).python_name
    entity = entity_behind(type_)
    return entity.key(table.c) if python_name == "id" and entity and entity.prefix else table.c[python_name]


def relation(named: Any, reads: Any, parent: Table | None) -> Iterator[Any]:
    if isinstance(reads, declare.Page):
        named = get_named_type(get_named_type(named.fields["edges"].type).fields["node"].type)
    target = reads.table if reads.table is not None else home(named)
    assert target is not None
    row = target.alias().c
    if reads.on is not None:
        yield reads.on(PROBE.viewer if parent is None else parent.c, row)
    if reads.when is not None:
        yield reads.when(row)
    if isinstance(reads, declare.Related) and reads.only is not None:
        yield reads.only(row)
    for argument in reads.arguments.values():
        yield argument.where(row, PROBE.bind(Bind(argument.type, lambda *_: None)))
        if argument.absent is not None:
            yield argument.absent(row)
    if isinstance(reads, declare.Page):
        yield from page(reads, row, target)
    elif reads.order is not None:
        yield from reads.order(row)


def page(reads: declare.Page, row: Any, target: Table) -> Iterator[Any]:
    filters: Mapping[str, Any] = {} if reads.filter is None else reads.filter.fields
    shared = {} if reads.filter is None else reads.filter.shared
    types = {name: one.type for name, one in filters.items()} | {name: type_ for name, (type_, _) in shared.items()}

    def given(name: str) -> Any:
        return PROBE.bind(Bind(types[name], lambda *_: None)) if name in types else None

    for keys in reads.sorts.values():
        for key in keys:
            yield key.sql(row, given)
    for name, one in filters.items():
        yield one.where(row, given(name), given)
    if reads.facets is not None:
        for facet in reads.facets.kinds.values():
            keys: Any = select(*target.primary_key)
            yield facet.select(keys)
