"""Migrations as functions: for the command line, the start, the health check and the tests."""

import io
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from models.database import sqlalchemy_url

Progress = Callable[[str], None]

FILE = Path(__file__).resolve().parent.parent / "alembic.ini"

LOCK = 5_389_118_224
"""Any number will do: of two processes that migrate at once, the second waits and finds nothing to do."""


async def upgrade(url: str, progress: Progress = lambda _: None, to: str = "head") -> None:
    """Brings the database to the newest revision, or to one before it, in one transaction."""

    def apply(config: Config) -> None:
        config.attributes["on_version_apply"] = lambda *, step, **_: progress(f"migrating: {_title(step)}")
        command.upgrade(config, to)

    await _run(url, apply)


async def draft(url: str, message: str) -> None:
    """Writes a new revision with the difference between the models and the database."""
    await _run(url, lambda config: command.revision(config, message, autogenerate=True))


def as_sql() -> dict[str, str]:
    """The SQL of each migration by itself, by file name, the oldest first."""
    return {
        Path(script.path).stem: _sql_of(f"{script.down_revision or 'base'}:{script.revision}") for script in _scripts()
    }


def _scripts() -> list[Script]:
    """All migrations, the oldest first."""
    return list(ScriptDirectory.from_config(Config(FILE)).walk_revisions())[::-1]


def _title(step: MigrationInfo) -> str:
    assert isinstance(step.up_revision, Script)
    return step.up_revision.doc.rstrip(".")


def _sql_of(revisions: str) -> str:
    output = io.StringIO()
    command.upgrade(Config(FILE, output_buffer=output), revisions, sql=True)
    return output.getvalue()


def revisions() -> list[str]:
    """The revisions in this program, the oldest first."""
    return [script.revision for script in _scripts()]


def newest() -> str | None:
    """The newest revision in this program."""
    return ScriptDirectory.from_config(Config(FILE)).get_current_head()


async def current(connection: AsyncConnection) -> str | None:
    """The revision the database is at, None for an empty one."""
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def _run(url: str, step: Callable[[Config], object]) -> None:
    def on(connection: Connection) -> None:
        config = Config(FILE, stdout=io.StringIO())
        config.attributes["connection"] = connection
        step(config)

    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool, hide_parameters=True)
    async with engine.begin() as connection:
        await connection.run_sync(on)
