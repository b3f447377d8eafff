"""Second factors of staff: due to all but the demo's, and counted by session (P52)."""

from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.passwords import PasswordHasher
from auth.viewer import Viewer, ViewerKind
from commerce import enrolment, login_session
from commerce.second_factor import Answer
from privacy import obligations
from tests.support.authenticator import Browser
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, viewer_of
from tests.support.second_factor import (
    VERIFIER,
    Clock,
    challenged,
    completed,
    fresh_viewer,
    stamp_of,
    with_app,
    with_passkey,
)
from tests.support.staff import employ

CLERK = "clerk@staff.example.com"


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def clerk(transaction: AsyncConnection, password_hash: str) -> UUID:
    employee = await employ(transaction, "support", email=CLERK, password_hash=password_hash, waived=False)
    return employee.account_id


@pytest.fixture
async def of_the_demo(transaction: AsyncConnection) -> UUID:
    return (await employ(transaction, "support", waived=True)).account_id


async def has_given(database: RolledBackDatabase, viewer: Viewer) -> bool:
    """Whether the session is believed to have a second factor where one is due."""
    assert viewer.token_digest is not None
    found = await database.transact(
        lambda t: sessions.viewer_of(t, viewer.token_digest or b"", obligations.CURRENT.version)
    )
    assert found is not None
    assert found.kind is ViewerKind.STAFF
    assert found.staff is not None
    return found.staff.second_factor


async def test_second_factor_counts_in_the_session_that_enrols_it(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, clerk: UUID
):
    here, elsewhere = await fresh_viewer(database, clerk), await fresh_viewer(database, clerk)
    stamp = await stamp_of(transaction, clerk)
    assert not await has_given(database, here)
    app = await with_app(database, clock, here)
    assert await has_given(database, here)
    assert not await has_given(database, elsewhere)
    assert await stamp_of(transaction, clerk) > stamp
    stamp = await stamp_of(transaction, clerk)
    await login_session.step_up_by_second_factor(transaction, VERIFIER, LAPTOP, elsewhere, app.answer())
    assert await has_given(database, elsewhere)
    assert await stamp_of(transaction, clerk) > stamp


async def test_waived_second_factor_is_not_due_until_one_is_enrolled(
    database: RolledBackDatabase, clock: Clock, of_the_demo: UUID
):
    here, elsewhere = await fresh_viewer(database, of_the_demo), await fresh_viewer(database, of_the_demo)
    assert await has_given(database, here)
    await with_app(database, clock, here)
    assert (await has_given(database, here), await has_given(database, elsewhere)) == (True, False)


async def test_staff_sign_in_with_the_second_factor_and_have_given_it(
    database: RolledBackDatabase, clock: Clock, passwords: PasswordHasher, clerk: UUID
):
    app = await with_app(database, clock, await fresh_viewer(database, clerk))
    waiting = await challenged(database, passwords, CLERK)
    outcome = await completed(database, waiting.token, app.answer())
    viewer = outcome.issued.viewer
    assert (viewer.kind, viewer.staff.second_factor) == (ViewerKind.STAFF, True)
    assert await viewer_of(database, outcome.issued.digest) == viewer


async def test_staff_keep_one_second_factor_at_least(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, clerk: UUID, browser: Browser
):
    viewer = await fresh_viewer(database, clerk)
    app, passkey = await with_app(database, clock, viewer), await with_passkey(database, viewer, browser)
    stamp = await stamp_of(transaction, clerk)
    assert await enrolment.remove(transaction, viewer, passkey.factor_id, LAPTOP) is None
    assert await stamp_of(transaction, clerk) > stamp
    assert await enrolment.remove(transaction, viewer, app.id, LAPTOP) == enrolment.LAST_OF_STAFF
    assert [one.id for one in await enrolment.listed(transaction, clerk)] == [app.id]


async def test_demos_staff_may_remove_the_last(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, of_the_demo: UUID
):
    viewer, elsewhere = await fresh_viewer(database, of_the_demo), await fresh_viewer(database, of_the_demo)
    app = await with_app(database, clock, viewer)
    assert await enrolment.remove(transaction, viewer, app.id, LAPTOP) is None
    assert await has_given(database, elsewhere)


async def test_wrong_second_factor_changes_no_access(
    database: RolledBackDatabase, transaction: AsyncConnection, clock: Clock, clerk: UUID
):
    await with_app(database, clock, await fresh_viewer(database, clerk))
    elsewhere, stamp = await fresh_viewer(database, clerk), await stamp_of(transaction, clerk)
    wrong = Answer(totp_code="000000")
    await login_session.step_up_by_second_factor(transaction, VERIFIER, LAPTOP, elsewhere, wrong)
    assert not await has_given(database, elsewhere)
    assert await stamp_of(transaction, clerk) == stamp
