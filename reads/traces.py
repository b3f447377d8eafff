"""Which stored columns an expression reads, and so what of persons."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, bindparam
from sqlalchemy.sql import visitors

from models.classification import Personal, classification
from reads.nodes import Bind


class _Viewer:
    def __getattr__(self, name: str) -> ColumnElement[Any]:
        return bindparam(None, None, unique=True)


class _Probe:
    """A backend whose values do not matter."""

    viewer = _Viewer()

    def bind(self, bind: Bind) -> ColumnElement[Any]:
        return bindparam(None, None, type_=bind.type, unique=True)


def columns_read(make: Callable[[Any, Any], Any], table: Table) -> frozenset[Column[Any]]:
    """The stored columns in what `make(row, backend)` gives for a row of the table."""
    found = make(table.alias().c, _Probe())
    return frozenset(
        base
        for element in visitors.iterate(found)
        if isinstance(element, Column)
        for base in element.base_columns
        if isinstance(base, Column)
    )


def personal_read(columns: Iterable[Column[Any]]) -> frozenset[tuple[Table, Personal]]:
    """What of persons the columns hold, with the table it is in."""
    found = ((column.table, classification(column)) for column in columns)
    return frozenset((table, one) for table, one in found if isinstance(one, Personal))
