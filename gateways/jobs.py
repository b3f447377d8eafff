"""Work after the transaction: enqueued in it, done at least once by a worker, by one worker at a time.

A handler is called again when its worker was killed, when it raised, or when its lease could not be kept: it must be
idempotent. It opens its own transactions, and sends nothing while one is open.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, Generic, TypeVar
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import structlog
from sqlalchemy import ColumnElement, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateways.failure import PermanentFailure, TemporaryFailure, describe
from gateways.leases import Lease, bury, finish, postpone, renew, take
from models.database import Database
from models.ids import new_id, show_id
from models.job import WAITING_ONLY, JobState, QueuedJob
from models.statement import Statement

log = structlog.get_logger("jobs")

Tools = TypeVar("Tools")
Handler = Callable[[Tools, UUID], Awaitable[None]]

MOST_ATTEMPTS = 12
FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=1)

_DEDUPE = re.compile(r"[A-Za-z0-9_.:-]{1,120}")


@dataclass(frozen=True, slots=True)
class Job:
    """What to do, and the key of the row to do it about; the handler reads everything else from the database."""

    kind: str
    subject_id: UUID


@dataclass(frozen=True, slots=True)
class Periodic(Generic[Tools]):
    """Work that comes back `every` so often, once for all workers together; it is repeated when it fails."""

    name: str
    every: timedelta
    function: Callable[[Tools], Awaitable[None]]

    @property
    def id(self) -> UUID:
        """The key of the one row that all workers share."""
        return uuid5(NAMESPACE_OID, f"layette.periodic.{self.name}")


def _row() -> Insert:
    return insert(QueuedJob).values(
        id=bindparam("id"),
        kind=bindparam("kind"),
        subject_id=bindparam("subject_id"),
        dedupe=bindparam("dedupe"),
        due_at=func.coalesce(bindparam("due_at", type_=QueuedJob.due_at.type), func.now()),
    )


def _joined() -> Insert:
    # An update, not nothing: it locks the waiting job until this commits, so that it is not done before.
    row = _row()
    sooner = func.least(QueuedJob.due_at, row.excluded.due_at)
    waiting = [QueuedJob.kind, QueuedJob.dedupe]
    return row.on_conflict_do_update(index_elements=waiting, index_where=WAITING_ONLY, set_={"due_at": sooner})


_ENQUEUE, _JOIN = Statement(_row), Statement(_joined)


async def enqueue(
    transaction: AsyncConnection, job: Job, *, run_at: datetime | None = None, dedupe: str | None = None
) -> None:
    """The job is done after this transaction commits, not before `run_at`; a rollback takes it back.

    With `dedupe`, a job of the same kind and key that has not begun does for both, at the earlier of their times. The
    key is letters, digits and `_.:-`, at most 120: a ValueError keeps addresses and free text out of it.
    """
    if dedupe is not None and not _DEDUPE.fullmatch(dedupe):
        raise ValueError("a dedupe key is at most 120 letters, digits and _.:-")
    statement = _ENQUEUE if dedupe is None else _JOIN
    await statement.run(
        transaction, id=new_id(), kind=job.kind, subject_id=job.subject_id, dedupe=dedupe, due_at=run_at
    )


def promise(kind: str, job_id: ColumnElement[Any], subject_id: ColumnElement[Any]) -> Insert:
    """The statement of `enqueue` for a job that is due at once, to stand in another's WITH.

    `subject_id` may be a column of that: where it has no row, nothing is promised.
    """
    row = select(job_id, literal(kind), subject_id)
    return insert(QueuedJob).from_select(["id", "kind", "subject_id"], row, include_defaults=False)


def delay_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: doubling from ten seconds to an hour, a fifth more or less."""
    return _about(min(FIRST_DELAY * 2 ** min(attempts - 1, 16), LONGEST_DELAY))


@dataclass(slots=True, eq=False)
class _Run:
    """A handler at work, in the event loop's time: it must end before its lease does, and within its limit."""

    lease: Lease
    lease_end: float
    limit_end: float
    timer: asyncio.Timeout | None = None
    settling: bool = False

    @property
    def end(self) -> float:
        return min(self.lease_end, self.limit_end)

    def hold_until(self, moment: float) -> None:
        self.lease_end = moment
        if self.timer is not None and not self.timer.expired():
            self.timer.reschedule(self.end)


@dataclass(frozen=True, slots=True)
class _Outcome:
    word: str
    settlement: Callable[[AsyncConnection], Awaitable[None]]
    fault: str | None = None
    insists: bool = True


@dataclass(frozen=True, slots=True)
class Pace:
    """Handlers at once, how long a lease lasts unrenewed, how long a handler may take, how often to look for jobs."""

    concurrency: int = 4
    lease: timedelta = timedelta(seconds=30)
    limit: timedelta = timedelta(minutes=5)
    poll: timedelta = timedelta(seconds=1)


DEFAULT_PACE = Pace()


class Jobs(Generic[Tools]):
    """One worker's share of the queue. Any number of workers use one database; none needs another to be alive.

    `tools` is what every handler is given beside the key of its row.
    """

    def __init__(
        self,
        database: Database,
        tools: Tools,
        handlers: Mapping[str, Handler[Tools]],
        periodic: Sequence[Periodic[Tools]] = (),
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        self._database = database
        self._tools = tools
        self._handlers = handlers
        self._periodic = {task.name: task for task in periodic}
        self._kinds = [*handlers, *self._periodic]
        if len(set(self._kinds)) != len(handlers) + len(periodic):
            raise ValueError("two handlers share a name")
        self._pace = pace
        self._holder = uuid4()
        self._running: dict[UUID, _Run] = {}
        self._tasks: dict[asyncio.Task[None], _Run] = {}

    async def run(self, stop: asyncio.Event, *, grace: timedelta = timedelta(seconds=25)) -> None:
        """Works until `stop`; then takes nothing more and gives what runs `grace` to end before handing it back."""
        keeper = asyncio.create_task(self._keep_leases())
        try:
            await self._sow(stop)
            while not stop.is_set():
                await self._look(stop)
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=grace.total_seconds())
        finally:
            await self._hand_back_all()
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def drain(self) -> int:
        """Does what is due now, one job at a time, until nothing is. Answers how many handlers were called."""
        done = 0
        while runs := await self._take(1):
            for run in runs:
                await self._do(run)
            done += len(runs)
        return done

    async def _sow(self, stop: asyncio.Event) -> None:
        """Makes the rows of the periodic work, waiting for PostgreSQL where it is away."""
        while not stop.is_set():
            try:
                await self._database.transact(self._write_periodic)
            except Exception as error:  # noqa: BLE001 a worker outlives whatever happens to PostgreSQL
                await _wait_for_database(stop, error)
            else:
                return

    async def _write_periodic(self, transaction: AsyncConnection) -> None:
        for task in sorted(self._periodic.values(), key=lambda task: task.id):
            row = insert(QueuedJob).values(id=task.id, kind=task.name, subject_id=task.id)
            sooner = func.least(QueuedJob.due_at, func.now() + task.every)
            waiting = QueuedJob.state == JobState.WAITING
            await transaction.execute(
                row.on_conflict_do_update(index_elements=[QueuedJob.id], where=waiting, set_={"due_at": sooner})
            )

    async def _look(self, stop: asyncio.Event) -> None:
        """Takes what there is room for, then waits: for room where there is none, else for the next look."""
        room = self._pace.concurrency - len(self._tasks)
        try:
            runs = await self._take(room)
        except Exception as error:  # noqa: BLE001 as above
            await _wait_for_database(stop, error)
            return
        for run in runs:
            task = asyncio.create_task(self._do(run))
            self._tasks[task] = run
            task.add_done_callback(self._tasks.__delitem__)
        if len(runs) < room:
            await _pause(stop, _about(self._pace.poll))
        else:
            await _first_of(stop, self._tasks)

    async def _take(self, room: int) -> list[_Run]:
        begun = asyncio.get_running_loop().time()
        leases = await self._database.transact(
            lambda transaction: take(
                transaction, self._holder, self._kinds, most=room, lasting=self._pace.lease, but=self._running
            )
        )
        lease_end, limit_end = begun + self._pace.lease.total_seconds(), begun + self._pace.limit.total_seconds()
        runs = [_Run(lease, lease_end, limit_end) for lease in leases]
        self._running.update((run.lease.id, run) for run in runs)
        return runs

    async def _do(self, run: _Run) -> None:
        begun = perf_counter()
        try:
            outcome = await self._outcome(run)
            log.info(
                "job",
                kind=run.lease.kind,
                id=show_id("job", run.lease.id),
                attempt=run.lease.attempts,
                ms=round((perf_counter() - begun) * 1000, 1),
                outcome=outcome.word,
                **({"fault": outcome.fault} if outcome.fault else {}),
            )
            await self._settle(run, outcome)
            if _being_cancelled():
                raise asyncio.CancelledError
        finally:
            del self._running[run.lease.id]

    async def _outcome(self, run: _Run) -> _Outcome:
        """Calls the handler and answers what became of it."""
        lease = run.lease
        if lease.attempts > MOST_ATTEMPTS and lease.kind not in self._periodic:
            return self._given_up(lease, "its worker died at every attempt")
        try:
            await self._call(run)
        except asyncio.CancelledError as error:
            return self._handed_back(lease) if _being_cancelled() else self._failed(lease, error)
        except Exception as error:  # noqa: BLE001 whatever a handler raises is the job's failure, not the worker's
            return self._failed(lease, error)
        return self._done(lease)

    async def _call(self, run: _Run) -> None:
        try:
            async with asyncio.timeout_at(run.end) as run.timer:
                task = self._periodic.get(run.lease.kind)
                if task is None:
                    await self._handlers[run.lease.kind](self._tools, run.lease.subject_id)
                else:
                    await task.function(self._tools)
        except TimeoutError:
            if run.timer is not None and run.timer.expired():
                raise TemporaryFailure("it took too long, or its lease was lost") from None
            raise
        finally:
            run.timer = None

    def _done(self, lease: Lease) -> _Outcome:
        task = self._periodic.get(lease.kind)
        if task is None:
            return _Outcome("done", lambda transaction: finish(transaction, self._holder, lease.id))
        every = task.every
        return _Outcome(
            "done", lambda transaction: postpone(transaction, self._holder, lease.id, every, None, attempts=0)
        )

    def _failed(self, lease: Lease, error: BaseException) -> _Outcome:
        fault, delay = describe(error), delay_after(lease.attempts)
        task = self._periodic.get(lease.kind)
        if task is None and (isinstance(error, PermanentFailure) or lease.attempts >= MOST_ATTEMPTS):
            return self._given_up(lease, fault)
        if task is not None:
            delay = min(delay, task.every)
        return _Outcome(
            "failed",
            lambda transaction: postpone(transaction, self._holder, lease.id, delay, fault, attempts=lease.attempts),
            fault,
        )

    def _handed_back(self, lease: Lease) -> _Outcome:
        """A worker that goes down in order is no attempt."""
        return _Outcome(
            "handed back",
            lambda transaction: postpone(
                transaction, self._holder, lease.id, timedelta(0), None, attempts=lease.attempts - 1
            ),
            insists=False,
        )

    def _given_up(self, lease: Lease, fault: str) -> _Outcome:
        return _Outcome("given up", lambda transaction: bury(transaction, self._holder, lease.id, fault), fault)

    async def _settle(self, run: _Run, outcome: _Outcome) -> None:
        """Writes the outcome, trying as long as the lease lasts: what is not written is done again by somebody."""
        run.settling = True
        while True:
            try:
                await self._database.transact(outcome.settlement)
            except Exception as error:  # noqa: BLE001 as above
                log.warning("jobs.unreachable", fault=describe(error))
                if not outcome.insists or asyncio.get_running_loop().time() > run.lease_end:
                    return
                await asyncio.sleep(0.5)
            else:
                return

    async def _hand_back_all(self) -> None:
        """Cancels the handlers, but never the writing of an outcome."""
        for task, run in self._tasks.items():
            if not run.settling:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_leases(self) -> None:
        """Renews three times in a lease, so that a renewal may fail."""
        while True:
            await asyncio.sleep(self._pace.lease.total_seconds() / 3)
            if self._running:
                with suppress(Exception):
                    await self._renew(dict(self._running))

    async def _renew(self, runs: Mapping[UUID, _Run]) -> None:
        begun = asyncio.get_running_loop().time()
        kept = await self._database.transact(
            lambda transaction: renew(transaction, self._holder, runs, self._pace.lease)
        )
        for job, run in runs.items():
            run.hold_until(begun + self._pace.lease.total_seconds() if job in kept else begun)


async def _wait_for_database(stop: asyncio.Event, error: Exception) -> None:
    log.warning("jobs.unreachable", fault=describe(error))
    await _pause(stop, _about(timedelta(seconds=1)))


def _about(time: timedelta) -> timedelta:
    """A fifth more or less, so that workers do not march in step."""
    return time * random.uniform(0.8, 1.2)  # noqa: S311 no secret


async def _pause(stop: asyncio.Event, time: timedelta) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), time.total_seconds())


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _first_of(stop: asyncio.Event, tasks: Mapping[asyncio.Task[None], _Run]) -> None:
    """Waits until a task has ended or the worker shall stop."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
