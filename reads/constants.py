"""Rows that the code declares, read as a table: what is declared once need not be kept in the database as well."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, Column, MetaData, Table
from sqlalchemy.ext.compiler import compiles


class ConstantTable(Table):
    """A table whose rows are part of each statement that reads it. It is in no database, and nothing writes it."""

    inherit_cache = True


def constant_table(name: str, columns: Iterable[Column[Any]], rows: Iterable[tuple[Any, ...]]) -> Table:
    """The rows as a table, in the order of its columns; one of these at least is its key.

    Values are texts, booleans and lists of texts.
    """
    return ConstantTable(name, MetaData(), *columns, info={"rows": tuple(rows)})


@compiles(ConstantTable)
def _as_values(table: ConstantTable, compiler: Any, **_: Any) -> str:
    columns = list(table.columns)
    rows = ", ".join(
        f"({', '.join(_literal(value, column) for value, column in zip(row, columns, strict=True))})"
        for row in table.info["rows"]
    )
    names = ", ".join(compiler.preparer.quote(column.name) for column in columns)
    return f"(SELECT * FROM (VALUES {rows}) AS constant ({names}))"  # noqa: S608  # quoted, and the code's own


def _literal(value: Any, column: Column[Any]) -> str:
    if isinstance(column.type, ARRAY):
        return f"ARRAY[{', '.join(_quoted(one) for one in value)}]::text[]"
    return str(value).lower() if isinstance(value, bool) else _quoted(value)


def _quoted(text: str) -> str:
    if "'" in text or "\\" in text or "%" in text:
        raise ValueError(f"{text!r} is no word that a statement may hold")
    return f"'{text}'"
