from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app.asgi import create_app
from app.embedded import Services
from app.settings import Settings
from models.database import Database
from tests.support.database import execute


@asynccontextmanager
async def _client(settings: Settings, services: Services) -> AsyncGenerator[httpx.AsyncClient]:
    app = create_app(settings, services)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client,
    ):
        yield client


async def test_shop_with_everything_there_is_ready(settings: Settings, running: Services, committed_database: Database):
    async with _client(settings, Services(committed_database.url, running.redis_url)) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "postgresql": "ok", "redis": "ok"}
    assert answer.headers["cache-control"] == "no-store"


async def test_shop_without_redis_is_ready_all_the_same(
    settings: Settings, committed_database: Database, tmp_path: Path
):
    async with _client(settings, Services(committed_database.url, f"unix://{tmp_path}/nothing.sock")) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["redis"] == "degraded"


@pytest.mark.parametrize(
    "statement", ["UPDATE alembic_version SET version_num = 'older'", "DROP TABLE alembic_version"]
)
async def test_shop_with_another_revision_of_the_tables_is_not_ready(
    settings: Settings, running: Services, committed_database: Database, statement: str
):
    await execute(committed_database.url, statement)
    async with _client(settings, Services(committed_database.url, running.redis_url)) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["postgresql"] == "behind: run python -m app migrate"


async def test_process_without_its_database_lives_and_is_not_ready(
    settings: Settings, running: Services, tmp_path: Path
):
    async with _client(settings, Services(f"postgresql:///shop?host={tmp_path}", running.redis_url)) as client:
        ready, live = await client.get("/health/ready"), await client.get("/health/live")
    assert (ready.status_code, ready.json()["postgresql"]) == (503, "away")
    assert (live.status_code, live.json()) == (200, {"status": "live"})
