"""What the migrations make is what the models say."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

import models
from migrations import runner
from models.database import Database
from tests.support.database import RolledBackDatabase


def _differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), models.metadata)


async def test_migrated_database_is_what_the_models_say(database: RolledBackDatabase):
    assert await database.connection.run_sync(_differences) == []


async def test_difference_between_database_and_models_is_found(database: RolledBackDatabase):
    await database.connection.execute(text("ALTER TABLE address ADD COLUMN undeclared text"))
    await database.connection.execute(text("DROP TABLE job"))
    assert len(await database.connection.run_sync(_differences)) >= 2


async def test_database_is_at_the_newest_revision(database: RolledBackDatabase):
    assert await runner.current(database.connection) == runner.newest()


async def test_migrating_again_changes_nothing(committed_database: Database):
    told: list[str] = []
    await runner.upgrade(committed_database.url, told.append)
    assert told == []
