"""A shop to measure: its own servers and data in a home of its own, with someone signed in."""

import asyncio
import os
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from app.embedded import Services, services
from app.preparation import prepare
from app.settings import Settings
from models.database import asyncpg_arguments

PASSWORD = "measured-with-patience"
CUSTOMERS = tuple(f"customer{number}@example.com" for number in range(1, 10))

SIGN_IN = """mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { session { token } userErrors { message } }
}"""


@dataclass(frozen=True)
class Shop:
    settings: Settings
    services: Services
    slugs: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """What a server process of this shop is started with: any port, and budgets that nobody uses up."""
        return {
            **os.environ,
            "LAYETTE_HOME": str(self.settings.home),
            "LAYETTE_PORT": "0",
            "LAYETTE_RATE_SCALE": "1000000",
            "LAYETTE_LOG_FORMAT": "json",
        }


def say(step: str) -> None:
    """Tells of progress."""
    print(f"  {time.strftime('%H:%M:%S')}  {step}", flush=True)


@contextmanager
def shop(products: int, home: Path | None) -> Generator[Shop]:
    """A shop of `products` and two customers for each, in `home` or in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="layette-bench-") as fresh:
        settings = Settings(home=home or Path(fresh), seed=f"bench:{products}", seed_password=PASSWORD)
        with services(settings, progress=say) as running:
            asyncio.run(prepare(settings, running.database_url, say))
            yield Shop(settings, running, asyncio.run(_slugs(running.database_url)))


async def _slugs(url: str) -> tuple[str, ...]:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        found = await connection.fetch("SELECT slug FROM product WHERE archived_at IS NULL ORDER BY slug LIMIT 200")
        return tuple(record["slug"] for record in found)
    finally:
        await connection.close()


def post(path: str, body: Mapping[str, Any], token: str | None = None, *, cart: str | None = None) -> bytes:
    """An HTTP request as a client in the same network sends it, with the tokens of a session and of a cart."""
    text = orjson.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n"
    )
    if token is not None:
        head += f"authorization: Bearer {token}\r\n"
    if cart is not None:
        head += f"x-cart-token: {cart}\r\n"
    return head.encode() + b"\r\n" + text


def sign_in(email: str) -> bytes:
    """The request that signs a customer in."""
    given = {"identifier": email, "password": PASSWORD}
    return post("/graphql", {"query": SIGN_IN, "variables": {"input": given}})
