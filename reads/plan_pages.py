"""How a connection is planned: its arguments, its order, its bounds, and what is selected of it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphql import GraphQLObjectType, get_named_type
from graphql.execution.values import get_argument_values
from sqlalchemy import Integer, Table

from reads import declare
from reads.arguments import CannotCompile, Fixed, argument_name
from reads.cursors import Cursor, page_size, wrong
from reads.declare import Key
from reads.entities import entity_of
from reads.guards import Field, refusal
from reads.nodes import Bind, Connection, Object, Rows, Where
from reads.planning import Planning

PAGING = frozenset({"first", "after", "last", "before", "filter", "sort"})


class PagePlanning(Planning):
    def page(
        self, field: Field, reads: declare.Page, graphql_field: Any, details: Any, parent: Table | None, *, root: bool
    ) -> Connection:
        """The connection in a field; `parent` is the table of the row that it lies beside."""
        node, named = details[0].node, get_named_type(graphql_field.type)
        values = get_argument_values(graphql_field, node, self.values)
        backward = is_backward(values)
        sort = values.get("sort", reads.sort)
        if sort is None and reads.sort is not None:
            raise wrong("`sort` may be left out, not null.")
        keys = list(reads.sorts[sort])
        sort_name = sort.value if sort is not None else ""
        size = self.given.argument(graphql_field, node, "last" if backward else "first")
        size_bind = self.given.bind(
            Bind(Integer(), lambda v, w: page_size(size(v), reads.most), fixed=isinstance(size, Fixed))
        )
        bound = self.bound(
            graphql_field, node, values, "before" if backward else "after", Cursor(sort_name, types_of(keys))
        )
        arguments = self.given.arguments(reads.arguments, graphql_field, node, besides=PAGING)
        filters, given_value = self.given.filter(reads.filter, graphql_field, node, values.get("filter"))
        node_type = get_named_type(get_named_type(named.fields["edges"].type).fields["node"].type)
        table = reads.table if reads.table is not None else entity_of(node_type).table
        where = self.paged_under(field, node_type, reads, root=root)
        on = None if root else reads.on
        conditions = [*where, *(sorted_by(key, given_value) for key in keys)]
        told = self.told(field, conditions, table) | self.told_by_relation(field, reads, parent, table)
        told |= self.told_by_arguments(field, reads, arguments, filters, table)
        return Connection(
            Rows(table, on, [*where, *arguments.values()], Object(node_type, []), many=True, nullable=False),
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
            frozenset() if parent is None else told,
            self.recorded([], table, told) if parent is None else None,
        )

    def bound(
        self, graphql_field: Any, node: Any, values: Mapping[str, Any], edge: str, cursor: Cursor
    ) -> list[Bind] | None:
        """The keys' values in the cursor that is given."""
        if values.get(edge) is None:
            return None
        text = self.given.argument(graphql_field, node, edge)
        return [
            self.given.bind(Bind(type_, lambda v, w, at=at: cursor.decode(text(v))[at]))
            for at, type_ in enumerate(cursor.types)
        ]

    def paged_under(self, field: Field, node_type: Any, reads: declare.Page, *, root: bool) -> list[Where]:
        """The conditions that hold whatever is asked for."""
        where: list[Where] = []
        if root:
            visible = self.visible(entity_of(node_type))
            if visible is None:
                refused = self.permissions.denial((), self.access)
                raise refusal(refused, field) if self.tolerant else CannotCompile("refused")
            where += visible
        if reads.when is not None:
            where.append(lambda row, backend, when=reads.when: when(row))
        return where

    def told_by_arguments(
        self,
        field: Field,
        reads: declare.Page,
        arguments: Mapping[str, Where],
        filters: Mapping[str, Where],
        table: Table,
    ) -> frozenset[Any]:
        """What of persons is told by which rows match."""
        told: frozenset[Any] = frozenset()
        declared = reads.filter.fields if reads.filter is not None else {}
        for name, condition in arguments.items():
            told |= self.told_by_argument(field, argument_name(name), reads.arguments[name].readers, condition, table)
        for name, condition in filters.items():
            told |= self.told_by_argument(
                field, f"filter.{argument_name(name)}", declared[name].readers, condition, table
            )
        return told

    def connection_parts(self, type_: GraphQLObjectType, details: Any, reads: declare.Page, table: Table) -> Any:
        """(response key, kind, more) of a connection, an edge or a pageInfo."""
        parts: list[tuple[str, str, Any]] = []
        for key, name, found in self.parts(type_, details):
            if name == "__typename":
                parts.append((key, name, type_.name))
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
        shape: list[tuple[str, str, Any]] = []
        for key, name, found in self.parts(type_, details):
            if name == "__typename":
                shape.append((key, name, type_.name))
                continue
            self.allowed(type_, name)
            if name == "kind":
                shape.append((key, name, None))
                continue
            inner = get_named_type(type_.fields[name].type)
            values = []
            for value_key, value_name, _ in self.parts(inner, found):
                if value_name != "__typename":
                    self.allowed(inner, value_name)
                values.append((value_key, value_name))
            shape.append((key, name, (inner.name, values)))
        return reads.facets, shape

    def parts(self, type_: GraphQLObjectType, details: Any) -> Iterator[tuple[str, str, Any]]:
        """(response key, field name, details) of what is selected of a type."""
        for key, found in self.selected(type_, details).items():
            yield key, found[0].node.name.value, found


def is_backward(values: Mapping[str, Any]) -> bool:
    """Whether the page ends at its bound. Raises GraphQLError for arguments that do not go together."""
    backward = values.get("last") is not None
    if backward == (values.get("first") is not None):
        raise wrong("Give `first` or `last`, one of them.")
    if values.get("after" if backward else "before") is not None:
        raise wrong("`after` goes with `first`, and `before` with `last`.")
    return backward


def types_of(keys: list[Key]) -> list[Any]:
    return [key.type for key in keys]


def sorted_by(key: Key, given: Callable[[str, Any], Any]) -> Where:
    """The key's value, as a condition is made."""
    return lambda row, backend: key.sql(row, lambda name: given(name, backend))
