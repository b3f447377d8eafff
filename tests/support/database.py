"""Databases for tests: one that forgets at the end of the test, and real ones made from a migrated template."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations import runner
from models.database import Database, asyncpg_arguments
from models.statement import connection_of

T = TypeVar("T")


class RolledBackDatabase(Database):
    """Everything on one connection in one transaction that is never committed; `transact` is a savepoint in it.

    `now()` is the same throughout a test. Work in parallel, or on two connections, needs `committed_database`.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url, readers=1, writers=1)
        self._turn = asyncio.Lock()
        self._connection: AsyncConnection | None = None

    @property
    def connection(self) -> AsyncConnection:
        """The connection of the test's transaction."""
        assert self._connection is not None
        return self._connection

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with self._turn, self.connection.begin_nested():
            return await work(self.connection)

    async def at_once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        return await self.transact(work)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[asyncpg.Connection]:
        yield connection_of(self.connection)

    async def read_row(self, sql: str, *arguments: Any) -> asyncpg.Record | None:
        async with self.reading() as connection:
            return await connection.fetchrow(sql, *arguments)

    @asynccontextmanager
    async def forgotten(self) -> AsyncGenerator["RolledBackDatabase"]:
        """Opens the transaction, and rolls it back at the end."""
        writer = await self.writers.acquire()
        await writer.begin()
        self._connection = writer.connection
        try:
            yield self
        finally:
            self._connection = None
            await writer.roll_back()
            await self.writers.release(writer)


def named(url: str, database: str) -> str:
    """The same server's other database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def execute(url: str, statement: str) -> None:
    """Runs one statement outside any transaction."""
    arguments: dict[str, Any] = asyncpg_arguments(url)
    connection = await asyncpg.connect(**arguments)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def migrated_template(url: str) -> AsyncGenerator[str]:
    """The URL of a database at the newest revision, with no rows."""
    name = f"layette_template_{uuid4().hex}"
    await execute(url, f"CREATE DATABASE {name}")
    try:
        await runner.upgrade(named(url, name))
        yield named(url, name)
    finally:
        await execute(url, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def copy_of(template: str, server: str) -> AsyncGenerator[str]:
    """The URL of a database of its own, a copy of the template, dropped at the end."""
    name = f"layette_test_{uuid4().hex}"
    source = urlsplit(template).path.lstrip("/")
    await execute(server, f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY FILE_COPY")
    try:
        yield named(server, name)
    finally:
        await execute(server, f"DROP DATABASE {name} WITH (FORCE)")
