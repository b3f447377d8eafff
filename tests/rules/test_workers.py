"""Workers that run at the same time, in this process and as processes that are killed."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
import structlog
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.embedded.home import Home
from app.embedded.postgres import PostgresServer
from app.worker import PERIODIC, look_after_jobs, work
from commerce.tools import Tools
from gateways.jobs import MOST_ATTEMPTS, Handler, Jobs, Pace, Periodic
from gateways.mail import LocalMailbox, SmtpMailer, read_mailbox
from migrations import runner
from models.database import Database
from models.job import JobState
from tests.support.jobs import enqueue_many, make_trace, rows, traced, worker_process
from tests.support.payments import UNASKED
from tests.support.smtp_server import smtp_server
from tests.support.storage import IN_MEMORY

QUICK = Pace(poll=timedelta(seconds=0.05))

OVERLAPS = """
    SELECT count(*) FROM trace a JOIN trace b USING (subject_id)
    WHERE a.id < b.id AND tstzrange(a.began, a.ended) && tstzrange(b.began, b.ended)
"""
CALLS = "SELECT count(*), count(DISTINCT subject_id), count(ended) FROM trace"


@pytest_asyncio.fixture(loop_scope="session")
async def store(committed_database: Database) -> Database:
    await committed_database.transact(make_trace)
    return committed_database


async def until(database: Database, statement: str, expected: list[tuple[object, ...]], seconds: float = 20) -> None:
    """Waits for the statement to answer what is expected."""
    deadline = time.monotonic() + seconds
    while (found := await rows(database, statement)) != expected:
        assert time.monotonic() < deadline, f"{statement} still answers {found}"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def working(
    database: Database,
    handlers: dict[str, Handler[Database]],
    periodic: tuple[Periodic[Database], ...] = (),
    pace: Pace = QUICK,
    grace: float = 10,
) -> AsyncGenerator[asyncio.Event]:
    """A worker in this process; gives the event that stops it, and stops it at the end."""
    stop = asyncio.Event()
    running = asyncio.create_task(
        Jobs(database, database, handlers, periodic, pace).run(stop, grace=timedelta(seconds=grace))
    )
    try:
        yield stop
    finally:
        stop.set()
        await running


NO_JOBS: list[tuple[object, ...]] = [(0,)]
JOBS_LEFT = "SELECT count(*) FROM job"


async def test_two_workers_do_each_job_once(store: Database):
    subjects = await enqueue_many(store, "test.quick", 80)
    async with working(store, {"test.quick": traced}), working(store, {"test.quick": traced}):
        await until(store, JOBS_LEFT, NO_JOBS)
    assert await rows(store, CALLS) == [(80, len(subjects), 80)]


async def test_worker_runs_no_more_handlers_at_once_than_it_has_room_for(store: Database):
    running = most = 0

    async def counted(database: Database, subject_id: UUID) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1

    await enqueue_many(store, "test.counted", 20)
    async with working(store, {"test.counted": counted}):
        await until(store, JOBS_LEFT, NO_JOBS)
    assert most == QUICK.concurrency


async def test_lease_of_a_long_job_is_renewed(store: Database):
    async def long(database: Database, subject_id: UUID) -> None:
        await traced(database, subject_id, seconds=4.5)

    pace = Pace(lease=timedelta(seconds=2), poll=QUICK.poll)
    await enqueue_many(store, "test.long", 2)
    async with working(store, {"test.long": long}, pace=pace), working(store, {"test.long": long}, pace=pace):
        await until(store, JOBS_LEFT, NO_JOBS)
    assert await rows(store, CALLS) == [(2, 2, 2)]


async def test_handler_whose_lease_is_lost_is_stopped(store: Database):
    stopped = asyncio.Event()

    async def endless(database: Database, subject_id: UUID) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    await enqueue_many(store, "test.endless", 1)
    async with working(store, {"test.endless": endless}, pace=Pace(lease=timedelta(seconds=1), poll=QUICK.poll)):
        await until(store, "SELECT state FROM job", [(JobState.RUNNING,)])
        await rows(store, "UPDATE job SET holder = gen_random_uuid(), due_at = now() + interval '1 hour'")
        await asyncio.wait_for(stopped.wait(), 10)
    assert await rows(store, "SELECT state, attempts FROM job") == [(JobState.RUNNING, 1)]


async def test_handler_that_takes_too_long_is_stopped_and_has_failed(store: Database):
    async def endless(database: Database, subject_id: UUID) -> None:
        await asyncio.Event().wait()

    pace = Pace(limit=timedelta(seconds=0.3), poll=QUICK.poll)
    await enqueue_many(store, "test.endless", 1)
    async with working(store, {"test.endless": endless}, pace=pace):
        fault = "TemporaryFailure: it took too long, or its lease was lost"
        await until(store, "SELECT state, fault FROM job", [(JobState.WAITING, fault)])


async def test_stopping_worker_ends_what_it_has_begun_and_begins_nothing(store: Database):
    await enqueue_many(store, "test.quick", QUICK.concurrency + 2)

    async def half_a_second(database: Database, subject_id: UUID) -> None:
        await traced(database, subject_id, seconds=0.5)

    async with working(store, {"test.quick": half_a_second}):
        await until(store, "SELECT count(*) FROM trace", [(QUICK.concurrency,)])
    assert await rows(store, CALLS) == [(QUICK.concurrency,) * 3]
    assert await rows(store, "SELECT state, attempts FROM job") == [(JobState.WAITING, 0)] * 2


async def test_stopping_worker_hands_back_what_does_not_end_in_time(store: Database):
    async def endless(database: Database, subject_id: UUID) -> None:
        await traced(database, subject_id, seconds=60)

    await enqueue_many(store, "test.endless", 2)
    async with working(store, {"test.endless": endless}, grace=0.2):
        await until(store, "SELECT count(*) FROM trace", [(2,)])
    back = "SELECT state, attempts, due_at <= now() FROM job"
    assert await rows(store, back) == [(JobState.WAITING, 0, True)] * 2


async def test_stopping_worker_waits_for_an_outcome_to_be_written(store: Database):
    begun, release = asyncio.Event(), asyncio.Event()

    async def released(database: Database, subject_id: UUID) -> None:
        begun.set()
        await release.wait()

    await enqueue_many(store, "test.released", 1)
    async with working(store, {"test.released": released}, grace=0) as stop:
        await begun.wait()
        async with store.begun() as busy:
            await busy.execute(text("SELECT FROM job FOR UPDATE"))
            release.set()
            await asyncio.sleep(0.1)
            stop.set()
            await asyncio.sleep(0.2)
    assert await rows(store, JOBS_LEFT) == NO_JOBS


async def test_periodic_work_is_done_once_for_all_workers(store: Database):
    calls: list[float] = []

    async def sweep(database: Database) -> None:
        calls.append(time.monotonic())

    hourly = Periodic("test.hourly", timedelta(hours=1), sweep)
    async with working(store, {}, (hourly,)), working(store, {}, (hourly,)), working(store, {}, (hourly,)):
        await until(store, "SELECT state, attempts, due_at > now() FROM job", [(JobState.WAITING, 0, True)])
        await asyncio.sleep(0.3)
    async with working(store, {}, (hourly,)):
        await asyncio.sleep(0.3)
    assert len(calls) == 1


async def test_periodic_work_comes_back_in_its_time_and_sooner_when_that_is_shortened(store: Database):
    calls: list[float] = []
    enough = asyncio.Event()

    async def sweep(database: Database) -> None:
        calls.append(time.monotonic())
        if len(calls) == 4:
            enough.set()

    async with working(store, {}, (Periodic("test.sweep", timedelta(hours=1), sweep),)):
        await until(store, "SELECT state FROM job WHERE due_at > now()", [(JobState.WAITING,)])
    async with working(store, {}, (Periodic("test.sweep", timedelta(seconds=0.3), sweep),)):
        await asyncio.wait_for(enough.wait(), 20)
    assert min(later - earlier for earlier, later in pairwise(calls[1:])) >= 0.3


async def test_failing_periodic_work_is_never_given_up(store: Database):
    calls, enough = 0, asyncio.Event()

    async def broken(database: Database) -> None:
        nonlocal calls
        calls += 1
        if calls > MOST_ATTEMPTS:
            enough.set()
        raise RuntimeError

    task = Periodic("test.broken", timedelta(seconds=0.01), broken)
    with structlog.testing.capture_logs():
        async with working(store, {}, (task,)):
            await asyncio.wait_for(enough.wait(), 20)
    assert await rows(store, "SELECT state FROM job") == [(JobState.WAITING,)]


async def test_killed_worker_process_loses_no_job(store: Database):
    await enqueue_many(store, "test.minute", 2)
    await enqueue_many(store, "test.quick", 5)
    with worker_process(store) as worker:
        await until(store, "SELECT count(*) FILTER (WHERE ended IS NULL), count(ended) FROM trace", [(2, 5)])
        await until(store, "SELECT count(*) FROM job", [(2,)])
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(10) == -signal.SIGKILL
    assert await rows(store, "SELECT state, attempts FROM job") == [(JobState.RUNNING, 1)] * 2
    # The lease would end by itself; the test does not wait for it.
    await rows(store, "UPDATE job SET due_at = now()")
    async with working(store, {"test.minute": traced}):
        await until(store, JOBS_LEFT, NO_JOBS)
    assert await rows(store, CALLS) == [(9, 7, 7)]


async def test_two_worker_processes_never_do_a_job_at_the_same_time(store: Database):
    await enqueue_many(store, "test.quick", 120)
    with worker_process(store), worker_process(store):
        await until(store, "SELECT count(DISTINCT process) FROM trace", [(2,)])
        await until(store, JOBS_LEFT, NO_JOBS)
    assert await rows(store, CALLS) == [(120, 120, 120)]
    assert await rows(store, OVERLAPS) == [(0,)]


async def test_worker_process_ends_its_jobs_on_sigterm(store: Database):
    await enqueue_many(store, "test.second", 2)
    with worker_process(store) as worker:
        await until(store, "SELECT count(*) FROM trace", [(2,)])
        worker.terminate()
        assert worker.wait(10) == 0
    assert await rows(store, CALLS) == [(2, 2, 2)]
    assert await rows(store, JOBS_LEFT) == NO_JOBS


@pytest.fixture
def tools(store: Database, redis: Redis, tmp_path: Path) -> Tools:
    return Tools(store, redis, LocalMailbox(tmp_path), "Layette", "https://shop.example", UNASKED, IN_MEMORY)


async def test_each_letter_is_sent_once(store: Database, tools: Tools, tmp_path: Path):
    async def write(tools: Tools, subject_id: UUID) -> None:
        await tools.post(f"{subject_id.hex}@example.com", "already_registered")

    subjects = await enqueue_many(store, "test.letter", 30)
    stop = asyncio.Event()
    workers = [asyncio.create_task(Jobs(store, tools, {"test.letter": write}, pace=QUICK).run(stop)) for _ in "ab"]
    await until(store, JOBS_LEFT, NO_JOBS)
    stop.set()
    await asyncio.gather(*workers)
    assert sorted(mail.to for mail in read_mailbox(tmp_path)) == sorted(f"{key.hex}@example.com" for key in subjects)


async def test_letter_waits_for_its_server_and_is_given_up_when_refused(store: Database, redis: Redis, tmp_path: Path):
    async def write(tools: Tools, subject_id: UUID) -> None:
        await tools.post(addresses[subject_id], "already_registered")

    with smtp_server(tmp_path) as server:
        mailer = SmtpMailer(f"smtp://127.0.0.1:{server.port}", "shop@layette.example")
        tools = Tools(store, redis, mailer, "Layette", "https://shop.example", UNASKED, IN_MEMORY)
        subjects = await enqueue_many(store, "test.letter", 3)
        addresses = dict(zip(subjects, ("busy@x.example", "unknown@x.example", "jane@x.example"), strict=True))
        with structlog.testing.capture_logs() as lines:
            assert await Jobs(store, tools, {"test.letter": write}).drain() == 3
        assert [received.recipients for received in server.received()] == [["jane@x.example"]]
    assert await rows(store, "SELECT state, fault FROM job ORDER BY id") == [
        (JobState.WAITING, "MailDelayed: SMTPRecipientRefused 451"),
        (JobState.DEAD, "MailRefused: 550"),
    ]
    assert "x.example" not in repr(lines)


async def test_worker_tells_of_jobs_that_nobody_does(store: Database, tools: Tools):
    await enqueue_many(store, "test.nobodys", 2)
    await enqueue_many(store, "test.given_up", 1)
    await rows(store, "UPDATE job SET due_at = now() - interval '1 hour'")
    await rows(store, "UPDATE job SET state = 'DEAD' WHERE kind = 'test.given_up'")
    with structlog.testing.capture_logs() as lines:
        await look_after_jobs(tools)
    assert [(line["event"], line["kind"], line["count"]) for line in lines] == [
        ("jobs.dead", "test.given_up", 1),
        ("jobs.late", "test.nobodys", 2),
    ]
    await rows(store, "UPDATE job SET due_at = now() - interval '31 days'")
    await look_after_jobs(tools)
    assert await rows(store, "SELECT kind FROM job") == [("test.nobodys",)] * 2


async def test_worker_looks_after_its_jobs_from_the_start(store: Database, tools: Tools):
    stop = asyncio.Event()
    running = asyncio.create_task(work(tools, stop))
    put_off = "SELECT kind FROM job WHERE state = 'WAITING' AND due_at > now() ORDER BY kind"
    await until(store, put_off, [(name,) for name in sorted(task.name for task in PERIODIC)])
    stop.set()
    await asyncio.wait_for(running, 5)


@pytest.fixture
def server(tmp_path: Path) -> Generator[PostgresServer]:
    """A PostgreSQL of this test alone, to be stopped and started."""
    home = Home(tmp_path)
    home.make()
    server = PostgresServer(home, durable=False)
    server.make()
    server.start()
    yield server
    server.stop()


async def test_worker_survives_a_restart_of_postgresql(server: PostgresServer):
    await runner.upgrade(server.home.database_url)
    database = Database(server.home.database_url)
    calls: list[UUID] = []
    both_begun = asyncio.Event()

    async def across_the_restart(database: Database, subject_id: UUID) -> None:
        calls.append(subject_id)
        if len(calls) == 2:
            both_begun.set()
        await asyncio.sleep(0.5)

    before = await enqueue_many(database, "test.across", 2)
    with structlog.testing.capture_logs() as lines:
        async with working(database, {"test.across": across_the_restart}, pace=Pace(poll=QUICK.poll)):
            await asyncio.wait_for(both_begun.wait(), 10)
            server.stop()
            await asyncio.sleep(1)
            server.start()
            after = await enqueue_when_back(database)
            await until(database, JOBS_LEFT, NO_JOBS)
    await database.close()
    assert sorted(calls) == sorted(before + after)
    assert {line["event"] for line in lines} == {"job", "jobs.unreachable"}


async def enqueue_when_back(database: Database) -> list[UUID]:
    while True:
        try:
            return await enqueue_many(database, "test.across", 2)
        except (DBAPIError, OSError):
            await asyncio.sleep(0.05)
