"""Killed with -9 at any moment, the servers start again and have lost nothing that was acknowledged."""

import asyncio
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.embedded import services
from app.embedded.home import POSTGRES_SOCKET, Home
from app.settings import Settings
from tests.embedded import programs


async def _query(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def _write_until(url: str, rows: int, then: Callable[[], None]) -> int:
    """Writes at least so many rows, does `then` in the middle of it; answers the last number acknowledged."""
    with programs.start(programs.WRITER, url) as writer:
        assert writer.stdout
        numbers = []
        for line in writer.stdout:
            numbers.append(int(line))
            if len(numbers) == rows:
                then()
    return numbers[-1]


def _kill_all(home: Path) -> None:
    keeper, postmaster = programs.keeper_of(home), programs.postmaster_of(home)
    for pid in random.sample([keeper, postmaster], 2):
        programs.kill(pid)


@pytest.mark.parametrize("attempt", range(3))
async def test_no_acknowledged_row_is_lost_when_servers_and_keeper_are_killed(own: Settings, attempt: int):
    with programs.user(own.home) as first:
        url = f"postgresql://postgres@/layette?host={Home(own.home).sockets}"
        last = _write_until(url, 200 + 150 * attempt, lambda: _kill_all(own.home))
        first.kill()
    with services(own) as found:
        assert await _query(found.database_url, "SELECT count(*) FROM note") >= last + 1
        assert await _query(found.database_url, f"SELECT max(number) FROM note WHERE number <= {last}") == last


async def test_postmaster_that_is_killed_is_started_again_beneath_its_users(own: Settings):
    with services(own) as found:
        last = _write_until(found.database_url, 100, lambda: programs.kill(programs.postmaster_of(own.home)))
        assert await _patiently(found.database_url, "SELECT count(*) FROM note") >= last + 1


async def _patiently(url: str, statement: str) -> int:
    deadline = time.monotonic() + 20
    while True:
        try:
            return await _query(url, statement)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


def test_servers_end_when_their_keeper_is_killed(own: Settings):
    with programs.user(own.home, "forgetful"):
        programs.kill(programs.keeper_of(own.home))
        deadline = time.monotonic() + 10
        while (Home(own.home).postgres_data / "postmaster.pid").exists():  # removed by a clean shutdown only
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_servers_end_when_their_only_user_is_killed(own: Settings):
    with programs.user(own.home, "forgetful") as only:
        only.kill()
        only.wait()
        assert programs.wait_until_gone(own.home) == set()


@pytest.mark.parametrize("attempt", range(5))
async def test_start_killed_at_any_moment_leaves_nothing_in_the_way(own: Settings, attempt: int):
    """Both the starter and the keeper die, in either order, within the second that a first start takes."""
    with programs.start(programs.USER, str(own.home), "forgetful") as starter:
        await asyncio.sleep(random.uniform(0.2, 1.0))
        victims = [*programs.running_on(own.home)]
        random.shuffle(victims)
        for pid in victims:
            programs.kill(pid)
        starter.kill()
    with services(own, durable=False) as found:
        assert await _query(found.database_url, "SELECT current_database()") == "layette"
    assert not list(own.home.glob("postgres18.new-*"))


async def test_keeper_killed_while_it_makes_the_database_is_replaced(own: Settings):
    with programs.start(programs.USER, str(own.home), "forgetful") as starter:
        while not list(own.home.glob("postgres18.new-*/PG_VERSION")):
            assert starter.poll() is None
            await asyncio.sleep(0.005)
        keeper = next(pid for pid in programs.running_on(own.home) if _is_keeper(pid))
        programs.kill(keeper)
        assert starter.wait(20) != 0  # it is told, and does not wait for ever
    assert not Home(own.home).postgres_data.exists()
    with services(own, durable=False) as found:
        assert await _query(found.database_url, "SELECT 1") == 1


def _is_keeper(pid: int) -> bool:
    try:
        return b"app.embedded.keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


async def test_pid_and_lock_files_of_a_process_that_is_another_now_do_not_block_a_start(own: Settings):
    with services(own, durable=False):
        pass
    home = Home(own.home)
    stale = f"{os.getpid()}\n{home.postgres_data}\n1795641027\n5432\n{home.sockets}\n\n"
    (home.postgres_data / "postmaster.pid").write_text(stale)
    (home.sockets / f"{POSTGRES_SOCKET}.lock").write_text(stale)
    (home.run / "valkey.pid").write_text(str(os.getpid()))
    with services(own, durable=False) as found:
        assert await _query(found.database_url, "SELECT 1") == 1


async def test_append_only_file_that_cannot_be_read_is_put_aside(own: Settings):
    with services(own):
        pass
    for part in (own.home / "valkey" / "appendonlydir").iterdir():
        part.write_text("no manifest, no commands")
    with services(own):
        assert (own.home / "valkey.damaged").exists()
