"""Sessions as rows: how they begin, what ends them, and who has a token (P14, P16, P29, P55; ASVS 7)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.refusal import RefusalCode
from auth.session_opening import NEW_DEVICE_LETTER
from auth.sessions import Issued
from auth.tokens import Kind, new_token
from auth.viewer import ANONYMOUS
from models.account import Account, AccountEvent, AccountEventKind
from models.job import QueuedJob
from models.login_session import LoginSession
from privacy import obligations
from tests.support.database import RolledBackDatabase
from tests.support.login_session import (
    LAPTOP,
    PHONE,
    Device,
    account_with,
    ago,
    change,
    events,
    now_of,
    viewer_of,
    who_has,
)

SIGNED_IN, NEW_DEVICE = AccountEventKind.SIGNED_IN, AccountEventKind.NEW_DEVICE
DAYS_30, DAYS_14 = timedelta(days=30), timedelta(days=14)
HOURS_2, MINUTES_20 = timedelta(hours=2), timedelta(minutes=20)
SECOND = timedelta(seconds=1)


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection) -> UUID:
    return await account_with(transaction, None)


@pytest.fixture
async def session(transaction: AsyncConnection, owner: UUID) -> Issued:
    return await sessions.issue(transaction, owner, LAPTOP)


async def letters(transaction: AsyncConnection) -> list[UUID]:
    """The sessions that somebody is to be told of."""
    jobs = select(QueuedJob.subject_id).where(QueuedJob.kind == NEW_DEVICE_LETTER)
    return list(await transaction.scalars(jobs))


# ---- whose a token is


async def test_token_of_a_new_session_is_its_owners(database: RolledBackDatabase, owner: UUID, session: Issued):
    found = await who_has(database, session.digest)
    assert found is not None
    assert found.viewer == session.viewer
    assert (found.viewer.account_id, found.viewer.session_id) == (owner, session.session_id)
    assert not found.stale


async def test_viewer_comes_through_the_door_that_the_session_was_opened_at(database: RolledBackDatabase, owner: UUID):
    issued = await sessions.issue(database.connection, owner, PHONE)
    assert (await viewer_of(database, issued.digest)).channel is PHONE.channel


async def test_whose_a_token_is_takes_one_statement(database: RolledBackDatabase, session: Issued):
    sent = []
    async with database.reading() as connection:
        with connection.query_logger(lambda record: sent.append(record.query)):
            assert await sessions.identify(connection, session.digest, obligations.CURRENT.version)
    await asyncio.sleep(0)  # loggers are called by the event loop
    assert len(sent) == 1


async def test_invented_token_is_nobodys(database: RolledBackDatabase, session: Issued):
    assert await who_has(database, new_token(Kind.SESSION).digest) is None
    assert await who_has(database, b"") is None


async def test_only_the_hash_of_a_token_is_kept(transaction: AsyncConnection, session: Issued):
    kept = (await transaction.execute(select(LoginSession.__table__))).one()
    assert kept.token_digest == session.digest
    assert session.token not in repr(tuple(kept))


def test_token_is_not_shown_by_repr():
    token = new_token(Kind.SESSION)
    issued = Issued(token.text, token.digest, UUID(int=1), datetime.now(UTC), None, ANONYMOUS)
    assert token.text not in repr(issued)
    assert repr(token.digest) not in repr(issued)


# ---- how long it lives


@pytest.mark.parametrize(
    ("public_computer", "absolute", "idle"), [(False, DAYS_30, DAYS_14), (True, HOURS_2, MINUTES_20)]
)
async def test_session_ends_with_its_time_and_when_it_is_idle(
    database: RolledBackDatabase, owner: UUID, public_computer: bool, absolute: timedelta, idle: timedelta
):
    issued = await sessions.issue(database.connection, owner, LAPTOP, public_computer=public_computer)
    now = await now_of(database.connection)
    assert issued.expires_at == now + absolute

    for last_used_at, expires_at, lives in (
        (now - idle + SECOND, now + SECOND, True),
        (now - idle, now + SECOND, False),
        (now, now, False),
        (now, now - SECOND, False),
    ):
        await change(database.connection, issued.session_id, last_used_at=last_used_at, expires_at=expires_at)
        assert (await who_has(database, issued.digest) is not None) == lives


async def test_browser_forgets_a_public_computers_session_when_it_closes(transaction: AsyncConnection, owner: UUID):
    assert (await sessions.issue(transaction, owner, LAPTOP)).remembered_for == DAYS_30
    assert (await sessions.issue(transaction, owner, LAPTOP, public_computer=True)).remembered_for is None


async def test_disabled_account_has_no_live_session(database: RolledBackDatabase, owner: UUID, session: Issued):
    await database.connection.execute(update(Account).where(Account.id == owner).values(disabled_at=func.now()))
    assert await who_has(database, session.digest) is None


async def test_use_is_noted_after_a_minute_and_not_before(database: RolledBackDatabase, session: Issued):
    now = await now_of(database.connection)
    for before, stale in ((now - timedelta(seconds=61), True), (now - timedelta(seconds=60), False)):
        await change(database.connection, session.session_id, last_used_at=before)
        found = await who_has(database, session.digest)
        assert found is not None
        assert found.stale == stale
        await sessions.note_use(database, session.digest)
        assert await database.connection.scalar(select(LoginSession.last_used_at)) == (now if stale else before)


@pytest.mark.parametrize(
    "ended",
    [
        {"revoked_at": ago(minutes=2)},
        {"expires_at": ago(minutes=2)},
        {"idle_seconds": 120},
    ],
    ids=["revoked", "expired", "idle"],
)
async def test_ended_session_is_not_revived_by_use(
    database: RolledBackDatabase, owner: UUID, session: Issued, ended: dict[str, Any]
):
    await change(database.connection, session.session_id, last_used_at=ago(minutes=3), **ended)
    await sessions.note_use(database, session.digest)
    assert await who_has(database, session.digest) is None
    assert await sessions.step_up(database.connection, owner, session.session_id) is None


# ---- step-up


async def test_sign_in_is_a_step_up_for_ten_minutes(database: RolledBackDatabase, session: Issued):
    now = await now_of(database.connection)
    assert session.viewer.stepped_up_until == now + timedelta(minutes=10)
    assert sessions.require_step_up(session.viewer) is None

    await change(database.connection, session.session_id, stepped_up_at=now - timedelta(minutes=10) + SECOND)
    assert (await viewer_of(database, session.digest)).stepped_up_until == now + SECOND

    await change(database.connection, session.session_id, stepped_up_at=now - timedelta(minutes=10))
    assert (await viewer_of(database, session.digest)).stepped_up_until is None


@pytest.mark.parametrize("given", [{"public_computer": True}, {"stepped_up": False}])
async def test_sign_in_on_a_public_computer_is_no_step_up(
    database: RolledBackDatabase, owner: UUID, given: dict[str, Any]
):
    issued = await sessions.issue(database.connection, owner, LAPTOP, **given)
    assert issued.viewer.stepped_up_until is None
    assert (await viewer_of(database, issued.digest)).stepped_up_until is None


@pytest.mark.parametrize("until", [None, datetime(2020, 1, 1, tzinfo=UTC)])
def test_step_up_is_asked_for_where_there_is_none_that_is_fresh(until: datetime | None, session: Issued):
    refusal = sessions.require_step_up(replace(session.viewer, stepped_up_until=until))
    assert refusal is not None
    assert refusal.code is RefusalCode.STEP_UP_REQUIRED


async def test_step_up_begins_anew(database: RolledBackDatabase, owner: UUID, session: Issued):
    await change(database.connection, session.session_id, stepped_up_at=ago(hours=1))
    until = await sessions.step_up(database.connection, owner, session.session_id)
    assert (await viewer_of(database, session.digest)).stepped_up_until == until
    assert until == await now_of(database.connection) + timedelta(minutes=10)


async def test_nobody_steps_up_in_anothers_session(transaction: AsyncConnection, session: Issued):
    stranger = await account_with(transaction, None)
    assert await sessions.step_up(transaction, stranger, session.session_id) is None


# ---- ending


async def test_revoked_session_is_refused_by_the_next_statement(
    database: RolledBackDatabase, owner: UUID, session: Issued
):
    other = await sessions.issue(database.connection, owner, PHONE)
    assert await sessions.revoke(database.connection, owner, session.session_id)
    assert await who_has(database, session.digest) is None
    assert await who_has(database, other.digest) is not None
    assert not await sessions.revoke(database.connection, owner, session.session_id)


async def test_token_ends_its_own_session(database: RolledBackDatabase, owner: UUID, session: Issued):
    other = await sessions.issue(database.connection, owner, PHONE)
    assert await sessions.revoke_token(database.connection, session.digest)
    assert not await sessions.revoke_token(database.connection, session.digest)
    assert await who_has(database, session.digest) is None
    assert await who_has(database, other.digest) is not None


async def test_strangers_session_cannot_be_revoked(database: RolledBackDatabase, session: Issued):
    stranger = await account_with(database.connection, None)
    assert not await sessions.revoke(database.connection, stranger, session.session_id)
    assert await sessions.revoke_all(database.connection, stranger) == 0
    assert await who_has(database, session.digest) is not None


async def test_others_are_revoked_and_only_live_ones_counted(
    database: RolledBackDatabase, owner: UUID, session: Issued
):
    others = [await sessions.issue(database.connection, owner, PHONE) for _ in range(3)]
    await change(database.connection, others[0].session_id, expires_at=ago(seconds=1))
    assert await sessions.revoke_others(database.connection, owner, session.session_id) == 2
    assert [await who_has(database, other.digest) for other in others] == [None] * 3
    assert await who_has(database, session.digest) is not None
    assert await sessions.revoke_others(database.connection, owner, session.session_id) == 0


async def test_all_are_revoked(database: RolledBackDatabase, owner: UUID, session: Issued):
    assert await sessions.revoke_all(database.connection, owner) == 1
    assert await who_has(database, session.digest) is None


async def test_expired_session_is_marked_too_when_all_are_revoked(
    transaction: AsyncConnection, owner: UUID, session: Issued
):
    await change(transaction, session.session_id, last_used_at=ago(days=15))
    assert await sessions.revoke_all(transaction, owner) == 0
    assert await transaction.scalar(select(LoginSession.revoked_at)) is not None


async def test_session_unused_for_longest_makes_room_for_a_new_one(
    database: RolledBackDatabase, owner: UUID, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 3)
    first, second, third = [await sessions.issue(database.connection, owner, LAPTOP) for _ in range(3)]
    for issued, hours in ((first, 2), (second, 3), (third, 1)):
        await change(database.connection, issued.session_id, last_used_at=ago(hours=hours))
    fourth = await sessions.issue(database.connection, owner, LAPTOP)
    lives = [await who_has(database, one.digest) is not None for one in (first, second, third, fourth)]
    assert lives == [True, False, True, True]


# ---- what it leaves


async def test_unseen_device_is_noted_and_told(transaction: AsyncConnection, owner: UUID):
    issued = await sessions.issue(transaction, owner, LAPTOP)
    assert await events(transaction, owner) == [SIGNED_IN, NEW_DEVICE]
    assert await letters(transaction) == [issued.session_id]


@pytest.mark.parametrize(
    ("again", "name", "is_new"),
    [
        (LAPTOP, None, False),
        (Device(network="192.0.2.0/24"), None, False),
        (Device(device_name="Firefox 144 on Linux"), None, False),
        (Device(device_name="Firefox 143 on Windows"), None, True),
        (Device(device_name="Chrome 143 on Linux"), None, True),
        (Device(device_kind="MOBILE"), None, True),
        (Device(device_name=None), None, True),
        (PHONE, None, True),
        (LAPTOP, "The blue one", True),
        (PHONE, "Firefox 143 on Linux", True),
    ],
)
async def test_device_is_new_by_its_kind_and_name_without_the_version(
    transaction: AsyncConnection, owner: UUID, session: Issued, again: Device, name: str | None, is_new: bool
):
    second = await sessions.issue(transaction, owner, again, device_name=name)
    assert await events(transaction, owner) == [SIGNED_IN, NEW_DEVICE, SIGNED_IN, *([NEW_DEVICE] if is_new else [])]
    assert (second.session_id in await letters(transaction)) == is_new
    await sessions.issue(transaction, owner, again, device_name=name)
    assert (await events(transaction, owner))[-1] is SIGNED_IN


async def test_device_of_another_account_is_new(transaction: AsyncConnection, session: Issued):
    other = await account_with(transaction, None)
    await sessions.issue(transaction, other, LAPTOP)
    assert await events(transaction, other) == [SIGNED_IN, NEW_DEVICE]


async def test_device_that_was_seen_long_ago_is_known_though_its_session_is_gone(
    transaction: AsyncConnection, owner: UUID, session: Issued
):
    await transaction.execute(delete(LoginSession))
    await sessions.issue(transaction, owner, LAPTOP)
    assert await events(transaction, owner) == [SIGNED_IN, NEW_DEVICE, SIGNED_IN]


async def test_nothing_is_told_of_the_device_that_proved_the_mailbox(transaction: AsyncConnection, owner: UUID):
    await sessions.issue(transaction, owner, LAPTOP, announce=False)
    assert await events(transaction, owner) == [SIGNED_IN]
    assert await letters(transaction) == []


async def test_session_and_event_keep_a_family_and_a_network_alone(transaction: AsyncConnection, owner: UUID):
    await sessions.issue(transaction, owner, PHONE, device_name="Ana's phone")
    row = (await transaction.execute(select(LoginSession.__table__))).one()
    expected = ("Ana's phone", PHONE.device_kind, PHONE.network, PHONE.channel)
    assert (row.device_name, row.device_kind, row.ip_network, row.channel) == expected
    for event in await transaction.execute(select(AccountEvent.__table__)):
        assert (event.device_name, event.device_kind, event.ip_network, event.channel) == expected
