"""What the owner of an account hears by mail about its second factors."""

from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.viewer import Viewer
from commerce import enrolment
from commerce.second_factor import Answer, accepts
from tests.support.account import Post
from tests.support.authenticator import Browser
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, account_with, email_of
from tests.support.second_factor import VERIFIER, Clock, fresh_viewer, with_app, with_passkey


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection, password_hash: str) -> UUID:
    return await account_with(transaction, password_hash)


@pytest.fixture
async def viewer(database: RolledBackDatabase, owner: UUID) -> Viewer:
    return await fresh_viewer(database, owner, announce=False)


@pytest.fixture
def post(database: RolledBackDatabase) -> Post:
    return Post(database)


async def one_letter(post: Post, owner: UUID) -> tuple[str, str]:
    """Subject and text of the one letter that is sent now, to the account's address."""
    [message] = await post.deliver()
    assert message.to == email_of(owner)
    return message.subject, message.text


async def test_owner_hears_of_a_new_second_factor_and_not_its_secrets(
    database: RolledBackDatabase, post: Post, clock: Clock, owner: UUID, viewer: Viewer, browser: Browser
):
    app = await with_app(database, clock, viewer, "My phone")
    subject, text = await one_letter(post, owner)
    assert subject == "Your account with Layette has a new second factor"
    assert "An authenticator app was added" in text
    assert app.codes is not None
    assert not any(secret in text for secret in (app.seed, "My phone", *app.codes))
    await with_passkey(database, viewer, browser)
    assert "A passkey was added" in (await one_letter(post, owner))[1]


async def test_nobody_hears_of_what_was_not_confirmed(
    transaction: AsyncConnection, post: Post, clock: Clock, viewer: Viewer
):
    await enrolment.enroll_app(transaction, VERIFIER, viewer, LAPTOP)
    assert await post.deliver() == []


async def test_owner_hears_of_a_second_factor_less(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, clock: Clock, owner: UUID, viewer: Viewer
):
    app = await with_app(database, clock, viewer)
    await post.deliver()
    await enrolment.remove(transaction, viewer, app.id, LAPTOP)
    assert (await one_letter(post, owner))[0] == "A second factor of your account with Layette was removed"


async def test_owner_hears_of_a_recovery_code_and_how_many_are_left(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, clock: Clock, owner: UUID, viewer: Viewer
):
    app = await with_app(database, clock, viewer)
    await post.deliver()
    assert app.codes is not None
    for left, code in zip(("9 codes are left.", "8 codes are left."), app.codes, strict=False):
        await accepts(transaction, VERIFIER, owner, Answer(recovery_code=code), LAPTOP, asked=None)
        subject, text = await one_letter(post, owner)
        assert subject == "A recovery code of your account with Layette was used"
        assert left in text
        assert code not in text


async def test_owner_hears_of_renewed_recovery_codes(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, clock: Clock, owner: UUID, viewer: Viewer
):
    await with_app(database, clock, viewer)
    await post.deliver()
    codes = await enrolment.renew_codes(transaction, viewer)
    assert isinstance(codes, tuple)
    subject, text = await one_letter(post, owner)
    assert subject == "Your recovery codes for Layette are new"
    assert not any(code in text for code in codes)


async def test_letter_about_what_is_gone_is_not_sent(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, clock: Clock, owner: UUID, viewer: Viewer
):
    """It was added and removed before the worker came: the second letter tells enough."""
    app = await with_app(database, clock, viewer)
    await enrolment.renew_codes(transaction, viewer)
    await enrolment.remove(transaction, viewer, app.id, LAPTOP)
    assert (await one_letter(post, owner))[0] == "A second factor of your account with Layette was removed"
