"""Stocks a shop of any revision: rows for every table there is, drawn from what the catalogs say and from no model.

For each column values are tried that its own checks let pass; of rows put together from them at random, PostgreSQL
takes those that pass the table's checks and keys. A table that stays empty, or a column without a value, is told by
`bare`. Only the database's own rules are kept: that an order's sum is that of its lines, no migration may rely on here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from random import Random
from uuid import UUID

import asyncpg

from tests.support.planting import AWKWARD
from tests.upgrades.holdings import Holdings

CANDIDATES = 600
"""How many rows are put together for a table."""

TAKEN = 60
"""How many of them are taken at most, so that each word of an enum is."""

_TABLES = """
SELECT c.oid, quote_ident(c.relname) AS name,
       ARRAY(SELECT quote_ident(f.relname) FROM pg_constraint o JOIN pg_class f ON f.oid = o.confrelid
             WHERE o.conrelid = c.oid AND o.contype = 'f' ORDER BY 1) AS refers
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'alembic_version'
ORDER BY c.relname
"""

_COLUMNS = """
SELECT a.attnum, quote_ident(a.attname) AS name, format_type(a.atttypid, a.atttypmod) AS type,
       NOT a.attnotnull AS nullable,
       (SELECT format('SELECT %I::text FROM %s ORDER BY 1', f.attname, o.confrelid::regclass)
        FROM pg_constraint o JOIN pg_attribute f ON f.attrelid = o.confrelid AND f.attnum = o.confkey[1]
        WHERE o.conrelid = a.attrelid AND o.contype = 'f' AND o.conkey = ARRAY[a.attnum]) AS referred
FROM pg_attribute a
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'
ORDER BY a.attnum
"""

_CHECKS = """
SELECT conkey AS columns, pg_get_expr(conbin, conrelid) AS condition
FROM pg_constraint WHERE conrelid = $1 AND contype = 'c' ORDER BY conname
"""

Known = dict[str, list[str]]
"""Values in PostgreSQL's notation, by type."""

_WORD = re.compile(r"'((?:[^']|'')*)'::text")


@dataclass(frozen=True, slots=True)
class Column:
    """`values` are what may be in it by itself, None for null."""

    name: str
    type: str
    values: Sequence[str | None]


async def stock(connection: asyncpg.Connection) -> None:
    """Puts rows into every table, the same whenever the tables are the same."""
    tables = {row["name"]: row for row in await connection.fetch(_TABLES)}
    order = TopologicalSorter({name: [one for one in row["refers"] if one != name] for name, row in tables.items()})
    for name in order.static_order():
        random = Random(name)
        await _fill(connection, tables[name]["oid"], name, random)
        if name in tables[name]["refers"]:
            await _fill(connection, tables[name]["oid"], name, random)


def bare(holdings: Holdings) -> list[str]:
    """The tables that are empty, and the columns that hold nothing in any row."""
    empty = [name for name, table in holdings.items() if not table.rows]
    return empty + [
        f"{name}.{column}"
        for name, table in holdings.items()
        for column in table.columns
        if table.rows and all(row[column] is None for row in table.rows)
    ]


async def _fill(connection: asyncpg.Connection, oid: int, table: str, random: Random) -> None:
    checks = await connection.fetch(_CHECKS, oid)
    known = _known(random)
    columns = [
        Column(row["name"], row["type"], await _values_of(connection, row, checks, known))
        for row in await connection.fetch(_COLUMNS, oid)
    ]
    names = ", ".join(column.name for column in columns)
    casts = ", ".join(f"given.{column.name}::{column.type} AS {column.name}" for column in columns)
    given = ", ".join(f"${number}::text[]" for number in range(1, len(columns) + 1))
    conditions = _all_pass(checks)
    await connection.execute(
        f"INSERT INTO {table} ({names}) SELECT {names} FROM (SELECT {casts} FROM unnest({given}) AS given ({names}))"
        f" AS candidate WHERE {conditions} LIMIT {TAKEN} ON CONFLICT DO NOTHING",
        *(_drawn(column.values, random) for column in columns),
    )


async def _values_of(
    connection: asyncpg.Connection, column: asyncpg.Record, checks: Sequence[asyncpg.Record], known: Known
) -> Sequence[str | None]:
    """Those that pass the checks of the column alone; now and then null where that may be."""
    own = [check for check in checks if list(check["columns"]) == [column["attnum"]]]
    if column["referred"]:
        values = [row[0] for row in await connection.fetch(column["referred"])]
    else:
        values = await _tried(connection, column["type"], known) + _words_for(column["type"], own)
    if own:
        passing = await connection.fetch(
            f"SELECT raw FROM unnest($1::text[]) AS given (raw),"
            f" LATERAL (SELECT raw::{column['type']} AS {column['name']}) AS typed WHERE {_all_pass(own)}",
            values,
        )
        values = [row["raw"] for row in passing]
    if not values and not column["nullable"]:
        raise LookupError(f"nothing that is tried for {column['name']} {column['type']} passes its checks: see _known")
    return values + [None] * (1 + len(values) // 4) if column["nullable"] else values


async def _tried(connection: asyncpg.Connection, kind: str, known: Known) -> list[str]:
    """Values of a type; of one that is not known here, all that it takes of what others are written as."""
    if values := known.get(kind.partition("(")[0]):
        return values
    written = [value for values in known.values() for value in values]
    sql = "SELECT raw FROM unnest($1::text[]) AS given (raw) WHERE pg_input_is_valid(raw, $2)"
    return [row["raw"] for row in await connection.fetch(sql, written, kind)]


def _all_pass(checks: Sequence[asyncpg.Record]) -> str:
    """As PostgreSQL has it: what is not known to be false passes."""
    return " AND ".join(f"({check['condition']}) IS NOT FALSE" for check in checks) or "true"


def _words_for(kind: str, checks: Sequence[asyncpg.Record]) -> list[str]:
    words = [word.replace("''", "'") for check in checks for word in _WORD.findall(check["condition"])]
    return [f'{{"{word}"}}' for word in words] if kind == "text[]" else words if kind == "text" else []


def _drawn(values: Sequence[str | None], random: Random) -> list[str | None]:
    """Each as often as any other, in no order."""
    drawn: list[str | None] = []
    while values and len(drawn) < CANDIDATES:
        drawn += random.sample(values, len(values))
    return drawn[:CANDIDATES]


def _known(random: Random) -> Known:
    some = range(80)
    codes = [f"{first}{number}" for first in "aZ" for number in some]
    digits = [str(random.randrange(1000, 9999)) for _ in some]
    integers = [str(number) for number in (*range(-1, 10), 97, 2500, 32767)]
    times = [f"2026-03-{1 + number % 28:02} 12:00:00.{number:06}+00" for number in some]
    return {
        "text": ["GB", *codes, *digits, *(text for text in AWKWARD if len(text) < 100)],
        "uuid": [str(UUID(int=random.getrandbits(128), version=4)) for _ in range(CANDIDATES)],
        "bytea": [f"\\x{random.randbytes(32).hex()}" for _ in range(CANDIDATES)],
        "boolean": ["false", "true"],
        "numeric": ["0", "0.2", "0.0875", "5"],
        "timestamp with time zone": times,
        "text[]": ["{}", '{plain,"with \\"quotes\\", commas"}'],
        "integer[]": ["{}", "{0,0,0,0,0}", "{0,1,2,3,4}"],
        "date": times,
        **dict.fromkeys(("smallint", "integer", "bigint"), integers),
    }
