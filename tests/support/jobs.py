"""Handlers for tests that leave traces in the database, and a worker as a process of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateways.jobs import Job, Jobs, Pace, enqueue
from models.database import Database
from models.ids import new_id

ROOT = Path(__file__).resolve().parents[2]


async def make_trace(transaction: AsyncConnection) -> None:
    """The table that the handlers below write to: one row a call."""
    await transaction.execute(
        text("CREATE TABLE trace (id uuid, subject_id uuid, process int, began timestamptz, ended timestamptz)")
    )


async def traced(database: Database, subject_id: UUID, seconds: float = 0.01) -> None:
    """Notes when it begins, committed, and when it ends."""
    call = {"id": new_id(), "subject": subject_id, "process": os.getpid()}
    begin = text("INSERT INTO trace VALUES (:id, :subject, :process, clock_timestamp())")
    await database.transact(lambda transaction: transaction.execute(begin, call))
    await asyncio.sleep(seconds)
    end = text("UPDATE trace SET ended = clock_timestamp() WHERE id = :id")
    await database.transact(lambda transaction: transaction.execute(end, call))


async def a_second(database: Database, subject_id: UUID) -> None:
    await traced(database, subject_id, seconds=1)


async def a_minute(database: Database, subject_id: UUID) -> None:
    await traced(database, subject_id, seconds=60)


HANDLERS = {"test.quick": traced, "test.second": a_second, "test.minute": a_minute}


async def enqueue_many(database: Database, kind: str, count: int) -> list[UUID]:
    """Enqueues jobs in one transaction and answers their subjects."""
    subjects = [new_id() for _ in range(count)]

    async def all_of_them(transaction: AsyncConnection) -> None:
        for subject in subjects:
            await enqueue(transaction, Job(kind, subject))

    await database.transact(all_of_them)
    return subjects


async def rows(database: Database, statement: str, **values: object) -> list[tuple[object, ...]]:
    """What a statement answers, in a transaction of its own."""
    found = await database.transact(lambda transaction: transaction.execute(text(statement), values))
    return [tuple(row) for row in found] if found.returns_rows else []


@contextmanager
def worker_process(database: Database) -> Generator[subprocess.Popen[bytes]]:
    """A worker with the handlers of this module, as `python -m tests.support.jobs`; killed at the end."""
    process = subprocess.Popen([sys.executable, "-W", "error", "-m", "tests.support.jobs", database.url], cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def _main(url: str) -> None:
    database, stop = Database(url), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await Jobs(database, database, HANDLERS, pace=Pace(concurrency=3)).run(stop)
    await database.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
