"""Servers, databases and clients for tests: real PostgreSQL and Valkey, one pair for each process that runs tests."""

import gc
import os
import secrets
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.embedded import Services, services
from app.settings import Settings
from gateways.payments.local import LocalGateway
from models.database import Database
from reads.declare import ENTITIES
from tests.support.database import RolledBackDatabase, copy_of, migrated_template
from tests.support.quick import quick_folder

hypothesis.settings.register_profile("layette", deadline=None)
hypothesis.settings.load_profile("layette")

SEED = "LAYETTE_TEST_SEED"
"""Decides what tests draw at random: a new one in each run, the same in all its processes."""

# What a developer has set for `make run` must not decide how tests end.
for _name in [name for name in os.environ if name.startswith("LAYETTE_") and name != SEED]:
    del os.environ[_name]
os.environ.setdefault(SEED, secrets.token_hex(4))


def pytest_report_header() -> str:
    return f"{SEED}={os.environ[SEED]} repeats what this run draws at random"


def pytest_collection_finish() -> None:
    """What has been imported by now stays: not to look through it for garbage again and again saves a tenth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def settings() -> Generator[Settings]:
    """Settings as by default, with a home that is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="layette-tests-", dir=quick_folder()) as home:
        yield Settings(home=Path(home), seed="none", secret="a secret of the tests, 32 or longer")


@pytest.fixture(scope="session")
def running(settings: Settings) -> Generator[Services]:
    """PostgreSQL and Valkey: those of DATABASE_URL and REDIS_URL, else embedded ones of this process."""
    with services(settings, durable=False) as found:
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def template(running: Services) -> AsyncGenerator[str]:
    """The URL of a migrated database without rows. Never connect to it: it is copied."""
    async with migrated_template(running.database_url) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _shared_database(template: str, running: Services) -> AsyncGenerator[RolledBackDatabase]:
    async with copy_of(template, running.database_url) as url:
        shared = RolledBackDatabase(url)
        yield shared
        await shared.close()


@pytest_asyncio.fixture(loop_scope="session")
async def database(_shared_database: RolledBackDatabase) -> AsyncGenerator[RolledBackDatabase]:
    """A migrated database in which nothing outlives the test: one connection, one transaction, rolled back."""
    async with _shared_database.forgotten() as forgotten:
        yield forgotten


@pytest_asyncio.fixture(loop_scope="session")
async def committed_database(template: str, running: Services) -> AsyncGenerator[Database]:
    """A migrated database of this test alone, for what must really commit or run on several connections."""
    async with copy_of(template, running.database_url) as url:
        own = Database(url)
        yield own
        await own.close()


@pytest_asyncio.fixture(loop_scope="session")
async def redis(running: Services) -> AsyncGenerator[Redis]:
    """An empty Redis."""
    client = Redis.from_url(running.redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(tmp_path: Path) -> AsyncGenerator[LocalGateway]:
    """A payment gateway whose book is empty, and which does not wait long for what never comes."""
    opened = LocalGateway(tmp_path / "gateway", b"the secret of a test's gateway", delay=0.05, durable=False)
    yield opened
    await opened.close()


@pytest.fixture
def toy_types() -> Generator[None]:
    """Entities that a test declares are forgotten at its end."""
    kept = dict(ENTITIES)
    yield
    ENTITIES.clear()
    ENTITIES.update(kept)
