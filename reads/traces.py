"""Which stored columns a value or a condition reads, and so what of persons."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, bindparam
from sqlalchemy.sql import visitors

from models.classification import Personal, classification
from reads.nodes import Bind


class _Viewer:
    def __getattr__(self, name: str) -> ColumnElement[Any]:
        return bindparam(None, None, unique=True)


class Probe:
    """A backend whose values do not matter."""

    viewer = _Viewer()

    def bind(self, bind: Bind) -> ColumnElement[Any]:
        return bindparam(None, None, type_=bind.type, unique=True)


PROBE = Probe()


def columns_read(elements: Iterable[ColumnElement[Any]]) -> frozenset[Column[Any]]:
    """The stored columns in these expressions, also within their subqueries."""
    return frozenset(
        base
        for element in elements
        for part in visitors.iterate(element)
        if isinstance(part, Column)
        for base in part.base_columns
        if isinstance(base, Column) and "privacy" in base.info
    )


def personal_in(elements: Iterable[ColumnElement[Any]]) -> frozenset[Personal]:
    """What of persons these expressions read, as far as it is guarded."""
    found = map(classification, columns_read(elements))
    return frozenset(one for one in found if isinstance(one, Personal) and one.guarded)


def subject_of(table: Table) -> str:
    """The column that names the person whom a row is about. Raises LookupError where none does, or several."""
    kinds = map(classification, table.columns)
    subjects = {one.subject for one in kinds if isinstance(one, Personal) and one.guarded}
    if len(subjects) != 1:
        raise LookupError(f"{table.name} names {len(subjects)} subjects")
    return subjects.pop()
