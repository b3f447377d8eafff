"""Rows of many tables written by one statement, which is compiled once whatever the number of rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, CTE, Select, Table, bindparam, func, insert, literal_column, select
from sqlalchemy import column as sql_column
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[str, Any]


class ManyTables:
    """Inserts into tables by the columns named for each, all others left to their defaults.

    `more` is done by the same statement. Foreign keys hold at its end: any order of the tables will do.
    """

    def __init__(self, columns: Mapping[Any, Sequence[str]], *more: CTE) -> None:
        self._columns = {model.__table__: tuple(names) for model, names in columns.items()}
        inserts = [self._insert(table, names) for table, names in self._columns.items()]
        self.statement: Select[Any] = select(literal_column("1")).add_cte(*inserts, *more)

    def _insert(self, table: Table, names: Sequence[str]) -> Any:
        arrays = [bindparam(_parameter(table, name), type_=ARRAY(table.c[name].type)) for name in names]
        given = (
            func.unnest(*arrays)
            .table_valued(*(sql_column(name, table.c[name].type) for name in names))
            .render_derived(name=f"given_{table.name}")
        )
        rows = select(*(given.c[name] for name in names))
        return insert(table).from_select(list(names), rows, include_defaults=False).cte(f"into_{table.name}")

    def parameters(self, rows: Mapping[Any, Sequence[Row]]) -> dict[str, list[Any]]:
        """The statement's parameters for these rows by model; a table that is left out gets none."""
        by_table = {model.__table__: found for model, found in rows.items()}
        return {
            _parameter(table, name): [row[name] for row in by_table.get(table, ())]
            for table, names in self._columns.items()
            for name in names
        }

    async def write(self, transaction: AsyncConnection, rows: Mapping[Any, Sequence[Row]], **more: Any) -> None:
        """Writes the rows. `more` are parameters of what else the statement does. One statement."""
        await transaction.execute(self.statement, {**self.parameters(rows), **more})


def _parameter(table: Table, name: str) -> str:
    return f"{table.name}__{name}"
