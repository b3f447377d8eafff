"""Asks as a caller for everything the schema has, in both ways, and tells where the page of permissions is wrong."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any
from uuid import UUID

import orjson
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)
from sqlalchemy import Text

from auth.viewer import Claim, Viewer
from reads.engine import Body, Outcome
from schema.upload import UploadedFile
from tests.support.matrix_page import MASKED, Line, Told
from tests.support.matrix_routes import Explorer, Route, is_computed
from tests.support.matrix_world import Caller, MatrixWorld, reads
from tests.support.statements import statements

SHORTEST_CANARY = 4
"""Characters of a value that is not in an answer by chance."""

Log = list[tuple[UUID, frozenset[str]]]


@dataclass(frozen=True)
class Question:
    """A field asked for at the end of a way, under an alias; `lines` are what the page says of it."""

    route: Route
    place: str
    alias: str
    name: str
    text: str
    told: Told
    lines: tuple[Line, ...]
    required: bool
    leaf: bool
    computed: bool

    def __str__(self) -> str:
        return f"{'.'.join((*self.route.keys, self.name)) or self.name} ({self.route.type.name}.{self.name})"

    @property
    def path(self) -> tuple[str, ...]:
        """Where the answer has it, without places in lists."""
        return (*([self.place, *self.route.keys[1:]] if self.route.steps else []), self.alias)


class Examiner:
    """Everything that one caller asks: by all ways through the schema, or by one to each type."""

    def __init__(self, world: MatrixWorld, caller: Caller, *, every_way: bool = True) -> None:
        self.world, self.viewer = world, caller.viewer
        self.explorer = Explorer(world.engine.schema, world, caller.viewer)
        self.declared = world.declared
        self.questions = list(self.ask(every_way=every_way))

    def ask(self, *, every_way: bool) -> Iterator[Question]:
        routes = self.explorer.routes()
        first = {route.type.name: route for route in reversed(routes)}
        yield from self.ask_along(routes if every_way else first.values())

    def ask_along(self, routes: Iterable[Route]) -> Iterator[Question]:
        number = 0
        for at, route in enumerate(routes):
            for name, field in route.type.fields.items():
                number += 1
                leaf = is_leaf_type(get_named_type(field.type))
                below = "" if leaf else " { __typename }"
                yield Question(
                    route,
                    f"r{at}",
                    f"f{number}",
                    name,
                    f"f{number}: {self.explorer.step(name, field)}{below}",
                    self.explorer.told(route.type.name, name, field),
                    tuple(self.explorer.lines(route.type.name, name, field)),
                    isinstance(field.type, GraphQLNonNull),
                    leaf,
                    route.computed or is_computed(route, name),
                )

    async def complaints(self) -> AsyncIterator[str]:
        """Where the answers are not what the page says."""
        for check in self.checks():
            async for complaint in check:
                yield complaint

    def checks(self) -> Iterator[AsyncIterator[str]]:
        """The quick ones first: who looks for one complaint has it sooner."""
        yield self.of_all_refused(self.questions)
        yield self.of_each([one for one in self.questions if one.told.refused])
        for root, type_ in self.explorer.hidden():
            yield self.of_hidden(root, type_)
        yield self.of_mutations()
        for route in self.explorer.payloads():
            asked = list(self.ask_along([route]))
            yield self.of_all_refused(asked)
            yield self.of_readable([one for one in asked if not one.told.refused], compiled=False)
        readable = [one for one in self.questions if not one.told.refused]
        for log, computed in product((False, True), (False, True)):
            asked = [one for one in readable if one.computed is computed and one.route.reads_the_log is log]
            yield self.of_readable(asked, compiled=not computed)

    async def of_all_refused(self, questions: Iterable[Question]) -> AsyncIterator[str]:
        """Nullable ones in one operation, the others in one each: their error takes all beside them away."""
        refused = [one for one in questions if one.told.refused]
        together = [one for one in refused if not one.required]
        for asked in (together, *([one] for one in refused if one.required)):
            async for complaint in self.of_refused(asked):
                yield complaint

    # -- asking

    def fresh(self) -> Viewer:
        """The caller with a request of its own."""
        claim = self.viewer.claim
        return replace(self.viewer, claim=Claim(claim.purpose, claim.case))

    async def compiled(self, text: str) -> Any:
        operation = self.world.engine.prepare(text, None)
        return await self.world.engine.read(operation, {}, self.fresh(), self.world.database)

    async def reference(self, text: str, **variables: Any) -> Any:
        operation = self.world.engine.prepare(text, None)
        viewer = self.fresh()
        return await self.world.engine.execute(operation, variables, self.world.context(viewer))

    # -- what may be read

    async def of_readable(self, asked: list[Question], *, compiled: bool) -> AsyncIterator[str]:
        if not asked:
            return
        text, wanted = document(asked), self.recorded(asked)
        self.world.database.take()
        result = await self.reference(text)
        log = await self.world.taken_log()
        for error in result.errors or ():
            yield f"{error.path} is refused: {error.message} {error.extensions}"
        if log != wanted:
            yield f"the reference way recorded {difference(log, wanted)}"
        for complaint in self.of_values(asked, result.data or {}):
            yield complaint
        if compiled:
            self.world.database.take()
            body = await self.compiled(text)
            log = await self.world.taken_log()
            if not isinstance(body, Body):
                yield f"no statement answers what may be read: {body}"
            elif orjson.loads(body.data) != {"data": result.data}:
                yield f"both ways answer differently: {apart(body.data, orjson.dumps({'data': result.data}))}"
            elif log != wanted:
                yield f"the statement recorded {difference(log, wanted)}"
            elif len(self.world.database.heard) != 1:
                yield f"{len(self.world.database.heard)} statements answered"

    def of_values(self, asked: list[Question], data: dict[str, Any]) -> Iterator[str]:
        """Ana's values are in the answer as they are, or masked."""
        for one in asked:
            known, planted = self.planted(one)
            if not known:
                continue
            wanted = masked(planted, one.lines[0].mask) if one.told.outcome == MASKED else planted
            found = at(data, one.path)
            if wanted not in found or (one.told.outcome == MASKED and any(plain in found for plain in (planted,))):
                yield f"{one} shows {found}, not {wanted!r}"

    def planted(self, one: Question) -> tuple[bool, Any]:
        """Ana's value, where the field is a text of hers and nothing else."""
        disclosure = self.declared.get((one.route.type.name, one.name))
        columns = disclosure.columns if disclosure is not None and one.leaf else frozenset()
        for column in columns:
            if len(columns) == 1 and isinstance(column.type, Text) and not one.name.endswith("Id"):
                key = (column.table.name, column.name)
                return key in self.world.planted, self.world.planted.get(key)
        return False, None

    def recorded(self, asked: Iterable[Question], *, edges_only: bool = False) -> Log:
        """Whose reads the page makes recorded, and what."""
        found: dict[UUID, set[str]] = {}
        for one in asked:
            lines = [*one.route.edges, *(() if edges_only else one.lines)]
            categories = {category for line in lines if line.guards(self.viewer) for category in line.categories}
            subjects = ["ana", "bo"] if one.route.several else ["ana"]
            for subject in subjects if categories else ():
                found.setdefault(self.world.subjects[subject], set()).update(categories)
        return sorted((subject, frozenset(categories)) for subject, categories in found.items())

    # -- what may not

    async def of_refused(self, asked: list[Question]) -> AsyncIterator[str]:
        """Each is null with its own error; nothing of it is in the answer, in a statement, or recorded."""
        if not asked:
            return
        text = document(asked)
        self.world.database.take()
        outcome = await self.compiled(text)
        if outcome is not Outcome.EXECUTE or self.world.database.take() or await self.world.taken_log():
            yield f"a statement answers what may not be read: {text}"
        result = await self.reference(text)
        sent, log = self.world.database.take(), await self.world.taken_log()
        reasons = {one.path: (one.told.code, one.told.reason) for one in asked}
        given = {stripped(error.path): why(error) for error in result.errors or ()}
        for path in reasons.keys() | given.keys():
            if reasons.get(path) != given.get(path):
                named = next((str(one) for one in asked if one.path == path), path)
                yield f"{named} answers {given.get(path)}, not {reasons.get(path)}"
        told = orjson.dumps([result.data, [error.message for error in result.errors or ()]]).decode()
        for leak in self.leaks(asked, told, sent):
            yield f"{leak}, which is refused"
        if log != self.recorded(asked, edges_only=True):
            yield f"what was refused is recorded: {log}"

    def leaks(self, asked: list[Question], told: str, sent: list[str]) -> Iterator[str]:
        """Columns of refused fields that are in a statement, and their values in the answer."""
        needed = {column for one in asked for line in one.route.edges for column in self.columns(line)}
        for column in {column for one in asked for line in one.lines for column in self.columns(line)} - needed:
            if any(reads(sql, column) for sql in sent):
                yield f"{column} is read"
            value = self.world.planted.get((column.table.name, column.name))
            if isinstance(value, str) and len(value) >= SHORTEST_CANARY and value in told:
                yield f"{column} is told"

    def columns(self, line: Line) -> frozenset[Any]:
        disclosure = self.declared.get((line.type_name, line.name))
        return disclosure.columns if disclosure is not None else frozenset()

    async def of_each(self, refused: list[Question]) -> AsyncIterator[str]:
        """No statement is ever made for any of them alone."""
        known: set[tuple[str, str]] = set()
        for one in refused:
            if (one.route.type.name, one.name) not in known and not one.computed:
                known.add((one.route.type.name, one.name))
                outcome = await self.compiled(document([one]))
                if outcome is not Outcome.EXECUTE or self.world.database.take():
                    yield f"a statement answers {one}"

    async def of_hidden(self, root: str, type_: GraphQLObjectType) -> AsyncIterator[str]:
        """Absent, without an error, whatever is asked of it."""
        leaves = [name for name, field in type_.fields.items() if is_leaf_type(get_named_type(field.type))]
        text = f"{{ {root} {{ ... on {type_.name} {{ {' '.join(leaves)} }} }} }}"
        body, result = await self.compiled(text), await self.reference(text)
        if not isinstance(body, Body) or orjson.loads(body.data) != {"data": {"node": None}}:
            yield f"{type_.name} is shown by a statement: {body}"
        if result.errors or result.data != {"node": None} or await self.world.taken_log():
            yield f"{type_.name} is shown: {result}"

    async def of_mutations(self) -> AsyncIterator[str]:
        """What the caller may not call does nothing."""
        mutation = self.world.engine.schema.mutation_type
        assert mutation is not None
        for name, field in mutation.fields.items():
            told = self.world.page.told("Mutation", name, self.viewer)
            if not told.refused:
                continue
            self.world.database.take()
            with statements(self.world.database) as sent:
                head, files = with_files(field.args)
                result = await self.reference(f"{head} {{ {name}{least(field.args)} {{ __typename }} }}", **files)
            if [why(error) for error in result.errors or ()] != [(told.code, told.reason)] or result.data is not None:
                yield f"Mutation.{name} answers {result}, not {told}"
            if sent or self.world.database.take():
                yield f"Mutation.{name} is refused and does something: {sent}"


def with_files(arguments: Mapping[str, GraphQLArgument]) -> tuple[str, dict[str, Any]]:
    """The head of a mutation, with variables for the files that it takes, and the files."""
    names = [name for name, one in arguments.items() if get_named_type(one.type).name == "Upload"]
    head = f"mutation ({', '.join(f'${name}: Upload!' for name in names)})" if names else "mutation"
    return head, dict.fromkeys(names, UploadedFile(b"a picture"))


def least(arguments: Mapping[str, GraphQLArgument]) -> str:
    """The least that has to be given; a file by a variable."""
    files = with_files(arguments)[1]
    given = [
        f"{name}: {f'${name}' if name in files else least_value(one.type)}"
        for name, one in arguments.items()
        if is_required_argument(one)
    ]
    return f"({', '.join(given)})" if given else ""


def least_value(type_: Any) -> str:
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType):
        needed = {name: one.type for name, one in named.fields.items() if is_required_input_field(one)}
        value = "{" + ", ".join(f"{name}: {least_value(one)}" for name, one in needed.items()) + "}"
    elif isinstance(named, GraphQLEnumType):
        value = next(iter(named.values))
    else:
        value = {"Boolean": "true", "Int": "1", "Decimal": '"1"'}.get(named.name, '"x"')
    return f"[{value}]" if isinstance(get_nullable_type(type_), GraphQLList) else value


def document(asked: list[Question]) -> str:
    """One operation that asks them all; half of them through fragments."""
    routes: dict[str, list[Question]] = {}
    for one in asked:
        routes.setdefault(one.place, []).append(one)
    parts, fragments = [], []
    for place, found in routes.items():
        route, texts = found[0].route, [one.text for one in found]
        half = len(texts) // 2
        if half and route.steps:
            fragments.append(f"fragment {place} on {route.type.name} {{ {' '.join(texts[:half])} }}")
            texts = [f"...{place}", f"... on {route.type.name} @include(if: true) {{ {' '.join(texts[half:])} }}"]
        parts.append(route.around(" ".join(texts), place))
    head = "mutation {" if asked[0].route.changes else "{"
    return " ".join([head, *parts, "}", *fragments])


def at(data: Any, path: tuple[str, ...]) -> list[Any]:
    """The values at a path, of all the objects in the lists on the way."""
    found = [data]
    for step in path:
        found = [one.get(step) for one in flattened(found) if isinstance(one, dict)]
    return found


def flattened(values: list[Any]) -> Iterator[Any]:
    for one in values:
        if isinstance(one, list):
            yield from flattened(one)
        else:
            yield one


def stripped(path: Any) -> tuple[str, ...]:
    return tuple(step for step in path or () if isinstance(step, str))


def why(error: Any) -> tuple[str | None, str | None]:
    extensions = error.extensions or {}
    return extensions.get("code"), extensions.get("reason")


def masked(value: str, mask: str | None) -> str:
    """As the mask's own description says."""
    match mask:
        case "EMAIL":
            return f"{value[0]}***@{value.partition('@')[2][0]}***"
        case "PHONE":
            return f"***{value[-2:]}"
        case "NAME":
            return f"{value[0]}***"
    return "***"


def apart(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    """Where they begin to differ."""
    at = next((at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), 0)
    return one[max(0, at - 150) : at + 150], other[max(0, at - 150) : at + 150]


def difference(found: Log, wanted: Log) -> str:
    missing = [(str(who), sorted(what)) for who, what in wanted if (who, what) not in found]
    surplus = [(str(who), sorted(what)) for who, what in found if (who, what) not in wanted]
    return f"{surplus} instead of {missing}"
