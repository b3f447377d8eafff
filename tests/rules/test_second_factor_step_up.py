"""Stepping up where there is a second factor: the strongest that is enrolled (P29; ASVS 7.5.3)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import passkeys, sessions
from auth.passkeys import Asked
from auth.refusal import Refusal, RefusalCode
from auth.viewer import Viewer
from commerce import challenge, login_session, second_factor
from commerce.challenge import ask_for_passkey, ask_session
from commerce.second_factor import Answer
from models.account import AccountEventKind
from models.login_session import LoginSession
from models.second_factor import ChallengeKind
from tests.support.authenticator import Browser
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, PASSWORD, CountingHasher, Meanwhile, account_with, change, events
from tests.support.second_factor import (
    SHOP,
    VERIFIER,
    App,
    Clock,
    age_challenges,
    challenged,
    completed,
    fresh_viewer,
    with_app,
    with_passkey,
)

Kind = AccountEventKind


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection, password_hash: str) -> UUID:
    return await account_with(transaction, password_hash)


@pytest.fixture
async def viewer(database: RolledBackDatabase, owner: UUID) -> Viewer:
    return await fresh_viewer(database, owner)


@pytest.fixture
async def app(database: RolledBackDatabase, clock: Clock, viewer: Viewer) -> App:
    return await with_app(database, clock, viewer)


@pytest.fixture
async def tired(database: RolledBackDatabase, owner: UUID) -> Viewer:
    """Another session of the owner's, never stepped up."""
    return await fresh_viewer(database, owner, public_computer=True)


async def stepped_up(transaction: AsyncConnection, viewer: Viewer, answer: Answer) -> datetime | Refusal:
    return await login_session.step_up_by_second_factor(transaction, VERIFIER, LAPTOP, viewer, answer)


async def asked_of(transaction: AsyncConnection, viewer: Viewer) -> Asked:
    asked = await ask_for_passkey(transaction, viewer, LAPTOP)
    assert isinstance(asked, Asked)
    return asked


async def is_fresh(transaction: AsyncConnection, viewer: Viewer) -> bool:
    session = select(LoginSession.stepped_up_at.is_not(None)).where(LoginSession.id == viewer.session_id)
    return bool(await transaction.scalar(session))


async def given_in(transaction: AsyncConnection, viewer: Viewer) -> bool:
    session = select(LoginSession.second_factor_at.is_not(None)).where(LoginSession.id == viewer.session_id)
    return bool(await transaction.scalar(session))


# ---- the password


@pytest.mark.parametrize("password", [PASSWORD, "wrong", None])
async def test_password_is_not_enough_nor_looked_at_where_there_is_a_second_factor(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    app: App,
    tired: Viewer,
    password: str | None,
):
    outcome = await login_session.step_up(database, passwords, LAPTOP, tired, password)
    assert outcome == login_session.MORE_THAN_PASSWORD
    assert login_session.MORE_THAN_PASSWORD.code is RefusalCode.SECOND_FACTOR_REQUIRED
    assert passwords.compared == 0
    assert not await is_fresh(transaction, tired)


async def test_second_factor_enrolled_while_the_password_is_hashed_is_asked_for(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, tired: Viewer
):
    hasher = Meanwhile(lambda: with_app(database, clock, viewer))
    outcome = await login_session.step_up(database, hasher, LAPTOP, tired, PASSWORD)
    hasher.close()
    assert outcome == login_session.MORE_THAN_PASSWORD
    assert not await is_fresh(transaction, tired)


# ---- second factors


async def test_code_of_an_app_steps_up(
    database: RolledBackDatabase, transaction: AsyncConnection, app: App, owner: UUID, tired: Viewer
):
    until = await stepped_up(transaction, tired, app.answer())
    assert isinstance(until, datetime)
    assert timedelta(minutes=9) < until - datetime.now(UTC) <= timedelta(minutes=10)
    assert await is_fresh(transaction, tired)
    assert await given_in(transaction, tired)
    assert (await events(transaction, owner))[-1] is Kind.STEPPED_UP


async def test_recovery_code_steps_up_once(
    transaction: AsyncConnection, app: App, owner: UUID, viewer: Viewer, tired: Viewer
):
    assert app.codes is not None
    answer = Answer(recovery_code=app.codes[0])
    assert isinstance(await stepped_up(transaction, tired, answer), datetime)
    assert await stepped_up(transaction, viewer, answer) == second_factor.INVALID
    assert (await events(transaction, owner)).count(Kind.RECOVERY_CODE_USED) == 1


async def test_passkey_steps_up(
    database: RolledBackDatabase, transaction: AsyncConnection, viewer: Viewer, tired: Viewer, browser: Browser
):
    await with_passkey(database, viewer, browser)
    asked = await asked_of(transaction, tired)
    answer = Answer(passkey=browser.get(asked.options(SHOP)))
    assert isinstance(await stepped_up(transaction, tired, answer), datetime)
    assert await given_in(transaction, tired)
    assert await stepped_up(transaction, tired, answer) == second_factor.INVALID


async def test_passkey_goes_before_an_app_and_a_recovery_code_stands_for_it(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    viewer: Viewer,
    app: App,
    tired: Viewer,
    browser: Browser,
):
    await with_passkey(database, viewer, browser)
    assert app.codes is not None
    assert await stepped_up(transaction, tired, app.answer()) == login_session.PASSKEY_FIRST
    assert not await is_fresh(transaction, tired)
    assert isinstance(await stepped_up(transaction, tired, Answer(recovery_code=app.codes[0])), datetime)


@pytest.mark.parametrize(
    "answer", [Answer(totp_code="000000"), Answer(passkey="{}"), Answer(recovery_code="0" * 24), Answer(totp_code="")]
)
async def test_wrong_second_factor_does_not_step_up_and_is_seen(
    transaction: AsyncConnection, app: App, owner: UUID, tired: Viewer, answer: Answer
):
    assert await stepped_up(transaction, tired, answer) == second_factor.INVALID
    assert not await is_fresh(transaction, tired)
    assert not await given_in(transaction, tired)
    assert (await events(transaction, owner))[-1] is Kind.SIGN_IN_FAILED


@pytest.mark.parametrize("answer", [Answer(), Answer(totp_code="000000", recovery_code="0" * 24)])
async def test_one_of_three_is_given(transaction: AsyncConnection, app: App, tired: Viewer, answer: Answer):
    assert await stepped_up(transaction, tired, answer) == second_factor.ONE_OF_THREE


async def test_second_factor_of_none_steps_nobody_up(transaction: AsyncConnection, clock: Clock, tired: Viewer):
    assert await stepped_up(transaction, tired, Answer(totp_code="000000")) == second_factor.INVALID


async def test_session_that_ended_meanwhile_does_not_step_up(transaction: AsyncConnection, app: App, tired: Viewer):
    assert tired.session_id is not None
    await change(transaction, tired.session_id, revoked_at=func.now())
    assert await stepped_up(transaction, tired, app.answer()) == second_factor.INVALID


# ---- what a passkey answers


async def test_who_has_no_passkey_is_not_asked_for_one(transaction: AsyncConnection, app: App, tired: Viewer):
    assert await ask_for_passkey(transaction, tired, LAPTOP) == challenge.NO_PASSKEY


async def test_passkeys_answer_is_good_in_the_session_that_was_asked(
    database: RolledBackDatabase, transaction: AsyncConnection, viewer: Viewer, tired: Viewer, browser: Browser
):
    await with_passkey(database, viewer, browser)
    asked = await asked_of(transaction, viewer)
    answer = Answer(passkey=browser.get(asked.options(SHOP)))
    assert await stepped_up(transaction, tired, answer) == second_factor.INVALID
    await asked_of(transaction, tired)
    assert await stepped_up(transaction, tired, answer) == second_factor.INVALID
    assert isinstance(await stepped_up(transaction, viewer, answer), datetime)


async def test_only_the_latest_question_is_answered_and_in_time(
    database: RolledBackDatabase, transaction: AsyncConnection, viewer: Viewer, browser: Browser
):
    await with_passkey(database, viewer, browser)
    first, second = await asked_of(transaction, viewer), await asked_of(transaction, viewer)
    answer = Answer(passkey=browser.get(first.options(SHOP)))
    assert await stepped_up(transaction, viewer, answer) == second_factor.INVALID
    answer = Answer(passkey=browser.get(second.options(SHOP)))
    assert await stepped_up(transaction, viewer, answer) == second_factor.INVALID  # asked once for each try
    late = await asked_of(transaction, viewer)
    await age_challenges(transaction, expires_at=func.now())
    answer = Answer(passkey=browser.get(late.options(SHOP)))
    assert await stepped_up(transaction, viewer, answer) == second_factor.INVALID


async def test_answers_to_a_sign_in_and_to_a_step_up_are_not_taken_for_each_other(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    owner: UUID,
    viewer: Viewer,
    browser: Browser,
):
    await with_passkey(database, viewer, browser)
    waiting, asked = await challenged(database, passwords, owner), await asked_of(transaction, viewer)
    assert waiting.asked is not None
    for_sign_in = Answer(passkey=browser.get(waiting.asked.options(SHOP)))
    for_step_up = Answer(passkey=browser.get(asked.options(SHOP)))
    assert await stepped_up(transaction, viewer, for_sign_in) == second_factor.INVALID
    assert await completed(database, waiting.token, for_step_up) == second_factor.INVALID


async def test_what_was_asked_to_enrol_does_not_step_up(
    database: RolledBackDatabase, transaction: AsyncConnection, viewer: Viewer, browser: Browser
):
    await with_passkey(database, viewer, browser)
    asked = passkeys.ask([browser.passkeys[0].credential_id])
    await ask_session(transaction, viewer, ChallengeKind.ENROLMENT, LAPTOP, asked)
    answer = Answer(passkey=browser.get(asked.options(SHOP)))
    assert await stepped_up(transaction, viewer, answer) == second_factor.INVALID


async def test_step_up_in_one_session_is_none_in_another(
    transaction: AsyncConnection, database: RolledBackDatabase, app: App, owner: UUID, tired: Viewer
):
    other = await fresh_viewer(database, owner, public_computer=True)
    await stepped_up(transaction, tired, app.answer())
    assert not await is_fresh(transaction, other)
    assert sessions.require_step_up(other) is not None
