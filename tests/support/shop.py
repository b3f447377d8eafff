"""The whole application behind HTTP, on a database and a Redis of its own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import httpx

from app.asgi import create_app
from app.embedded import Services
from app.settings import Settings
from auth import sessions
from models.database import Database
from reads.engine import Engine
from resolvers.root import open_engine
from tests.support.database import copy_of
from tests.support.login_session import LAPTOP
from tests.support.shop_facts import FACTS


@dataclass(frozen=True)
class Shop:
    """A client of the application, and the database behind it."""

    client: httpx.AsyncClient
    database: Database

    async def ask(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """The response to an operation, sent with the token of a session."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        return (await self.client.post("/graphql", json=body, headers=headers)).json()

    async def session(self, account_id: UUID) -> str:
        """The token of a new session of the account."""
        issued = await self.database.transact(lambda transaction: sessions.issue(transaction, account_id, LAPTOP))
        return issued.token


@cache
def engine() -> Engine:
    """One for all shops of the process: what it keeps is of the schema and of FACTS, and no data."""
    return open_engine(facts=FACTS)


@asynccontextmanager
async def open_shop(settings: Settings, database: Database, redis_url: str) -> AsyncGenerator[Shop]:
    app = create_app(settings, Services(database.url, redis_url), engine_of=lambda *_: engine())
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="https://shop.test") as client,
    ):
        yield Shop(client, database)


@asynccontextmanager
async def copied_shop(settings: Settings, template: str, running: Services) -> AsyncGenerator[Shop]:
    """The shop over a copy of the template: for several tests together."""
    async with copy_of(template, running.database_url) as url:
        database = Database(url)
        async with open_shop(settings, database, running.redis_url) as shop:
            yield shop
        await database.close()
