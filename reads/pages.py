"""The text of a connection: a page of rows by keyset, its bounds, counts and facets."""

from collections.abc import Callable, Sequence
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
from sqlalchemy.dialects.postgresql import aggregate_order_by

from reads import declare
from reads.cursors import key_text
from reads.entities import entity_of
from reads.nodes import Connection
from reads.text import Part, as_text, base64url, cat, joined, json_string, json_text, listed, members, text, whole

ONE = literal_column("1", Integer)
NONE = literal_column("'{}'", ARRAY(Text))


class PageText:
    """A connection's text.

    Where something asks for the page's bounds, the page is read once, with one row beyond it, into arrays: the texts
    of its edges and its cursors. Else the edges stand where they are.
    """

    def __init__(self, backend: Any, node: Connection, parent: Any) -> None:
        self.backend, self.node, self.parent = backend, node, parent
        self._arrays: Any = None
        self._edges: dict[str, str] = {}

    def parts(self) -> list[Part]:
        marks = self.marks()
        if not self.asks_for_bounds():
            return [*marks, *self.render(self.node.parts, None)]
        self._arrays = self.arrays()
        found = whole([*marks, *self.render(self.node.parts, None)])
        return [select(found).select_from(self._arrays).scalar_subquery()]

    def marks(self) -> list[Part]:
        """What records that these rows are found, where that tells something of their persons."""
        recorded = self.node.recorded
        if recorded is None:
            return []
        found = self.within(lambda row: [self.backend.mark(recorded, row)], self.node.seen_beyond)
        return [func.array_to_string(func.array(found.scalar_subquery()), text(""), type_=Text)]

    def asks_for_bounds(self) -> bool:
        names = {name for _, kind, more in self.node.parts if kind == "pageInfo" for _, name, _ in more}
        return bool(names & {"startCursor", "endCursor", self.ahead})

    @property
    def ahead(self) -> str:
        """The bound that the list itself has to tell; the other one is whether paging began at a cursor."""
        return "hasPreviousPage" if self.node.backward else "hasNextPage"

    def given(self, name: str) -> ColumnElement[Any] | None:
        return self.node.given(name, self.backend)

    # -- rows

    def sort_keys(self, row: Any) -> list[ColumnElement[Any]]:
        return [key.sql(row.c, self.given) for key in self.node.keys]

    def ordered(self, row: Any, backward: bool) -> list[ColumnElement[Any]]:
        return self.directed(self.sort_keys(row), backward)

    def directed(self, keys: Sequence[ColumnElement[Any]], backward: bool) -> list[ColumnElement[Any]]:
        return [
            sql.desc() if key.descending != backward else sql.asc()
            for key, sql in zip(self.node.keys, keys, strict=True)
        ]

    def within(self, what: Callable[[Any], list[Any]], extra: int) -> Select[Any]:
        """Of the page's rows, and of `extra` ones beyond it, in the direction of paging."""
        row = self.backend.alias(self.node.rows.table)
        found = self.backend.chosen(self.node.rows, None, row, self.parent, list(self.node.filters.values()))
        found = found.with_only_columns(*what(row), maintain_column_froms=True)
        if self.node.bound is not None:
            found = found.where(self.beyond(row))
        size = self.backend.bind(self.node.size)
        limit = size + literal_column(str(extra)) if extra else size
        return found.order_by(*self.ordered(row, self.node.backward)).limit(limit)

    def keyed(self, row: Any) -> list[Any]:
        return [sql.label(f"key{at}") for at, sql in enumerate(self.sort_keys(row))]

    def in_order(self, rows: Any) -> list[ColumnElement[Any]]:
        """The order of the list, by columns that `keyed` named."""
        return self.directed([rows.c[f"key{at}"] for at in range(len(self.node.keys))], backward=False)

    def subquery(self, found: Any) -> Any:
        return found.subquery(f"p{next(self.backend.subqueries)}")

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

    # -- edges where nobody asks for bounds

    def edges(self, parts: Any) -> ColumnElement[Any]:
        if not self.node.backward:
            return joined(self.within(lambda row: [whole(self.render(parts, row))], 0))
        found = self.within(lambda row: [whole(self.render(parts, row)).label("text"), *self.keyed(row)], 0)
        rows = self.subquery(found)
        return joined(select(rows.c.text).order_by(*self.in_order(rows)))

    # -- edges and bounds

    def arrays(self) -> Any:
        """One row: the cursors of the page and of one row beyond, and the texts of its edges."""
        rows = self.subquery(
            self.within(lambda row: [*row.c, *self.keyed(row), self.cursor(row).label("page_cursor")], 1)
        )
        values = {"cursors": rows.c.page_cursor}
        for at, (key, kind, more) in enumerate(self.node.parts):
            if kind == "edges":
                self._edges[key] = f"edges{at}"
                values[self._edges[key]] = whole(self.render(more, rows))
        order = self.in_order(rows)
        gathered = [
            func.coalesce(func.array_agg(self.turned(as_text(value), order)), NONE, type_=ARRAY(Text)).label(name)
            for name, value in values.items()
        ]
        return self.subquery(select(*gathered).select_from(rows))

    def turned(self, value: ColumnElement[Any], order: list[ColumnElement[Any]]) -> Any:
        """What is gathered in the order of the list, which is the other one when paging backward."""
        return aggregate_order_by(value, *order) if self.node.backward else value

    def count(self) -> ColumnElement[int]:
        return func.cardinality(self._arrays.c.cursors, type_=Integer)

    def first(self) -> ColumnElement[Any]:
        """Where in the arrays the page begins; it may be before the first place."""
        size = self.backend.bind(self.node.size)
        return self.count() - size + ONE if self.node.backward else ONE

    def last(self) -> ColumnElement[Any]:
        return self.count() if self.node.backward else self.backend.bind(self.node.size)

    def more(self) -> ColumnElement[Any]:
        return self.count() > self.backend.bind(self.node.size)

    def cursor_at(self, place: ColumnElement[Any]) -> ColumnElement[Any]:
        """A cursor of the page as JSON; null where the page is empty."""
        inside = case((self.backend.bind(self.node.size) > literal_column("0"), self._arrays.c.cursors[place]))
        return func.coalesce(cat('"', inside, '"'), text("null"), type_=Text)

    def total(self) -> ColumnElement[Any]:
        row = self.backend.alias(self.node.rows.table)
        one = literal_column("1")
        found = self.backend.chosen(self.node.rows, one, row, self.parent, list(self.node.filters.values()))
        limited = found.limit(literal_column(str(self.node.counted))).subquery(f"n{next(self.backend.subqueries)}")
        return select(func.count()).select_from(limited).scalar_subquery()

    def render(self, parts: Any, row: Any) -> list[Part]:
        return members((key, self.part(key, kind, more, row)) for key, kind, more in parts)

    def part(self, key: str, kind: str, more: Any, row: Any) -> list[Part]:
        match kind:
            case "__typename":
                return [json_text(more)]
            case "edges":
                if self._arrays is None:
                    return ["[", self.edges(more), "]"]
                return ["[", listed(self._arrays.c[self._edges[key]][self.first() : self.last()]), "]"]
            case "node":
                return self.backend.object(more, row)
            case "pageInfo":
                return self.render(more, row)
            case "cursor":
                return ['"', row.c.page_cursor if "page_cursor" in row.c else self.cursor(row), '"']
            case "totalCount":
                return [as_text(self.total())]
            case "facets":
                return ["[", *self.facets(*more), "]"]
        return [self.bound(kind)]

    def bound(self, name: str) -> Part:
        """A field of PageInfo."""
        match name:
            case "startCursor":
                return self.cursor_at(func.greatest(self.first(), ONE, type_=Integer))
            case "endCursor":
                return self.cursor_at(func.least(self.last(), self.count(), type_=Integer))
        return as_text(self.more()) if name == self.ahead else json_text(self.node.bound is not None)

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
        found = counted.subquery(f"f{next(self.backend.subqueries)}")
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
