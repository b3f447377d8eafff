"""A plan becomes one SQL statement whose single value is the answer, as bytes.

Objects are text || text || …; lists are array_to_string(ARRAY(SELECT …), ','), the cheapest form that was measured.
Every nullable value is coalesced to the text null; a NULL that should not be is marked, for it would vanish from a list
silently.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    ColumnElement,
    Insert,
    Integer,
    Select,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql.asyncpg import PGCompiler_asyncpg, PGDialect_asyncpg

from models.statement import DIALECT
from reads.entities import Aliases, entity_of
from reads.nodes import Bind, Choice, Connection, Const, Failed, Leaf, Object, Plan, Recorded, Rows, Where
from reads.pages import PageText
from reads.text import MARK, Part, cat, flat, joined, json_text, leaf, members, octets, text, whole

Parameter = Callable[[Any, Callable[[Mapping[str, Any], Any], Any]], ColumnElement[Any]]
"""Makes a parameter of a type, whose value is got from the variables and the viewer."""

ViewerSource = Callable[[Any, Parameter], Select[*tuple[Any, ...]]]
"""From a kind of access and what makes parameters, the session's row: columns that conditions use, and `stale`, whether
to note its use. No row: the session is over, or no longer has this access."""

Recorder = Callable[[Any, Parameter], Insert]
"""From rows of `subject` and `categories` and what makes parameters, what records that they were read."""

SUBJECT = literal_column("chr(2)", Text)
MARKS = literal_column("chr(2) || '[^' || chr(2) || ']*' || chr(2)", Text)
MARKED = literal_column("chr(2) || '([0-9a-f]{32}):([0-9]+)' || chr(2)", Text)


class _JoinedCompiler(PGCompiler_asyncpg):
    """Parameters are columns of what was asked."""

    def visit_bindparam(self, bindparam: Any, *_: Any, **__: Any) -> str:
        return f"asked.{bindparam.key}"


class _Joined(PGDialect_asyncpg):
    statement_compiler = _JoinedCompiler


JOINED = _Joined()


@dataclass(frozen=True)
class Statement:
    """`getters` give the parameters in order; `checks` are arguments that no SQL uses and that must be right too.

    `owned`: it checks the viewer's session. `private`: it depends on what the request brings beside one.
    """

    sql: str
    getters: list[Callable[..., Any]]
    checks: list[Callable[..., Any]]
    owned: bool
    private: bool = False

    def arguments(self, variables: Mapping[str, Any], viewer: Any) -> list[Any]:
        """The parameters. Raises GraphQLError for an argument that is wrong."""
        for check in self.checks:
            check(variables, viewer)
        return [get(variables, viewer) for get in self.getters]

    @property
    def weight(self) -> int:
        """Bytes that keeping the statement costs, roughly."""
        return 2 * len(self.sql) + 400 * (len(self.getters) + len(self.checks)) + 1000


@dataclass(frozen=True)
class Sources:
    """What the engine is given to find the viewer and to record what is read of persons.

    `brought` are attributes of the viewer that conditions may use without a session, with their types.
    """

    viewer: ViewerSource
    recorder: Recorder
    brought: Mapping[str, Any] = field(default_factory=dict)


def compile_plan(plan: Plan, sources: Sources, access: Any) -> Statement:
    """The statement of a whole operation: its value is the response body."""
    backend = SQLText(sources, access)
    return backend.statement(backend.response(plan), plan.binds)


def compile_joined(plan: Plan, sources: Sources, access: Any, single: Statement) -> str | None:
    """The statement of `compile_plan`, which is `single`, for several questions; None where it cannot be asked so.

    Its parameters are lists of the other's, and it gives a row for each of their places, in order.
    """
    backend = SQLText(sources, access)
    return backend.joined(backend.response(plan), single)


def compile_entity(rows: Rows, binds: Sequence[Bind], sources: Sources, access: Any) -> Statement:
    """The statement of one entity: its value is the entity's JSON, or null."""
    backend = SQLText(sources, access)
    return backend.statement(whole(flat(backend.rows(rows, None))), binds)


class ViewerColumns:
    """The columns of the viewer's live session; using one makes the statement check the session.

    What the request itself brings (`Sources.brought`) needs no session.
    """

    def __init__(self, backend: "SQLText", brought: Mapping[str, Any]) -> None:
        self._backend, self._brought = backend, brought

    def __getattr__(self, name: str) -> ColumnElement[Any]:
        if name in self._brought:
            return self._backend.brought(name, self._brought[name])
        return self._backend.session().c[name]


class SQLText:
    def __init__(self, sources: Sources, access: Any) -> None:
        self.viewer = ViewerColumns(self, sources.brought)
        self._sources = sources
        self._private = False
        self._access = access
        self._session: Any = None
        self._categories: list[tuple[str, ...]] = []
        self._binds: dict[str, Bind] = {}
        self._names: dict[int, str] = {}
        self._made: list[Bind] = []
        self.aliases = Aliases()
        self.subqueries = count()

    def response(self, plan: Plan) -> ColumnElement[Any]:
        """The text of the response."""
        if plan.relied:
            self.session()
        return whole(flat('{"data":', self.object(plan.root, None), "}"))

    def statement(self, whole_text: ColumnElement[Any], binds: Sequence[Bind]) -> Statement:
        compiled = self._answer(whole_text).compile(dialect=DIALECT)
        names = list(compiled.positiontup or [])
        constants = compiled.params
        getters: list[Callable[..., Any]] = [
            self._binds[name].get if name in self._binds else lambda v, w, constant=constants[name]: constant
            for name in names
        ]
        used = {id(self._binds[name]) for name in names if name in self._binds}
        for bind in binds:
            if bind.fixed:
                bind.get({}, None)  # raises here and now where it is wrong
        checks = [bind.get for bind in binds if not bind.fixed and id(bind) not in used]
        return Statement(compiled.string, getters, checks, self._session is not None, self._private)

    def joined(self, whole_text: ColumnElement[Any], single: Statement) -> str | None:
        """The same answer for lists of parameters; None where one is a list itself, which `unnest` takes apart."""
        answer = self._answer(whole_text)
        compiled = answer.compile(dialect=DIALECT)
        names = list(compiled.positiontup or [])
        types = [self._binds[name].type for name in names if name in self._binds]
        nested = any(isinstance(one, (ARRAY, JSON)) for one in types)
        if not names or len(types) < len(names) or nested or compiled.string != single.sql:
            return None
        lists = ", ".join(f"${place}::{one.compile(DIALECT)}[]" for place, one in enumerate(types, 1))
        one, columns = answer.compile(dialect=JOINED).string, ", ".join(names)
        asked = f"unnest({lists}) WITH ORDINALITY AS asked ({columns}, place)"
        return f"SELECT ({one}) FROM {asked} ORDER BY place"  # noqa: S608  # all of it is made here, by SQLAlchemy

    def _answer(self, whole_text: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
        """One row; none where the statement depends on a session that is not live."""
        answer = func.coalesce(whole_text, MARK, type_=Text)
        others = [self._session.c.stale] if self._session is not None else []
        if self._categories:
            return self._recording(select(answer.label("text"), *others))
        return select(octets(answer), *others)

    # -- what conditions use

    def bind(self, bind: Bind) -> ColumnElement[Any]:
        """A parameter; a number that stands in the document does in the statement too, for PostgreSQL to plan with."""
        if bind.fixed and isinstance(bind.type, Integer):
            return literal_column(str(int(bind.get({}, None))), bind.type)
        name = self._names.setdefault(id(bind), f"b{len(self._names)}")
        self._binds[name] = bind
        return bindparam(name, type_=bind.type)

    def parameter(self, type_: Any, get: Callable[..., Any]) -> ColumnElement[Any]:
        bind = Bind(type_, get)
        self._made.append(bind)
        return self.bind(bind)

    def brought(self, name: str, type_: Any) -> ColumnElement[Any]:
        self._private = True
        return self.parameter(type_, lambda variables, viewer: getattr(viewer, name))

    def session(self) -> Any:
        if self._session is None:
            self._session = self._sources.viewer(self._access, self.parameter).cte("viewer")
        return self._session

    def _recording(self, chosen: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """The same answer, with what it shows of persons recorded by the same statement.

        Each object that shows something of a person has a mark before it that names the person and what is shown. The
        marks are gathered for the record, and taken out of the answer. An answer that is broken is not given, and the
        reference way records its own.
        """
        answer = chosen.cte("answer").prefix_with("MATERIALIZED")
        marks = func.regexp_matches(answer.c.text, MARKED, text("g")).table_valued(Column("mark", ARRAY(Text)))
        marks = marks.render_derived(name="marks")
        kinds = func.unnest(*self._kinds()).table_valued(Column("kind", Integer), Column("category", Text))
        kinds = kinds.render_derived(name="kinds")
        person, kind = marks.c.mark[literal_column("1", Integer)], marks.c.mark[literal_column("2", Integer)]
        subjects = (
            select(
                cast(person, Uuid).label("subject"),
                func.array_agg(kinds.c.category.distinct()).label("categories"),
            )
            .select_from(answer.join(marks, true()).join(kinds, kinds.c.kind == cast(kind, Integer)))
            .where(func.strpos(answer.c.text, MARK) == literal_column("0"))
            .group_by(person)
            .subquery("subjects")
        )
        recorded = self._sources.recorder(subjects, self.parameter).cte("recorded")
        shown = func.regexp_replace(answer.c.text, MARKS, text(""), text("g"))
        return select(octets(shown), *[one for one in answer.c if one.name != "text"]).add_cte(recorded)

    def _kinds(self) -> list[ColumnElement[Any]]:
        """Numbers of sets of categories and their members, as two arrays."""
        pairs = [(at, category) for at, categories in enumerate(self._categories) for category in categories]
        numbers = ",".join(str(at) for at, _ in pairs)
        names = ",".join(f"'{category}'" for _, category in pairs)
        return [literal_column(f"ARRAY[{numbers}]", ARRAY(Integer)), literal_column(f"ARRAY[{names}]", ARRAY(Text))]

    def mark(self, recorded: Recorded, row: Any) -> ColumnElement[Any]:
        """What stands before an object for the record; nothing where its row is no person's."""
        if recorded.categories not in self._categories:
            self._categories.append(recorded.categories)
        kind = self._categories.index(recorded.categories)
        subject = func.encode(func.uuid_send(row.c[recorded.subject]), text("hex"), type_=Text)
        return func.coalesce(cat(SUBJECT, subject, text(f":{kind}"), SUBJECT), text(""), type_=Text)

    def alias(self, table: Any) -> Any:
        return self.aliases.of(table)

    # -- nodes

    def node(self, node: Any, row: Any) -> list[Part]:
        match node:
            case Bind():
                return [self.bind(node)]
            case Const():
                return [json_text(node.value)]
            case Leaf():
                return leaf(node, row, self)
            case Object():
                return self.object(node, row)
            case Rows():
                return self.rows(node, row)
            case Connection():
                return PageText(self, node, row).parts()
            case Choice():
                return [self.choice(node, row)]
            case Failed():
                raise AssertionError("a strict plan holds no failure")
        raise AssertionError(type(node))

    def object(self, node: Object, row: Any) -> list[Part]:
        """Always a list of parts, so that constants merge across levels."""
        values = ((key, self.node(value, row)) for key, value in node.parts)
        parts = [part for _, value in values for part in value] if node.bare else members(values)
        if node.recorded is not None:
            parts = [self.mark(node.recorded, row), *parts]
        if node.absent is None:
            return parts
        assert row is not None
        return [case((node.absent(row.c), text("null")), else_=whole(parts))]

    def rows(self, node: Rows, parent: Any) -> list[Part]:
        found, row = self.texts(node, parent)
        if node.many:
            assert node.order is not None
            return ["[", joined(found.order_by(*node.order(row.c))), "]"]
        return [func.coalesce(found.scalar_subquery(), text("null") if node.nullable else MARK, type_=Text)]

    def texts(self, node: Rows, parent: Any) -> tuple[Select[Any], Any]:
        """A select of the text of each of the node's rows."""
        row = self.alias(node.table)
        return self.chosen(node, self.item(node, row), row, parent), row

    def item(self, node: Rows, row: Any) -> ColumnElement[Any]:
        """The text of one row; one that is alone may not pass for a row that is missing, lists look themselves."""
        found = whole(self.object(node.object, row))
        return found if node.many else func.coalesce(found, MARK, type_=Text)

    def chosen(self, node: Rows, what: Any, row: Any, parent: Any, filters: Sequence[Where] = ()) -> Select[Any]:
        """A select over the node's rows beside their parent's."""
        found = select(what).select_from(row).correlate_except(row)
        if node.on is not None:
            assert parent is not None
            found = found.where(node.on(parent.c, row.c))
        for where in (*node.where, *filters):
            found = found.where(where(row.c, self))
        return found

    def choice(self, node: Choice, parent: Any) -> ColumnElement[Any]:
        if node.many:
            return self.choices(node)
        found = [self.texts(rows, parent)[0].scalar_subquery() for _, rows in node.alternatives]
        return func.coalesce(*found, text("null") if node.nullable else MARK, type_=Text)

    def choices(self, node: Choice) -> ColumnElement[Any]:
        """The entities of a list of ids in its order, null where there is none: the lists of keys run side by side."""
        names = [f"k{index}" for index in range(len(node.alternatives))]
        lists = [self.bind(bind) for bind, _ in node.alternatives if bind is not None]
        keys = func.unnest(*lists).table_valued(
            *(Column(name, Uuid) for name in names),
            with_ordinality="place",
            name="ids",
        )
        keys = keys.render_derived()
        texts = []
        for name, (_, rows) in zip(names, node.alternatives, strict=True):
            row = self.alias(rows.table)
            key = entity_of(rows.object.type).key(row.c)
            texts.append(
                self.chosen(rows, self.item(rows, row), row, None).where(key == keys.c[name]).scalar_subquery()
            )
        one = func.coalesce(*texts, text("null"), type_=Text)
        return cat("[", joined(select(one).select_from(keys).order_by(keys.c.place)), "]")
