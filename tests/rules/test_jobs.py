"""The queue's rules, with one worker in this process and a database that forgets."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import structlog
from asyncpg import CheckViolationError
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateways.failure import PermanentFailure
from gateways.jobs import MOST_ATTEMPTS, Job, Jobs, Periodic, delay_after, enqueue
from gateways.leases import Backlog, backlog, forget_dead
from models.database import Database
from models.ids import new_id
from models.job import JobState
from tests.support.database import RolledBackDatabase
from tests.support.jobs import rows

Queue = Jobs[Database]

SECRET = "jane.doe@example.com"


class Handlers:
    """A handler for each way a job may go; `calls` is what was called."""

    def __init__(self) -> None:
        self.calls: list[UUID] = []

    async def good(self, _: Database, subject_id: UUID) -> None:
        self.calls.append(subject_id)

    async def bad(self, _: Database, subject_id: UUID) -> None:
        self.calls.append(subject_id)
        raise RuntimeError(f"no such mailbox: {SECRET}")

    async def hopeless(self, _: Database, subject_id: UUID) -> None:
        self.calls.append(subject_id)
        raise PermanentFailure("550")


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


@pytest.fixture
def jobs(database: RolledBackDatabase, handlers: Handlers) -> Queue:
    kinds = {"test.good": handlers.good, "test.bad": handlers.bad, "test.hopeless": handlers.hopeless}
    return Jobs(database, database, kinds)


async def put(database: Database, kind: str, run_at: datetime | None = None, dedupe: str | None = None) -> UUID:
    subject = new_id()
    await database.transact(lambda t: enqueue(t, Job(kind, subject), run_at=run_at, dedupe=dedupe))
    return subject


async def make_due(database: Database) -> None:
    await rows(database, "UPDATE job SET due_at = now()")


async def states(database: Database) -> list[tuple[object, ...]]:
    return await rows(database, "SELECT state, attempts, fault FROM job ORDER BY id")


async def test_job_is_done_once_and_leaves_nothing(database: RolledBackDatabase, jobs: Queue, handlers: Handlers):
    subject = await put(database, "test.good")
    assert await jobs.drain() == 1
    assert handlers.calls == [subject]
    assert await states(database) == []


async def test_jobs_are_done_the_longest_due_first(database: RolledBackDatabase, jobs: Queue, handlers: Handlers):
    now = datetime.now(UTC)
    second = await put(database, "test.good", now - timedelta(minutes=1))
    first = await put(database, "test.good", now - timedelta(minutes=2))
    await jobs.drain()
    assert handlers.calls == [first, second]


async def test_job_waits_for_its_time(database: RolledBackDatabase, jobs: Queue, handlers: Handlers):
    await put(database, "test.good", datetime.now(UTC) + timedelta(hours=1))
    assert await jobs.drain() == 0
    await make_due(database)
    assert await jobs.drain() == 1


async def test_equal_jobs_that_wait_are_done_once_at_the_earlier_time(
    database: RolledBackDatabase, jobs: Queue, handlers: Handlers
):
    first = await put(database, "test.good", datetime.now(UTC) + timedelta(hours=1), dedupe="product.1")
    await put(database, "test.good", dedupe="product.1")
    await put(database, "test.good", datetime.now(UTC) + timedelta(hours=2), dedupe="product.1")
    other = await put(database, "test.good", dedupe="product.2")
    assert await jobs.drain() == 2
    assert sorted(handlers.calls) == sorted([first, other])


async def test_dedupe_keys_of_different_kinds_are_different(database: RolledBackDatabase, jobs: Queue):
    await put(database, "test.good", dedupe="same")
    await put(database, "test.hopeless", dedupe="same")
    assert await jobs.drain() == 2


@pytest.mark.parametrize("key", [SECRET, "", "a b", "x" * 121, "né", "line\n"])
async def test_dedupe_key_with_free_text_is_refused(database: RolledBackDatabase, key: str):
    with pytest.raises(ValueError, match="dedupe key") as refused:
        await put(database, "test.good", dedupe=key)
    assert key == "" or key not in str(refused.value)
    with pytest.raises(IntegrityError, match="ck_job_dedupe"):
        await rows(
            database,
            "INSERT INTO job (id, kind, subject_id, dedupe) VALUES (:id, 'a', :id, :key)",
            id=new_id(),
            key=key,
        )


async def test_failed_job_is_tried_again_later(database: RolledBackDatabase, jobs: Queue, handlers: Handlers):
    subject = await put(database, "test.bad")
    assert await jobs.drain() == 1
    late = "SELECT due_at - now() BETWEEN interval '7 seconds' AND interval '13 seconds' FROM job"
    assert await rows(database, late) == [(True,)]
    await make_due(database)
    assert await jobs.drain() == 1
    assert handlers.calls == [subject, subject]


async def test_what_an_exception_says_is_neither_kept_nor_logged(database: RolledBackDatabase, jobs: Queue):
    await put(database, "test.bad")
    with structlog.testing.capture_logs() as lines:
        await jobs.drain()
    [(state, attempts, fault)] = await states(database)
    assert (state, attempts) == (JobState.WAITING, 1)
    assert str(fault).startswith("RuntimeError at tests/rules/test_jobs.py:")
    assert [line["fault"] for line in lines] == [fault]
    assert SECRET not in repr(lines)


async def test_each_job_is_one_line_in_the_log(database: RolledBackDatabase, jobs: Queue):
    subject = await put(database, "test.good")
    await put(database, "test.hopeless")
    with structlog.testing.capture_logs() as lines:
        await jobs.drain()
    assert [(line["event"], line["kind"], line["outcome"]) for line in lines] == [
        ("job", "test.good", "done"),
        ("job", "test.hopeless", "given up"),
    ]
    assert all(line["ms"] >= 0 and line["id"].startswith("job_") for line in lines)
    assert subject.hex not in repr(lines)


async def test_hopeless_job_is_given_up_at_once(database: RolledBackDatabase, jobs: Queue, handlers: Handlers):
    await put(database, "test.hopeless")
    await jobs.drain()
    await make_due(database)
    assert await jobs.drain() == 0
    assert await states(database) == [(JobState.DEAD, 1, "PermanentFailure: 550")]


async def test_job_is_given_up_after_the_last_attempt(database: RolledBackDatabase, jobs: Queue, handlers: Handlers):
    await put(database, "test.bad")
    for _ in range(MOST_ATTEMPTS + 2):
        await make_due(database)
        await jobs.drain()
    assert len(handlers.calls) == MOST_ATTEMPTS
    [(state, attempts, _)] = await states(database)
    assert (state, attempts) == (JobState.DEAD, MOST_ATTEMPTS)


async def test_job_that_kills_its_worker_is_given_up_uncalled(
    database: RolledBackDatabase, jobs: Queue, handlers: Handlers
):
    await put(database, "test.good")
    await rows(
        database, "UPDATE job SET state = 'RUNNING', attempts = :most, holder = gen_random_uuid()", most=MOST_ATTEMPTS
    )
    assert await jobs.drain() == 1
    assert handlers.calls == []
    [(state, _, fault)] = await states(database)
    assert (state, fault) == (JobState.DEAD, "its worker died at every attempt")


async def test_lease_of_a_killed_worker_ends_by_itself(database: RolledBackDatabase, jobs: Queue, handlers: Handlers):
    await put(database, "test.good")
    killed = "UPDATE job SET state = 'RUNNING', attempts = 1, holder = gen_random_uuid(), due_at = now() + :left"
    await rows(database, killed, left=timedelta(seconds=5))
    assert await jobs.drain() == 0
    await make_due(database)
    assert await jobs.drain() == 1
    assert await states(database) == []


async def test_failed_job_makes_way_for_an_equal_one_asked_for_meanwhile(
    database: RolledBackDatabase, handlers: Handlers
):
    async def asked_again(database: Database, subject_id: UUID) -> None:
        if not handlers.calls:
            handlers.calls.append(subject_id)
            await put(database, "test.again", dedupe="key")
            raise RuntimeError
        handlers.calls.append(subject_id)

    first = await put(database, "test.again", dedupe="key")
    assert await Jobs(database, database, {"test.again": asked_again}).drain() == 2
    assert handlers.calls[0] == first != handlers.calls[1]
    assert await states(database) == []


async def test_job_without_a_handler_stays_and_is_told_of(database: RolledBackDatabase, jobs: Queue):
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    await put(database, "test.unknown", long_ago)
    await put(database, "test.unknown", long_ago)
    await put(database, "test.unknown")
    await put(database, "test.hopeless")
    await jobs.drain()
    told = await database.transact(lambda t: backlog(t, timedelta(minutes=5)))
    assert told == [Backlog("test.hopeless", JobState.DEAD, 1), Backlog("test.unknown", JobState.WAITING, 2)]


async def test_jobs_given_up_are_forgotten_with_time(database: RolledBackDatabase, jobs: Queue):
    await put(database, "test.hopeless")
    await jobs.drain()
    assert await database.transact(lambda t: forget_dead(t, timedelta(days=30))) == 0
    await rows(database, "UPDATE job SET due_at = now() - interval '31 days'")
    await put(database, "test.good")
    assert await database.transact(lambda t: forget_dead(t, timedelta(days=30))) == 1
    assert await states(database) == [(JobState.WAITING, 0, None)]


def test_delays_double_to_an_hour():
    assert timedelta(seconds=8) <= delay_after(1) <= timedelta(seconds=12)
    assert timedelta(seconds=32) <= delay_after(3) <= timedelta(seconds=48)
    assert timedelta(minutes=48) <= delay_after(1000) <= timedelta(minutes=72)


def test_two_handlers_may_not_share_a_name(database: RolledBackDatabase, handlers: Handlers):
    async def nothing(database: Database) -> None: ...

    with pytest.raises(ValueError, match="share a name"):
        Jobs(database, database, {"a": handlers.good}, [Periodic("a", timedelta(days=1), nothing)])


async def test_kind_is_a_dotted_word(database: RolledBackDatabase):
    with pytest.raises(CheckViolationError, match="ck_job_kind"):
        await put(database, f"mail to {SECRET}")


async def test_holder_of_no_lease_changes_nothing(database: RolledBackDatabase, handlers: Handlers):
    async def robbed(database: Database, subject_id: UUID) -> None:
        await rows(database, "UPDATE job SET holder = gen_random_uuid()")

    await put(database, "test.robbed")
    await Jobs(database, database, {"test.robbed": robbed}).drain()
    assert await states(database) == [(JobState.RUNNING, 1, None)]


async def test_cancelled_job_is_handed_back_without_counting(database: RolledBackDatabase):
    begun = asyncio.Event()

    async def endless(database: Database, subject_id: UUID) -> None:
        begun.set()
        await asyncio.Event().wait()

    await put(database, "test.endless")
    draining = asyncio.create_task(Jobs(database, database, {"test.endless": endless}).drain())
    await begun.wait()
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
    assert await states(database) == [(JobState.WAITING, 0, None)]


async def test_handler_that_cancels_itself_has_failed(database: RolledBackDatabase):
    async def cancelled(database: Database, subject_id: UUID) -> None:
        raise asyncio.CancelledError

    await put(database, "test.cancelled")
    assert await Jobs(database, database, {"test.cancelled": cancelled}).drain() == 1
    [(state, attempts, fault)] = await states(database)
    assert (state, attempts) == (JobState.WAITING, 1)
    assert str(fault).startswith("CancelledError at ")


async def test_rolled_back_transaction_leaves_no_job(committed_database: Database):
    class Abandoned(Exception):
        pass

    async def enqueue_first_of_all(transaction: AsyncConnection) -> None:
        await enqueue(transaction, Job("test.good", new_id()))
        raise Abandoned

    with pytest.raises(Abandoned):
        await committed_database.transact(enqueue_first_of_all)
    assert await rows(committed_database, "SELECT count(*) FROM job") == [(0,)]


async def test_job_joined_by_an_open_transaction_is_not_done_before_it_commits(
    committed_database: Database, handlers: Handlers
):
    jobs = Jobs(committed_database, committed_database, {"test.good": handlers.good})
    await put(committed_database, "test.good", dedupe="key")

    async def join_and_let_the_worker_look(transaction: AsyncConnection) -> int:
        await enqueue(transaction, Job("test.good", new_id()), dedupe="key")
        await transaction.execute(text("SELECT 1"))
        return await asyncio.wait_for(jobs.drain(), 10)

    assert await committed_database.transact(join_and_let_the_worker_look) == 0
    assert await jobs.drain() == 1
