from collections.abc import AsyncGenerator

import pytest_asyncio

from tests.support.edge import Edge, open_edge


@pytest_asyncio.fixture
async def edge() -> AsyncGenerator[Edge]:
    """The endpoint before an engine that is not the shop's."""
    async with open_edge() as opened:
        yield opened
