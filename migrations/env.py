"""What alembic loads for every command: the models to compare with, and the connection to work on."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import models
from app.embedded import addresses
from app.settings import Settings
from migrations.runner import LOCK
from models.database import sqlalchemy_url

OPTIONS: dict[str, Any] = {"target_metadata": models.metadata, "compare_type": True, "compare_server_default": True}

# A migration that waits for a lock makes everyone else wait behind it: better it gives up and is run again.
LIMITS = ("SET LOCAL lock_timeout = '5s'", "SET LOCAL statement_timeout = '15min'")


def migrate() -> None:
    for limit in LIMITS:
        context.execute(limit)
    context.run_migrations()


def run(connection: Connection) -> None:
    told = context.config.attributes.get("on_version_apply")
    context.configure(connection=connection, on_version_apply=told, **OPTIONS)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK})
        migrate()


async def connect() -> None:
    engine = create_async_engine(sqlalchemy_url(addresses(Settings()).database_url), poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(run)


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", **OPTIONS)
    with context.begin_transaction():
        migrate()
elif (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    asyncio.run(connect())
