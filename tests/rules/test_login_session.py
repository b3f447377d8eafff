"""Signing in, stepping up and ending sessions (P8, P29, P55; ASVS 6.3.8, 7.2.4)."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.passwords import Busy, Cost, PasswordHasher, Verdict
from auth.refusal import Refusal, RefusalCode
from auth.sessions import Issued
from auth.viewer import ANONYMOUS
from commerce import login_session
from commerce.login_session import SignIn
from commerce.tools import Tools
from gateways.mail import MailMessage
from models.account import Account, AccountEvent, AccountEventKind, Credential
from models.database import Database
from models.login_session import LoginSession
from tests.support.database import RolledBackDatabase
from tests.support.login_session import (
    LAPTOP,
    PASSWORD,
    PHONE,
    CountingHasher,
    account_with,
    change,
    email_of,
    events,
    viewer_of,
    who_has,
)
from tests.support.statements import statements

Kind = AccountEventKind
FAILED, SIGNED_IN, NEW_DEVICE = Kind.SIGN_IN_FAILED, Kind.SIGNED_IN, Kind.NEW_DEVICE
NEW_PASSWORD = "eight spotted socks in a box"


@pytest.fixture(scope="module")
def _hasher() -> Generator[CountingHasher]:
    hasher = CountingHasher()
    yield hasher
    hasher.close()


@pytest.fixture
def passwords(_hasher: CountingHasher) -> CountingHasher:
    _hasher.compared = 0
    return _hasher


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def password_hash(_hasher: CountingHasher) -> str:
    return await _hasher.hash(PASSWORD)


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection, password_hash: str) -> UUID:
    return await account_with(transaction, password_hash, username="Ana.Ruiz")


@pytest.fixture
async def session(transaction: AsyncConnection, owner: UUID) -> Issued:
    return await sessions.issue(transaction, owner, LAPTOP)


async def entered(
    database: Database, passwords: PasswordHasher, identifier: str, password: str = PASSWORD, **given: Any
) -> Issued:
    outcome = await login_session.sign_in(database, passwords, LAPTOP, SignIn(identifier, password, **given))
    assert isinstance(outcome, Issued), outcome
    return outcome


# ---- who gets in


@pytest.mark.parametrize("spelled", [str, str.upper, " {} ".format, str.title])
async def test_owner_signs_in_by_email_in_any_case(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, spelled: Callable[[str], str]
):
    issued = await entered(database, passwords, spelled(email_of(owner)))
    assert await viewer_of(database, issued.digest) == issued.viewer
    assert issued.viewer.account_id == owner


@pytest.mark.parametrize("username", ["Ana.Ruiz", "ana.ruiz", " ANA.RUIZ "])
async def test_owner_signs_in_by_username_in_any_case(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, username: str
):
    assert (await entered(database, passwords, username)).viewer.account_id == owner


async def test_what_was_asked_of_the_session_holds(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID
):
    issued = await entered(database, passwords, email_of(owner), public_computer=True, device_name="  Library  PC ")
    assert issued.remembered_for is None
    row = (await database.connection.execute(select(LoginSession.__table__))).one()
    assert (row.id, row.device_name, row.public_computer) == (issued.session_id, "Library PC", True)


@pytest.mark.parametrize(
    ("name", "code"),
    [("x" * 61, RefusalCode.TOO_LONG), ("a\u202eb", RefusalCode.INVALID), ("a\x00", RefusalCode.INVALID)],
)
async def test_device_name_that_cannot_be_kept_is_refused_before_anything_is_asked(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, name: str, code: RefusalCode
):
    with statements(database) as sent:
        outcome = await login_session.sign_in(
            database, passwords, LAPTOP, SignIn(email_of(owner), PASSWORD, device_name=name)
        )
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.field) == (code, ("deviceName",))
    assert (sent, passwords.compared) == ([], 0)


async def test_session_that_the_caller_held_ends(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, session: Issued
):
    other = await sessions.issue(database.connection, owner, PHONE)
    given = SignIn(email_of(owner), PASSWORD)
    outcome = await login_session.sign_in(database, passwords, LAPTOP, given, held=session.digest)
    assert isinstance(outcome, Issued)
    assert outcome.token != session.token
    assert await who_has(database, session.digest) is None
    assert await who_has(database, other.digest) is not None


async def test_session_that_the_caller_held_of_another_account_ends(
    database: RolledBackDatabase, passwords: CountingHasher, password_hash: str, session: Issued
):
    other = await account_with(database.connection, password_hash)
    given = SignIn(email_of(other), PASSWORD)
    assert isinstance(await login_session.sign_in(database, passwords, LAPTOP, given, held=session.digest), Issued)
    assert await who_has(database, session.digest) is None


async def test_session_that_the_caller_held_outlives_a_failure(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, session: Issued
):
    given = SignIn(email_of(owner), "wrong")
    await login_session.sign_in(database, passwords, LAPTOP, given, held=session.digest)
    assert await who_has(database, session.digest) is not None


# ---- who does not, and what that tells


async def _wrong_password(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    return email_of(await account_with(transaction, kept)), "wrong"


async def _wrong_password_by_username(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    await account_with(transaction, kept, username="bo")
    return "bo", "wrong"


async def _unknown_email(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    return "nobody@example.com", PASSWORD


async def _unknown_username(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    return "nobody", PASSWORD


async def _nobodys_name(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    return "no\x00body \U0001f9e6" * 100, PASSWORD


async def _no_name(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    return "", PASSWORD


async def _account_without_password(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    return email_of(await account_with(transaction, None)), PASSWORD


async def _disabled_account(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    return email_of(await account_with(transaction, kept, disabled=True)), PASSWORD


async def _disabled_account_without_password(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    return email_of(await account_with(transaction, None, disabled=True)), PASSWORD


async def _overlong_password(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    return email_of(await account_with(transaction, kept)), "x" * 5000


async def _empty_password(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    return email_of(await account_with(transaction, kept)), ""


async def _password_in_another_case(transaction: AsyncConnection, kept: str) -> tuple[str, str]:
    return email_of(await account_with(transaction, kept)), PASSWORD.upper()


HOPELESS = [
    _wrong_password,
    _wrong_password_by_username,
    _unknown_email,
    _unknown_username,
    _nobodys_name,
    _no_name,
    _account_without_password,
    _disabled_account,
    _disabled_account_without_password,
    _overlong_password,
    _empty_password,
    _password_in_another_case,
]


@pytest.mark.parametrize("attempt", HOPELESS)
async def test_every_failure_gets_one_answer_after_the_same_work(
    database: RolledBackDatabase,
    passwords: CountingHasher,
    password_hash: str,
    attempt: Callable[[AsyncConnection, str], Awaitable[tuple[str, str]]],
):
    identifier, password = await attempt(database.connection, password_hash)
    with statements(database) as sent:
        outcome = await login_session.sign_in(database, passwords, LAPTOP, SignIn(identifier, password))
    assert outcome == login_session.WRONG
    assert passwords.compared == 1
    assert [one.partition(" ")[0] for one in sent] == ["SELECT", "SET", "INSERT"]
    assert await database.connection.scalar(select(func.count()).select_from(LoginSession)) == 0


async def test_failures_of_known_and_unknown_accounts_are_the_same_statements(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID
):
    sent = {}
    for identifier in (email_of(owner), "nobody@example.com"):
        with statements(database) as sent[identifier]:
            await login_session.sign_in(database, passwords, LAPTOP, SignIn(identifier, "wrong"))
    known, unknown = sent.values()
    assert known == unknown


async def test_owner_sees_failures(database: RolledBackDatabase, passwords: CountingHasher, owner: UUID):
    await login_session.sign_in(database, passwords, PHONE, SignIn(email_of(owner), "wrong"))
    event = (await database.connection.execute(select(AccountEvent.__table__))).one()
    assert (event.account_id, event.kind, event.device_name) == (owner, FAILED, PHONE.device_name)
    assert event.ip_network == PHONE.network


async def test_failure_with_an_unknown_name_is_nobodys_event(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID
):
    await login_session.sign_in(database, passwords, LAPTOP, SignIn("nobody@example.com", "wrong"))
    assert await database.connection.scalar(select(func.count()).select_from(AccountEvent)) == 0


def test_what_was_typed_is_not_shown_by_repr():
    shown = repr(SignIn("ana@example.com", PASSWORD))
    assert "ana@" not in shown
    assert PASSWORD not in shown


# ---- what it costs


async def test_sign_in_takes_seven_statements(database: RolledBackDatabase, passwords: CountingHasher, owner: UUID):
    """Who it may be; lock, is the hash still the same, device seen?, session, event, surplus."""
    await entered(database, passwords, email_of(owner))
    with statements(database) as sent:
        await entered(database, passwords, email_of(owner))
    verbs = [one.partition(" ")[0] for one in sent]
    assert verbs == ["SELECT", "SELECT", "SELECT", "SELECT", "INSERT", "INSERT", "UPDATE"]


async def test_sign_in_from_a_new_device_takes_an_event_and_a_job_more(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID
):
    with statements(database) as sent:
        await entered(database, passwords, email_of(owner))
    assert len(sent) == 9
    assert await events(database.connection, owner) == [SIGNED_IN, NEW_DEVICE]


async def test_no_connection_is_held_while_a_password_is_hashed(committed_database: Database, password_hash: str):
    class Asking(CountingHasher):
        async def verify(self, hash: str | None, password: str) -> Verdict:
            async with asyncio.timeout(5):
                await narrow.transact(lambda transaction: transaction.execute(select(1)))
            return await super().verify(hash, password)

    narrow, hasher = Database(committed_database.url, writers=1), Asking()
    owner = await narrow.transact(lambda transaction: account_with(transaction, password_hash))
    try:
        await entered(narrow, hasher, email_of(owner))
        assert hasher.compared == 1
    finally:
        hasher.close()
        await narrow.close()


async def test_busy_hasher_is_the_callers_to_tell(database: RolledBackDatabase, owner: UUID):
    class Full(CountingHasher):
        async def verify(self, hash: str | None, password: str) -> Verdict:
            raise Busy

    hasher = Full()
    with pytest.raises(Busy):
        await login_session.sign_in(database, hasher, LAPTOP, SignIn(email_of(owner), PASSWORD))
    hasher.close()
    assert await events(database.connection, owner) == []


# ---- hashes of another cost


@pytest.fixture
async def costlier() -> AsyncGenerator[PasswordHasher]:
    hasher = PasswordHasher(Cost(memory_kib=128, passes=1))
    yield hasher
    hasher.close()


async def kept_hash(transaction: AsyncConnection) -> str:
    return (await transaction.execute(select(Credential.password_hash))).scalar_one()


async def test_hash_is_renewed_when_its_cost_has_changed(
    database: RolledBackDatabase, costlier: PasswordHasher, password_hash: str, owner: UUID
):
    await entered(database, costlier, email_of(owner))
    renewed = await kept_hash(database.connection)
    assert "m=128," in renewed
    assert await costlier.verify(renewed, PASSWORD) == Verdict(ok=True, needs_rehash=False)
    await entered(database, costlier, email_of(owner))
    assert await kept_hash(database.connection) == renewed


async def test_hash_is_not_renewed_by_a_wrong_password(
    database: RolledBackDatabase, costlier: PasswordHasher, password_hash: str, owner: UUID
):
    await login_session.sign_in(database, costlier, LAPTOP, SignIn(email_of(owner), "wrong"))
    assert await kept_hash(database.connection) == password_hash


async def test_sign_in_does_not_fail_for_want_of_time_to_renew_the_hash(
    database: RolledBackDatabase, password_hash: str, owner: UUID
):
    class FullAfterwards(PasswordHasher):
        async def hash(self, password: str) -> str:
            raise Busy

    hasher = FullAfterwards(Cost(memory_kib=128, passes=1))
    await entered(database, hasher, email_of(owner))
    hasher.close()
    assert await kept_hash(database.connection) == password_hash


# ---- what happens meanwhile


class Meanwhile(CountingHasher):
    """Something happens between the look-up of an account and its sign-in."""

    def __init__(self, work: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._work = work

    async def verify(self, hash: str | None, password: str) -> Verdict:
        verdict = await super().verify(hash, password)
        await self._work()
        return verdict


async def test_password_changed_meanwhile_does_not_open_a_session(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID
):
    changed = update(Credential).values(password_hash=await passwords.hash(NEW_PASSWORD))
    hasher = Meanwhile(lambda: database.transact(lambda transaction: transaction.execute(changed)))
    outcome = await login_session.sign_in(database, hasher, LAPTOP, SignIn(email_of(owner), PASSWORD))
    hasher.close()
    assert outcome == login_session.WRONG
    assert await events(database.connection, owner) == [FAILED]


async def test_account_disabled_meanwhile_does_not_open_a_session(database: RolledBackDatabase, owner: UUID):
    disabled = update(Account).values(disabled_at=func.now())
    hasher = Meanwhile(lambda: database.transact(lambda transaction: transaction.execute(disabled)))
    outcome = await login_session.sign_in(database, hasher, LAPTOP, SignIn(email_of(owner), PASSWORD))
    hasher.close()
    assert outcome == login_session.WRONG


async def test_fifty_sign_ins_at_once_are_fifty_sessions(
    committed_database: Database, passwords: CountingHasher, password_hash: str
):
    owner = await committed_database.transact(lambda transaction: account_with(transaction, password_hash))
    found = await asyncio.gather(*(entered(committed_database, passwords, email_of(owner)) for _ in range(50)))
    assert len({issued.token for issued in found}) == 50
    assert [(await viewer_of(committed_database, issued.digest)).account_id for issued in found] == [owner] * 50
    kinds = await committed_database.transact(lambda transaction: events(transaction, owner))
    assert sorted(kinds) == sorted([SIGNED_IN] * 50 + [NEW_DEVICE])


async def test_every_session_ends_once_when_all_are_revoked_at_once(
    committed_database: Database, passwords: CountingHasher, password_hash: str
):
    owner = await committed_database.transact(lambda transaction: account_with(transaction, password_hash))
    found = await asyncio.gather(*(entered(committed_database, passwords, email_of(owner)) for _ in range(20)))
    counts = await asyncio.gather(
        *(committed_database.transact(lambda transaction: sessions.revoke_all(transaction, owner)) for _ in range(20))
    )
    assert sorted(counts) == [0] * 19 + [20]
    assert [await who_has(committed_database, issued.digest) for issued in found] == [None] * 20


class Racing(CountingHasher):
    """Lets five passwords pass at once, thirty when `begun` is set, and the others when `done` is."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.done = asyncio.Event(), asyncio.Event()
        self._passed = 0

    async def verify(self, hash: str | None, password: str) -> Verdict:
        verdict = await super().verify(hash, password)
        self._passed += 1
        if self._passed > 35:
            await self.done.wait()
        elif self._passed > 5:
            await self.begun.wait()
        return verdict


async def test_no_session_outlives_the_password_it_was_opened_with(
    committed_database: Database, passwords: CountingHasher, password_hash: str
):
    """Sign-ins race a change of password, which revokes all sessions: who gets in before it is revoked by it."""
    new_hash = await passwords.hash(NEW_PASSWORD)
    owner = await committed_database.transact(lambda transaction: account_with(transaction, password_hash))
    racing, given = Racing(), SignIn(email_of(owner), PASSWORD)

    async def change_password(transaction: AsyncConnection) -> None:
        await sessions.revoke_all(transaction, owner)
        changed = update(Credential).where(Credential.account_id == owner)
        await transaction.execute(changed.values(password_hash=new_hash))

    async def enter() -> Issued | Refusal:
        return await login_session.sign_in(committed_database, racing, LAPTOP, given)

    sign_ins = [asyncio.create_task(enter()) for _ in range(40)]
    await asyncio.wait(sign_ins, return_when=asyncio.FIRST_COMPLETED)
    racing.begun.set()
    await committed_database.transact(change_password)
    racing.done.set()
    found = [outcome for outcome in await asyncio.gather(*sign_ins) if isinstance(outcome, Issued)]
    racing.close()
    assert 1 <= len(found) <= 35
    assert [await who_has(committed_database, issued.digest) for issued in found] == [None] * len(found)


async def test_revocation_holds_on_every_worker_from_the_next_statement_on(
    committed_database: Database, passwords: CountingHasher, password_hash: str
):
    elsewhere = Database(committed_database.url)
    try:
        owner = await committed_database.transact(lambda transaction: account_with(transaction, password_hash))
        for _ in range(10):
            issued = await entered(committed_database, passwords, email_of(owner))
            assert await who_has(elsewhere, issued.digest) is not None
            await committed_database.transact(lambda transaction: sessions.revoke_all(transaction, owner))
            assert await who_has(elsewhere, issued.digest) is None
    finally:
        await elsewhere.close()


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
    assert (await events(database.connection, owner))[-1] is FAILED


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
    tools = Tools(database, redis, outbox, "Layette", "https://shop.example")
    await login_session.tell_of_new_device(tools, issued.session_id)
    (message,) = outbox.messages
    assert message.to == email_of(owner)
    assert "Safari 26 on iOS" in message.text
    assert "198.51.100.0/24" in message.text


async def test_device_without_a_name_is_told_of_too(database: RolledBackDatabase, redis: Redis, owner: UUID):
    nameless = replace(PHONE, device_name=None, network=None)
    issued = await sessions.issue(database.connection, owner, nameless)
    outbox = Outbox()
    tools = Tools(database, redis, outbox, "Layette", "https://shop.example")
    await login_session.tell_of_new_device(tools, issued.session_id)
    assert "unknown device" in outbox.messages[0].text


async def test_nobody_is_told_of_a_session_that_is_gone(database: RolledBackDatabase, redis: Redis):
    outbox = Outbox()
    await login_session.tell_of_new_device(Tools(database, redis, outbox, "Layette", "https://x.example"), UUID(int=7))
    assert outbox.messages == []
