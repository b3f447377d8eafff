"""Shops of every revision, stocked once: tests work on copies."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import pytest_asyncio

from app.embedded import Services
from migrations import runner
from models.database import asyncpg_arguments
from tests.support.database import copy_of, execute, named
from tests.upgrades.holdings import Holdings, holdings
from tests.upgrades.stocking import stock
from tests.upgrades.structure import structure


@asynccontextmanager
async def looking_into(url: str, *, forget: bool = False) -> AsyncGenerator[asyncpg.Connection]:
    """A connection in a transaction that is committed at the end, or forgotten."""
    arguments: dict[str, Any] = asyncpg_arguments(url)
    connection = await asyncpg.connect(**arguments)
    try:
        await connection.execute("BEGIN")
        yield connection
        await connection.execute("ROLLBACK" if forget else "COMMIT")
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Shop:
    """A database that was migrated from nothing to a revision at once, and stocked then."""

    revision: str
    template: str
    server: str
    structure: frozenset[str]
    holdings: Holdings

    def copy(self) -> AbstractAsyncContextManager[str]:
        """The URL of a database of its own that begins as this one."""
        return copy_of(self.template, self.server)

    def spoiled(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """A connection to this one that forgets what is done on it."""
        return looking_into(self.template, forget=True)


Shops = Callable[[str], Awaitable[Shop]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shops(running: Services) -> AsyncGenerator[Shops]:
    """The shop of a revision."""
    made: dict[str, Shop] = {}
    async with AsyncExitStack() as stack:

        async def shop_of(revision: str) -> Shop:
            if revision not in made:
                made[revision] = await stack.enter_async_context(_stocked(running.database_url, revision))
            return made[revision]

        yield shop_of


@asynccontextmanager
async def _stocked(server: str, revision: str) -> AsyncGenerator[Shop]:
    name = f"layette_shop_{uuid4().hex}"
    await execute(server, f"CREATE DATABASE {name}")
    url = named(server, name)
    try:
        await runner.upgrade(url, to=revision)
        async with looking_into(url) as connection:
            built = await structure(connection)
            await stock(connection)
            held = await holdings(connection)
        yield Shop(revision, url, server, built, held)
    finally:
        await execute(server, f"DROP DATABASE {name} WITH (FORCE)")
