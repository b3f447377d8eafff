"""Passwords that are set anew by mail, or changed by who knows them (P8, P53, P54)."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.refusal import Refusal
from auth.tokens import digest
from auth.viewer import Viewer
from commerce import account as accounts
from commerce import password as passwords
from models.account import (
    Account,
    AccountEvent,
    AccountEventKind,
    AccountKind,
    Credential,
    MailToken,
    PasswordResetRequest,
)
from models.database import Database
from models.ids import new_id
from models.login_session import LoginSession
from tests.support.account import PASSWORDS, Post, can_sign_in, customer, everything, letters, rows
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, PASSWORD, PHONE, ago, events, who_has
from tests.support.statements import statements

NEW_PASSWORD = "eleven blue buttons on a coat"


@pytest.fixture
def post(database: RolledBackDatabase) -> Post:
    return Post(database)


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(database: RolledBackDatabase) -> UUID:
    return await customer(database)


async def ask(database: Database, address: str = "ana@example.com") -> None:
    await database.transact(lambda transaction: passwords.request_reset(transaction, address, PHONE))


async def reset(database: Database, token: str, password: str = NEW_PASSWORD) -> UUID | Refusal:
    return await passwords.reset(database, PASSWORDS, LAPTOP, token, password)


async def change(database: Database, viewer: Viewer, current: str, password: str = NEW_PASSWORD) -> Refusal | None:
    return await passwords.change(database, PASSWORDS, LAPTOP, viewer, current, password)


def refusal(outcome: object) -> tuple[str, ...]:
    assert isinstance(outcome, Refusal)
    return (outcome.code, *outcome.field)


INVALID = ("TOKEN_INVALID", "token")


# ---- asking


async def test_known_and_unknown_addresses_are_asked_for_by_the_same_statements(
    database: RolledBackDatabase, owner: UUID
):
    seen = []
    for address in ("ana@example.com", "nobody@example.com"):
        with statements(database) as found:
            await ask(database, address)
        seen.append(found)
    assert seen[0] == seen[1]
    assert [statement.split(" (")[0] for statement in seen[0]] == [
        "INSERT INTO password_reset_request",
        "INSERT INTO job",
    ]


async def test_owner_is_sent_a_token_for_an_hour(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await ask(database, "ANA@example.com")
    token = await post.token_for("ana@example.com")
    [kept] = await rows(transaction, MailToken)
    assert (kept.kind, kept.account_id, kept.token_digest) == ("PASSWORD_RESET", owner, digest(token))
    assert await transaction.scalar(select(MailToken.expires_at - func.now() == func.make_interval(0, 0, 0, 0, 1)))
    assert token not in await everything(transaction)


async def test_p53_owner_sees_where_it_was_asked_from_and_nothing_else_is_kept(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await ask(database)
    await post.deliver()
    [event] = await rows(transaction, AccountEvent)
    assert (event.account_id, event.kind) == (owner, "PASSWORD_RESET_REQUESTED")
    assert (event.device_name, event.device_kind, event.ip_network, event.channel) == (
        PHONE.device_name,
        PHONE.device_kind,
        PHONE.network,
        PHONE.channel,
    )
    assert await rows(transaction, PasswordResetRequest) == []


async def test_nobody_is_written_to_for_an_unknown_address_and_it_is_forgotten(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await ask(database, "nobody@example.org")
    assert await post.deliver() == []
    assert "nobody@example.org" not in await everything(transaction)


async def test_disabled_account_is_not_written_to(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await transaction.execute(update(Account).values(disabled_at=func.now()))
    await ask(database)
    assert await post.deliver() == []


async def test_letter_goes_to_the_address_of_the_account_and_not_to_one_like_it(
    database: RolledBackDatabase, post: Post
):
    await customer(database, "kim@example.com")
    await ask(database, "k\u0130m@example.com")
    assert {message.to for message in await post.deliver()} == {"kim@example.com"}


async def test_letter_that_is_written_twice_has_a_token_of_its_own_and_is_one_event(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await ask(database)
    [asked] = await rows(transaction, PasswordResetRequest)
    envelope = await passwords._reset_letter(transaction, asked.id, AccountKind.CUSTOMER)
    assert envelope is not None
    second = await post.token_for("ana@example.com")
    assert envelope.values["token"] != second
    await passwords.write_reset_letter(post.tools, asked.id)
    assert len(post.sent) == 1
    assert await events(transaction, owner) == [AccountEventKind.PASSWORD_RESET_REQUESTED]


async def test_request_that_no_worker_took_is_forgotten(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await ask(database, "old@example.com")
    await transaction.execute(update(PasswordResetRequest).values(created_at=ago(hours=24)))
    await ask(database, "new@example.com")
    await accounts.forget_unproven(post.tools)
    assert [asked.email for asked in await rows(transaction, PasswordResetRequest)] == ["new@example.com"]


# ---- setting anew


async def test_reset_sets_the_password_and_ends_every_session(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    held = [await sessions.issue(transaction, owner, device, announce=False) for device in (LAPTOP, PHONE)]
    await ask(database)
    token = await post.token_for("ana@example.com")
    assert await reset(database, token) == owner
    assert [await who_has(database, issued.digest) for issued in held] == [None, None]
    assert await can_sign_in(database, "ana@example.com", NEW_PASSWORD)
    assert not await can_sign_in(database, "ana@example.com", PASSWORD)
    assert AccountEventKind.PASSWORD_RESET in await events(transaction, owner)


async def test_reset_signs_nobody_in(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await ask(database)
    assert await reset(database, await post.token_for("ana@example.com")) == owner
    assert await rows(transaction, LoginSession) == []


async def test_reset_is_told_by_mail(database: RolledBackDatabase, post: Post, owner: UUID):
    await ask(database)
    assert await reset(database, await post.token_for("ana@example.com")) == owner
    assert letters(await post.deliver()) == {("ana@example.com", "Your password for")}


async def test_account_without_a_password_gets_one_by_reset(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await transaction.execute(delete(Credential))
    await ask(database)
    assert await reset(database, await post.token_for("ana@example.com")) == owner
    assert await can_sign_in(database, "ana@example.com", NEW_PASSWORD)


async def test_reset_token_is_good_once_and_takes_the_others_with_it(
    database: RolledBackDatabase, post: Post, owner: UUID
):
    await ask(database)
    first = await post.token_for("ana@example.com")
    await ask(database)
    second = await post.token_for("ana@example.com")
    assert await reset(database, second) == owner
    assert refusal(await reset(database, second)) == INVALID
    assert refusal(await reset(database, first)) == INVALID


async def test_expired_reset_token_says_so_and_changes_nothing(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await ask(database)
    token = await post.token_for("ana@example.com")
    await transaction.execute(update(MailToken).values(expires_at=func.now()))
    assert refusal(await reset(database, token)) == ("TOKEN_EXPIRED", "token")
    assert await can_sign_in(database, "ana@example.com", PASSWORD)


@pytest.mark.parametrize(
    ("password", "code"),
    [("anaruiz1", "WEAK_PASSWORD"), ("iloveyou1", "BREACHED_PASSWORD"), ("short1", "WEAK_PASSWORD")],
)
async def test_p54_weak_password_is_refused_and_the_token_stays_good(
    database: RolledBackDatabase, post: Post, owner: UUID, password: str, code: str
):
    await ask(database)
    token = await post.token_for("ana@example.com")
    assert refusal(await reset(database, token, password)) == (code, "newPassword")
    assert await reset(database, token) == owner


async def test_account_disabled_since_is_not_reset(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await ask(database)
    token = await post.token_for("ana@example.com")
    before = await rows(transaction, Credential)
    await transaction.execute(update(Account).values(disabled_at=func.now()))
    assert refusal(await reset(database, token)) == INVALID
    assert await rows(transaction, Credential) == before


async def test_reset_token_brought_by_ten_at_once_sets_one_password(committed_database: Database):
    post = Post(committed_database)
    await customer(committed_database)
    await ask(committed_database)
    token = await post.token_for("ana@example.com")
    chosen = [f"{number} blue buttons on a coat" for number in range(10)]
    outcomes = await asyncio.gather(*[reset(committed_database, token, password) for password in chosen])
    assert sum(isinstance(outcome, UUID) for outcome in outcomes) == 1
    [winner] = [password for password, outcome in zip(chosen, outcomes, strict=True) if isinstance(outcome, UUID)]
    assert await can_sign_in(committed_database, "ana@example.com", winner)


# ---- changing


async def test_change_ends_the_other_sessions_and_is_told_by_mail(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    mine, other = [await sessions.issue(transaction, owner, device, announce=False) for device in (LAPTOP, PHONE)]
    assert await change(database, mine.viewer, PASSWORD) is None
    assert await who_has(database, mine.digest) is not None
    assert await who_has(database, other.digest) is None
    assert letters(await post.deliver()) == {("ana@example.com", "Your password for")}
    assert AccountEventKind.PASSWORD_CHANGED in await events(transaction, owner)
    assert await can_sign_in(database, "ana@example.com", NEW_PASSWORD)
    assert not await can_sign_in(database, "ana@example.com", PASSWORD)


async def test_change_needs_the_current_password(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    mine, other = [await sessions.issue(transaction, owner, device, announce=False) for device in (LAPTOP, PHONE)]
    before = await rows(transaction, Credential)
    assert refusal(await change(database, mine.viewer, PASSWORD.upper())) == (
        "INVALID_CREDENTIALS",
        "currentPassword",
    )
    assert await rows(transaction, Credential) == before
    assert await who_has(database, other.digest) is not None
    assert await post.deliver() == []
    assert (await events(transaction, owner))[-1] is AccountEventKind.SIGN_IN_FAILED


async def test_p54_change_to_a_weak_password_is_refused(
    database: RolledBackDatabase, owner: UUID, transaction: AsyncConnection
):
    mine = await sessions.issue(transaction, owner, LAPTOP)
    assert refusal(await change(database, mine.viewer, PASSWORD, "short1")) == ("WEAK_PASSWORD", "newPassword")
    assert await can_sign_in(database, "ana@example.com", PASSWORD)


async def test_account_without_a_password_is_told_how_to_get_one(
    database: RolledBackDatabase, owner: UUID, transaction: AsyncConnection
):
    mine = await sessions.issue(transaction, owner, LAPTOP)
    await transaction.execute(delete(Credential))
    outcome = await change(database, mine.viewer, PASSWORD)
    assert outcome == passwords.NO_PASSWORD
    assert await rows(transaction, Credential) == []


async def test_change_makes_reset_tokens_useless(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    mine = await sessions.issue(transaction, owner, LAPTOP, announce=False)
    await ask(database)
    token = await post.token_for("ana@example.com")
    assert await change(database, mine.viewer, PASSWORD) is None
    assert refusal(await reset(database, token)) == INVALID


async def test_of_changes_at_once_one_holds(committed_database: Database):
    owner = await customer(committed_database)
    mine = await committed_database.transact(lambda transaction: sessions.issue(transaction, owner, LAPTOP))
    chosen = [f"{number} blue buttons on a coat" for number in range(8)]
    outcomes = await asyncio.gather(*[change(committed_database, mine.viewer, PASSWORD, one) for one in chosen])
    assert [outcome is None for outcome in outcomes].count(True) == 1
    assert await can_sign_in(committed_database, "ana@example.com", chosen[outcomes.index(None)])


async def test_letter_about_an_account_that_is_gone_is_not_written(post: Post):
    await passwords.write_changed_letter(post.tools, new_id())
    await passwords.write_reset_letter(post.tools, new_id())
    assert post.sent == []
