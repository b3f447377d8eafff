"""Signing out, ending other sessions, stepping up, and the letter about a new device (P29, P53, P55)."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.refusal import Refusal, RefusalCode
from auth.sessions import Issued
from auth.viewer import ANONYMOUS
from commerce import login_session
from commerce.tools import Tools
from gateways.mail import MailMessage
from models.account import AccountEventKind
from tests.support.database import RolledBackDatabase
from tests.support.login_session import (
    LAPTOP,
    PASSWORD,
    PHONE,
    CountingHasher,
    Meanwhile,
    account_with,
    change,
    email_of,
    events,
    viewer_of,
    who_has,
)
from tests.support.payments import UNASKED
from tests.support.storage import IN_MEMORY

Kind = AccountEventKind


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection, password_hash: str) -> UUID:
    return await account_with(transaction, password_hash, username="Ana.Ruiz")


@pytest.fixture
async def session(transaction: AsyncConnection, owner: UUID) -> Issued:
    return await sessions.issue(transaction, owner, LAPTOP)


# ---- signing out, and ending other sessions


async def test_signing_out_ends_the_session(database: RolledBackDatabase, owner: UUID, session: Issued):
    assert await login_session.sign_out(database.connection, session.viewer, LAPTOP)
    assert await who_has(database, session.digest) is None
    assert (await events(database.connection, owner))[-1] is Kind.SIGNED_OUT


async def test_who_has_no_session_cannot_sign_out(transaction: AsyncConnection, owner: UUID, session: Issued):
    assert await login_session.sign_out(transaction, session.viewer, LAPTOP)
    assert not await login_session.sign_out(transaction, session.viewer, LAPTOP)
    assert not await login_session.sign_out(transaction, ANONYMOUS, LAPTOP)
    assert (await events(transaction, owner)).count(Kind.SIGNED_OUT) == 1


async def test_session_of_ones_own_can_be_ended(database: RolledBackDatabase, owner: UUID, session: Issued):
    assert await login_session.end_session(database.connection, owner, session.session_id, PHONE) is None
    assert await who_has(database, session.digest) is None
    assert (await events(database.connection, owner))[-1] is Kind.SESSION_REVOKED


async def test_session_of_another_is_not_found(database: RolledBackDatabase, owner: UUID, session: Issued):
    stranger = await account_with(database.connection, None)
    before = await events(database.connection, owner)
    refusal = await login_session.end_session(database.connection, stranger, session.session_id, PHONE)
    assert refusal == login_session.NO_SESSION
    assert await who_has(database, session.digest) is not None
    assert await events(database.connection, owner) == before
    assert await events(database.connection, stranger) == []


async def test_other_sessions_of_ones_own_can_be_ended(database: RolledBackDatabase, owner: UUID, session: Issued):
    other = await sessions.issue(database.connection, owner, PHONE)
    ended = await login_session.end_other_sessions(database.connection, owner, session.session_id, LAPTOP)
    assert ended == 1
    assert await who_has(database, other.digest) is None
    assert await who_has(database, session.digest) is not None
    before = await events(database.connection, owner)
    assert before[-1] is Kind.SESSION_REVOKED
    assert await login_session.end_other_sessions(database.connection, owner, session.session_id, LAPTOP) == 0
    assert await events(database.connection, owner) == before


# ---- step-up


async def test_password_makes_a_step_up(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, session: Issued
):
    await change(database.connection, session.session_id, stepped_up_at=None)
    until = await login_session.step_up(database, passwords, LAPTOP, session.viewer, PASSWORD)
    assert isinstance(until, datetime)
    assert (await viewer_of(database, session.digest)).stepped_up_until == until
    assert (await events(database.connection, owner))[-1] is Kind.STEPPED_UP


@pytest.mark.parametrize("password", ["wrong", PASSWORD + " ", "x" * 5000])
async def test_wrong_password_makes_none_and_is_noted(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, session: Issued, password: str
):
    await change(database.connection, session.session_id, stepped_up_at=None)
    outcome = await login_session.step_up(database, passwords, LAPTOP, session.viewer, password)
    assert outcome == login_session.WRONG_PASSWORD
    assert (await viewer_of(database, session.digest)).stepped_up_until is None
    assert (await events(database.connection, owner))[-1] is Kind.SIGN_IN_FAILED


@pytest.mark.parametrize("password", [None, ""])
async def test_no_password_makes_none(
    database: RolledBackDatabase, passwords: CountingHasher, session: Issued, password: str | None
):
    outcome = await login_session.step_up(database, passwords, LAPTOP, session.viewer, password)
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.field) == (RefusalCode.REQUIRED, ("password",))


async def test_account_without_password_cannot_step_up(database: RolledBackDatabase, passwords: CountingHasher):
    owner = await account_with(database.connection, None)
    issued = await sessions.issue(database.connection, owner, LAPTOP)
    outcome = await login_session.step_up(database, passwords, LAPTOP, issued.viewer, PASSWORD)
    assert outcome == login_session.WRONG_PASSWORD
    assert passwords.compared == 1


async def test_session_revoked_meanwhile_does_not_step_up(database: RolledBackDatabase, owner: UUID, session: Issued):
    hasher = Meanwhile(lambda: sessions.revoke_all(database.connection, owner))
    outcome = await login_session.step_up(database, hasher, LAPTOP, session.viewer, PASSWORD)
    hasher.close()
    assert outcome == login_session.WRONG_PASSWORD
    assert Kind.STEPPED_UP not in await events(database.connection, owner)


# ---- the letter about a new device


class Outbox:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[MailMessage] = []

    async def send(self, message: MailMessage) -> None:
        self.messages.append(message)


async def test_owner_is_told_of_a_new_device(database: RolledBackDatabase, redis: Redis, owner: UUID):
    issued = await sessions.issue(database.connection, owner, PHONE)
    outbox = Outbox()
    tools = Tools(database, redis, outbox, "Layette", "https://shop.example", UNASKED, IN_MEMORY)
    await login_session.tell_of_new_device(tools, issued.session_id)
    (message,) = outbox.messages
    assert message.to == email_of(owner)
    assert "Safari 26 on iOS" in message.text
    assert "198.51.100.0/24" in message.text


async def test_device_without_a_name_is_told_of_too(database: RolledBackDatabase, redis: Redis, owner: UUID):
    nameless = replace(PHONE, device_name=None, network=None)
    issued = await sessions.issue(database.connection, owner, nameless)
    outbox = Outbox()
    tools = Tools(database, redis, outbox, "Layette", "https://shop.example", UNASKED, IN_MEMORY)
    await login_session.tell_of_new_device(tools, issued.session_id)
    assert "unknown device" in outbox.messages[0].text


async def test_nobody_is_told_of_a_session_that_is_gone(database: RolledBackDatabase, redis: Redis):
    outbox = Outbox()
    await login_session.tell_of_new_device(
        Tools(database, redis, outbox, "Layette", "https://x.example", UNASKED, IN_MEMORY), UUID(int=7)
    )
    assert outbox.messages == []
