import os
import stat
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from app.embedded import ServicesFailedError, addresses, running, services
from app.embedded.home import LONGEST_SOCKET_PATH, Home, UnsafeFolderError
from app.settings import Settings
from tests.embedded import programs


async def _value(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_both_servers_answer_and_keep_what_they_were_given(own: Settings):
    with services(own) as found:
        await _value(found.database_url, "CREATE TABLE kept AS SELECT 7 AS number")
        async with Redis.from_url(found.redis_url) as redis:
            await redis.set("kept", "7")
    with services(own) as found:
        assert await _value(found.database_url, "SELECT number FROM kept") == 7
        async with Redis.from_url(found.redis_url) as redis:
            assert await redis.get("kept") == b"7"


async def test_database_sorts_the_same_whatever_the_machine_speaks(own: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    with services(own, durable=False) as found:
        provider = "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = current_database()"
        assert await _value(found.database_url, provider) == "bC.UTF-8"
        assert await _value(found.database_url, "SHOW timezone") == "UTC"


@pytest.mark.parametrize(("durable", "fsync"), [(True, "on"), (False, "off")])
async def test_only_tests_do_without_fsync(own: Settings, durable: bool, fsync: str):
    with services(own, durable=durable) as found:
        assert await _value(found.database_url, "SHOW fsync") == fsync


def test_nothing_runs_after_the_last_user_has_left(own: Settings):
    with services(own, durable=False):
        assert running(own)
    assert not running(own)
    assert programs.wait_until_gone(own.home, seconds=2) == set()


async def test_servers_stay_while_a_second_user_needs_them(own: Settings):
    with programs.user(own.home, "forgetful") as other:
        with services(own) as found:
            assert await _value(found.database_url, "SHOW fsync") == "off"  # it attached to the other's servers
        assert await _value(addresses(own).database_url, "SELECT 1") == 1
        assert other.poll() is None


async def test_servers_outlive_the_user_who_started_them(own: Settings):
    with programs.user(own.home, "forgetful") as starter, services(own) as found:
        starter.kill()
        starter.wait()
        assert await _value(found.database_url, "SELECT 1") == 1


async def test_progress_is_told(own: Settings):
    told: list[str] = []
    with services(own, durable=False, progress=told.append):
        pass
    assert told == ["making the PostgreSQL database folder", "starting postgres", "starting valkey"]


async def test_only_what_the_environment_lacks_is_started(own: Settings):
    settings = own.model_copy(update={"database_url": "postgresql://elsewhere/shop"})
    with services(settings, durable=False) as found:
        assert found.database_url == "postgresql://elsewhere/shop"
        async with Redis.from_url(found.redis_url) as redis:
            assert await redis.ping()
        assert not Home(own.home).postgres_data.exists()


def test_a_user_who_needs_more_than_runs_is_told(own: Settings):
    lesser = own.model_copy(update={"database_url": "postgresql://elsewhere/shop"})
    with (
        services(lesser, durable=False),
        pytest.raises(ServicesFailedError, match="without postgres"),
        services(own, durable=False),
    ):
        pass


def test_nothing_is_started_where_the_environment_has_both(own: Settings):
    settings = own.model_copy(update={"database_url": "postgresql://a/b", "redis_url": "redis://c"})
    with services(settings) as found:
        assert (found.database_url, found.redis_url) == ("postgresql://a/b", "redis://c")
    assert not own.home.exists()


async def test_home_with_a_long_path_has_its_sockets_in_a_short_private_folder(tmp_path: Path):
    settings = Settings(home=tmp_path / ("a long name " * 12))
    sockets = Home(settings.home).sockets
    with services(settings, durable=False) as found:
        assert await _value(found.database_url, "SELECT 1") == 1
        assert len(os.fsencode(sockets / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    sockets.rmdir()


def test_socket_folder_that_another_prepared_is_refused(tmp_path: Path):
    home = Home(tmp_path / ("a long name " * 12))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    home.sockets.symlink_to(elsewhere)
    try:
        with pytest.raises(UnsafeFolderError):
            home.make()
    finally:
        home.sockets.unlink()


async def test_nothing_in_the_home_is_open_to_other_users(own: Settings):
    with services(own, durable=False):
        assert stat.S_IMODE(own.home.stat().st_mode) == 0o700
        assert stat.S_IMODE(Home(own.home).run.stat().st_mode) == 0o700


async def test_database_log_holds_no_value_that_was_sent(own: Settings):
    with services(own, durable=False) as found:
        await _value(found.database_url, "CREATE TABLE person (email text UNIQUE)")
        await _value(found.database_url, "INSERT INTO person VALUES ('canary@example.com')")
        for statement in (
            "INSERT INTO person VALUES ('canary@example.com')",
            "SELECT 'canary@example.com'::uuid",
            "SELECT canary@example.com",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await _value(found.database_url, statement)
    log = (Home(own.home).logs / "postgres.log").read_text()
    assert "database system is ready" in log
    assert "canary" not in log
