"""What lies in a database, and what of it another does not have any more."""

from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg

_TABLES = """
SELECT c.relname AS name,
       ARRAY(SELECT a.attname::text FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
             ORDER BY a.attnum) AS columns,
       ARRAY(SELECT a.attname::text
             FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
             WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY a.attnum) AS key,
       format('SELECT %s FROM %s', (
         SELECT string_agg(format('%1$I::text AS %1$I', a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), c.oid::regclass) AS all_rows
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'alembic_version'
ORDER BY c.relname
"""

Row = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Holding:
    """A table's rows in PostgreSQL's notation; `columns` are those that PostgreSQL does not compute."""

    key: tuple[str, ...]
    columns: tuple[str, ...]
    rows: list[Row]

    def by_key_of(self, other: "Holding") -> dict[tuple[str | None, ...], Row]:
        return {tuple(row.get(column) for column in other.key): row for row in self.rows}


Holdings = dict[str, Holding]


async def holdings(connection: asyncpg.Connection) -> Holdings:
    """All rows of all tables."""
    await connection.execute("SET LOCAL TimeZone = 'UTC'")
    return {
        table["name"]: Holding(
            tuple(table["key"]),
            tuple(table["columns"]),
            [dict(row) for row in await connection.fetch(table["all_rows"])],
        )
        for table in await connection.fetch(_TABLES)
    }


def lost(before: Holdings, after: Holdings) -> dict[str, str]:
    """What is not there as it was, by table or `table.column`. New tables and columns are no loss."""
    return {where: what for name, held in before.items() for where, what in _lost_of(name, held, after.get(name))}


def _lost_of(name: str, held: Holding, now: Holding | None) -> Iterator[tuple[str, str]]:
    if now is None:
        yield name, "the table is gone"
        return
    old, new = held.by_key_of(held), now.by_key_of(held)
    if old.keys() != new.keys() or len(now.rows) != len(held.rows):
        missing, more = len(old.keys() - new.keys()), len(now.rows) - len(new.keys() & old.keys())
        yield name, f"of {len(old)} rows {missing} are gone, {more} are there that were not"
    for column in held.columns:
        if now.rows and column not in now.rows[0]:
            yield f"{name}.{column}", "the column is gone"
            continue
        pairs = [(row[column], new[key].get(column)) for key, row in old.items() if key in new]
        changed = [f"{was} became {became}" for was, became in pairs if was != became]
        if changed:
            yield f"{name}.{column}", f"{len(changed)} of {len(pairs)} values changed: {changed[0]}"
