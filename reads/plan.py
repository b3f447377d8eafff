"""An operation and the declarations become a tree of plan nodes, which knows neither SQL text nor rows.

graphql-core's own collect_fields and get_argument_values decide aliases, fragments, @skip and @include, arguments. A
strict plan is for the compiled way: whatever it does not understand, or would answer with an error, raises
`CannotCompile`. A tolerant plan is for the reference way: a field that is refused or wrong becomes `Failed` in place.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetails, collect_fields
from sqlalchemy import ARRAY, Column, ColumnElement, Table, Text, Uuid

from models.ids import read_id
from reads import declare
from reads.arguments import CannotCompile, argument_name
from reads.cursors import wrong
from reads.declare import definition_of, field_readers, field_reads
from reads.entities import entity_of, shown_id
from reads.guards import Field
from reads.nodes import Bind, Choice, Const, Failed, Leaf, Node, Object, Plan, Rows, Sql, Where
from reads.plan_pages import PagePlanning
from reads.shapes import TYPE
from reads.shown import Unfinished, shape_of
from reads.text import json_text

MOST_IDS = 100
ONLY = "\0only"


# ---- the planner


@dataclass(frozen=True)
class Inline:
    """A value type's fields over the row it is made of, read by those who may read the field that it stands in."""

    of: Mapping[str, Any]
    readers: Any


@dataclass
class Planner(PagePlanning):
    """Plans one operation for one kind of caller."""

    def plan(self) -> Plan:
        query = self.schema.query_type
        assert query is not None
        collected = collect_fields(self.schema, self.fragments, self.values, query, self.operation)
        if collected.new_defer_usages:
            raise CannotCompile("@defer")
        parts = [(key, self.field(query, None, details, None)) for key, details in collected.grouped_field_set.items()]
        return Plan(Object(query, parts), self.given.binds, self.public, self.relied)

    # -- fields

    def object(
        self,
        type_: GraphQLObjectType,
        details: list[FieldDetails],
        table: Table | None,
        fields: Any = None,
        told: Iterable[Any] = (),
    ) -> Object:
        selected = self.selected(type_, details)
        alike = self.alike(type_, selected) if self.sharing and fields is None else ()
        shared = {key for keys in alike for key in keys[1:]}
        parts = [
            (key, Const(None) if key in shared else self.field(type_, fields, found, table))
            for key, found in selected.items()
        ]
        return Object(type_, parts, recorded=self.recorded(parts, table, told))

    def field(self, parent: GraphQLObjectType, fields: Any, details: list[FieldDetails], table: Table | None) -> Node:
        if not self.tolerant:
            return self._field(parent, fields, details, table)
        try:
            return self._field(parent, fields, details, table)
        except GraphQLError as error:
            return Failed(error)

    def _field(self, parent: GraphQLObjectType, fields: Any, details: list[FieldDetails], table: Table | None) -> Node:
        node = details[0].node
        name = node.name.value
        if name == "__typename":
            return Const(parent.name)
        declared = self.allowed(parent, name)
        graphql_field = parent.fields[name]
        reads = fields.of[declared.python_name] if fields is not None else field_reads(declared)
        readers = fields.readers if fields is not None else field_readers(declared)
        named = get_named_type(graphql_field.type)
        asked = Field(parent.name, name, readers)
        match reads:
            case declare.Value():
                leaf = self.leaf(parent, declared.python_name, reads, graphql_field.type, fields is not None)
                return self.guarded(leaf, asked, table)
            case declare.Embedded():
                found = self.object(named, details, table, Inline(reads.fields, readers))
                return Object(found.type, found.parts, reads.absent)
            case declare.Computed():
                return self.computed(asked, reads, table)
            case declare.Known():
                return self.known(reads, declared, graphql_field, details)
            case declare.Related():
                return self.related(asked, reads, graphql_field, details, table, root=parent is self.schema.query_type)
            case declare.Page():
                return self.page(asked, reads, graphql_field, details, table, root=parent is self.schema.query_type)
            case declare.OneOf():
                return self.one_of(asked, reads, graphql_field, details, table)
            case declare.AnyEntity():
                return self.any_entity(reads, graphql_field, node, named, details)
            case _:
                raise CannotCompile(f"{parent.name}.{name} is computed")

    def guarded(self, leaf: Leaf, field: Field, table: Table | None) -> Leaf:
        """The value where the caller may read what it holds of a person; masked for those who only recognise it."""
        if table is None:
            return leaf
        sql = leaf.sql
        personal = self.told(field, [sql], table)
        if personal and self.permissions.is_masked(field.readers, self.access):
            mask = self.permissions.mask
            return replace(leaf, sql=lambda row, backend: mask(personal, sql(row, backend)), personal=personal)
        return replace(leaf, personal=personal) if personal else leaf

    def computed(self, field: Field, reads: declare.Computed, table: Table | None) -> Object:
        """The values that Python makes the field of, where it is Python that answers."""
        if not (self.tolerant or self.in_payload):
            raise CannotCompile(f"{field.type_name}.{field.name} is computed")
        parts: list[tuple[str, Node]] = []
        for name, sql in reads.needs.items():
            leaf = Leaf(lambda row, backend, sql=sql: sql(row), GraphQLString, False, True)
            parts.append((name, self.guarded(leaf, field, table)))
        return Object(GraphQLString, parts)

    def known(self, reads: declare.Known, declared: Any, graphql_field: Any, details: list[FieldDetails]) -> Bind:
        """The JSON of what the process knows, made with each request: kept, a long one would weigh on its memory."""
        node = details[0].node
        getters = {
            argument.python_name: self.given.value_of(graphql_field, node, argument_name(argument.python_name))
            for argument in declared.arguments
        }
        try:
            shape = shape_of(self, graphql_field.type, details)
        except Unfinished as reason:
            raise CannotCompile(f"{declared.python_name} is computed") from reason

        def make(variables: Mapping[str, Any], viewer: Any) -> str:
            return json_text(shape(reads.make(self.facts, **{name: get(variables) for name, get in getters.items()})))

        return self.given.bind(Bind(Text(), make))

    def leaf(self, parent: GraphQLObjectType, name: str, reads: Any, type_: Any, inline: bool) -> Leaf:
        named = get_named_type(type_)
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        nullable = not isinstance(type_, GraphQLNonNull)
        if not is_leaf_type(named):
            raise CannotCompile(f"{parent.name}.{name} is no scalar")
        computed = reads.sql or reads.seen
        if computed is not None:
            may_be_null = nullable if reads.nullable is None else reads.nullable
            return Leaf(of_row(reads), named, isinstance(inner, GraphQLList), may_be_null)
        if inline:
            raise CannotCompile(f"{parent.name}.{name} has no expression")
        entity = entity_of(parent)
        if name == "id" and entity.prefix:
            shown = shown_id(entity)
            return Leaf(lambda row, backend: shown(row), named, False, False)
        column: Column[Any] = entity.table.c[name]
        if column.nullable and not nullable:
            raise CannotCompile(f"{parent.name}.{name}: a non-null field over a nullable column")
        return Leaf(lambda row, backend: row[name], named, isinstance(inner, GraphQLList), bool(column.nullable))

    # -- relations

    def related(
        self,
        field: Field,
        reads: declare.Related,
        graphql_field: Any,
        details: Any,
        parent: Table | None,
        *,
        root: bool,
    ) -> Node:
        named: Any = get_named_type(graphql_field.type)
        arguments = self.given.arguments(reads.arguments, graphql_field, details[0].node)
        if root and reads.arguments and not arguments:
            raise wrong(f"Give one of the arguments: {', '.join(graphql_field.args)}.")
        if reads.seen_by is not None and self.permissions.denial(reads.seen_by, self.access) is not None:
            self.hide()
            return Const(None)
        where = self.found_under(named, reads, root=root)
        if where is None:
            return Const(None)
        table = reads.table if reads.table is not None else entity_of(named).table
        on = None if root else reads.on
        told = self.told(field, where, table) | self.told_by_relation(field, reads, parent, table)
        for name, condition in arguments.items():
            told |= self.told_by_argument(field, argument_name(name), reads.arguments[name].readers, condition, table)
        inline = None if reads.fields is None else Inline(reads.fields, field.readers)
        beside = parent is not None
        shown = () if beside else told
        return Rows(
            table,
            on,
            [*arguments.values(), *where],
            self.object(named, details, table, inline, shown)
            if reads.only is None
            else self.only(field, named, reads.only, table),
            reads.many,
            not isinstance(graphql_field.type, GraphQLNonNull),
            reads.order,
            told if beside else frozenset(),
        )

    def only(self, field: Field, named: Any, sql: declare.Expression, table: Table) -> Object:
        """One value of a row, in the place of the row."""
        leaf = self.guarded(Leaf(lambda row, backend: sql(row), named, False, False), field, table)
        parts: list[tuple[str, Node]] = [(ONLY, leaf)]
        return Object(named, parts, recorded=self.recorded(parts, table), bare=True)

    def found_under(self, named: Any, reads: declare.Related, *, root: bool) -> list[Where] | None:
        """The conditions that hold whatever is asked for; None where the caller may see no row at all."""
        where: list[Where] = []
        if root:
            visible = self.visible(entity_of(named))
            if visible is None:
                return None
            where += visible
        if reads.when is not None:
            where.append(lambda row, backend, when=reads.when: when(row))
        if root and reads.on is not None:
            where.append(lambda row, backend, on=reads.on: on(backend.viewer, row))
            self.public = False
        return where

    def reference(self, named: GraphQLObjectType, details: list[FieldDetails], key: Any) -> Node:
        """An entity in a payload, by its key (a Bind)."""
        entity = entity_of(named)
        visible = self.visible(entity)
        if visible is None:
            return Const(None)
        self.given.binds.append(key)
        self.tagged = self.in_payload = True

        def by_key(row: Any, backend: Any) -> ColumnElement[bool]:
            return entity.key(row) == backend.bind(key)

        return Rows(entity.table, None, [by_key, *visible], self.object(named, details, entity.table))

    def any_entity(self, reads: Any, graphql_field: Any, node: Any, named: Any, details: Any) -> Node:
        if not isinstance(named, GraphQLInterfaceType):
            raise CannotCompile("not an interface")
        name = "ids" if reads.many else "id"
        raw = self.given.value_of(graphql_field, node, name)
        alternatives = []
        for possible in self.schema.get_possible_types(named):
            entity = entity_of(possible)
            if entity.prefix is None or (visible := self.visible(entity)) is None:
                continue
            bind = self.given.bind(
                Bind(ARRAY(Uuid()) if reads.many else Uuid(), read_keys(entity.prefix, reads.many, raw))
            )
            found = self.object(possible, details, entity.table)
            where: list[Where] = list(visible)
            if not reads.many:
                where.append(lambda row, backend, entity=entity, bind=bind: entity.key(row) == backend.bind(bind))
            alternatives.append((bind, Rows(entity.table, None, where, found)))
        return Choice(alternatives, reads.many)

    def one_of(
        self, field: Field, reads: declare.OneOf, graphql_field: Any, details: list[FieldDetails], parent: Table | None
    ) -> Node:
        """The object of a union beside a row, or the list of those beside the rows of a link."""
        assert parent is not None
        shown = get_nullable_type(graphql_field.type)
        shown = shown.of_type if isinstance(shown, GraphQLList) else graphql_field.type
        beside = parent if reads.link is None else reads.link
        alternatives = [(None, self.alternative(field, type_, on, details, beside)) for type_, on in reads.alternatives]
        told = frozenset[Any]().union(*(rows.personal for _, rows in alternatives))
        choice = Choice([*alternatives], False, not isinstance(shown, GraphQLNonNull), told)
        if reads.link is None:
            return choice
        parts: list[tuple[str, Node]] = [(ONLY, choice)]
        one = Object(get_named_type(shown), parts, recorded=self.recorded(parts, reads.link), bare=True)
        found = self.told_by_relation(field, declare.Related(reads.on, order=reads.order), parent, reads.link)
        return Rows(reads.link, reads.on, [], one, True, False, reads.order, found)

    def alternative(self, field: Field, type_: type, on: Any, details: list[FieldDetails], beside: Table) -> Rows:
        named: Any = self.schema.type_map[definition_of(type_).name]
        table = entity_of(named).table
        told = self.told_by_relation(field, declare.Related(on), beside, table)
        found = self.object(named, details, table)
        tag: list[tuple[str, Node]] = [(TYPE, Const(named.name))] if self.tagged else []
        return Rows(table, on, [], replace(found, parts=[*tag, *found.parts]), personal=told)


# ---- small helpers


def of_row(reads: declare.Value) -> Sql:
    """The value of a row, which may depend on the viewer."""
    sql, seen = reads.sql, reads.seen
    if seen is not None:
        return lambda row, backend: seen(backend.viewer, row)
    assert sql is not None
    return lambda row, backend: sql(row)


def read_keys(prefix: str, many: bool, get: Callable[[Mapping[str, Any]], Any]) -> Callable[..., Any]:
    """Keys of one prefix from public ids; None in the place of others'."""
    if many:
        return lambda variables, viewer: [read_id(prefix, shown) for shown in few(get(variables))]
    return lambda variables, viewer: read_id(prefix, get(variables))


def few(ids: list[str]) -> list[str]:
    if len(ids) > MOST_IDS:
        raise wrong(f"At most {MOST_IDS} ids at a time.")
    return ids
