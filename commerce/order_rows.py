"""Rows of many tables for one statement that writes them all: the inserts, to stand in its WITH, and what is given."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, CTE, Table, bindparam, func, insert, select, true
from sqlalchemy import column as sql_column

Row = Mapping[str, Any]
Shape = tuple[tuple[Table, bool], ...]
"""The tables that get rows, and whether it is more than one."""


class ManyTables:
    """Inserts into tables by the columns named for each, all others left to their defaults.

    Foreign keys hold at the statement's end: any order of the tables will do.
    """

    def __init__(self, columns: Mapping[Any, Sequence[str]]) -> None:
        self._columns: dict[Table, dict[str, str]] = {
            model.__table__: {name: f"{model.__tablename__}__{name}" for name in names}
            for model, names in columns.items()
        }
        """By table, the columns with the names of their parameters."""

    def given(self, rows: Mapping[Any, Sequence[Row]]) -> tuple[Shape, dict[str, Any]]:
        """The shape of these rows, by model, and the parameters of its inserts."""
        shape = []
        given: dict[str, Any] = {}
        for model, found in rows.items():
            if not found:
                continue
            table, several = model.__table__, len(found) > 1
            shape.append((table, several))
            for name, parameter in self._columns[table].items():
                given[parameter] = [row[name] for row in found] if several else found[0][name]
        return tuple(shape), given

    def inserts(self, shape: Shape, begun: CTE | None) -> list[CTE]:
        """The inserts, which do nothing where `begun`, if there is one, has no row."""
        return [self._many(table, begun) if several else self._one(table, begun) for table, several in shape]

    def _one(self, table: Table, begun: CTE | None) -> CTE:
        names = self._columns[table]
        values = select(*(bindparam(given, type_=table.c[name].type) for name, given in names.items()))
        return _into(table, [*names], values if begun is None else values.select_from(begun))

    def _many(self, table: Table, begun: CTE | None) -> CTE:
        names = self._columns[table]
        arrays = [bindparam(given, type_=ARRAY(table.c[name].type)) for name, given in names.items()]
        given = (
            func.unnest(*arrays)
            .table_valued(*(sql_column(name, table.c[name].type) for name in names))
            .render_derived(name=f"given_{table.name}")
        )
        rows = select(*(given.c[name] for name in names))
        return _into(table, [*names], rows if begun is None else rows.join(begun, true()))


def _into(table: Table, names: list[str], rows: Any) -> CTE:
    return insert(table).from_select(names, rows, include_defaults=False).cte(f"into_{table.name}")
