"""Signing in: who gets in, what a failure tells, what it costs (P8, P53; ASVS 6.3.8, 7.2.4)."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.passwords import Cost, PasswordHasher, Verdict
from auth.refusal import Refusal, RefusalCode
from auth.sessions import Issued
from auth.threads import Busy
from commerce import login_session
from commerce.login_session import SignIn
from models.account import AccountEvent, AccountEventKind, Credential
from models.database import Database
from models.login_session import LoginSession
from tests.support.database import RolledBackDatabase
from tests.support.login_session import (
    LAPTOP,
    PASSWORD,
    PHONE,
    CountingHasher,
    account_with,
    email_of,
    entered,
    events,
    viewer_of,
    who_has,
)
from tests.support.statements import statements

Kind = AccountEventKind
FAILED, SIGNED_IN, NEW_DEVICE = Kind.SIGN_IN_FAILED, Kind.SIGNED_IN, Kind.NEW_DEVICE


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection, password_hash: str) -> UUID:
    return await account_with(transaction, password_hash, username="Ana.Ruiz")


@pytest.fixture
async def session(transaction: AsyncConnection, owner: UUID) -> Issued:
    return await sessions.issue(transaction, owner, LAPTOP)


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


async def test_sign_in_takes_four_statements(database: RolledBackDatabase, passwords: CountingHasher, owner: UUID):
    """Who it may be; lock, is the hash still the same, session with all that goes with it; as many on a new device."""
    for seen in (False, True):
        with statements(database) as sent:
            await entered(database, passwords, email_of(owner))
        verbs = [one.partition(" ")[0] for one in sent]
        assert verbs == ["SELECT", "SELECT", "SELECT", "WITH"]
        assert await events(database.connection, owner) == [SIGNED_IN, NEW_DEVICE, *[SIGNED_IN] * seen]


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
