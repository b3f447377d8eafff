"""What completes no sign-in: wrong answers, answers to another, and what ends one that waits (ASVS 6.4.3, 6.6)."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.refusal import RefusalCode
from auth.tokens import Kind as TokenKind
from auth.tokens import new_token
from auth.viewer import Viewer
from commerce import challenge, enrolment, login_session, second_factor
from commerce.challenge import Challenged
from commerce.login_session import Completed, SignIn
from commerce.password import keep
from commerce.second_factor import Answer
from models.account import Account, AccountEventKind
from models.login_session import LoginSession
from models.second_factor import SecondFactorMethod
from privacy.retention import sweep
from tests.support.authenticator import Browser, base64url
from tests.support.database import RolledBackDatabase
from tests.support.login_session import (
    LAPTOP,
    PASSWORD,
    CountingHasher,
    Meanwhile,
    account_with,
    ago,
    email_of,
)
from tests.support.second_factor import (
    SHOP,
    App,
    Clock,
    age_challenges,
    challenged,
    completed,
    fresh_viewer,
    signs_in,
    with_app,
    with_passkey,
)

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


# ---- what does not answer


@pytest.mark.parametrize(
    "answer",
    [
        Answer(),
        Answer(totp_code="000000", passkey="{}"),
        Answer(passkey="{}", recovery_code="0" * 24),
        Answer("000000", "{}", "0" * 24),
    ],
)
async def test_answer_is_exactly_one_of_three_and_another_costs_no_try(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App, answer: Answer
):
    waiting = await challenged(database, passwords, owner)
    for _ in range(6):
        assert await completed(database, waiting.token, answer) == second_factor.ONE_OF_THREE
    assert isinstance(await completed(database, waiting.token, app.answer()), Completed)


WRONG = [
    Answer(totp_code=""),
    Answer(totp_code="000000"),
    Answer(passkey=""),
    Answer(passkey="{}"),
    Answer(recovery_code=""),
    Answer(recovery_code="0000-0000-0000-0000-0000-0000"),
]


@pytest.mark.parametrize("answer", WRONG, ids=range(len(WRONG)))
async def test_fifth_wrong_answer_ends_the_sign_in(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App, answer: Answer
):
    waiting = await challenged(database, passwords, owner)
    for _ in range(5):
        assert await completed(database, waiting.token, answer) == second_factor.INVALID
    for late in (answer, app.answer()):
        assert await completed(database, waiting.token, late) == challenge.GONE
    assert await signs_in(database, passwords, owner, app.answer())


async def test_fourth_wrong_answer_does_not(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App
):
    waiting = await challenged(database, passwords, owner)
    for _ in range(4):
        await completed(database, waiting.token, Answer(totp_code="000000"))
    assert isinstance(await completed(database, waiting.token, app.answer()), Completed)


async def test_sign_in_is_completed_once(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App
):
    waiting = await challenged(database, passwords, owner)
    assert isinstance(await completed(database, waiting.token, app.answer()), Completed)
    assert await completed(database, waiting.token, app.answer(1)) == challenge.GONE


async def test_code_is_good_once_over_all_sign_ins(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App, clock: Clock
):
    code = app.answer()
    first, second = await challenged(database, passwords, owner), await challenged(database, passwords, owner)
    assert isinstance(await completed(database, first.token, code), Completed)
    assert await completed(database, second.token, code) == second_factor.INVALID
    clock.step += 1
    assert await completed(database, second.token, code) == second_factor.INVALID
    assert isinstance(await completed(database, second.token, app.answer()), Completed)


async def test_earlier_step_does_not_count_after_a_later_one(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, app: App, clock: Clock
):
    clock.step += 5
    assert await signs_in(database, passwords, owner, app.answer(1))
    assert not await signs_in(database, passwords, owner, app.answer(0))
    assert not await signs_in(database, passwords, owner, app.answer(-1))


async def test_each_of_two_apps_has_codes_of_its_own(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, viewer: Viewer, app: App, clock: Clock
):
    other = await with_app(database, clock, viewer)
    assert await signs_in(database, passwords, owner, other.answer())
    assert await signs_in(database, passwords, owner, app.answer())


async def test_passkeys_answer_serves_the_challenge_that_it_was_made_for_alone(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, viewer: Viewer, browser: Browser
):
    await with_passkey(database, viewer, browser)
    first, second = await challenged(database, passwords, owner), await challenged(database, passwords, owner)
    answer = passkey(browser, first)
    assert await completed(database, second.token, answer) == second_factor.INVALID
    assert isinstance(await completed(database, first.token, answer), Completed)
    assert await completed(database, first.token, answer) == challenge.GONE


async def test_passkey_of_another_account_does_not_answer(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    password_hash: str,
    owner: UUID,
    viewer: Viewer,
    browser: Browser,
):
    await with_passkey(database, viewer, Browser(SHOP.origin))
    other = await account_with(transaction, password_hash)
    await with_passkey(database, await fresh_viewer(database, other), browser)
    waiting, (theirs,) = await challenged(database, passwords, owner), browser.passkeys
    assert waiting.asked is not None
    signed = browser.asserted(theirs, base64url(waiting.asked.challenge))
    assert await completed(database, waiting.token, Answer(passkey=signed)) == second_factor.INVALID
    theirs.user_handle = owner.bytes
    signed = browser.asserted(theirs, base64url(waiting.asked.challenge))
    assert await completed(database, waiting.token, Answer(passkey=signed)) == second_factor.INVALID


async def test_passkey_with_another_accounts_handle_does_not_answer(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, viewer: Viewer, browser: Browser
):
    await with_passkey(database, viewer, browser)
    waiting = await challenged(database, passwords, owner)
    browser.passkeys[0].user_handle = b"somebody else's"
    assert await completed(database, waiting.token, passkey(browser, waiting)) == second_factor.INVALID
    browser.passkeys[0].user_handle = b""
    assert isinstance(await completed(database, waiting.token, passkey(browser, waiting)), Completed)


async def test_copied_authenticator_is_found_by_its_count(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, viewer: Viewer, browser: Browser
):
    await with_passkey(database, viewer, browser)
    copy = browser.copied()
    waiting = await challenged(database, passwords, owner)
    assert isinstance(await completed(database, waiting.token, passkey(browser, waiting)), Completed)
    waiting = await challenged(database, passwords, owner)
    assert await completed(database, waiting.token, passkey(copy, waiting)) == second_factor.INVALID
    assert isinstance(await completed(database, waiting.token, passkey(browser, waiting)), Completed)


async def test_second_factor_of_another_account_does_not_answer(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    password_hash: str,
    owner: UUID,
    clock: Clock,
    app: App,
):
    other = await account_with(transaction, password_hash)
    theirs = await with_app(database, clock, await fresh_viewer(database, other))
    assert theirs.codes is not None
    waiting = await challenged(database, passwords, owner)
    for answer in (theirs.answer(), Answer(recovery_code=theirs.codes[0])):
        assert await completed(database, waiting.token, answer) == second_factor.INVALID
    assert await signs_in(database, passwords, other, theirs.answer())


async def test_second_factor_that_was_removed_does_not_answer(
    database: RolledBackDatabase, passwords: CountingHasher, owner: UUID, viewer: Viewer, app: App, browser: Browser
):
    added = await with_passkey(database, viewer, browser)
    first, second = await challenged(database, passwords, owner), await challenged(database, passwords, owner)
    await database.transact(lambda t: enrolment.remove(t, viewer, app.id, LAPTOP))
    assert await completed(database, first.token, app.answer()) == second_factor.INVALID
    await database.transact(lambda t: enrolment.remove(t, viewer, added.factor_id, LAPTOP))
    assert await completed(database, second.token, passkey(browser, second)) == second_factor.INVALID


# ---- what ends a sign-in that waits


@pytest.mark.parametrize("kind", [kind for kind in TokenKind if kind is not TokenKind.CHALLENGE])
async def test_token_of_another_kind_is_none(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    owner: UUID,
    app: App,
    kind: TokenKind,
):
    foreign = new_token(kind)
    await challenged(database, passwords, owner)
    await age_challenges(transaction, token_digest=foreign.digest)
    assert await completed(database, foreign.text, app.answer()) == challenge.GONE


async def test_token_of_no_challenge_completes_nothing(database: RolledBackDatabase, app: App):
    assert await completed(database, new_token(TokenKind.CHALLENGE).text, app.answer()) == challenge.GONE


@pytest.mark.parametrize("token", ["", "lyc_", "lyc_" + "0" * 39, "\x00", "\ud800"])
async def test_token_that_is_none_completes_nothing(database: RolledBackDatabase, app: App, token: str):
    assert await completed(database, token, app.answer()) == challenge.GONE


async def test_sign_in_waits_for_five_minutes(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, owner: UUID, app: App
):
    waiting = await challenged(database, passwords, owner)
    await age_challenges(transaction, expires_at=func.now())
    refused = await completed(database, waiting.token, app.answer())
    assert refused == challenge.EXPIRED
    assert (refused.code, refused.field) == (Code.TOKEN_EXPIRED, ("challenge",))
    await age_challenges(transaction, expires_at=func.now() + timedelta(seconds=1))
    assert isinstance(await completed(database, waiting.token, app.answer()), Completed)


async def test_account_disabled_meanwhile_is_not_entered(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, owner: UUID, app: App
):
    waiting = await challenged(database, passwords, owner)
    await transaction.execute(update(Account).values(disabled_at=func.now()))
    assert await completed(database, waiting.token, app.answer()) == challenge.GONE


async def test_whatever_ends_all_other_sessions_ends_the_sign_in(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, owner: UUID, app: App
):
    """A change of the password does, a reset, an undone change of address, and their owner by hand."""
    waiting = await challenged(database, passwords, owner)
    other = await challenged(database, passwords, owner)
    await sessions.revoke_others(transaction, owner, None)
    for token in (waiting.token, other.token):
        assert await completed(database, token, app.answer()) == challenge.GONE


async def test_sign_ins_of_others_are_not_ended_with_it(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    password_hash: str,
    owner: UUID,
    app: App,
):
    waiting = await challenged(database, passwords, owner)
    await sessions.revoke_all(transaction, await account_with(transaction, password_hash))
    assert isinstance(await completed(database, waiting.token, app.answer()), Completed)


async def test_new_password_does_not_go_round_the_second_factor(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, owner: UUID, app: App
):
    await keep(transaction, owner, await passwords.hash("eight spotted socks in a box"))
    outcome = await login_session.sign_in(
        database, passwords, LAPTOP, SignIn(email_of(owner), "eight spotted socks in a box")
    )
    assert isinstance(outcome, Challenged)


async def test_second_factor_enrolled_while_the_password_is_hashed_is_asked_for(
    database: RolledBackDatabase, clock: Clock, owner: UUID, viewer: Viewer
):
    hasher = Meanwhile(lambda: with_app(database, clock, viewer))
    outcome = await login_session.sign_in(database, hasher, LAPTOP, SignIn(email_of(owner), PASSWORD))
    hasher.close()
    assert isinstance(outcome, Challenged)


async def test_challenge_that_is_long_over_is_not_known(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, owner: UUID, app: App
):
    waiting = await challenged(database, passwords, owner)
    await age_challenges(transaction, expires_at=ago(days=1, seconds=1))
    await sweep(database)
    assert await completed(database, waiting.token, app.answer()) == challenge.GONE
