from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database
from tests.support.database import RolledBackDatabase


async def _note(transaction: AsyncConnection) -> None:
    await transaction.execute(text("CREATE TABLE scratch (id int)"))
    await transaction.execute(text("INSERT INTO scratch VALUES (1)"))


async def _tables(database: Database) -> int:
    async with database.reading() as connection:
        return await connection.fetchval("SELECT count(*) FROM pg_tables WHERE tablename = 'scratch'")


async def test_database_shows_a_test_what_it_wrote(database: RolledBackDatabase):
    await database.transact(_note)
    assert await _tables(database) == 1


async def test_database_forgets_what_another_test_wrote(database: RolledBackDatabase):
    assert await _tables(database) == 0


async def test_committed_database_shows_commits_to_other_connections(committed_database: Database):
    await committed_database.transact(_note)
    assert await _tables(committed_database) == 1


async def test_committed_database_is_new_for_each_test(committed_database: Database):
    assert await _tables(committed_database) == 0


async def test_redis_holds_what_is_set(redis: Redis):
    await redis.set("left", "over")
    assert await redis.get("left") == b"over"


async def test_redis_is_empty_for_each_test(redis: Redis):
    assert await redis.dbsize() == 0
