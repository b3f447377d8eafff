"""The statements by which workers share the table of jobs: each takes, keeps and gives back only what it holds.

A lease is a row's `holder` and a `due_at` in the future, by PostgreSQL's clock. Every statement of a holder names
itself, so a worker that was away too long changes nothing of a job that another has taken since.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Text,
    Uuid,
    all_,
    any_,
    delete,
    func,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import violated
from models.job import JobState, QueuedJob

# Written into the statement, for PostgreSQL to see that the partial index covers it.
_NOT_DEAD = QueuedJob.state != literal_column("'DEAD'")


@dataclass(frozen=True, slots=True)
class Lease:
    """A job that a worker holds; `attempts` counts this one."""

    id: UUID
    kind: str
    subject_id: UUID
    attempts: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Jobs of one kind that nobody does: DEAD, or long due."""

    kind: str
    state: JobState
    count: int


async def take(
    transaction: AsyncConnection,
    holder: UUID,
    kinds: Collection[str],
    *,
    most: int,
    lasting: timedelta,
    but: Collection[UUID] = (),
) -> list[Lease]:
    """Leases at most `most` due jobs of these kinds, the longest due first, passing over those others are taking."""
    due = (
        select(QueuedJob.id)
        .where(_NOT_DEAD, QueuedJob.due_at <= func.now())
        .where(QueuedJob.kind == any_(literal(list(kinds), ARRAY(Text))), QueuedJob.id != all_(_keys(but)))
        .order_by(QueuedJob.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    taken = (
        update(QueuedJob)
        .where(QueuedJob.id.in_(select(due.c.id)))
        .values(state=JobState.RUNNING, holder=holder, due_at=func.now() + lasting, attempts=QueuedJob.attempts + 1)
        .returning(QueuedJob.id, QueuedJob.kind, QueuedJob.subject_id, QueuedJob.attempts)
    )
    return [Lease(*row) for row in await transaction.execute(taken)]


async def renew(transaction: AsyncConnection, holder: UUID, jobs: Collection[UUID], lasting: timedelta) -> set[UUID]:
    """Prolongs the leases. Answers which of the jobs the worker still holds."""
    kept = (
        update(QueuedJob)
        .where(QueuedJob.id == any_(_keys(jobs)), QueuedJob.holder == holder)
        .values(due_at=func.now() + lasting)
        .returning(QueuedJob.id)
    )
    return set((await transaction.execute(kept)).scalars())


async def finish(transaction: AsyncConnection, holder: UUID, job: UUID) -> None:
    """The job is done: nothing of it stays."""
    await transaction.execute(delete(QueuedJob).where(QueuedJob.id == job, QueuedJob.holder == holder))


async def postpone(
    transaction: AsyncConnection, holder: UUID, job: UUID, delay: timedelta, fault: str | None, *, attempts: int
) -> None:
    """Gives the job back, to be taken again after `delay`; `attempts` is how many are counted against it."""
    back = {"due_at": func.now() + delay, "fault": fault, "attempts": attempts}
    try:
        async with transaction.begin_nested():
            await _release(transaction, holder, job, JobState.WAITING, back)
    except IntegrityError as error:
        if violated(error) != "uq_job_dedupe":
            raise
        # The same work was asked for while this ran: the newer job does it.
        await finish(transaction, holder, job)


async def bury(transaction: AsyncConnection, holder: UUID, job: UUID, fault: str | None) -> None:
    """Gives the job up; the row stays to be looked at."""
    await _release(transaction, holder, job, JobState.DEAD, {"due_at": func.now(), "fault": fault})


def _keys(jobs: Collection[UUID]) -> BindParameter[Any]:
    return literal(list(jobs), ARRAY(Uuid))


async def _release(
    transaction: AsyncConnection, holder: UUID, job: UUID, state: JobState, values: Mapping[str, Any]
) -> None:
    mine = update(QueuedJob).where(QueuedJob.id == job, QueuedJob.holder == holder)
    await transaction.execute(mine.values(state=state, holder=None, **values))


async def backlog(transaction: AsyncConnection, overdue: timedelta) -> list[Backlog]:
    """What is DEAD, or still waits `overdue` after it was due: no worker has its kind, or there are too few."""
    late = (QueuedJob.state == JobState.DEAD) | (QueuedJob.due_at < func.now() - overdue)
    counted = select(QueuedJob.kind, QueuedJob.state, func.count()).where(late)
    rows = await transaction.execute(counted.group_by(QueuedJob.kind, QueuedJob.state).order_by(QueuedJob.kind))
    return [Backlog(*row) for row in rows]


async def forget_dead(transaction: AsyncConnection, age: timedelta) -> int:
    """Deletes jobs that were given up longer ago than `age`. Answers how many."""
    old = delete(QueuedJob).where(QueuedJob.state == JobState.DEAD, QueuedJob.due_at < func.now() - age)
    return (await transaction.execute(old)).rowcount
