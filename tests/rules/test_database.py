"""Connections are used again, unless something may be left of the last use; transactions end as they should."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import Text, bindparam, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.embedded.home import POSTGRES_SOCKET
from models.catalogue import Brand
from models.database import READING_TIMEOUT, Database, DatabaseAway, Overtaken, asyncpg_arguments
from models.ids import new_id
from models.statement import Statement, connection_of


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


@pytest.mark.parametrize("way", ["reading", "writing", "writing at once"])
async def test_connection_that_is_cut_off_is_told_as_a_database_that_is_away(committed_database: Database, way: str):
    cut_off = "SELECT pg_terminate_backend(pg_backend_pid())"
    ways = {
        "reading": lambda: committed_database.read_row(cut_off),
        "writing": lambda: committed_database.transact(lambda transaction: transaction.execute(text(cut_off))),
        "writing at once": lambda: committed_database.at_once(lambda transaction: transaction.execute(text(cut_off))),
    }
    with pytest.raises(DatabaseAway):
        await ways[way]()
    assert await committed_database.read_row("SELECT 1")


async def test_statements_that_are_done_at_once_stay_when_a_later_one_fails(committed_database: Database):
    async def half(transaction: AsyncConnection) -> None:
        await brand(transaction)
        await transaction.execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError):
        await committed_database.at_once(half)
    assert await committed_database.at_once(lambda t: t.scalar(select(Brand.name))) == "Petite"


@asynccontextmanager
async def deaf_line(url: str) -> AsyncGenerator[str]:
    """A way to PostgreSQL on which one hears what it says, and never that it has hung up."""
    target, ends = asyncpg_arguments(url), list[asyncio.StreamWriter]()

    async def say(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while said := await source.read(65536):
            sink.write(said)

    async def join(caller: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        answers, forth = await asyncio.open_unix_connection(f"{target['host']}/{POSTGRES_SOCKET}")
        ends.extend((back, forth))
        await asyncio.gather(say(caller, forth), say(answers, back))

    server = await asyncio.start_server(join, "127.0.0.1")
    yield f"postgresql://{target['user']}@127.0.0.1:{server.sockets[0].getsockname()[1]}/{target['database']}"
    server.close()
    for end in ends:
        end.close()
    await asyncio.gather(*(end.wait_closed() for end in ends), return_exceptions=True)


@pytest.mark.parametrize("way", ["reading", "reading in peace", "writing", "writing at once"])
async def test_connection_that_postgresql_gave_up_is_not_used_again(committed_database: Database, way: str):
    """An idle one is told so before it is closed: whoever uses it in that moment hears that the database is away."""

    async def read() -> None:
        async with database.reading() as connection:
            await connection.fetchval("SELECT 1")

    async with deaf_line(committed_database.url) as url:
        database = Database(url)
        ways = {
            "reading": lambda: database.read_row("SELECT 1"),
            "reading in peace": read,
            "writing": lambda: database.transact(lambda transaction: transaction.execute(text("SELECT 1"))),
            "writing at once": lambda: database.at_once(lambda transaction: transaction.execute(text("SELECT 1"))),
        }
        await ways[way]()
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        await committed_database.read_row(f"SELECT count(pg_terminate_backend(pid)) {others}")
        await asyncio.sleep(0.1)
        with pytest.raises(DatabaseAway):
            await ways[way]()
        await ways[way]()
    await database.close()


async def test_database_that_cannot_be_reached_is_away():
    with pytest.raises(DatabaseAway):
        await Database("postgresql://127.0.0.1:1/nowhere").transact(lambda transaction: transaction.execute(text("")))


NAMED = Statement(
    lambda: (
        update(Brand)
        .where(Brand.slug == bindparam("slug", type_=Text))
        .values(name="Anew")
        .returning(Brand.id, Brand.name)
    )
)


async def brand(transaction: AsyncConnection) -> UUID:
    key = new_id()
    await transaction.execute(insert(Brand).values(id=key, name="Petite", slug="petite"))
    return key


async def test_kept_statement_runs_in_the_transaction_of_others_and_counts_what_is_given(committed_database: Database):
    key = await committed_database.transact(brand)

    async def rename(transaction: AsyncConnection) -> None:
        row = await NAMED.first(transaction, slug="petite")
        assert (row.id, row.name, row["name"]) == (key, "Anew", "Anew")
        assert await transaction.scalar(select(Brand.name)) == "Anew"
        assert await NAMED.first(transaction, slug="nobody") is None
        assert await NAMED.all(transaction, slug="nobody") == []
        assert await NAMED.value(transaction, slug="petite") == key
        with pytest.raises(AttributeError):
            _ = row.slug
        with pytest.raises(KeyError):
            await NAMED.run(transaction)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await committed_database.transact(rename)
    assert await committed_database.transact(lambda t: t.scalar(select(Brand.name))) == "Petite"


async def test_transaction_that_went_on_after_a_failure_is_not_taken_for_committed(committed_database: Database):
    async def careless(transaction: AsyncConnection) -> None:
        await brand(transaction)
        with suppress(DBAPIError):
            await transaction.execute(text("SELECT 1 / 0"))

    with pytest.raises(RuntimeError, match="rolled back"):
        await committed_database.transact(careless)
    assert await committed_database.transact(lambda t: t.scalar(select(func.count()).select_from(Brand))) == 0


@pytest.mark.parametrize("condition", ["deadlock_detected", "serialization_failure"])
async def test_what_postgresql_asks_to_repeat_is_not_done_at_once_but_in_turn(
    committed_database: Database, condition: str
):
    refused = f"DO $$ BEGIN RAISE {condition}; END $$"
    with pytest.raises(Overtaken):
        await committed_database.at_once(lambda transaction: transaction.execute(text(refused)))
    with pytest.raises(Overtaken):
        await committed_database.at_once(lambda transaction: connection_of(transaction).execute(refused))
    assert await committed_database.at_once(lambda transaction: transaction.scalar(text("SELECT 1"))) == 1


@pytest.mark.parametrize("statement", ["SELECT pg_sleep(60)", "SELECT 1"])
async def test_cancelled_transaction_is_rolled_back_and_its_place_is_free(committed_database: Database, statement: str):
    database = Database(committed_database.url, writers=1)
    begun = asyncio.Event()

    async def work(transaction: AsyncConnection) -> None:
        await brand(transaction)
        begun.set()
        await transaction.execute(text(statement))
        await asyncio.sleep(60)

    working = asyncio.create_task(database.transact(work))
    await begun.wait()
    await asyncio.sleep(0.05)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await database.transact(lambda t: t.scalar(select(func.count()).select_from(Brand))) == 0
    await database.close()


async def test_deadlock_is_tried_again_whichever_way_it_is_met(committed_database: Database):
    attempts = list[int]()

    async def meets_one(transaction: AsyncConnection) -> int:
        attempts.append(1)
        raw = connection_of(transaction)
        if len(attempts) == 1:
            await raw.execute("DO $$ BEGIN RAISE deadlock_detected; END $$")
        return await raw.fetchval("SELECT 7")

    assert await committed_database.transact(meets_one) == 7
    assert len(attempts) == 2
