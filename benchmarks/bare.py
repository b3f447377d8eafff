"""The limit: a route for each case with SQL written by hand, no GraphQL, and no check but the session's.

Reads answer what the shop answers. Writes are transactions over asyncpg that write the rows that the shop writes.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
import orjson

from app.embedded import Services
from app.settings import Settings
from auth.tokens import parse
from benchmarks import cart, order
from benchmarks.documents import CATALOGUE, DETAIL, ME
from models.database import Database, asyncpg_arguments

HEADERS = [(b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-store")]
WRITERS = 16

Write = Callable[[asyncpg.Connection, Mapping[str, Any]], Awaitable[bytes | None]]
WRITES: dict[str, Write] = {"/cart": cart.put, "/carts": order.put_carts, "/order": order.place}


class Bare:
    """POST /catalogue, /detail and /me, with the variables as body, `me` with a bearer token; and the writes."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self._pool: Any = asyncpg.create_pool(**asyncpg_arguments(url), min_size=WRITERS, max_size=WRITERS)
        self._statements = {f"/{case.name}": case.sql for case in (CATALOGUE, DETAIL, ME)}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        path, given = scope["path"], orjson.loads((await receive())["body"])
        body = await (self._write if path in WRITES else self._read)(path, given, scope["headers"])
        headers = [*HEADERS, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _read(self, path: str, variables: dict[str, Any], headers: Any) -> bytes:
        argument = next(iter(variables.values())) if variables else token_digest(headers)
        record = await self._database.read_row(self._statements[path], argument)
        assert record is not None
        return record[0]

    async def _write(self, path: str, given: dict[str, Any], headers: Any) -> bytes:
        async with self._pool.acquire() as connection:
            return await WRITES[path](connection, given) or b"{}"

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        await self._pool
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await self._database.close()
        await send({"type": "lifespan.shutdown.complete"})


def create_bare(settings: Settings, services: Services) -> Bare:
    """The application on these servers."""
    return Bare(services.database_url)


def token_digest(headers: list[tuple[bytes, bytes]]) -> bytes | None:
    token = dict(headers)[b"authorization"].decode().removeprefix("Bearer ")
    found = parse(token)
    return found[1] if found else None
