"""Every way through the schema that a caller may go, according to the permissions page, and what to ask there."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from auth.viewer import Viewer, ViewerKind
from reads import declare
from reads.declare import field_reads
from reads.entities import strawberry_field
from tests.support.matrix_page import Line, Page, Told, admitted
from tests.support.matrix_world import PLAIN, MatrixWorld

WORDS = {"contact": PLAIN["email"], "slug": "brand", "countryCode": "US"}
"""What is said for arguments that have to be given."""

LITERALS = {"lines": "[]", "input": "{}"}
"""And for those that take a list or an object."""

HELD = {"Cart"}
"""Seen by whoever holds its token, which is nobody here, and by its owner."""

PAYLOADS = {
    "accountUpdate": ("customer", "{}"),
    "addressUpdate": ("address", '{id: "%(Address)s"}'),
    "preferencesUpdate": ("preferences", "{}"),
    "communicationPreferencesUpdate": ("communicationPreferences", "{}"),
    "customerEnable": ("customer", '{id: "%(Customer)s", reason: "asked"}'),
    "partnerUpdate": ("partner", '{id: "%(Partner)s"}'),
}
"""Mutations that change nothing with this input, and what their payloads show."""

SEVERAL = {"customers"}
"""Roots whose rows are not Ana's alone."""


@dataclass(frozen=True)
class Route:
    """A way to objects of a type: the selections on it, and what each of them tells of the person behind it.

    `computed`: no statement answers it. `changes`: it begins with a mutation.
    """

    type: GraphQLObjectType
    steps: tuple[str, ...] = ()
    edges: tuple[Line, ...] = ()
    computed: bool = False
    changes: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The response keys on the way."""
        return tuple(step.partition("(")[0] for step in self.steps if not step.startswith("..."))

    @property
    def several(self) -> bool:
        return bool(self.keys) and self.keys[0] in SEVERAL

    @property
    def reads_the_log(self) -> bool:
        """What is recorded while other fields are read may or may not be seen in the access log already."""
        return bool(self.keys) and self.keys[0] == "staffAccesses"

    def around(self, selection: str, name: str) -> str:
        """The selection at the end of the way, whose first step is known by the name."""
        if not self.steps:
            return selection
        text = selection
        for step in reversed(self.steps):
            text = f"{step} {{ {text} }}"
        return f"{name}: {text}"


class Explorer:
    """Finds what a caller can reach. Each edge of the schema is gone once; below it only from the first way there."""

    def __init__(self, schema: GraphQLSchema, world: MatrixWorld, viewer: Viewer) -> None:
        self.schema, self.world, self.viewer = schema, world, viewer
        self.page: Page = world.page
        self.interesting = interesting(schema, self.page)

    def routes(self) -> list[Route]:
        query = self.schema.query_type
        assert query is not None
        found, seen, waiting = [Route(query)], {query.name}, [Route(query)]
        while waiting:
            here = waiting.pop(0)
            for route in self.onward(here):
                found.append(route)
                if route.type.name not in seen:
                    seen.add(route.type.name)
                    waiting.append(route)
        return found

    def payloads(self) -> Iterator[Route]:
        """The ways through mutations that the caller may call."""
        mutation = self.schema.mutation_type
        assert mutation is not None
        for name, (shown, given) in PAYLOADS.items():
            payload = get_named_type(mutation.fields[name].type)
            assert isinstance(payload, GraphQLObjectType)
            edges = (self.page.lines["Mutation", name], self.page.lines[payload.name, shown])
            if not any(line.of(self.viewer).refused for line in edges):
                type_ = get_named_type(payload.fields[shown].type)
                steps = (f"{name}(input: {given % self.world.ids})", shown)
                if self.sees(type_.name):
                    yield Route(type_, steps, edges, computed=True, changes=True)

    def hidden(self) -> Iterator[tuple[str, GraphQLObjectType]]:
        """Rows of Ana's that the caller does not see: the root that asks for one, and its type."""
        for type_name, shown in self.world.ids.items():
            type_ = self.schema.type_map[type_name]
            assert isinstance(type_, GraphQLObjectType)
            if not self.sees(type_name):
                yield f'node(id: "{shown}")', type_

    def onward(self, here: Route) -> Iterator[Route]:
        for name, field in here.type.fields.items():
            named = get_named_type(field.type)
            if is_leaf_type(named) or self.told(here.type.name, name, field).refused or self.is_null(here, name):
                continue
            edges = (*here.edges, *self.lines(here.type.name, name, field))
            computed = here.computed or is_computed(here, name)
            if isinstance(named, GraphQLInterfaceType):
                yield from self.by_id(name, named, edges)
            elif named.name in self.interesting:
                route = Route(named, (*here.steps, self.step(name, field)), edges, computed)
                if self.sees(entity_behind(route.type)) if not here.steps else self.is_own(here, route):
                    yield route

    def by_id(self, name: str, named: GraphQLInterfaceType, edges: tuple[Line, ...]) -> Iterator[Route]:
        for possible in self.schema.get_possible_types(named):
            shown = self.world.ids.get(possible.name)
            if shown is not None and self.sees(possible.name):
                given = f'ids: ["{shown}"]' if name == "nodes" else f'id: "{shown}"'
                yield Route(possible, (f"{name}({given})", f"... on {possible.name}"), edges)

    # -- what the page says

    def told(self, type_name: str, name: str, field: GraphQLField) -> Told:
        """Of the field, asked with the arguments that `arguments` gives it."""
        told = [line.of(self.viewer) for line in self.lines(type_name, name, field)]
        return next((one for one in told if one.refused), told[0])

    def lines(self, type_name: str, name: str, field: GraphQLField) -> list[Line]:
        given = (f"{name}({argument})" for argument in field.args if is_given(field, argument))
        known = (self.page.lines.get((type_name, one)) for one in given)
        return [self.page.lines[type_name, name], *(line for line in known if line is not None)]

    def is_null(self, here: Route, name: str) -> bool:
        """Where the page says that there is nothing for this caller."""
        but_for = self.page.lines[here.type.name, name].null_but_for
        if but_for and "owner" not in but_for:
            raise AssertionError(f"{here.type.name}.{name} is for {but_for}")
        return bool(but_for) and self.viewer.kind is not ViewerKind.CUSTOMER

    def is_own(self, here: Route, route: Route) -> bool:
        """What lies beside a row is there; of the viewer that is only what its kind has."""
        return here.type.name != "Viewer" or any(not line.of(self.viewer).refused for line in self.lines_of(route.type))

    def lines_of(self, type_: GraphQLObjectType) -> list[Line]:
        return [self.page.lines[type_.name, name] for name in type_.fields]

    def sees(self, type_name: str) -> bool:
        """Whether the caller sees Ana's rows of a type from a root."""
        rules = self.page.seen.get(type_name)
        if type_name in HELD:
            return self.is_ana
        if rules is None:
            return True
        if not any(admitted(readers, self.viewer) for readers, _ in rules):
            return False
        return self.viewer.kind is not ViewerKind.CUSTOMER or self.is_ana

    @property
    def is_ana(self) -> bool:
        return self.viewer.account_id == self.world.subjects["ana"]

    def step(self, name: str, field: GraphQLField) -> str:
        """The field with what it has to be given to find something of Ana's."""
        of, given = get_named_type(field.type).name, []
        for argument in field.args:
            if argument == "first":
                given.append("first: 5")
            elif argument == "id":
                given.append(f'id: "{self.world.ids.get(of, "none")}"')
            elif argument == "ids":
                given.append('ids: ["none"]')
            elif argument in LITERALS and is_given(field, argument):
                given.append(f"{argument}: {LITERALS[argument]}")
            elif is_given(field, argument):
                given.append(f'{argument}: "{WORDS[argument]}"')
        return f"{name}({', '.join(given)})" if given else name


def is_given(field: GraphQLField, argument: str) -> bool:
    """Arguments that have to be given, and those that one of has to be given, of which it is the id."""
    return is_required_argument(field.args[argument]) or argument == "id"


def is_computed(here: Route, name: str) -> bool:
    """Whether it is Python that makes the field: a root's own resolver, or of a row's columns."""
    reads = field_reads(strawberry_field(here.type, name))
    return isinstance(reads, declare.Computed) or (reads is None and not here.steps)


def entity_behind(type_: GraphQLObjectType) -> str:
    """The type whose rows a root shows: a connection's nodes."""
    if "edges" in type_.fields:
        return get_named_type(get_named_type(type_.fields["edges"].type).fields["node"].type).name
    return type_.name


@cache
def interesting(schema: GraphQLSchema, page: Page) -> set[str]:
    """Types that not everyone may read, and those that lead to them."""
    objects = {name: one for name, one in schema.type_map.items() if isinstance(one, GraphQLObjectType)}
    found = {name for name, _ in page.lines if any("anyone" not in line.readers for line in lines_of(page, name))}
    found -= {"Query", "Mutation"}
    while True:
        more = {
            name
            for name, one in objects.items()
            if name not in {"Query", "Mutation"} and leads_to(one, found) and not name.endswith("Payload")
        }
        if more <= found:
            return found
        found |= more


def lines_of(page: Page, type_name: str) -> list[Line]:
    return [line for (name, _), line in page.lines.items() if name == type_name]


def leads_to(type_: GraphQLObjectType, found: set[str]) -> bool:
    return any(get_named_type(field.type).name in found for field in type_.fields.values())
