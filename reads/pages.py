"""The text of a connection: a page of rows by keyset, its bounds, counts and facets."""

from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)

from reads import declare
from reads.cursors import key_text
from reads.entities import entity_of
from reads.nodes import Connection
from reads.text import Part, as_text, base64url, cat, joined, json_string, json_text, members, text, whole


class PageText:
    """A connection's text.

    What asks for the page's bounds reads its keys once, in a subquery that PostgreSQL may not pull up and so run again
    for each use.
    """

    def __init__(self, backend: Any, node: Connection, parent: Any) -> None:
        self.backend, self.node, self.parent = backend, node, parent
        self._keys: Any = None

    def text(self) -> ColumnElement[Any]:
        found = select(whole([*self.marks(), *self.render(self.node.parts, None)]))
        if self._keys is not None:
            found = found.select_from(self._keys)
        return found.scalar_subquery()

    def marks(self) -> list[Part]:
        """What records that these rows are found, where that tells something of their persons."""
        recorded = self.node.recorded
        if recorded is None:
            return []
        found, _ = self.within(lambda row: [self.backend.mark(recorded, row)], self.node.seen_beyond)
        return [func.array_to_string(func.array(found.scalar_subquery()), text(""), type_=Text)]

    def given(self, name: str) -> ColumnElement[Any] | None:
        return self.node.given(name, self.backend)

    def sort_keys(self, row: Any) -> list[ColumnElement[Any]]:
        return [key.sql(row.c, self.given) for key in self.node.keys]

    def ordered(self, row: Any, backward: bool) -> list[ColumnElement[Any]]:
        return [
            sql.desc() if key.descending != backward else sql.asc()
            for key, sql in zip(self.node.keys, self.sort_keys(row), strict=True)
        ]

    def within(self, what: Callable[[Any], list[Any]], extra: int) -> tuple[Select[Any], Any]:
        """The page's rows, and `extra` ones beyond it, in the direction of paging."""
        row = self.backend.alias(self.node.rows.table)
        found = self.backend.chosen(self.node.rows, None, row, self.parent, list(self.node.filters.values()))
        found = found.with_only_columns(*what(row), maintain_column_froms=True)
        if self.node.bound is not None:
            found = found.where(self.beyond(row))
        size = self.backend.bind(self.node.size)
        limit = size + literal_column(str(extra)) if extra else size
        return found.order_by(*self.ordered(row, self.node.backward)).limit(limit), row

    def beyond(self, row: Any) -> ColumnElement[bool]:
        """Rows after the cursor (before it, when paging backward)."""
        assert self.node.bound is not None
        bounds = [self.backend.bind(bind) for bind in self.node.bound]
        keys = self.sort_keys(row)
        down = [key.descending != self.node.backward for key in self.node.keys]
        if len(set(down)) == 1:
            left, right = tuple_(*keys), tuple_(*bounds)
            return left < right if down[0] else left > right
        steps = []
        for at in range(len(keys)):
            equal = [key == bound for key, bound in zip(keys[:at], bounds[:at], strict=True)]
            steps.append(and_(*equal, keys[at] < bounds[at] if down[at] else keys[at] > bounds[at]))
        return or_(*steps)

    def cursor(self, row: Any) -> ColumnElement[Any]:
        values = [key_text(sql, key.type) for key, sql in zip(self.node.keys, self.sort_keys(row), strict=True)]
        pieces: list[Part] = [orjson.dumps([self.node.sort]).decode()[:-1]]
        for value in values:
            pieces += [',"', value, '"']
        return base64url(cat(*pieces, "]"))

    def edges(self, parts: Any) -> ColumnElement[Any]:
        if not self.node.backward:
            found, _ = self.within(lambda row: [whole(self.render(parts, row))], 0)
            return joined(found)
        found, _ = self.within(
            lambda row: [
                whole(self.render(parts, row)).label("text"),
                *(sql.label(f"k{at}") for at, sql in enumerate(self.sort_keys(row))),
            ],
            0,
        )
        page = found.subquery(f"p{next(self.backend.aliases)}")
        order = [
            page.c[f"k{at}"].desc() if key.descending else page.c[f"k{at}"].asc()
            for at, key in enumerate(self.node.keys)
        ]
        return joined(select(page.c.text).order_by(*order))

    def keys(self) -> Any:
        """Cursors of the page and one beyond, in the direction of paging."""
        if self._keys is None:
            found, _ = self.within(lambda row: [self.cursor(row)], 1)
            cursors = func.array(found.scalar_subquery(), type_=ARRAY(Text)).label("cursors")
            name = f"p{next(self.backend.aliases)}"
            self._keys = select(cursors).offset(literal_column("0")).subquery(name)
        return self._keys.c.cursors

    def more(self) -> ColumnElement[Any]:
        return func.cardinality(self.keys(), type_=Integer) > self.backend.bind(self.node.size)

    def cursor_at(self, first: bool) -> ColumnElement[Any]:
        """The first or last of the page's cursors, as JSON."""
        size = self.backend.bind(self.node.size)
        place = func.least(size, func.cardinality(self.keys(), type_=Integer), type_=Integer)
        at = literal_column("1", Integer) if first != self.node.backward else place
        inside = case((size > literal_column("0"), self.keys()[at]))
        return func.coalesce(cat('"', inside, '"'), text("null"), type_=Text)

    def total(self) -> ColumnElement[Any]:
        row = self.backend.alias(self.node.rows.table)
        one = literal_column("1")
        found = self.backend.chosen(self.node.rows, one, row, self.parent, list(self.node.filters.values()))
        limited = found.limit(literal_column(str(self.node.counted))).subquery(f"n{next(self.backend.aliases)}")
        return select(func.count()).select_from(limited).scalar_subquery()

    def render(self, parts: Any, row: Any) -> list[Part]:
        return members((key, self.part(kind, more, row)) for key, kind, more in parts)

    def part(self, kind: str, more: Any, row: Any) -> list[Part]:
        match kind:
            case "__typename":
                return [json_text(more)]
            case "edges":
                return ["[", self.edges(more), "]"]
            case "node":
                return self.backend.object(more, row)
            case "pageInfo":
                return self.render(more, row)
            case "cursor":
                return ['"', self.cursor(row), '"']
            case "totalCount":
                return [as_text(self.total())]
            case "facets":
                return ["[", *self.facets(*more), "]"]
        return [self.bound(kind)]

    def bound(self, kind: str) -> Part:
        """A field of PageInfo."""
        match kind:
            case "startCursor" | "endCursor":
                return self.cursor_at(kind == "startCursor")
            case "hasNextPage" | "hasPreviousPage":
                ahead = (kind == "hasNextPage") != self.node.backward
                return as_text(self.more()) if ahead else json_text(self.node.bound is not None)
        raise AssertionError(kind)

    def facets(self, facets: declare.Facets, shape: Any) -> list[Part]:
        out: list[Part] = []
        for index, (kind, facet) in enumerate(facets.kinds.items()):
            out += ["," * bool(index), *members((key, self.facet(kind, facet, n, more)) for key, n, more in shape)]
        return out

    def facet(self, kind: Any, facet: declare.Facet, name: str, more: Any) -> list[Part]:
        if name == "values":
            return ["[", self.facet_values(facet, *more), "]"]
        return [json_text(kind if name == "kind" else more)]

    def facet_values(self, facet: declare.Facet, type_name: str, shape: Any) -> ColumnElement[Any]:
        counted = facet_select(self.backend, self.node, self.parent, facet)
        found = counted.subquery(f"f{next(self.backend.aliases)}")
        texts = {"__typename": json_text(type_name), "count": as_text(found.c.count)}
        for name in ("value", "label"):
            texts[name] = json_string(found.c[name])
        parts = members((key, [texts[name]]) for key, name in shape)
        ordered = select(whole(parts)).select_from(found).order_by(found.c.count.desc(), found.c.value)
        return joined(ordered)


def facet_select(backend: Any, node: Connection, parent: Any, facet: declare.Facet) -> Select[Any]:
    """The counts of a facet over the page's rows, without the filter that the facet itself sets."""
    row = backend.alias(node.rows.table)
    filters = [where for name, where in node.filters.items() if name != facet.filter]
    key = entity_of(node.rows.object.type).key(row.c)
    limited = backend.chosen(node.rows, key, row, parent, filters).limit(literal_column(str(node.counted)))
    return facet.select(limited)
