"""Signing in with a second factor: what waits, what answers it, and what ends it (ASVS 6.3.3, 6.4.3, 6.6, 7.2.4)."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.passwords import Cost, PasswordHasher
from auth.refusal import Refusal, RefusalCode
from auth.sessions import Issued
from auth.viewer import Viewer
from commerce import challenge, login_session
from commerce.challenge import Challenged
from commerce.login_session import Completed, SignIn
from commerce.second_factor import Answer
from models.account import AccountEvent, AccountEventKind, Credential
from models.classification import Channel
from models.login_session import LoginSession
from models.second_factor import Challenge, SecondFactorMethod
from tests.support.authenticator import Browser
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
    now_of,
    viewer_of,
    who_has,
)
from tests.support.second_factor import (
    SHOP,
    App,
    Clock,
    begun,
    challenged,
    completed,
    fresh_viewer,
    signs_in,
    with_app,
    with_passkey,
)
from tests.support.statements import statements

Code, Kind = RefusalCode, AccountEventKind
TOTP, PASSKEY, RECOVERY_CODE = SecondFactorMethod


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection, password_hash: str) -> UUID:
    return await account_with(transaction, password_hash, username="Ana.Ruiz")


@pytest.fixture
async def viewer(database: RolledBackDatabase, owner: UUID) -> Viewer:
    return await fresh_viewer(database, owner)


@pytest.fixture
async def app(database: RolledBackDatabase, clock: Clock, viewer: Viewer) -> App:
    return await with_app(database, clock, viewer)


def passkey(browser: Browser, waiting: Challenged) -> Answer:
    """The browser's answer to what a sign-in asks for."""
    assert waiting.asked is not None
    return Answer(passkey=browser.get(waiting.asked.options(SHOP)))


async def count_sessions(transaction: AsyncConnection) -> int:
    return (await transaction.execute(select(func.count()).select_from(LoginSession))).scalar_one()


# ---- what waits


async def test_right_password_alone_opens_nothing(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, owner: UUID, app: App
):
    before, seen = await count_sessions(transaction), await events(transaction, owner)
    waiting = await challenged(database, passwords, owner)
    assert (waiting.methods, waiting.asked) == ((TOTP, RECOVERY_CODE), None)
    assert waiting.expires_at == await now_of(transaction) + timedelta(minutes=5)
    assert await count_sessions(transaction) == before
    assert await events(transaction, owner) == seen


async def test_wrong_password_is_told_as_ever_and_no_second_factor_asked_for(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App
):
    for identifier in (email_of(owner), "nobody@example.com"):
        with statements(database) as sent:
            outcome = await login_session.sign_in(database, passwords, LAPTOP, SignIn(identifier, "wrong"))
        assert outcome == login_session.WRONG
        assert [one.partition(" ")[0] for one in sent] == ["SELECT", "SET", "INSERT"]


async def test_app_that_was_not_confirmed_is_not_asked_for(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, viewer: Viewer
):
    await begun(database, viewer)
    assert isinstance(await entered(database, passwords, email_of(owner)), Issued)


async def test_every_method_that_is_enrolled_may_answer(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, viewer: Viewer, app: App, browser: Browser
):
    await with_passkey(database, viewer, browser)
    assert app.codes is not None
    waiting = await challenged(database, passwords, owner)
    assert waiting.methods == (TOTP, PASSKEY, RECOVERY_CODE)
    assert await signs_in(database, passwords, owner, app.answer())
    assert await signs_in(database, passwords, owner, Answer(recovery_code=app.codes[0]))
    assert isinstance(await completed(database, waiting.token, passkey(browser, waiting)), Completed)


async def test_recovery_codes_that_are_used_up_are_not_offered(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App
):
    assert app.codes is not None
    for code in app.codes:
        assert await signs_in(database, passwords, owner, Answer(recovery_code=code))
    assert (await challenged(database, passwords, owner)).methods == (TOTP,)


async def test_token_is_kept_as_a_digest_and_shown_once(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, owner: UUID, app: App
):
    waiting = await challenged(database, passwords, owner)
    assert waiting.token.startswith("lyc_")
    assert waiting.token not in repr(waiting)
    (row,) = (await transaction.execute(select(Challenge.__table__))).all()
    assert waiting.token.encode() not in (row.token_digest, row.passkey_challenge)
    assert len(row.token_digest) == 32


# ---- what it opens


async def test_session_is_what_sign_in_was_told(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, owner: UUID, app: App
):
    waiting = await challenged(
        database, passwords, owner, PHONE, public_computer=True, device_name="Ana's phone", by_cookie=True
    )
    outcome = await completed(database, waiting.token, app.answer(), LAPTOP)
    assert isinstance(outcome, Completed)
    assert outcome.by_cookie
    assert outcome.issued.remembered_for is None
    row: Any = (
        await transaction.execute(select(LoginSession.__table__).where(LoginSession.id == outcome.issued.session_id))
    ).one()
    assert (row.public_computer, row.device_name, row.device_kind) == (True, "Ana's phone", PHONE.device_kind)
    assert (row.channel, row.ip_network) == (Channel.MOBILE, LAPTOP.network)
    assert row.second_factor_at is not None
    assert await viewer_of(database, outcome.issued.digest) == outcome.issued.viewer


async def test_names_that_an_account_signs_in_by_are_told(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App
):
    waiting = await challenged(database, passwords, owner)
    outcome = await completed(database, waiting.token, app.answer())
    assert outcome.names == (email_of(owner), "Ana.Ruiz")
    assert "ana" not in repr(outcome).lower()


async def test_sign_in_counts_as_a_step_up(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App
):
    for public, off in ((False, 0), (True, 1)):
        waiting = await challenged(database, passwords, owner, public_computer=public)
        outcome = await completed(database, waiting.token, app.answer(off))
        assert (sessions.require_step_up(outcome.issued.viewer) is None) is not public


async def test_session_that_the_caller_held_ends_with_the_second_factor_and_not_before(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App
):
    held = await database.transact(lambda t: sessions.issue(t, owner, LAPTOP))
    given = SignIn(email_of(owner), PASSWORD)
    waiting = await login_session.sign_in(database, passwords, LAPTOP, given, held=held.digest)
    assert isinstance(waiting, Challenged)
    await completed(database, waiting.token, Answer(totp_code="000000"), held=held.digest)
    assert await who_has(database, held.digest) is not None
    assert isinstance(await completed(database, waiting.token, app.answer(), held=held.digest), Completed)
    assert await who_has(database, held.digest) is None


async def test_owner_sees_the_sign_in_and_its_failures(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, owner: UUID, app: App
):
    before = len(await events(transaction, owner))
    waiting = await challenged(database, passwords, owner, PHONE)
    await completed(database, waiting.token, Answer(totp_code="000000"), PHONE)
    await completed(database, waiting.token, app.answer(), PHONE)
    assert (await events(transaction, owner))[before:] == [Kind.SIGN_IN_FAILED, Kind.SIGNED_IN, Kind.NEW_DEVICE]
    failed = select(AccountEvent.device_name).where(AccountEvent.kind == Kind.SIGN_IN_FAILED)
    assert await transaction.scalar(failed) == PHONE.device_name


async def test_hash_is_renewed_by_the_password_step(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App
):
    costlier = PasswordHasher(Cost(memory_kib=128, passes=1))
    await challenged(database, costlier, owner)
    costlier.close()
    assert "m=128," in (await database.connection.execute(select(Credential.password_hash))).scalar_one()


def test_what_is_given_is_not_shown_by_repr():
    shown = repr(Answer("123456", '{"id": "key"}', "code"))
    assert not {"123456", "key", "code"} & set(shown.replace("'", " ").replace('"', " ").split())
    assert isinstance(challenge.GONE, Refusal)
