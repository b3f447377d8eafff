"""Rows of many tables written by one statement, which is compiled once for each set of tables that has rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, CTE, Select, Table, bindparam, func, insert, literal_column, select
from sqlalchemy import column as sql_column
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[str, Any]
Shape = tuple[tuple[Table, bool], ...]
"""The tables that get rows, and whether it is more than one."""


class ManyTables:
    """Inserts into tables by the columns named for each, all others left to their defaults.

    `more` is done by the same statement. Foreign keys hold at its end: any order of the tables will do.
    """

    def __init__(self, columns: Mapping[Any, Sequence[str]], *more: CTE) -> None:
        self._columns = {model.__table__: tuple(names) for model, names in columns.items()}
        self._more = more
        self._statements: dict[Shape, Select[Any]] = {}

    async def write(self, transaction: AsyncConnection, rows: Mapping[Any, Sequence[Row]], **more: Any) -> None:
        """Writes the rows, by model. `more` are parameters of what else the statement does. One statement."""
        by_table = {model.__table__: found for model, found in rows.items() if found}
        given: dict[str, Any] = dict(more)
        for table, found in by_table.items():
            for name in self._columns[table]:
                values = [row[name] for row in found]
                given[_parameter(table, name)] = values if len(found) > 1 else values[0]
        shape = tuple((table, len(found) > 1) for table, found in by_table.items())
        await transaction.execute(self._statement(shape), given)

    def _statement(self, shape: Shape) -> Select[Any]:
        found = self._statements.get(shape)
        if found is None:
            inserts = [self._many(table) if several else self._one(table) for table, several in shape]
            found = self._statements[shape] = select(literal_column("1")).add_cte(*inserts, *self._more)
        return found

    def _one(self, table: Table) -> CTE:
        values = {name: bindparam(_parameter(table, name), type_=table.c[name].type) for name in self._columns[table]}
        return insert(table).values(values).cte(f"into_{table.name}")

    def _many(self, table: Table) -> CTE:
        names = self._columns[table]
        arrays = [bindparam(_parameter(table, name), type_=ARRAY(table.c[name].type)) for name in names]
        given = (
            func.unnest(*arrays)
            .table_valued(*(sql_column(name, table.c[name].type) for name in names))
            .render_derived(name=f"given_{table.name}")
        )
        rows = select(*(given.c[name] for name in names))
        return insert(table).from_select(list(names), rows, include_defaults=False).cte(f"into_{table.name}")


def _parameter(table: Table, name: str) -> str:
    return f"{table.name}__{name}"
