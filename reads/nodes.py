"""Plan nodes: what an operation reads, without knowing how it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLNamedOutputType, GraphQLObjectType
from sqlalchemy import ColumnElement, Table
from sqlalchemy.types import TypeEngine

from reads import declare

Viewer = Any


@dataclass(frozen=True)
class Bind:
    """A value that is known when the statement runs: `get(variables, viewer)`. `fixed`: it depends on neither."""

    type: TypeEngine[Any]
    get: Callable[[Mapping[str, Any], Viewer], Any]
    fixed: bool = False


@dataclass(frozen=True)
class Const:
    value: Any


@dataclass(frozen=True)
class Failed:
    """A field that answers with an error (reference way only)."""

    error: GraphQLError


Sql = Callable[[Any, Any], ColumnElement[Any]]
"""A value of a row: `sql(row, backend)`; the backend has `bind(Bind)` and `viewer`."""


@dataclass(frozen=True)
class Leaf:
    sql: Sql
    type: GraphQLNamedOutputType
    listed: bool
    nullable: bool
    personal: frozenset[Any] = frozenset()


Where = Callable[[Any, Any], ColumnElement[bool]]
"""A condition on a row, likewise."""


@dataclass(frozen=True)
class Recorded:
    """That reading a row is recorded for the person in its column `subject`, with these categories."""

    subject: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Object:
    """`bare`: its only part stands in its place."""

    type: GraphQLNamedOutputType
    parts: "list[tuple[str, Node]]"
    absent: declare.Expression | None = None
    recorded: Recorded | None = None
    bare: bool = False


@dataclass(frozen=True)
class Rows:
    """Rows of a table beside their parent's row; at a root, or for a reference, without one.

    `personal` is what the relation tells of the parent's person.
    """

    table: Table
    on: declare.Join | None
    where: list[Where]
    object: Object
    many: bool = False
    nullable: bool = True
    order: Callable[[Any], Any] | None = None
    personal: frozenset[Any] = frozenset()


@dataclass(frozen=True)
class Choice:
    """The first of the alternatives that has a row: by the key in its bind, or beside their parent's row.

    `many`: the bind has a list of keys, whose order the answer keeps. `personal` is as of Rows.
    """

    alternatives: list[tuple[Bind | None, Rows]]
    many: bool = False
    nullable: bool = True
    personal: frozenset[Any] = frozenset()


@dataclass(frozen=True)
class Connection:
    """A page of rows. `recorded`: what its being found tells of each row's person, where no parent's person has it."""

    rows: Rows
    filters: dict[str, Where]
    keys: list[declare.Key]
    given: Callable[[str, Any], ColumnElement[Any] | None]
    sort: str
    size: Bind
    backward: bool
    bound: list[Bind] | None
    counted: int
    parts: "list[tuple[str, str, Any]]"
    type: GraphQLObjectType
    personal: frozenset[Any] = frozenset()
    recorded: Recorded | None = None

    @property
    def seen_beyond(self) -> int:
        """How many rows beyond the page the answer tells of."""
        return int(self.selects("pageInfo"))

    def selects(self, *kinds: str) -> bool:
        return any(kind in kinds for _, kind, _ in self.parts)


Node = Bind | Const | Failed | Leaf | Object | Rows | Choice | Connection
"""A Bind is JSON that is made of no row."""


@dataclass
class Plan:
    """`public`: it gives everyone the same. `relied`: it grants what only this kind of caller may read, on its word."""

    root: Object
    binds: list[Bind]
    public: bool
    relied: bool
