"""Many answers at once: each second factor is good once (ASVS 2.3.4, 6.5.1, 15.4.2)."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from auth import sessions, totp
from auth.refusal import Refusal
from auth.viewer import Viewer
from commerce import challenge, enrolment, login_session, second_factor
from commerce.challenge import ask_for_passkey
from commerce.enrolment import Confirmed
from commerce.login_session import Completed, SignIn, sign_in
from commerce.second_factor import Answer, methods_of
from models.account import AccountEvent, AccountEventKind
from models.database import Database
from models.login_session import LoginSession
from models.second_factor import RecoveryCode, SecondFactorMethod
from tests.support.authenticator import Browser
from tests.support.login_session import LAPTOP, PASSWORD, CountingHasher, account_with, email_of
from tests.support.second_factor import (
    SHOP,
    VERIFIER,
    App,
    Clock,
    begun,
    challenged,
    completed,
    fresh_viewer,
    with_app,
    with_passkey,
)

TIMES = 20


@pytest.fixture
async def owner(committed_database: Database, password_hash: str) -> UUID:
    return await committed_database.transact(lambda t: account_with(t, password_hash))


@pytest.fixture
async def viewer(committed_database: Database, owner: UUID) -> Viewer:
    return await fresh_viewer(committed_database, owner)


@pytest.fixture
async def app(committed_database: Database, clock: Clock, viewer: Viewer) -> App:
    return await with_app(committed_database, clock, viewer)


async def at_once(*work: Any) -> Counter[Any]:
    """How often what came of it; sessions and moments count by their type."""
    outcomes = await asyncio.gather(*work)
    return Counter(one if isinstance(one, Refusal) or one is None else type(one) for one in outcomes)


async def count(database: Database, table: Any, *where: Any) -> int:
    rows = select(func.count()).select_from(table).where(*where)
    return (await database.transact(lambda t: t.execute(rows))).scalar_one()


async def test_code_opens_one_session_of_twenty_sign_ins(
    committed_database: Database, passwords: CountingHasher, owner: UUID, app: App
):
    waiting = [await challenged(committed_database, passwords, owner) for _ in range(TIMES)]
    found = await at_once(*(completed(committed_database, one.token, app.answer()) for one in waiting))
    assert found == {Completed: 1, second_factor.INVALID: TIMES - 1}
    assert await count(committed_database, LoginSession, LoginSession.second_factor_at.is_not(None)) == 2


async def test_code_is_taken_once_of_twenty_whoever_has_locked_what(
    committed_database: Database, owner: UUID, app: App
):
    async def accepted() -> bool:
        return await committed_database.transact(
            lambda t: second_factor.accepts(t, VERIFIER, owner, app.answer(), LAPTOP, asked=None)
        )

    assert (await asyncio.gather(*(accepted() for _ in range(TIMES)))).count(True) == 1


async def test_recovery_code_opens_one_session_of_twenty_sign_ins(
    committed_database: Database, passwords: CountingHasher, owner: UUID, app: App
):
    assert app.codes is not None
    answer = Answer(recovery_code=app.codes[0])
    waiting = [await challenged(committed_database, passwords, owner) for _ in range(TIMES)]
    found = await at_once(*(completed(committed_database, one.token, answer) for one in waiting))
    assert found == {Completed: 1, second_factor.INVALID: TIMES - 1}
    used = AccountEvent.kind == AccountEventKind.RECOVERY_CODE_USED
    assert await count(committed_database, AccountEvent, used) == 1


async def test_sign_in_is_completed_once_by_twenty_right_answers(
    committed_database: Database, passwords: CountingHasher, owner: UUID, app: App
):
    assert app.codes is not None
    waiting = await challenged(committed_database, passwords, owner)
    answers = [Answer(recovery_code=code) for code in app.codes] + [app.answer()] * 10
    found = await at_once(*(completed(committed_database, waiting.token, answer) for answer in answers))
    assert found == {Completed: 1, challenge.GONE: TIMES - 1}
    assert await count(committed_database, RecoveryCode, RecoveryCode.used_at.is_not(None)) <= 1


async def test_sign_in_is_guessed_at_five_times_and_not_twenty(
    committed_database: Database, passwords: CountingHasher, owner: UUID, app: App
):
    waiting = await challenged(committed_database, passwords, owner)
    wrong = [completed(committed_database, waiting.token, Answer(recovery_code=f"{at:024}")) for at in range(TIMES)]
    assert await at_once(*wrong) == {second_factor.INVALID: 5, challenge.GONE: TIMES - 5}


async def test_code_steps_up_one_of_twenty_sessions(committed_database: Database, owner: UUID, app: App):
    viewers = [await fresh_viewer(committed_database, owner, public_computer=True) for _ in range(TIMES)]

    async def step_up(viewer: Viewer) -> Any:
        return await committed_database.transact(
            lambda t: login_session.step_up_by_second_factor(t, VERIFIER, LAPTOP, viewer, app.answer())
        )

    found = await at_once(*map(step_up, viewers))
    assert found[second_factor.INVALID] == TIMES - 1


async def test_passkeys_signature_is_taken_once_of_twenty(
    committed_database: Database, viewer: Viewer, clock: Clock, browser: Browser
):
    await with_passkey(committed_database, viewer, browser)
    asked = await committed_database.transact(lambda t: ask_for_passkey(t, viewer, LAPTOP))
    assert not isinstance(asked, Refusal)
    answer = Answer(passkey=browser.get(asked.options(SHOP)))

    async def step_up() -> Any:
        return await committed_database.transact(
            lambda t: login_session.step_up_by_second_factor(t, VERIFIER, LAPTOP, viewer, answer)
        )

    found = await at_once(*(step_up() for _ in range(TIMES)))
    assert found[second_factor.INVALID] == TIMES - 1


async def test_app_is_confirmed_once_of_twenty(committed_database: Database, clock: Clock, viewer: Viewer):
    new = await begun(committed_database, viewer)
    code = totp.code_of(new.seed, clock.step)

    async def confirm() -> Any:
        return await committed_database.transact(
            lambda t: enrolment.confirm_app(t, VERIFIER, viewer, code, None, LAPTOP)
        )

    found = await at_once(*(confirm() for _ in range(TIMES)))
    assert found == {Confirmed: 1, enrolment.NOTHING_WAITS: TIMES - 1}
    assert await count(committed_database, RecoveryCode) == 10


async def test_first_of_two_kinds_brings_the_only_recovery_codes(
    committed_database: Database, clock: Clock, owner: UUID, viewer: Viewer
):
    other = await fresh_viewer(committed_database, owner)
    made = await asyncio.gather(
        with_app(committed_database, clock, viewer), with_passkey(committed_database, other, Browser(SHOP.origin))
    )
    assert [one.codes is None for one in made].count(True) == 1
    assert await count(committed_database, RecoveryCode) == 10


async def test_two_second_factors_removed_at_once_leave_no_codes(
    committed_database: Database, clock: Clock, owner: UUID, viewer: Viewer, app: App, browser: Browser
):
    passkey = await with_passkey(committed_database, viewer, browser)
    await asyncio.gather(
        *(
            committed_database.transact(lambda t, key=key: enrolment.remove(t, viewer, key, LAPTOP))
            for key in (app.id, passkey.factor_id)
        )
    )
    assert await committed_database.transact(lambda t: methods_of(t, owner)) == set()
    assert await count(committed_database, RecoveryCode) == 0


async def test_sign_in_that_meets_the_end_of_all_sessions_does_not_outlive_it(
    committed_database: Database, passwords: CountingHasher, owner: UUID, app: App
):
    assert app.codes is not None
    for code in app.codes[:5]:
        waiting = await challenged(committed_database, passwords, owner)
        await asyncio.gather(
            completed(committed_database, waiting.token, Answer(recovery_code=code)),
            committed_database.transact(lambda t: sessions.revoke_all(t, owner)),
        )
        assert await count(committed_database, LoginSession, LoginSession.revoked_at.is_(None)) == 0


async def test_second_factor_and_sign_in_that_meet_leave_no_session_without_it(
    committed_database: Database, passwords: CountingHasher, clock: Clock, owner: UUID, viewer: Viewer
):
    """Either the sign-in was first, and is one of those that its owner sees; or it waits."""
    app, outcome = await asyncio.gather(
        with_app(committed_database, clock, viewer),
        sign_in(committed_database, passwords, LAPTOP, SignIn(email_of(owner), PASSWORD)),
    )
    assert isinstance(app, App)
    again = await sign_in(committed_database, passwords, LAPTOP, SignIn(email_of(owner), PASSWORD))
    assert isinstance(again, challenge.Challenged)
    assert not isinstance(outcome, Refusal)
    assert SecondFactorMethod.TOTP in again.methods
