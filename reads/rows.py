"""The reference way to read a plan: a statement for each relation of the plan, rows in Python, values for graphql-core.

Slower and independent of reads.sqltext: where both answer, they answer the same, which the differential test shows. The
result is nested dicts by response key; a `Failed` stands where a field answers with an error.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Insert,
    Integer,
    LargeBinary,
    Select,
    Text,
    Uuid,
    bindparam,
    func,
    literal_column,
    select,
    true,
)

from models.statement import DIALECT
from reads.cursors import Cursor
from reads.entities import Aliases, entity_of
from reads.nodes import Bind, Choice, Connection, Const, Failed, Leaf, Object, Recorded, Rows
from reads.pages import PageText, facet_select
from reads.shapes import BEYOND, CURSOR, TYPE, Build, Built, Picked, Selection, Shape, nodes_of


class ViewerValues:
    """The viewer's own values, as parameters."""

    def __init__(self, reader: "RowReader") -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> ColumnElement[Any]:
        value = getattr(self._reader.viewer_row, name)
        return self._reader.parameter(value, LargeBinary() if name.endswith("_digest") else Uuid())


class RowReader:
    """Reads one plan for one viewer over one connection. `viewer_row` has the attributes that conditions use."""

    def __init__(self, connection: Any, variables: Any, viewer_row: Any) -> None:
        self.connection, self.variables, self.viewer_row = connection, variables, viewer_row
        self.viewer = ViewerValues(self)
        self.read_of: dict[UUID, set[str]] = {}
        self._aliases = Aliases()

    # -- what conditions use

    def bind(self, bind: Bind) -> ColumnElement[Any]:
        return self.parameter(bind.get(self.variables, self.viewer_row), bind.type)

    def parameter(self, value: Any, type_: Any) -> ColumnElement[Any]:
        return bindparam(None, value, type_=type_, unique=True)

    def alias(self, table: Any) -> Any:
        return self._aliases.of(table)

    async def fetch(self, statement: Select[*tuple[Any, ...]] | Insert) -> list[Any]:
        compiled = statement.compile(dialect=DIALECT)
        values = [compiled.params[name] for name in compiled.positiontup or []]
        return await self.connection.fetch(compiled.string, *values)

    def note(self, recorded: Recorded, subject: UUID | None) -> None:
        """Keeps for the record what was read of a person, if the row is of one."""
        if subject is not None:
            self.read_of.setdefault(subject, set()).update(recorded.categories)

    async def record(self, recorder: Any) -> None:
        """Records what was read of persons; to be done in the transaction of the reads."""
        if not self.read_of:
            return
        pairs = [(subject, category) for subject, found in self.read_of.items() for category in sorted(found)]
        each = func.unnest(
            self.parameter([subject for subject, _ in pairs], ARRAY(Uuid())),
            self.parameter([category for _, category in pairs], ARRAY(Text())),
        ).table_valued(Column("subject", Uuid), Column("category", Text))
        each = each.render_derived(name="each")
        categories = func.array_agg(each.c.category, type_=ARRAY(Text)).label("categories")
        subjects = select(each.c.subject, categories).group_by(each.c.subject).subquery("subjects")
        await self.fetch(recorder(subjects, lambda type_, get: self.bind(Bind(type_, get))))

    # -- nodes

    async def read(self, node: Any) -> Any:
        """The value of a root field or of a payload's entity."""
        match node:
            case Const() | Failed():
                return node if isinstance(node, Failed) else node.value
            case Rows():
                return (await self.related(node, [()], None))[0]
            case Connection():
                return (await self.connections(node, [()], None))[0]
            case Choice():
                return await self.choice(node)
        raise AssertionError(type(node))

    async def related(self, node: Rows, parents: Sequence[tuple[Any, ...]], table: Any) -> list[Any]:
        """For each parent, by its key, the object or list beside it. One statement."""
        row = self.alias(node.table)
        shape = Shape()
        build, pending = self.shape(node.object, row, shape)
        order = list(node.order(row.c)) if node.order is not None else []
        selection = Selection(node, row, self.chosen(node, row), order, shape, build, pending)
        objects: list[Any] = await self.gather(selection, parents, table)
        if node.object.bare:
            (only, _), *_ = node.object.parts
            objects = [[one[only] for one in beside] for beside in objects]
        return objects if node.many else [one[0] if one else None for one in objects]

    async def gather(self, selection: Selection, parents: Any, table: Any) -> list[list[dict[str, Any]]]:
        """The objects beside each parent, with their own relations read."""
        row = selection.row
        own = list(row.primary_key)
        wanted = selection.found.with_only_columns(
            *(sql.label(f"c{at}") for at, sql in enumerate(selection.shape.columns)),
            *(sql.label(f"o{at}") for at, sql in enumerate(own)),
            func.row_number().over(order_by=selection.order).label("place"),
            maintain_column_froms=True,
        ).order_by(*selection.order)
        records = await self.beside(wanted, selection.node.on, row, parents, table)
        objects: list[list[dict[str, Any]]] = [[] for _ in parents]
        flat: list[dict[str, Any]] = []
        keys = []
        for record in sorted(records, key=lambda record: record["place"]):
            beside = objects[record["n"] - 1]
            beyond = len(beside) == selection.most
            selection.notice(record, beyond)
            if beyond:
                beside.append(BEYOND)
                continue
            made = selection.build(record)
            beside.append(made)
            flat.append(made)
            keys.append(tuple(record[f"o{at}"] for at in range(len(own))))
        await self.attach(selection.pending, flat, keys, selection.node.table)
        return objects

    async def beside(self, wanted: Select[Any], on: Any, row: Any, parents: Any, table: Any) -> list[Any]:
        """Rows with their parent's place `n`, counted from one; at a root there is one place and no parent."""
        if on is None:
            inner = wanted.subquery("r")
            return await self.fetch(select(literal_column("1", Integer).label("n"), *inner.c))
        if not parents:
            return []
        parent_columns = list(table.primary_key.columns)
        arrays = [
            self.parameter([parent[at] for parent in parents], ARRAY(column.type))
            for at, column in enumerate(parent_columns)
        ]
        names = [f"p{at}" for at in range(len(parent_columns))]
        given = func.unnest(*arrays).table_valued(
            *(Column(name, column.type) for name, column in zip(names, parent_columns, strict=True)),
            with_ordinality="n",
            name="given",
        )
        given = given.render_derived()
        parent = self.alias(table)
        matches = [parent.c[c.name] == given.c[n] for c, n in zip(parent_columns, names, strict=True)]
        inner = wanted.where(on(parent.c, row.c)).correlate(parent).lateral("r")
        source = given.join(parent, *[_all(matches)]).join(inner, true())
        return await self.fetch(select(given.c.n, *inner.c).select_from(source))

    def chosen(self, node: Rows, row: Any, filters: Sequence[Any] = ()) -> Select[Any]:
        found = select(literal_column("1")).select_from(row)
        for where in (*node.where, *filters):
            found = found.where(where(row.c, self))
        return found

    def shape(self, node: Object, row: Any, shape: Shape) -> tuple[Build, Any]:
        """What makes the object of a record, and its relations: (path to the object, response key, node)."""
        steps: list[tuple[str, Any]] = []
        pending: list[tuple[tuple[str, ...], str, Any]] = []
        for key, part in node.parts:
            match part:
                case Const() | Failed():
                    steps.append((key, part.value if isinstance(part, Const) else part))
                case Leaf():
                    steps.append((key, Picked(shape.add(part.sql(row.c, self)))))
                case Object():
                    build, below = self.shape(part, row, shape)
                    absent = None if part.absent is None else shape.add(part.absent(row.c))
                    steps.append((key, Built(build, absent)))
                    pending += [((key, *path), name, inner) for path, name, inner in below]
                case Rows() | Connection() | Choice():
                    pending.append(((), key, part))
        name = node.type.name
        recorded = node.recorded
        subject = None if recorded is None else shape.add(row.c[recorded.subject])

        def build_object(record: Any) -> dict[str, Any]:
            made: dict[str, Any] = {TYPE: name}
            if recorded is not None:
                self.note(recorded, record[f"c{subject}"])
            for key, step in steps:
                made[key] = step.value(record) if isinstance(step, Picked | Built) else step
            return made

        return build_object, pending

    async def attach(self, pending: Any, objects: list[dict[str, Any]], keys: list[Any], table: Any) -> None:
        """Reads the relations of the objects, each for all of them at once."""
        for path, key, node in pending:
            values = await self.beneath(node, keys, table)
            for made, value in zip(objects, values, strict=True):
                at: Any = made
                for step in path:
                    at = at[step] if at is not None else None
                if at is not None:
                    at[key] = value

    async def beneath(self, node: Any, parents: Sequence[tuple[Any, ...]], table: Any) -> list[Any]:
        """For each parent what lies beside it."""
        match node:
            case Connection():
                return await self.connections(node, parents, table)
            case Choice():
                return await self.alternatives(node, parents, table)
        return await self.related(node, parents, table)

    async def alternatives(self, node: Choice, parents: Sequence[tuple[Any, ...]], table: Any) -> list[Any]:
        """For each parent the object of the first alternative that has one."""
        found: list[Any] = [None] * len(parents)
        for _, rows in node.alternatives:
            without = [at for at, one in enumerate(found) if one is None]
            for at, one in zip(without, await self.related(rows, [parents[at] for at in without], table), strict=True):
                found[at] = one
        return found

    async def choice(self, node: Choice) -> Any:
        if not node.many:
            for _, rows in node.alternatives:
                found = await self.read(rows)
                if found is not None:
                    return found
            return None
        answer: list[Any] = []
        for bind, rows in node.alternatives:
            assert bind is not None
            keys = bind.get(self.variables, self.viewer_row)
            answer = answer or [None] * len(keys)
            for place, key in enumerate(keys):
                if key is not None:
                    entity = entity_of(rows.object.type)
                    one = Bind(Uuid(), lambda v, w, key=key: key)
                    where = [*rows.where, lambda row, backend, e=entity, b=one: e.key(row) == backend.bind(b)]
                    answer[place] = await self.read(Rows(rows.table, None, where, rows.object))
        return answer

    # -- pages

    async def connections(self, node: Connection, parents: Sequence[Any], table: Any) -> list[Any]:
        """For each parent, its connection: the page and one row beyond it in one statement, counts in others."""
        row = self.alias(node.rows.table)
        text = PageText(self, node, None)  # type: ignore[arg-type]
        found = self.chosen(node.rows, row, list(node.filters.values()))
        if node.bound is not None:
            found = found.where(text.beyond(row))
        size = node.size.get(self.variables, self.viewer_row)
        found = found.limit(size + 1)
        shape = Shape()
        keys_at = [shape.add(sql) for sql in text.sort_keys(row)]
        cursor = Cursor(node.sort, [key.type for key in node.keys])
        builds, pending = [], []
        for place, inner in nodes_of(node):
            build, below = self.shape(inner, row, shape)
            builds.append((place, build))
            pending += [((place, *path), name, one) for path, name, one in below]

        recorded = node.recorded
        subject = None if recorded is None else shape.add(row.c[recorded.subject])

        def notice(record: Any, beyond: bool) -> None:
            if recorded is not None and (node.seen_beyond or not beyond):
                self.note(recorded, record[f"c{subject}"])

        def build_edge(record: Any) -> dict[Any, Any]:
            made: dict[Any, Any] = {place: build(record) for place, build in builds}
            return {**made, CURSOR: cursor.encode([record[f"c{at}"] for at in keys_at])}

        order = text.ordered(row, node.backward)
        selection = Selection(node.rows, row, found, order, shape, build_edge, pending, size, notice)
        pages = await self.gather(selection, parents, table)
        totals = await self.totals(node, parents, table)
        facets = await self.facets(node)
        return [self.page(node, rows, size, total, facets) for rows, total in zip(pages, totals, strict=True)]

    def page(self, node: Connection, rows: list[dict[str, Any]], size: int, total: Any, facets: Any) -> dict[str, Any]:
        kept = rows[:size]
        if node.backward:
            kept = kept[::-1]
        more, elsewhere = len(rows) > size, node.bound is not None
        bounds = {
            "hasNextPage": elsewhere if node.backward else more,
            "hasPreviousPage": more if node.backward else elsewhere,
            "startCursor": kept[0][CURSOR] if kept else None,
            "endCursor": kept[-1][CURSOR] if kept else None,
        }
        made: dict[str, Any] = {TYPE: node.type.name}
        for key, kind, parts in node.parts:
            if kind == "edges":
                made[key] = [self.edge(key, parts, edge) for edge in kept]
            elif kind == "pageInfo":
                made[key] = {name: more if field_ == "__typename" else bounds[field_] for name, field_, more in parts}
            elif kind == "totalCount":
                made[key] = total
            elif kind == "facets":
                made[key] = facets[key]
        return made

    def edge(self, edges: str, parts: Any, made: dict[Any, Any]) -> dict[str, Any]:
        return {
            key: more if kind == "__typename" else made[CURSOR] if kind == "cursor" else made[edges, key]
            for key, kind, more in parts
        }

    async def totals(self, node: Connection, parents: Sequence[Any], table: Any) -> list[Any]:
        if not node.selects("totalCount"):
            return [None] * len(parents)
        row = self.alias(node.rows.table)
        found = self.chosen(node.rows, row, list(node.filters.values())).limit(node.counted)
        wanted = found.with_only_columns(literal_column("1").label("c0"), maintain_column_froms=True)
        counts = [0] * len(parents)
        for record in await self.beside(wanted, node.rows.on, row, parents, table):
            counts[record["n"] - 1] += 1
        return counts

    async def facets(self, node: Connection) -> dict[str, Any]:
        answers = {}
        for key, kind, more in node.parts:
            if kind != "facets":
                continue
            declared, shape = more
            answers[key] = [await self.facet(node, name, facet, shape) for name, facet in declared.kinds.items()]
        return answers

    async def facet(self, node: Connection, kind: str, facet: Any, shape: Any) -> dict[str, Any]:
        backend: Any = _FacetSource(self)
        counted = facet_select(backend, node, None, facet).subquery("f")
        records = await self.fetch(select(*counted.c).order_by(counted.c.count.desc(), counted.c.value))
        made: dict[str, Any] = {}
        for key, name, more in shape:
            if name == "values":
                made[key] = [{k: more[0] if n == "__typename" else record[n] for k, n in more[1]} for record in records]
            else:
                made[key] = kind if name == "kind" else more
        return made


class _FacetSource:
    """What facet_select asks of a backend, over a reader of rows."""

    def __init__(self, reader: RowReader) -> None:
        self._reader = reader
        self.alias = reader.alias

    def chosen(self, node: Rows, what: Any, row: Any, parent: Any, filters: Sequence[Any]) -> Select[Any]:
        return self._reader.chosen(node, row, filters).with_only_columns(what, maintain_column_froms=True)


def _all(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    joined = conditions[0]
    for one in conditions[1:]:
        joined = joined & one
    return joined
