"""The fictional shop, planted in a database of its own."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from app.embedded import Services
from commerce.tax import Place
from models.database import asyncpg_arguments
from seeds import plant as plant_seeds
from seeds.installation import Installation
from seeds.sign_in import SignIn
from tests.support.database import copy_of

PASSWORD = "larks over the layette"
STORE = Place("US", "NY")
SECRET = b"a secret of thirty-two characters"
SHIPS_TO = ("US", "CA", "GB", "IE", "DE", "FR", "IT", "ES", "NL", "BE", "AT", "JP", "AU")


@dataclass(frozen=True)
class Shop:
    """A database that was planted; a connection to it, who may sign in, and what was told on the way.

    `book` is the folder of the gateway's book.
    """

    url: str
    book: Path
    connection: asyncpg.Connection
    sign_ins: list[SignIn]
    told: list[str]

    async def value(self, query: str, *arguments: Any) -> Any:
        return await self.connection.fetchval(query, *arguments)

    async def values(self, query: str, *arguments: Any) -> list[Any]:
        return [row[0] for row in await self.connection.fetch(query, *arguments)]

    async def count(self, table: str) -> int:
        return await self.value(f"SELECT count(*) FROM {table}")


async def plant(
    url: str, what: str, password: str, progress: Callable[[str], None] = lambda _: None, book: Path | None = None
) -> list[SignIn]:
    """As `make run` does it, with a gateway whose book nobody else has."""
    with TemporaryDirectory() as folder:
        return await plant_seeds(
            url, what, password, Installation(SECRET, book or Path(folder), STORE, SHIPS_TO), progress
        )


@asynccontextmanager
async def planted(what: str, template: str, running: Services) -> AsyncGenerator[Shop]:
    told: list[str] = []
    async with copy_of(template, running.database_url) as url:
        with TemporaryDirectory() as folder:
            sign_ins = await plant(url, what, PASSWORD, told.append, Path(folder))
            connection = await asyncpg.connect(**asyncpg_arguments(url))
            yield Shop(url, Path(folder), connection, sign_ins, told)
            await connection.close()
