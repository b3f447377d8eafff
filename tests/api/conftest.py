from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio

from app.embedded import Services
from app.settings import Settings
from models.database import Database
from tests.support.edge import Edge, open_edge
from tests.support.shop import Shop, open_shop


@pytest_asyncio.fixture
async def edge() -> AsyncGenerator[Edge]:
    """The endpoint before an engine that is not the shop's."""
    async with open_edge() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def shop(settings: Settings, committed_database: Database, running: Services) -> AsyncGenerator[Shop]:
    """The shop over a database of the test's own, which is empty."""
    async with open_shop(settings, committed_database, running.redis_url) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def shop_with(
    settings: Settings, committed_database: Database, running: Services
) -> AsyncGenerator[Callable[..., Awaitable[Shop]]]:
    """Opens the shop with settings of the test's own, over a line of its own to Redis if it brings one."""
    async with AsyncExitStack() as opened:

        async def open_with(redis_url: str = running.redis_url, **changes: Any) -> Shop:
            own = settings.model_copy(update=changes)
            return await opened.enter_async_context(open_shop(own, committed_database, redis_url))

        yield open_with
