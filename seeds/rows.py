"""Rows that are gathered in memory and sent by COPY."""

from collections import defaultdict
from typing import Any

import asyncpg

from models import metadata
from models.base import Base

Connection = asyncpg.Connection


class Rows:
    """Rows by table. All rows of a table name the same columns; the others take their defaults."""

    def __init__(self) -> None:
        self._tables: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def add(self, model: type[Base], **values: Any) -> None:
        self._tables[model.__tablename__].append(values)

    def count(self, model: type[Base]) -> int:
        """How many rows of this table wait to be sent."""
        return len(self._tables[model.__tablename__])

    async def copy(self, connection: Connection) -> None:
        """Sends what was gathered, referenced tables before those that refer to them, and forgets it."""
        for table in metadata.sorted_tables:
            if rows := self._tables.pop(table.name, None):
                await _copy(connection, table.name, rows)


async def _copy(connection: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    columns = tuple(rows[0])
    if any(row.keys() != rows[0].keys() for row in rows):
        raise ValueError(f"the rows of {table} name different columns")
    records = (tuple(row[column] for column in columns) for row in rows)
    await connection.copy_records_to_table(table, records=records, columns=columns)
