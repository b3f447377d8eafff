"""A plan becomes one SQL statement whose single value is the text of the answer.

Objects are text || text || …; lists are array_to_string(ARRAY(SELECT …), ','), the cheapest form that was measured. Every
nullable value is coalesced to the text null; a NULL that should not be is marked, for it would vanish from a list silently.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import count
from typing import Any

import orjson
from graphql import GraphQLEnumType
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import asyncpg

from reads import declare
from reads.cursors import key_text
from reads.plan import Bind, Choice, Connection, Const, Failed, Leaf, Object, Plan, Rows, Where, entity_of

Part = str | ColumnElement[Any]
ViewerSource = Callable[[ColumnElement[Any]], Select[Any]]
"""From the digest of a token, the session's row: columns that conditions use, and `stale`, whether to note its use."""

DIALECT = asyncpg.dialect()

BROKEN = "\x01"
"""Stands for a NULL where the schema promises a value; no JSON text holds this character."""


@dataclass(frozen=True)
class Statement:
    """`getters` give the parameters in order; `checks` are arguments that no SQL uses and that must be right all the same."""

    sql: str
    getters: list[Callable[..., Any]]
    checks: list[Callable[..., Any]]
    owned: bool

    def arguments(self, variables: Mapping[str, Any], viewer: Any) -> list[Any]:
        """The parameters. Raises GraphQLError for an argument that is wrong."""
        for check in self.checks:
            check(variables, viewer)
        return [get(variables, viewer) for get in self.getters]

    @property
    def weight(self) -> int:
        """Bytes that keeping the statement costs, roughly."""
        return 2 * len(self.sql) + 400 * (len(self.getters) + len(self.checks)) + 1000


def compile_plan(plan: Plan, viewer_source: ViewerSource) -> Statement:
    """The statement of a whole operation: its value is the response body."""
    backend = SQLText(viewer_source)
    text = whole(flat('{"data":', backend.object(plan.root, None), "}"))
    return backend.statement(text, plan.binds)


def compile_entity(rows: Rows, binds: Sequence[Bind], viewer_source: ViewerSource) -> Statement:
    """The statement of one entity: its value is the entity's JSON, or null."""
    backend = SQLText(viewer_source)
    return backend.statement(whole(flat(backend.rows(rows, None))), binds)


class ViewerColumns:
    """The columns of the viewer's live session, as scalars; using one makes the statement check the session."""

    def __init__(self, backend: "SQLText") -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> ColumnElement[Any]:
        session = self._backend.session()
        return select(session.c[name]).scalar_subquery()


class SQLText:
    def __init__(self, viewer_source: ViewerSource) -> None:
        self.viewer = ViewerColumns(self)
        self._source = viewer_source
        self._session: Any = None
        self._binds: dict[str, Bind] = {}
        self._names: dict[int, str] = {}
        self._aliases = count()

    def statement(self, whole_text: ColumnElement[Any], binds: Sequence[Bind]) -> Statement:
        chosen = select(whole_text)
        if self._session is not None:
            live = select(literal_column("true")).select_from(self._session).scalar_subquery()
            stale = select(self._session.c.stale).scalar_subquery()
            chosen = select(case((live, func.coalesce(whole_text, MARK, type_=Text))), stale)
        compiled = chosen.compile(dialect=DIALECT)
        names = list(compiled.positiontup or [])
        constants = compiled.params
        getters: list[Callable[..., Any]] = [
            self._binds[name].get if name in self._binds else lambda v, w, constant=constants[name]: constant
            for name in names
        ]
        used = {id(self._binds[name]) for name in names if name in self._binds}
        checks = [bind.get for bind in binds if id(bind) not in used]
        return Statement(compiled.string, getters, checks, self._session is not None)

    # -- what conditions use

    def bind(self, bind: Bind) -> ColumnElement[Any]:
        name = self._names.setdefault(id(bind), f"b{len(self._names)}")
        self._binds[name] = bind
        return bindparam(name, type_=bind.type)

    def session(self) -> Any:
        if self._session is None:
            digest = self.bind(Bind(LargeBinary(), lambda variables, viewer: viewer.token_digest))
            self._session = self._source(digest).cte("viewer")
        return self._session

    def alias(self, table: Any) -> Any:
        return table.alias(f"t{next(self._aliases)}")

    # -- nodes

    def node(self, node: Any, row: Any) -> list[Part]:
        match node:
            case Const():
                return [json_text(node.value)]
            case Leaf():
                return leaf(node, row)
            case Object():
                return self.object(node, row)
            case Rows():
                return self.rows(node, row)
            case Connection():
                return [self.connection(node, row)]
            case Choice():
                return [self.choice(node)]
            case Failed():
                raise AssertionError("a strict plan holds no failure")
        raise AssertionError(type(node))

    def object(self, node: Object, row: Any) -> list[Part]:
        """Always a list of parts, so that constants merge across levels."""
        parts: list[Part] = ["{"]
        for index, (key, value) in enumerate(node.parts):
            parts += flat(f'{"," * bool(index)}"{key}":', self.node(value, row))
        parts.append("}")
        if node.absent is None:
            return parts
        assert row is not None
        return [case((node.absent(row.c), text("null")), else_=whole(parts))]

    def rows(self, node: Rows, parent: Any) -> list[Part]:
        found, row = self.texts(node, parent)
        if node.many:
            assert node.order is not None
            return ["[", joined(found.order_by(*node.order(row.c))), "]"]
        one = found.scalar_subquery()
        return [func.coalesce(one, text("null"), type_=Text) if node.nullable else one]

    def texts(self, node: Rows, parent: Any) -> tuple[Select[Any], Any]:
        """A select of the text of each of the node's rows."""
        row = self.alias(node.table)
        return self.chosen(node, whole(self.object(node.object, row)), row, parent), row

    def chosen(self, node: Rows, what: Any, row: Any, parent: Any, filters: Sequence[Where] = ()) -> Select[Any]:
        """A select over the node's rows beside their parent's."""
        found = select(what).select_from(row).correlate_except(row)
        if node.on is not None:
            assert parent is not None
            found = found.where(node.on(parent.c, row.c))
        for where in (*node.where, *filters):
            found = found.where(where(row.c, self))
        return found

    def choice(self, node: Choice) -> ColumnElement[Any]:
        if node.many:
            return self.choices(node)
        found = [self.texts(rows, None)[0].scalar_subquery() for _, rows in node.alternatives]
        return func.coalesce(*found, text("null"), type_=Text)

    def choices(self, node: Choice) -> ColumnElement[Any]:
        """The entities of a list of ids in its order, null where there is none: the lists of keys run side by side."""
        names = [f"k{index}" for index in range(len(node.alternatives))]
        lists = [self.bind(bind) for bind, _ in node.alternatives]
        keys = func.unnest(*lists).table_valued(
            *(Column(name, bind.type.item_type) for name, (bind, _) in zip(names, node.alternatives, strict=True)),
            with_ordinality="place",
            name="ids",
        )
        keys = keys.render_derived()
        texts = []
        for name, (_, rows) in zip(names, node.alternatives, strict=True):
            row = self.alias(rows.table)
            key = entity_of(rows.object.type).key(row.c)
            what = whole(self.object(rows.object, row))
            texts.append(self.chosen(rows, what, row, None).where(key == keys.c[name]).scalar_subquery())
        one = func.coalesce(*texts, text("null"), type_=Text)
        return cat("[", joined(select(one).select_from(keys).order_by(keys.c.place)), "]")

    # -- pages

    def connection(self, node: Connection, parent: Any) -> ColumnElement[Any]:
        return PageText(self, node, parent).text()


class PageText:
    """A connection's text. What asks for the page's bounds reads its keys once, in a subquery that PostgreSQL may not pull
    up and so run again for each use.
    """

    def __init__(self, backend: SQLText, node: Connection, parent: Any) -> None:
        self.backend, self.node, self.parent = backend, node, parent
        self._keys: Any = None

    def text(self) -> ColumnElement[Any]:
        found = select(whole(self.render(self.node.parts, None)))
        if self._keys is not None:
            found = found.select_from(self._keys)
        return found.scalar_subquery()

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
        return found.order_by(*self.ordered(row, self.node.backward)).limit(size + extra if extra else size), row

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
        page = found.subquery(f"p{next(self.backend._aliases)}")
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
            name = f"p{next(self.backend._aliases)}"
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
        limited = found.limit(literal_column(str(self.node.counted))).subquery(f"n{next(self.backend._aliases)}")
        return select(func.count()).select_from(limited).scalar_subquery()

    def render(self, parts: Any, row: Any) -> list[Part]:
        out: list[Part] = ["{"]
        for index, (key, kind, more) in enumerate(parts):
            out.append(f'{"," * bool(index)}"{key}":')
            out += self.part(kind, more, row)
        return [*out, "}"]

    def part(self, kind: str, more: Any, row: Any) -> list[Part]:
        node = self.node
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
            case "hasNextPage":
                return ["true" if node.bound is not None else "false"] if node.backward else [as_text(self.more())]
            case "hasPreviousPage":
                return [as_text(self.more())] if node.backward else ["true" if node.bound is not None else "false"]
            case "startCursor" | "endCursor":
                return [self.cursor_at(kind == "startCursor")]
        raise AssertionError(kind)

    def facets(self, facets: declare.Facets, shape: Any) -> list[Part]:
        out: list[Part] = []
        for index, (kind, facet) in enumerate(facets.kinds.items()):
            out.append("," * bool(index) + "{")
            for at, (key, name, more) in enumerate(shape):
                out.append(f'{"," * bool(at)}"{key}":')
                if name == "values":
                    out += ["[", self.facet_values(facet, *more), "]"]
                else:
                    out.append(json_text(kind if name == "kind" else more))
            out.append("}")
        return out

    def facet_values(self, facet: declare.Facet, type_name: str, shape: Any) -> ColumnElement[Any]:
        counted = facet_select(self.backend, self.node, self.parent, facet)
        found = counted.subquery(f"f{next(self.backend._aliases)}")
        parts: list[Part] = ["{"]
        for at, (key, name) in enumerate(shape):
            parts.append(f'{"," * bool(at)}"{key}":')
            if name == "__typename":
                parts.append(json_text(type_name))
            else:
                parts.append(as_text(found.c.count) if name == "count" else json_string(found.c[name]))
        ordered = select(whole([*parts, "}"])).order_by(found.c.count.desc(), found.c.value)
        return joined(ordered)


def facet_select(backend: Any, node: Connection, parent: Any, facet: declare.Facet) -> Select[Any]:
    """The counts of a facet over the page's rows, without the filter that the facet itself sets."""
    row = backend.alias(node.rows.table)
    filters = [where for name, where in node.filters.items() if name != facet.filter]
    key = entity_of(node.rows.object.type).key(row.c)
    limited = backend.chosen(node.rows, key, row, parent, filters).limit(literal_column(str(node.counted)))
    return facet.select(limited)


# ---- SQL text


def text(constant: str) -> ColumnElement[str]:
    return literal_column("'" + constant.replace("'", "''") + "'", Text)


MARK = literal_column("chr(1)", Text)


def as_text(value: Any) -> ColumnElement[str]:
    return cast(value, Text)


def json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


def cat(*parts: Part) -> ColumnElement[Any]:
    """Text || text || …, neighbouring constants merged."""
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    pieces = [text(part) if isinstance(part, str) else part for part in merged]
    return reduce(lambda left, right: left.op("||", return_type=Text())(right), pieces)


def flat(*parts: Part | list[Part]) -> list[Part]:
    return [one for part in parts for one in (part if isinstance(part, list) else [part])]


def whole(parts: list[Part]) -> ColumnElement[Any]:
    return cat(*parts)


def joined(found: Select[Any]) -> ColumnElement[Any]:
    return func.array_to_string(func.array(found.scalar_subquery()), text(","), MARK, type_=Text)


def base64url(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """PostgreSQL wraps base64 at 76 characters and pads it."""
    encoded = func.encode(func.convert_to(value, text("UTF8")), text("base64"))
    return func.translate(encoded, literal_column("E'+/=\\n'"), text("-_"), type_=Text)


def json_string(value: Any) -> ColumnElement[Any]:
    return as_text(func.to_json(as_text(value)))


def json_safe(value: ColumnElement[Any]) -> bool:
    """Whether a CHECK keeps the column free of what JSON escapes."""
    return any(getattr(column, "info", {}).get("json_safe") for column in value.base_columns)


def quoted(value: Any) -> list[Part]:
    return ['"', as_text(value), '"']


def utc(value: Any, picture: str) -> ColumnElement[Any]:
    return func.to_char(value, text(picture), type_=Text)


def leaf(node: Leaf, row: Any) -> list[Part]:
    value = node.sql(row.c)
    parts = [as_text(func.to_json(value))] if node.listed else scalar(node, value)
    return [func.coalesce(whole(parts), text("null"), type_=Text)] if node.nullable else parts


def scalar(node: Leaf, value: Any) -> list[Part]:
    if isinstance(node.type, GraphQLEnumType):
        return quoted(value)
    match node.type.name:
        case "Int" | "Boolean":
            return [as_text(value)]
        case "ID" | "Decimal":
            return quoted(value)
        case "String":
            return quoted(value) if json_safe(value) else [json_string(value)]
        case "DateTime":
            return ['"', utc(func.timezone(text("UTC"), value), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"']
        case "Date":
            return ['"', utc(value, "YYYY-MM-DD"), '"']
    raise AssertionError(f"no text for {node.type.name}")
