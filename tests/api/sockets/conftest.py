from collections.abc import AsyncGenerator

import pytest_asyncio

from app.http.cors import Origins
from tests.support.edge import ToyEngine, make_sockets
from tests.support.sockets import LIMITS, LISTED, Line, Socket, connect, serving


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def line() -> AsyncGenerator[Line]:
    """A server with the toy engine."""
    engine = ToyEngine()
    app = make_sockets(engine, origins=Origins([LISTED]), limits=LIMITS)
    async with serving(app, lifespan="off") as url:
        yield Line(engine, url)


@pytest_asyncio.fixture(loop_scope="session")
async def raw(line: Line) -> AsyncGenerator[Socket]:
    """A socket before its first message."""
    async with connect(line.url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def opened(raw: Socket) -> Socket:
    """A socket after it."""
    await raw.init()
    return raw
