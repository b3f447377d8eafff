"""The limit: a route for each case with SQL written by hand, no GraphQL, and no check but the session's."""

from typing import Any

import orjson

from app.embedded import Services
from app.settings import Settings
from auth.tokens import parse
from benchmarks.documents import CATALOGUE, DETAIL, ME
from models.database import Database

HEADERS = [(b"content-type", b"application/json; charset=utf-8"), (b"cache-control", b"no-store")]


def create_bare(settings: Settings, services: Services) -> Any:
    """POST /catalogue, /detail and /me, with the variables as body; `me` with a bearer token."""
    database = Database(services.database_url)
    statements = {f"/{case.name}": case.sql for case in (CATALOGUE, DETAIL, ME)}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        path = scope["path"]
        variables = orjson.loads((await receive())["body"])
        argument = next(iter(variables.values())) if variables else token_digest(scope["headers"])
        record = await database.read_row(statements[path], argument)
        assert record is not None
        body = record[0]
        headers = [*HEADERS, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def lifespan(receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await database.close()
        await send({"type": "lifespan.shutdown.complete"})

    return application


def token_digest(headers: list[tuple[bytes, bytes]]) -> bytes | None:
    token = dict(headers)[b"authorization"].decode().removeprefix("Bearer ")
    found = parse(token)
    return found[1] if found else None
