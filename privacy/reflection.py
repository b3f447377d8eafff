"""What is stored, against what is declared: nothing may lie in the database that no model names and classifies.

Compared are the objects of the database, the columns of its tables, the keys within JSON, constraints and indexes.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    ForeignKeyConstraint,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import JSON

from models import metadata as declared
from models.classification import NotPersonal, Personal, classification
from privacy.stored import Stored, keys_in, stored

BESIDE_MODELS = frozenset({("table", "public.alembic_version"), ("extension", "pg_trgm"), ("schema", "public")})
"""What is there without a model: how far migrations have come, and what they install."""

_KINDS = {
    "p": PrimaryKeyConstraint,
    "u": UniqueConstraint,
    "f": ForeignKeyConstraint,
    "c": CheckConstraint,
}
_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(r"\b[0-9]+\b")


async def undeclared(connection: AsyncConnection, metadata: MetaData = declared) -> list[str]:
    """What differs between the database and the models, one sentence each; nothing where all is declared."""
    found = await stored(connection)
    tables = {table.name: table for table in metadata.tables.values()}
    said = [
        *_objects(found, tables),
        *_unclassified(tables),
        *_columns(found, tables),
        *_constraints(found, tables),
        *_indexes(found, tables),
    ]
    for column in _json_columns(found, tables):
        said += [said async for said in _keys(connection, column)]
    return said


def _objects(found: Stored, tables: Mapping[str, Table]) -> Iterator[str]:
    known = {("table", f"public.{name}") for name in tables} | BESIDE_MODELS
    there = {(row.kind, row.name) for row in found.objects}
    for kind, name in sorted(there - known):
        yield f"{kind} {name} is not declared"
    for kind, name in sorted(known - there - BESIDE_MODELS):
        yield f"{kind} {name} is declared and not there"


def _unclassified(tables: Mapping[str, Table]) -> Iterator[str]:
    for table in tables.values():
        for column in table.columns:
            try:
                classification(column)
            except LookupError:
                yield f"column {table.name}.{column.name} is not classified"


# ---- columns


def _columns(found: Stored, tables: Mapping[str, Table]) -> Iterator[str]:
    there: dict[str, set[str]] = {}
    for row in found.columns:
        if row.table not in tables:
            continue
        there.setdefault(row.table, set()).add(row.column)
        column = tables[row.table].columns.get(row.column)
        name = f"column {row.table}.{row.column}"
        if column is None:
            yield f"{name} is not declared"
            continue
        if row.type != _type_of(column):
            yield f"{name} is {row.type}, declared {_type_of(column)}"
        if row.nullable != column.nullable:
            yield f"{name} is {'' if row.nullable else 'not '}nullable, declared otherwise"
        if row.computed != isinstance(column.computed, Computed) or row.numbered:
            yield f"{name} gets its values otherwise than declared"
    for table in tables.values():
        for column in table.columns:
            if table.name in there and column.name not in there[table.name]:
                yield f"column {table.name}.{column.name} is declared and not there"


def _type_of(column: Column[object]) -> str:
    return column.type.compile(dialect=postgresql.dialect()).lower().replace(", ", ",")


def _json_columns(found: Stored, tables: Mapping[str, Table]) -> Iterator[Column[object]]:
    for row in found.columns:
        column = tables[row.table].columns.get(row.column) if row.table in tables else None
        if column is not None and isinstance(column.type, JSON) and row.type in {"json", "jsonb"}:
            yield column


async def _keys(connection: AsyncConnection, column: Column[object]) -> AsyncIterator[str]:
    """A key is declared where it is named, or leads to one that is."""
    name = f"{column.table.name}.{column.name}"
    keys = column.info.get("json_keys", {})
    for key, what in keys.items():
        if not isinstance(what, Personal | NotPersonal):
            yield f"key {key} of {name} is not classified"
    for path in await keys_in(connection, column.table.name, column.name):
        if not any(key == path or key.startswith((f"{path}.", f"{path}[]")) for key in keys):
            yield f"key {path} of {name} is not declared"


# ---- constraints and indexes


def _constraints(found: Stored, tables: Mapping[str, Table]) -> Iterator[str]:
    there = {(row.table, row.name): row for row in found.constraints if row.table in tables}
    known = {(table.name, str(one.name)): one for table in tables.values() for one in table.constraints}
    for (table, name), row in there.items():
        one = known.get((table, name))
        if one is None:
            yield f"constraint {name} of {table} is not declared"
        elif not isinstance(one, _KINDS.get(row.kind, type(None))):
            yield f"constraint {name} of {table} is of another kind than declared"
        elif isinstance(one, CheckConstraint) and _constants(row.text) != _constants(str(one.sqltext)):
            yield f"constraint {name} of {table} has other words or numbers than declared"
        elif isinstance(one, ForeignKeyConstraint) and not _same_target(row.text, one):
            yield f"constraint {name} of {table} refers otherwise than declared"
    for table, name in sorted(known.keys() - there.keys()):
        yield f"constraint {name} of {table} is declared and not there"


def _constants(sql: str) -> set[str]:
    """What PostgreSQL leaves as it is when it prints a condition its own way."""
    return set(_LITERAL.findall(sql)) | set(_NUMBER.findall(_LITERAL.sub("", sql)))


def _same_target(text: str, constraint: ForeignKeyConstraint) -> bool:
    target = f"REFERENCES {constraint.referred_table.name}("
    action = f"ON DELETE {constraint.ondelete}" if constraint.ondelete else ""
    return target in text and (action in text if action else "ON DELETE" not in text)


def _indexes(found: Stored, tables: Mapping[str, Table]) -> Iterator[str]:
    known = {(table.name, str(one.name)) for table in tables.values() for one in table.indexes}
    there = {(row.table, row.name): row for row in found.indexes if row.table in tables}
    for (table, name), row in there.items():
        if not row.valid:
            yield f"index {name} of {table} is not valid"
        if not row.constraint and (table, name) not in known:
            yield f"index {name} of {table} is not declared"
    for table, name in sorted(known - there.keys()):
        yield f"index {name} of {table} is declared and not there"
    whole = [(row.table, list(row.columns)) for row in there.values() if row.whole and row.valid]
    for row in found.constraints:
        if row.kind == "f" and row.table in tables:
            columns = list(row.columns)
            if not any(table == row.table and index[: len(columns)] == columns for table, index in whole):
                yield f"constraint {row.name} of {row.table} has no index that begins with its columns"
