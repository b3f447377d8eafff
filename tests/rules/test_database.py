"""Connections for reading are used again, unless something may be left of the last use."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text

from models.database import READING_TIMEOUT, Database, DatabaseAway


async def test_connection_is_used_again(committed_database: Database):
    async with committed_database.reading() as first:
        await first.fetchval("SELECT 1")
    async with committed_database.reading() as second:
        assert second is first


async def test_connection_survives_a_statement_that_fails(committed_database: Database):
    async def read(sql: str) -> asyncpg.Connection:
        async with committed_database.reading() as connection:
            await connection.fetchval(sql)
            return connection

    first = await read("SELECT 1")
    with pytest.raises(asyncpg.UndefinedTableError):
        await read("SELECT * FROM nowhere")
    assert await read("SELECT 1") is first


async def test_connection_that_is_left_within_a_transaction_is_closed(committed_database: Database):
    left: list[asyncpg.Connection] = []

    async def leave() -> None:
        async with committed_database.reading() as connection:
            left.append(connection)
            await connection.transaction().start()
            raise LookupError

    with pytest.raises(LookupError):
        await leave()
    assert left[0].is_closed()


async def test_cancelled_reader_leaves_no_transaction_behind(committed_database: Database):
    begun = asyncio.Event()

    async def read() -> None:
        async with committed_database.reading() as connection:
            begun.set()
            async with connection.transaction():
                await connection.execute("SELECT pg_sleep(60)")

    for pause in (0.0, 0.0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.05):
        begun.clear()
        reader = asyncio.create_task(read())
        await begun.wait()
        await asyncio.sleep(pause)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        async with committed_database.reading() as connection:
            assert not connection.is_in_transaction()
            async with connection.transaction():
                assert await connection.fetchval("SELECT 1") == 1


async def test_statement_that_takes_too_long_is_given_up(committed_database: Database):
    async with committed_database.reading() as connection:
        await connection.execute("SET statement_timeout = '50ms'")
    with pytest.raises(DatabaseAway):
        await committed_database.read_row("SELECT pg_sleep(60)")


async def test_reading_has_a_time_limit(committed_database: Database):
    row = await committed_database.read_row("SELECT current_setting('statement_timeout')")
    assert row is not None
    assert row[0] == READING_TIMEOUT


@pytest.mark.parametrize("way", ["reading", "writing"])
async def test_connection_that_is_cut_off_is_told_as_a_database_that_is_away(committed_database: Database, way: str):
    cut_off = "SELECT pg_terminate_backend(pg_backend_pid())"
    ways = {
        "reading": lambda: committed_database.read_row(cut_off),
        "writing": lambda: committed_database.transact(lambda transaction: transaction.execute(text(cut_off))),
    }
    with pytest.raises(DatabaseAway):
        await ways[way]()
    assert await committed_database.read_row("SELECT 1")


async def test_database_that_cannot_be_reached_is_away():
    with pytest.raises(DatabaseAway):
        await Database("postgresql://127.0.0.1:1/nowhere").transact(lambda transaction: transaction.execute(text("")))
