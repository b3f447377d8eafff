"""Second factors are enrolled, confirmed, listed and removed (P29; ASVS 6.5)."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import passkeys, totp
from auth.refusal import Refusal, RefusalCode
from auth.sealing import Unsealable
from auth.viewer import Viewer
from commerce import enrolment
from commerce.challenge import ask_session
from commerce.enrolment import Confirmed
from commerce.second_factor import Answer, accepts, methods_of
from models.account import AccountEventKind
from models.ids import new_id
from models.login_session import LoginSession
from models.second_factor import ChallengeKind, RecoveryCode, SecondFactor, SecondFactorMethod
from tests.support.account import everything
from tests.support.authenticator import Browser
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, PHONE, account_with, ago, events
from tests.support.second_factor import (
    SHOP,
    VERIFIER,
    Clock,
    age_challenges,
    begun,
    fresh_viewer,
    with_app,
    with_passkey,
)

Code, Kind = RefusalCode, AccountEventKind
TOTP, PASSKEY = SecondFactorMethod.TOTP, SecondFactorMethod.PASSKEY


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection, password_hash: str) -> UUID:
    return await account_with(transaction, password_hash)


@pytest.fixture
async def viewer(database: RolledBackDatabase, owner: UUID) -> Viewer:
    return await fresh_viewer(database, owner)


def late(viewer: Viewer) -> Viewer:
    """The same session, its step-up over."""
    return replace(viewer, stepped_up_until=None)


async def factors(transaction: AsyncConnection) -> list[Any]:
    return list((await transaction.execute(select(SecondFactor.__table__).order_by(SecondFactor.id))).all())


async def count_codes(transaction: AsyncConnection, **where: Any) -> int:
    codes = select(func.count()).select_from(RecoveryCode).filter_by(**where)
    return (await transaction.execute(codes)).scalar_one()


# ---- authenticator apps


async def test_app_counts_once_it_shows_the_right_code(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, owner: UUID
):
    new = await begun(database, viewer)
    assert await methods_of(transaction, owner) == set()
    assert await enrolment.listed(transaction, owner) == []
    assert f"secret={new.seed}" in new.uri
    code = totp.code_of(new.seed, clock.step)
    confirmed = await enrolment.confirm_app(transaction, VERIFIER, viewer, code, "  My   phone ", LAPTOP)
    assert isinstance(confirmed, Confirmed)
    assert await methods_of(transaction, owner) == {TOTP}
    ((key, method, label, _, last_used_at),) = await enrolment.listed(transaction, owner)
    assert (key, method, label) == (confirmed.factor_id, TOTP, "My phone")
    assert last_used_at is not None


@pytest.mark.parametrize("off", [-2, 2, 100])
async def test_app_with_a_wrong_code_does_not_count(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, owner: UUID, off: int
):
    new = await begun(database, viewer)
    code = totp.code_of(new.seed, clock.step + off)
    refused = await enrolment.confirm_app(transaction, VERIFIER, viewer, code, None, LAPTOP)
    assert refused == enrolment.WRONG_CODE
    assert (refused.code, refused.field) == (Code.SECOND_FACTOR_INVALID, ("code",))
    assert await methods_of(transaction, owner) == set()
    assert await count_codes(transaction) == 0


async def test_code_that_confirmed_is_good_for_nothing_else(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, owner: UUID
):
    app = await with_app(database, clock, viewer)
    again = Answer(totp_code=app.code(-1))
    assert not await accepts(transaction, VERIFIER, owner, again, LAPTOP, asked=None)
    assert await accepts(transaction, VERIFIER, owner, app.answer(), LAPTOP, asked=None)


async def test_seed_is_kept_sealed_for_its_own_row(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, owner: UUID
):
    app = await with_app(database, clock, viewer)
    (row,) = await factors(transaction)
    kept = await everything(transaction)
    assert app.seed not in kept
    assert app.seed.encode().hex() not in kept
    assert VERIFIER.sealer.open(row.sealed, owner.bytes + row.id.bytes).decode() == app.seed
    with pytest.raises(Unsealable):
        VERIFIER.sealer.open(row.sealed, new_id().bytes + row.id.bytes)


async def test_seed_moved_to_another_account_does_not_sign_in_there(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, password_hash: str
):
    app = await with_app(database, clock, viewer)
    victim = await account_with(transaction, password_hash)
    await transaction.execute(update(SecondFactor).values(account_id=victim))
    with pytest.raises(Unsealable):
        await accepts(transaction, VERIFIER, victim, app.answer(), LAPTOP, asked=None)


async def test_beginning_anew_forgets_what_was_not_confirmed(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer
):
    first, second = await begun(database, viewer), await begun(database, viewer)
    code = totp.code_of(first.seed, clock.step)
    assert await enrolment.confirm_app(transaction, VERIFIER, viewer, code, None, LAPTOP) == enrolment.WRONG_CODE
    code = totp.code_of(second.seed, clock.step)
    assert isinstance(await enrolment.confirm_app(transaction, VERIFIER, viewer, code, None, LAPTOP), Confirmed)


async def test_app_that_waited_too_long_is_begun_anew(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer
):
    new = await begun(database, viewer)
    await transaction.execute(update(SecondFactor).values(created_at=ago(minutes=30)))
    code = totp.code_of(new.seed, clock.step)
    assert await enrolment.confirm_app(transaction, VERIFIER, viewer, code, None, LAPTOP) == enrolment.NOTHING_WAITS


async def test_nothing_waits_to_be_confirmed_of_somebody_elses(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, password_hash: str
):
    new = await begun(database, viewer)
    other = await fresh_viewer(database, await account_with(transaction, password_hash))
    code = totp.code_of(new.seed, clock.step)
    assert await enrolment.confirm_app(transaction, VERIFIER, other, code, None, LAPTOP) == enrolment.NOTHING_WAITS


# ---- passkeys


async def test_passkey_counts_when_the_browser_has_made_it(
    database: RolledBackDatabase, transaction: AsyncConnection, viewer: Viewer, owner: UUID, browser: Browser
):
    confirmed = await with_passkey(database, viewer, browser, "Laptop")
    assert await methods_of(transaction, owner) == {PASSKEY}
    ((key, method, label, _, last_used_at),) = await enrolment.listed(transaction, owner)
    assert (key, method, label, last_used_at) == (confirmed.factor_id, PASSKEY, "Laptop", None)
    (row,) = await factors(transaction)
    assert row.credential_id == browser.passkeys[0].credential_id
    assert browser.passkeys[0].user_handle == owner.bytes


async def test_authenticator_has_one_passkey_of_an_account(
    database: RolledBackDatabase, transaction: AsyncConnection, viewer: Viewer, browser: Browser
):
    await with_passkey(database, viewer, browser)
    options = await enrolment.enroll_passkey(transaction, VERIFIER, viewer, LAPTOP)
    assert isinstance(options, str)
    careless = browser.attested(browser.passkeys[0], passkey_challenge(options))
    outcome = await enrolment.confirm_passkey(transaction, VERIFIER, viewer, careless, None, LAPTOP)
    assert outcome == enrolment.KNOWN_PASSKEY


async def test_passkey_of_another_account_is_not_enrolled_again(
    database: RolledBackDatabase, transaction: AsyncConnection, viewer: Viewer, browser: Browser, password_hash: str
):
    await with_passkey(database, viewer, browser)
    other = await account_with(transaction, password_hash)
    theirs = await fresh_viewer(database, other)
    options = await enrolment.enroll_passkey(transaction, VERIFIER, theirs, LAPTOP)
    assert isinstance(options, str)
    stolen = browser.attested(browser.passkeys[0], passkey_challenge(options))
    outcome = await enrolment.confirm_passkey(transaction, VERIFIER, theirs, stolen, None, LAPTOP)
    assert outcome == enrolment.KNOWN_PASSKEY
    assert await methods_of(transaction, other) == set()


async def test_browser_is_asked_once_for_each_try(
    database: RolledBackDatabase, transaction: AsyncConnection, viewer: Viewer, browser: Browser
):
    options = await enrolment.enroll_passkey(transaction, VERIFIER, viewer, LAPTOP)
    assert isinstance(options, str)
    made = browser.create(options)
    assert await enrolment.confirm_passkey(transaction, VERIFIER, viewer, "{}", None, LAPTOP) == enrolment.NO_PASSKEY
    outcome = await enrolment.confirm_passkey(transaction, VERIFIER, viewer, made, None, LAPTOP)
    assert outcome == enrolment.NOTHING_WAITS


async def test_passkey_is_confirmed_in_the_session_that_asked_for_it(
    database: RolledBackDatabase, transaction: AsyncConnection, viewer: Viewer, owner: UUID, browser: Browser
):
    options = await enrolment.enroll_passkey(transaction, VERIFIER, viewer, LAPTOP)
    assert isinstance(options, str)
    made, elsewhere = browser.create(options), await fresh_viewer(database, owner)
    outcome = await enrolment.confirm_passkey(transaction, VERIFIER, elsewhere, made, None, LAPTOP)
    assert outcome == enrolment.NOTHING_WAITS
    assert isinstance(await enrolment.confirm_passkey(transaction, VERIFIER, viewer, made, None, LAPTOP), Confirmed)


async def test_passkey_that_comes_too_late_is_begun_anew(
    transaction: AsyncConnection, viewer: Viewer, browser: Browser
):
    options = await enrolment.enroll_passkey(transaction, VERIFIER, viewer, LAPTOP)
    assert isinstance(options, str)
    await age_challenges(transaction, expires_at=func.now())
    made = browser.create(options)
    outcome = await enrolment.confirm_passkey(transaction, VERIFIER, viewer, made, None, LAPTOP)
    assert outcome == enrolment.NOTHING_WAITS


async def test_what_was_asked_for_a_step_up_does_not_enrol(
    database: RolledBackDatabase, transaction: AsyncConnection, viewer: Viewer, browser: Browser
):
    asked = passkeys.ask([])
    await ask_session(transaction, viewer, ChallengeKind.STEP_UP, LAPTOP, asked)
    made = browser.create(passkeys.enrolment(SHOP, asked, passkeys.Owner(b"x", "x", "x")))
    outcome = await enrolment.confirm_passkey(transaction, VERIFIER, viewer, made, None, LAPTOP)
    assert outcome == enrolment.NOTHING_WAITS


def passkey_challenge(options: str) -> str:
    return json.loads(options)["challenge"]


# ---- what both ask for and leave


async def test_adding_removing_and_renewing_need_a_step_up(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer
):
    app = await with_app(database, clock, viewer)
    outcomes = [
        await enrolment.enroll_app(transaction, VERIFIER, late(viewer), LAPTOP),
        await enrolment.enroll_passkey(transaction, VERIFIER, late(viewer), LAPTOP),
        await enrolment.remove(transaction, late(viewer), app.id, LAPTOP),
        await enrolment.renew_codes(transaction, late(viewer)),
    ]
    assert [isinstance(one, Refusal) and one.code for one in outcomes] == [Code.STEP_UP_REQUIRED] * 4
    assert len(await factors(transaction)) == 1
    assert await count_codes(transaction) == 10


async def test_step_up_that_ends_before_the_confirmation_does_not_matter(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer
):
    new = await begun(database, viewer)
    code = totp.code_of(new.seed, clock.step)
    assert isinstance(await enrolment.confirm_app(transaction, VERIFIER, late(viewer), code, None, LAPTOP), Confirmed)


@pytest.mark.parametrize(("label", "code"), [("x" * 61, Code.TOO_LONG), ("a\u202eb", Code.INVALID)])
async def test_label_that_cannot_be_kept_uses_nothing_up(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    clock: Clock,
    viewer: Viewer,
    browser: Browser,
    label: str,
    code: RefusalCode,
):
    new = await begun(database, viewer)
    options = await enrolment.enroll_passkey(transaction, VERIFIER, viewer, LAPTOP)
    assert isinstance(options, str)
    typed, made = totp.code_of(new.seed, clock.step), browser.create(options)
    for outcome in (
        await enrolment.confirm_app(transaction, VERIFIER, viewer, typed, label, LAPTOP),
        await enrolment.confirm_passkey(transaction, VERIFIER, viewer, made, label, LAPTOP),
    ):
        assert not isinstance(outcome, Confirmed)
        assert (outcome.code, outcome.field) == (code, ("label",))
    assert isinstance(await enrolment.confirm_app(transaction, VERIFIER, viewer, typed, " ", LAPTOP), Confirmed)
    assert isinstance(await enrolment.confirm_passkey(transaction, VERIFIER, viewer, made, None, LAPTOP), Confirmed)
    assert {row.label for row in await factors(transaction)} == {None}


async def test_session_that_confirms_has_given_a_second_factor(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, owner: UUID
):
    other = await fresh_viewer(database, owner)
    await with_app(database, clock, viewer)
    given = select(LoginSession.id).where(LoginSession.second_factor_at.is_not(None))
    assert list(await transaction.scalars(given)) == [viewer.session_id] != [other.session_id]


async def test_ten_second_factors_are_the_most(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, browser: Browser
):
    new = await begun(database, viewer)
    for _ in range(10):
        await with_passkey(database, viewer, Browser(SHOP.origin))
    code = totp.code_of(new.seed, clock.step)
    outcomes = [
        await enrolment.enroll_app(transaction, VERIFIER, viewer, LAPTOP),
        await enrolment.enroll_passkey(transaction, VERIFIER, viewer, LAPTOP),
        await enrolment.confirm_app(transaction, VERIFIER, viewer, code, None, LAPTOP),
    ]
    assert outcomes == [enrolment.LIMIT_REACHED] * 3
    assert len(await enrolment.listed(transaction, viewer.account_id or new_id())) == 10


async def test_owner_sees_what_was_added_and_removed(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    clock: Clock,
    viewer: Viewer,
    owner: UUID,
    browser: Browser,
):
    before = await events(transaction, owner)
    app = await with_app(database, clock, viewer)
    await with_passkey(database, viewer, browser)
    assert await enrolment.remove(transaction, viewer, app.id, PHONE) is None
    added = [Kind.SECOND_FACTOR_ADDED] * 2
    assert (await events(transaction, owner))[len(before) :] == [*added, Kind.SECOND_FACTOR_REMOVED]
