"""Statements that are asked with every request: declared in SQLAlchemy, compiled once, run by asyncpg itself.

SQLAlchemy takes about 0.3 ms of Python to build, look up and run a statement, PostgreSQL much less to answer it.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import asyncpg
from sqlalchemy import ARRAY, ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg as driver
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

DIALECT = driver.dialect()

Converter = Callable[[Any], Any]


class Row(asyncpg.Record):
    """A row whose columns are attributes too."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Statement:
    """What `build()` makes, at first use. Its `bindparam`s with a name and no value are what is given with each call.

    All of them have to be given. Errors are asyncpg's own.
    """

    def __init__(self, build: Callable[[], ClauseElement]) -> None:
        self._build = build

    async def all(self, transaction: AsyncConnection, **given: Any) -> list[Any]:
        """The rows."""
        return await connection_of(transaction).fetch(self.sql, *self.arguments(given))

    async def first(self, transaction: AsyncConnection, **given: Any) -> Any:
        """The first row, or None."""
        return await connection_of(transaction).fetchrow(self.sql, *self.arguments(given))

    async def value(self, transaction: AsyncConnection, **given: Any) -> Any:
        """The first column of the first row; None without one."""
        return await connection_of(transaction).fetchval(self.sql, *self.arguments(given))

    async def run(self, transaction: AsyncConnection, **given: Any) -> None:
        """Runs it for what it does."""
        await connection_of(transaction).fetch(self.sql, *self.arguments(given))

    def arguments(self, given: Mapping[str, Any]) -> list[Any]:
        """The parameters in their order. Raises KeyError for one that is not given."""
        return [
            constant if name is None else given[name] if convert is None else convert(given[name])
            for name, constant, convert in self._parameters
        ]

    @cached_property
    def sql(self) -> str:
        return self._compiled.string

    @cached_property
    def _compiled(self) -> Any:
        return self._build().compile(dialect=DIALECT)

    @cached_property
    def _parameters(self) -> list[tuple[str | None, Any, Converter | None]]:
        """By place: the name and converter of what is given, else a constant."""
        return [self._parameter(name) for name in self._compiled.positiontup or []]

    def _parameter(self, name: str) -> tuple[str | None, Any, Converter | None]:
        bound = self._compiled.binds[name]
        convert = _converter(bound.type)
        if bound.required:
            return name, None, convert
        value = bound.effective_value
        return None, value if convert is None else convert(value), None


def _converter(type_: TypeEngine[Any]) -> Converter | None:
    """What makes a value one that asyncpg takes; a list is taken as it is where its items are."""
    if isinstance(type_, ARRAY) and _converter(type_.item_type) is None:
        return None
    return type_.dialect_impl(DIALECT).bind_processor(DIALECT)


def connection_of(transaction: AsyncConnection) -> asyncpg.Connection:
    """The connection of asyncpg below one of SQLAlchemy."""
    connection = transaction.sync_connection
    assert connection is not None
    raw = connection.connection.driver_connection
    assert isinstance(raw, asyncpg.Connection)
    return raw
