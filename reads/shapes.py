"""How rows that were read become objects."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select

from reads.nodes import Connection, Object, Rows

TYPE = "\0type"
CURSOR = "\0cursor"
BEYOND: dict[str, Any] = {}
"""Stands for a row beyond the page."""

Build = Callable[[Any], dict[Any, Any]]
"""Makes an object of a record."""


@dataclass
class Shape:
    """What is selected of a row, in places counted from zero: `c0`, `c1` and so on."""

    columns: list[ColumnElement[Any]] = field(default_factory=list)

    def add(self, sql: ColumnElement[Any]) -> int:
        self.columns.append(sql)
        return len(self.columns) - 1


@dataclass
class Selection:
    """Rows to read, in an order, and the objects to make of them."""

    node: Rows
    row: Any
    found: Select[Any]
    order: list[Any]
    shape: Shape
    build: Build
    pending: list[Any]
    most: int | None = None
    """Rows beside a parent that are read; of others it is only seen that they are there (BEYOND)."""
    notice: Callable[[Any, bool], None] = lambda record, beyond: None
    """Is told of each row that is found, and whether it lies beyond."""


@dataclass(frozen=True)
class Picked:
    """A column of the record."""

    at: int

    def value(self, record: Any) -> Any:
        return record[f"c{self.at}"]


@dataclass(frozen=True)
class Built:
    """An object of several columns; null where the column `absent` says so."""

    build: Build
    absent: int | None

    def value(self, record: Any) -> Any:
        return None if self.absent is not None and record[f"c{self.absent}"] else self.build(record)


def nodes_of(node: Connection) -> list[tuple[tuple[str, str], Object]]:
    """The selections of `node`, by the keys of their edges and their own: edges may be asked for under several keys."""
    return [
        ((edges, key), inner)
        for edges, kind, parts in node.parts
        if kind == "edges"
        for key, name, inner in parts
        if name == "node"
    ]
