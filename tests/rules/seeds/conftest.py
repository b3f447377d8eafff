"""Shops that are planted once for all tests of seeds."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from app.embedded import Services
from tests.support.seeded import Shop, planted


@pytest_asyncio.fixture(scope="package", loop_scope="session", params=["demo", "bench:2", "bench:60"])
async def shop(request: pytest.FixtureRequest, template: str, running: Services) -> AsyncGenerator[Shop]:
    async with planted(request.param, template, running) as found:
        yield found


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def demo(template: str, running: Services) -> AsyncGenerator[Shop]:
    async with planted("demo", template, running) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def empty(template: str, running: Services) -> AsyncGenerator[Shop]:
    async with planted("none", template, running) as found:
        yield found
