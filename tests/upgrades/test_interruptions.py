"""An upgrade that dies leaves the older shop and can be run again; of two at once one waits and has nothing to do."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.exc import DBAPIError, ProgrammingError

from app.embedded import Services
from app.settings import ROOT
from migrations import runner
from tests.embedded.commands import COMMAND, environment
from tests.upgrades.conftest import Shop, Shops, looking_into
from tests.upgrades.holdings import holdings, lost
from tests.upgrades.structure import structure

OLDEST, NEWEST = runner.revisions()[0], runner.revisions()[-1]

_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
AT_A_LOCK = f"SELECT count(*) {_OTHERS} AND wait_event_type = 'Lock'"
CONNECTED = f"SELECT count(*) {_OTHERS} AND backend_type = 'client backend'"


async def until(url: str, sql: str, number: int) -> None:
    """Waits until the count is this number."""
    deadline = time.monotonic() + 30
    async with looking_into(url) as connection:
        while await connection.fetchval(sql) != number:
            assert time.monotonic() < deadline, f"{sql} did not become {number}"
            await connection.execute("SELECT pg_stat_clear_snapshot()")
            await asyncio.sleep(0.02)


@asynccontextmanager
async def migrating(url: str, running: Services) -> AsyncGenerator[asyncio.subprocess.Process]:
    """`python -m app migrate` in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "migrate",
        cwd=ROOT,
        env=environment(ROOT / "nowhere", DATABASE_URL=url, REDIS_URL=running.redis_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def assert_is_older_shop(url: str, shop: Shop) -> None:
    async with looking_into(url) as connection:
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == shop.revision
        assert await structure(connection) == shop.structure
        assert lost(shop.holdings, await holdings(connection)) == {}


async def assert_is_like(url: str, new: Shop) -> None:
    async with looking_into(url) as connection:
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == new.revision
        assert await structure(connection) == new.structure


async def assert_can_be_run_again(url: str, new: Shop) -> None:
    await runner.upgrade(url)
    await assert_is_like(url, new)


async def test_upgrade_killed_midway_leaves_the_older_shop_and_is_run_again(shops: Shops, running: Services):
    shop = await shops(OLDEST)
    async with shop.copy() as url, migrating(url, running) as process:
        async with looking_into(url) as connection:
            await connection.execute("LOCK TABLE orders IN SHARE MODE")
            await until(url, AT_A_LOCK, 1)
            process.kill()
            assert await process.wait() < 0
        await until(url, CONNECTED, 0)
        await assert_is_older_shop(url, shop)
        await assert_can_be_run_again(url, await shops(NEWEST))


async def test_upgrade_cut_off_at_its_last_statement_leaves_the_older_shop_and_is_run_again(shops: Shops):
    shop = await shops(OLDEST)
    async with shop.copy() as url:
        async with looking_into(url) as connection:
            await connection.execute("LOCK TABLE alembic_version IN SHARE MODE")  # may be read, not written
            upgrade = asyncio.create_task(runner.upgrade(url))
            await until(url, AT_A_LOCK, 1)
            await connection.execute(f"SELECT pg_terminate_backend(pid) {_OTHERS} AND wait_event_type = 'Lock'")
            with pytest.raises(DBAPIError):
                await upgrade
        await assert_is_older_shop(url, shop)
        await assert_can_be_run_again(url, await shops(NEWEST))


async def test_upgrade_that_fails_leaves_the_older_shop_and_is_run_again(shops: Shops):
    shop = await shops(OLDEST)
    async with shop.copy() as url:
        async with looking_into(url) as connection:
            await connection.execute("CREATE TABLE return_line ()")  # the last that the next revision makes
        with pytest.raises(ProgrammingError, match="return_line"):
            await runner.upgrade(url)
        async with looking_into(url) as connection:
            await connection.execute("DROP TABLE return_line")
        await assert_is_older_shop(url, shop)
        await assert_can_be_run_again(url, await shops(NEWEST))


async def test_of_two_upgrades_at_once_one_waits_and_has_nothing_to_do(shops: Shops, running: Services):
    async with (
        (await shops(OLDEST)).copy() as url,
        migrating(url, running) as one,
        migrating(url, running) as other,
    ):
        async with looking_into(url) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", runner.LOCK)
            await until(url, AT_A_LOCK, 2)
        said = sorted(errors.count(b"migrating") for _, errors in (await one.communicate(), await other.communicate()))
        assert (one.returncode, other.returncode) == (0, 0)
        assert said == [0, len(runner.revisions()) - 1]
        await assert_is_like(url, await shops(NEWEST))
