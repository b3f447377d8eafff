"""An operation and the declarations become a tree of plan nodes, which knows neither SQL text nor rows.

graphql-core's own collect_fields and get_argument_values decide aliases, fragments, @skip and @include, arguments. A
strict plan is for the compiled way: whatever it does not understand, or would answer with an error, raises
`CannotCompile`. A tolerant plan is for the reference way: a field that is refused or wrong becomes `Failed` in place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedOutputType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues, get_argument_values
from sqlalchemy import ARRAY, Column, Integer, Table, Text, Uuid, func, literal_column

from models.ids import read_id
from reads import declare
from reads.arguments import Arguments, CannotCompile
from reads.cursors import Cursor, page_size, wrong
from reads.declare import ENTITIES, Entity, field_readers, field_reads
from reads.nodes import (
    Bind,
    Choice,
    Connection,
    Const,
    Failed,
    Leaf,
    Node,
    Object,
    Plan,
    Recorded,
    Rows,
    Sql,
    Viewer,
    Where,
)
from reads.traces import columns_read, personal_read

MOST_IDS = 100


# ---- the planner


@dataclass(frozen=True)
class Inline:
    """A value type's fields over the row it is made of, read by those who may read the field that it stands in."""

    of: Mapping[str, Any]
    readers: Any


@dataclass
class Planner:
    """Plans one operation for one kind of caller. `values` are the coerced variables."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    values: VariableValues
    access: Any
    permissions: declare.Permissions
    tolerant: bool = False
    viewer: Viewer = None
    public: bool = True
    relied: bool = False

    def __post_init__(self) -> None:
        self.given = Arguments(self.values, self.tolerant, self.viewer)

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
        self, type_: GraphQLObjectType, details: list[FieldDetails], table: Table | None, fields: Any = None
    ) -> Object:
        """The selection on a row of the table; `fields` are a value type's own, else the type's declarations hold."""
        selected = collect_subfields(self.schema, self.fragments, self.values, self.operation, type_, details)
        if selected.new_defer_usages:
            raise CannotCompile("@defer")
        parts = [(key, self.field(type_, fields, found, table)) for key, found in selected.grouped_field_set.items()]
        return Object(type_, parts, recorded=self.recorded(parts, table))

    def recorded(self, parts: list[tuple[str, Node]], table: Table | None) -> Recorded | None:
        """What is recorded for the row's person: the categories of all that the row shows of them."""
        if table is None or not self.permissions.records(self.access):
            return None
        personal = {one for _, part in parts for one in personal_of(part) if one.guarded}
        subjects = {one.subject for one in personal}
        if len(subjects) > 1:
            raise AssertionError(f"{table.name} has several subjects: {subjects}")
        return Recorded(*subjects, tuple(sorted({one.category for one in personal}))) if personal else None

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
        if name not in parent.fields:
            raise CannotCompile(name)
        declared = self.allowed(parent, name)
        graphql_field = parent.fields[name]
        reads = fields.of[declared.python_name] if fields is not None else field_reads(declared)
        readers = fields.readers if fields is not None else field_readers(declared)
        named = get_named_type(graphql_field.type)
        match reads:
            case declare.Value():
                leaf = self.leaf(parent, declared.python_name, reads, graphql_field.type, fields is not None)
                return self.guarded(leaf, parent, name, readers, table)
            case declare.Embedded():
                found = self.object(named, details, table, Inline(reads.fields, readers))
                return Object(found.type, found.parts, reads.absent)
            case declare.Related():
                return self.related(parent, reads, graphql_field, details, readers)
            case declare.Page():
                return self.page(parent, reads, graphql_field, node, named, details)
            case declare.AnyEntity():
                return self.any_entity(reads, graphql_field, node, named, details)
            case _:
                raise CannotCompile(f"{parent.name}.{name} is computed")

    def allowed(self, parent: GraphQLObjectType, name: str) -> Any:
        """The field's declaration, where the caller may read it."""
        declared = strawberry_field(parent, name)
        readers = field_readers(declared)
        refused = self.permissions.denial(readers, self.access)
        if refused is not None:
            if not self.tolerant:
                raise CannotCompile("refused")
            raise refusal(refused, parent.name, name)
        if not self.permissions.is_public(readers):
            self.public, self.relied = False, True
        return declared

    def guarded(self, leaf: Leaf, parent: GraphQLObjectType, name: str, readers: Any, table: Table | None) -> Leaf:
        """The value where the caller may read what it holds of a person; masked for those who only recognise it."""
        if table is None or not self.permissions.records(self.access) or self.permissions.is_public(readers):
            return leaf
        personal = frozenset(one for home, one in personal_read(columns_read(leaf.sql, table)) if home is table)
        refused = self.permissions.denial(readers, self.access, personal)
        if refused is not None:
            if not self.tolerant:
                raise CannotCompile("refused")
            raise refusal(refused, parent.name, name)
        sql = leaf.sql
        if personal and self.permissions.is_masked(readers, self.access):
            mask = self.permissions.mask
            return replace(leaf, sql=lambda row, backend: mask(personal, sql(row, backend)), personal=personal)
        return replace(leaf, personal=personal)

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

    def rows(
        self, named: GraphQLObjectType, reads: declare.Related, details: list[FieldDetails], readers: Any
    ) -> tuple[Table, Object]:
        table = reads.table if reads.table is not None else entity_of(named).table
        inline = None if reads.fields is None else Inline(reads.fields, readers)
        return table, self.object(named, details, table, inline)

    def related(
        self, parent: GraphQLObjectType, reads: declare.Related, graphql_field: Any, details: Any, readers: Any
    ) -> Node:
        node = details[0].node
        named: Any = get_named_type(graphql_field.type)
        nullable = not isinstance(graphql_field.type, GraphQLNonNull)
        where = self.given.arguments(reads.arguments, graphql_field, node)
        root = parent is self.schema.query_type
        if root and reads.arguments and not where:
            raise wrong(f"Give one of the arguments: {', '.join(graphql_field.args)}.")
        if reads.seen_by is not None and self.permissions.denial(reads.seen_by, self.access) is not None:
            self.hide()
            return Const(None)
        if root:
            visible = self.visible(entity_of(named))
            if visible is None:
                return Const(None)
            where += visible
        if reads.when is not None:
            where.append(lambda row, backend, when=reads.when: when(row))
        table, found = self.rows(named, reads, details, readers)
        on = reads.on
        if root and on is not None:
            where.append(lambda row, backend, on=on: on(backend.viewer, row))
            on, self.public = None, False
        return Rows(table, on, where, found, reads.many, nullable, reads.order)

    def visible(self, entity: Entity) -> list[Where] | None:
        """The conditions under which the caller may see the entity's rows; None: not at all."""
        for rule in entity.visible:
            restricted = not self.permissions.is_public(rule.readers)
            if restricted:
                self.public = False
            if self.permissions.denial(rule.readers, self.access) is None:
                self.relied = self.relied or restricted
                if rule.where is None:
                    return []
                return [lambda row, backend, where=rule.where: where(backend.viewer, row)]
        self.hide()
        return None

    def hide(self) -> None:
        """Something is absent for this caller: who claims an access that is out of date may see it by now."""
        self.public = False
        self.relied = self.relied or self.permissions.is_claimed(self.access)

    def reference(self, named: GraphQLObjectType, details: list[FieldDetails], key: Any) -> Node:
        """An entity in a payload, by its key (a Bind)."""
        entity = entity_of(named)
        visible = self.visible(entity)
        if visible is None:
            return Const(None)
        self.given.binds.append(key)
        by_key: Where = lambda row, backend: entity.key(row) == backend.bind(key)  # noqa: E731
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

    # -- pages

    def page(self, parent: Any, reads: declare.Page, graphql_field: Any, node: Any, named: Any, details: Any) -> Node:
        values = get_argument_values(graphql_field, node, self.values)
        backward = values.get("last") is not None
        if backward == (values.get("first") is not None):
            raise wrong("Give `first` or `last`, one of them.")
        if (backward and values.get("after") is not None) or (not backward and values.get("before") is not None):
            raise wrong("`after` goes with `first`, and `before` with `last`.")
        sort = values.get("sort", reads.sort)
        if sort is None and reads.sort is not None:
            raise wrong("`sort` may be left out, not null.")
        keys = list(reads.sorts[sort])
        sort_name = sort.value if sort is not None else ""
        size = self.given.argument(graphql_field, node, "last" if backward else "first")
        size_bind = self.given.bind(Bind(Integer(), lambda v, w: page_size(size(v), reads.most)))
        bound = None
        edge = "before" if backward else "after"
        if values.get(edge) is not None:
            text = self.given.argument(graphql_field, node, edge)
            cursor = Cursor(sort_name, [key.type for key in keys])
            bound = [
                self.given.bind(Bind(key.type, lambda v, w, at=at: cursor.decode(text(v))[at]))
                for at, key in enumerate(keys)
            ]
        filters, given_value = self.given.filter(reads.filter, node, values.get("filter"))
        node_type = get_named_type(get_named_type(named.fields["edges"].type).fields["node"].type)
        table = reads.table if reads.table is not None else entity_of(node_type).table
        where: list[Where] = []
        on = reads.on
        if parent is self.schema.query_type:
            visible = self.visible(entity_of(node_type))
            if visible is None:
                refused = self.permissions.denial((), self.access)
                raise refusal(refused, parent.name, node.name.value) if self.tolerant else CannotCompile("refused")
            where += visible
            on = None
        if reads.when is not None:
            where.append(lambda row, backend, when=reads.when: when(row))
        rows = Rows(table, on, where, Object(node_type, []), many=True, nullable=False)
        return Connection(
            rows,
            filters,
            keys,
            given_value,
            sort_name,
            size_bind,
            backward,
            bound,
            reads.counted,
            self.connection_parts(named, details, reads, table),
            named,
        )

    def connection_parts(self, type_: GraphQLObjectType, details: Any, reads: declare.Page, table: Table) -> Any:
        """(response key, kind, more) of a connection, an edge or a pageInfo."""
        selected = collect_subfields(self.schema, self.fragments, self.values, self.operation, type_, details)
        parts: list[tuple[str, str, Any]] = []
        for key, found in selected.grouped_field_set.items():
            name = found[0].node.name.value
            if name == "__typename":
                parts.append((key, "__typename", type_.name))
                continue
            if name not in type_.fields:
                raise CannotCompile(name)
            self.allowed(type_, name)
            inner = get_named_type(type_.fields[name].type)
            if name == "node":
                parts.append((key, name, self.object(inner, found, table)))
            elif name in ("edges", "pageInfo"):
                parts.append((key, name, self.connection_parts(inner, found, reads, table)))
            elif name == "facets":
                parts.append((key, name, self.facets(inner, found, reads)))
            elif name in ("cursor", "hasNextPage", "hasPreviousPage", "startCursor", "endCursor", "totalCount"):
                parts.append((key, name, None))
            else:
                raise CannotCompile(name)
        return parts

    def facets(self, type_: GraphQLObjectType, details: Any, reads: declare.Page) -> Any:
        """[(response key, name, [(response key, name)])] of a facet and its values."""
        assert reads.facets is not None
        selected = collect_subfields(self.schema, self.fragments, self.values, self.operation, type_, details)
        shape: list[tuple[str, str, Any]] = []
        for key, found in selected.grouped_field_set.items():
            name = found[0].node.name.value
            if name == "__typename":
                shape.append((key, name, type_.name))
                continue
            self.allowed(type_, name)
            if name == "kind":
                shape.append((key, name, None))
                continue
            inner = get_named_type(type_.fields[name].type)
            below = collect_subfields(self.schema, self.fragments, self.values, self.operation, inner, found)
            values = []
            for value_key, value_found in below.grouped_field_set.items():
                value_name = value_found[0].node.name.value
                if value_name != "__typename":
                    self.allowed(inner, value_name)
                values.append((value_key, value_name))
            shape.append((key, name, (inner.name, values)))
        return reads.facets, shape


# ---- small helpers


def strawberry_field(parent: GraphQLObjectType, name: str) -> Any:
    return parent.fields[name].extensions["strawberry-definition"]


def entity_of(type_: GraphQLNamedOutputType) -> Entity:
    """The entity behind a GraphQL type."""
    definition = type_.extensions["strawberry-definition"]
    found = ENTITIES.get(definition.origin)
    if found is None:
        raise CannotCompile(f"{type_.name} is no entity")
    return found


def shown_id(entity: Entity) -> declare.Expression:
    """The public form of the row's key."""
    prefix = literal_column(f"'{entity.prefix}_'", Text)
    hexadecimal = literal_column("'hex'", Text)
    return lambda row: prefix + func.encode(func.uuid_send(entity.key(row)), hexadecimal, type_=Text)


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


def refusal(denial: Any, type_name: str, name: str) -> GraphQLError:
    """The error of a field that this caller may not read."""
    extensions = {"code": str(denial.code)}
    if denial.reason is not None:
        extensions["reason"] = str(denial.reason)
    return GraphQLError(f"{type_name}.{name} is not for this caller.", extensions=extensions)


def personal_of(part: Node) -> frozenset[Any]:
    """What of a person a part of a row shows, in embedded objects too."""
    if isinstance(part, Leaf):
        return part.personal
    if isinstance(part, Object):
        return frozenset().union(*(personal_of(inner) for _, inner in part.parts))
    return frozenset()
