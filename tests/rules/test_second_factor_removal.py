"""Recovery codes, and removing second factors (P29; ASVS 6.5.1, 6.5.2)."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import RefusalCode
from auth.sessions import viewer_of
from auth.viewer import Viewer
from commerce import enrolment
from commerce.second_factor import Answer, accepts, methods_of
from models.account import AccountEventKind
from models.ids import new_id
from models.second_factor import RecoveryCode, SecondFactor, SecondFactorMethod
from privacy.retention import sweep
from tests.support.account import everything
from tests.support.authenticator import Browser
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, PHONE, account_with, ago, events
from tests.support.second_factor import (
    VERIFIER,
    Clock,
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


# ---- recovery codes


async def test_recovery_codes_come_with_the_first_second_factor_alone(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, browser: Browser
):
    app = await with_app(database, clock, viewer)
    assert app.codes is not None
    assert len(set(app.codes)) == 10
    assert (await with_passkey(database, viewer, browser)).codes is None
    kept = await everything(transaction)
    assert not any(code in kept or code.replace("-", "") in kept for code in app.codes)


async def test_recovery_code_is_good_once(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, owner: UUID
):
    app = await with_app(database, clock, viewer)
    assert app.codes is not None
    for code in app.codes:
        answer = Answer(recovery_code=code.upper())
        assert await accepts(transaction, VERIFIER, owner, answer, PHONE, asked=None)
        assert not await accepts(transaction, VERIFIER, owner, answer, PHONE, asked=None)
    assert (await events(transaction, owner)).count(Kind.RECOVERY_CODE_USED) == 10


async def test_recovery_code_is_good_for_its_account_alone(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, password_hash: str
):
    app = await with_app(database, clock, viewer)
    assert app.codes is not None
    other = await account_with(transaction, password_hash)
    await with_app(database, clock, await fresh_viewer(database, other))
    assert not await accepts(transaction, VERIFIER, other, Answer(recovery_code=app.codes[0]), LAPTOP, asked=None)


async def test_renewed_codes_end_the_old_ones(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, owner: UUID
):
    app = await with_app(database, clock, viewer)
    assert app.codes is not None
    renewed = await enrolment.renew_codes(transaction, viewer)
    assert isinstance(renewed, tuple)
    assert len({*renewed, *app.codes}) == 20
    assert not await accepts(transaction, VERIFIER, owner, Answer(recovery_code=app.codes[0]), LAPTOP, asked=None)
    assert await accepts(transaction, VERIFIER, owner, Answer(recovery_code=renewed[0]), LAPTOP, asked=None)


async def test_codes_without_a_second_factor_are_not_made(transaction: AsyncConnection, viewer: Viewer):
    assert await enrolment.renew_codes(transaction, viewer) == enrolment.NONE_ENROLLED
    assert await count_codes(transaction) == 0


# ---- removing


async def test_codes_go_with_the_last_second_factor(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    clock: Clock,
    viewer: Viewer,
    owner: UUID,
    browser: Browser,
):
    app, passkey = await with_app(database, clock, viewer), await with_passkey(database, viewer, browser)
    assert await enrolment.remove(transaction, viewer, app.id, LAPTOP) is None
    assert await methods_of(transaction, owner) == {PASSKEY}
    assert await count_codes(transaction) == 10
    assert await enrolment.remove(transaction, viewer, passkey.factor_id, LAPTOP) is None
    assert await methods_of(transaction, owner) == set()
    assert await count_codes(transaction) == 0
    assert (await with_app(database, clock, viewer)).codes is not None


async def test_what_is_not_there_is_not_found_before_anything_else(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, password_hash: str
):
    other = await fresh_viewer(database, await account_with(transaction, password_hash))
    theirs = await with_app(database, clock, other)
    await begun(database, viewer)
    (unconfirmed,) = [row.id for row in await factors(transaction) if row.confirmed_at is None]
    for key in (theirs.id, unconfirmed, new_id(), None):
        assert await enrolment.remove(transaction, late(viewer), key, LAPTOP) == enrolment.NOT_FOUND
    assert len(await factors(transaction)) == 2


async def test_what_was_never_confirmed_is_forgotten_after_a_day(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer
):
    app = await with_app(database, clock, viewer)
    await begun(database, viewer)
    await transaction.execute(update(SecondFactor).values(created_at=ago(days=1, seconds=1)))
    assert (await sweep(database))["second_factor"] == 1
    assert [row.id for row in await factors(transaction)] == [app.id]


async def test_reset_leaves_no_factor_no_code_and_no_session(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, viewer: Viewer, owner: UUID
):
    await with_app(database, clock, viewer)
    assert await enrolment.reset(transaction, owner) == 1
    assert await methods_of(transaction, owner) == set()
    assert await count_codes(transaction) == 0
    assert viewer.token_digest is not None
    assert await viewer_of(transaction, viewer.token_digest, "any") is None
    assert (await events(transaction, owner))[-1] is Kind.SECOND_FACTOR_REMOVED
