"""From a token in a mailbox to an account, and what is forgotten without (P1, P2, P8, P26, P27, P54)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal
from auth.sessions import Issued
from auth.tokens import Kind, new_token
from commerce import account as accounts
from commerce import mail_token, registration
from commerce.registration import Applicant, Guardian, Status, Verification
from models.account import (
    Account,
    AccountEventKind,
    Acknowledgement,
    AgeBand,
    Credential,
    GuardianRequest,
    MailToken,
    MailTokenKind,
    Registration,
)
from models.classification import Channel
from models.database import Database
from models.preference import CommunicationPreference, Preference
from privacy import policy
from tests.support.account import (
    PASSWORDS,
    Post,
    can_sign_in,
    customer,
    everything,
    form,
    register,
    rows,
    token_in,
    verify,
)
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, PASSWORD, PHONE, ago, events, who_has

UNDER_13 = AgeBand.UNDER_13


@pytest.fixture
def post(database: RolledBackDatabase) -> Post:
    return Post(database)


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


def refused(outcome: Any) -> set[tuple[str, ...]]:
    assert isinstance(outcome, list), outcome
    return {(refusal.code, *refusal.field) for refusal in outcome}


async def try_to_verify(database: Database, token: str, password: str | None = PASSWORD, **typed: Any) -> Any:
    return await registration.verify(database, PASSWORDS, LAPTOP, Verification(token, password, **typed))


async def submit(database: Database, **typed: Any) -> Status:
    who = registration.check(form(**typed))
    assert isinstance(who, Applicant | Guardian)
    return await database.transact(lambda transaction: registration.submit(transaction, who, Channel.WEB))


# ---- the account


async def test_account_is_opened_by_who_has_the_mailbox(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database, phone="+1 202 555 0143")
    await transaction.execute(update(Registration).values(channel=Channel.MOBILE, created_at=ago(hours=1)))
    issued = await verify(database, await post.token_for("ana@example.com"), username="Ana.Ruiz")
    [opened] = await rows(transaction, Account)
    assert (opened.name, opened.email, opened.phone) == ("Ana Ruiz", "ana@example.com", "+12025550143")
    assert (opened.username, opened.age_band, opened.version, opened.channel) == ("Ana.Ruiz", "ADULT", 1, "MOBILE")
    assert opened.email_verified_at is not None
    found = await who_has(database, issued.digest)
    assert found is not None
    assert found.viewer.account_id == opened.id
    assert await events(transaction, opened.id) == [AccountEventKind.REGISTERED, AccountEventKind.SIGNED_IN]
    assert await rows(transaction, Registration) == []
    assert await post.deliver() == []
    assert await can_sign_in(database, "ANA@example.com", PASSWORD)
    assert await can_sign_in(database, "ana.ruiz", PASSWORD)


async def test_p2_acceptance_of_the_policy_is_kept_with_its_time_and_channel(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    await transaction.execute(update(Registration).values(channel=Channel.MOBILE, created_at=ago(hours=5)))
    await verify(database, await post.token_for("ana@example.com"))
    [kept] = await rows(transaction, Acknowledgement)
    assert (kept.policy_version, kept.channel, kept.withdrawn_at) == (policy.CURRENT.version, "MOBILE", None)
    assert kept.acknowledged_at == await transaction.scalar(select(ago(hours=5)))


async def test_p2_acceptance_of_the_policy_consents_to_nothing_else(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    await verify(database, await post.token_for("ana@example.com"))
    [wishes] = await rows(transaction, CommunicationPreference)
    assert (wishes.email, wishes.sms, wishes.phone, wishes.post) == (False,) * 4
    [taste] = await rows(transaction, Preference)
    assert (taste.version, wishes.version, taste.interests) == (1, 1, [])


async def test_p8_password_is_kept_as_argon2id_alone(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    await verify(database, await post.token_for("ana@example.com"))
    [kept] = await rows(transaction, Credential)
    assert kept.password_hash.startswith("$argon2id$")
    assert PASSWORD not in await everything(transaction)


async def test_p27_account_may_do_without_a_password(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    await verify(database, await post.token_for("ana@example.com"), None)
    assert len(await rows(transaction, Account)) == 1
    assert await rows(transaction, Credential) == []


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "WEAK_PASSWORD"),
        ("abc12", "WEAK_PASSWORD"),
        ("password1", "BREACHED_PASSWORD"),
        ("quillfeather7", "WEAK_PASSWORD"),
        ("z.quill", "WEAK_PASSWORD"),
        ("x" * 1025, "TOO_LONG"),
    ],
)
async def test_p54_weak_password_is_refused_and_the_token_stays_good(
    database: RolledBackDatabase, post: Post, password: str, code: str
):
    await register(database, name="Zora Quillfeather", email="z.quill@example.com")
    token = await post.token_for("z.quill@example.com")
    assert refused(await try_to_verify(database, token, password)) == {(code, "password")}
    await verify(database, token)


async def test_p54_case_of_a_password_counts(database: RolledBackDatabase, post: Post):
    await register(database)
    await verify(database, await post.token_for("ana@example.com"), "vAlvet9trEE")
    assert await can_sign_in(database, "ana@example.com", "vAlvet9trEE")
    assert not await can_sign_in(database, "ana@example.com", "valvet9tree")


@pytest.mark.parametrize(
    ("username", "code"),
    [
        ("TAKEN.name", "TAKEN"),
        ("ab", "INVALID"),
        ("ana@example.com", "INVALID"),
        ("ana ruiz", "INVALID"),
        ("аna", "INVALID"),
        ("ana..ruiz", "INVALID"),
        ("_ana", "INVALID"),
        ("x" * 31, "TOO_LONG"),
        ("4111111111111111", "CARD_NUMBER_REFUSED"),
        ("a\x00b", "INVALID"),
    ],
)
async def test_username_that_cannot_be_had_is_refused_and_the_token_stays_good(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection, username: str, code: str
):
    other = await customer(database, "other@example.com")
    await transaction.execute(update(Account).where(Account.id == other).values(username="Taken.Name"))
    await register(database)
    token = await post.token_for("ana@example.com")
    assert refused(await try_to_verify(database, token, username=username)) == {(code, "username")}
    assert len(await rows(transaction, Account)) == 1
    await verify(database, token, username="ana-ruiz")


async def test_token_opens_one_account(database: RolledBackDatabase, post: Post, transaction: AsyncConnection):
    await register(database)
    token = await post.token_for("ana@example.com")
    await verify(database, token)
    assert refused(await try_to_verify(database, token)) == {("TOKEN_INVALID", "token")}
    assert len(await rows(transaction, Account)) == 1


async def test_expired_token_says_so_also_when_its_registration_is_forgotten(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    token = await post.token_for("ana@example.com")
    await transaction.execute(update(MailToken).values(expires_at=func.now()))
    await transaction.execute(update(Registration).values(created_at=ago(hours=24)))
    assert refused(await try_to_verify(database, token)) == {("TOKEN_EXPIRED", "token")}
    await accounts.forget_unproven(post.tools)
    assert await rows(transaction, Registration) == []
    assert refused(await try_to_verify(database, token)) == {("TOKEN_EXPIRED", "token")}
    assert await rows(transaction, Account) == []


@pytest.mark.parametrize("token", ["", "lym_", "x" * 100_000, "lym_" + "0" * 39, "\x00"])
async def test_what_is_no_token_is_invalid(database: RolledBackDatabase, token: str):
    assert refused(await try_to_verify(database, token)) == {("TOKEN_INVALID", "token")}


@pytest.mark.parametrize("kind", Kind)
async def test_token_that_was_never_sent_is_invalid(database: RolledBackDatabase, kind: Kind):
    assert refused(await try_to_verify(database, new_token(kind).text)) == {("TOKEN_INVALID", "token")}


async def test_token_of_another_kind_opens_no_account(database: RolledBackDatabase, transaction: AsyncConnection):
    owner = await customer(database)
    for kind in MailTokenKind:
        if kind is not MailTokenKind.VERIFY:
            fresh = await mail_token.make(transaction, kind, account_id=owner)
            assert refused(await try_to_verify(database, fresh.text)) == {("TOKEN_INVALID", "token")}


async def test_second_registration_of_an_address_that_got_its_account_is_invalid(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database, name="Ana One")
    await register(database, name="Ana Two")
    first, second = [token_in(message) for message in await post.deliver()]
    await verify(database, second)
    assert refused(await try_to_verify(database, first)) == {("TOKEN_INVALID", "token")}
    assert await rows(transaction, Registration) == []
    assert len(await rows(transaction, Account)) == 1


# ---- callers at once


async def test_token_brought_twenty_times_at_once_opens_one_account(committed_database: Database):
    post = Post(committed_database)
    await register(committed_database)
    token = await post.token_for("ana@example.com")
    outcomes = await asyncio.gather(*[try_to_verify(committed_database, token) for _ in range(20)])
    assert sum(isinstance(outcome, Issued) for outcome in outcomes) == 1
    assert [refused(outcome) for outcome in outcomes if isinstance(outcome, list)] == [
        {("TOKEN_INVALID", "token")}
    ] * 19
    assert len(await committed_database.transact(lambda transaction: rows(transaction, Account))) == 1
    assert len(await committed_database.transact(lambda transaction: rows(transaction, Acknowledgement))) == 1


async def test_twenty_registrations_of_one_address_verified_at_once_open_one_account(committed_database: Database):
    post = Post(committed_database)
    for _ in range(20):
        await register(committed_database)
    tokens = [token_in(message) for message in await post.deliver()]
    outcomes = await asyncio.gather(*[try_to_verify(committed_database, token) for token in tokens])
    assert sum(isinstance(outcome, Issued) for outcome in outcomes) == 1
    assert len(await committed_database.transact(lambda transaction: rows(transaction, Account))) == 1
    assert await committed_database.transact(lambda transaction: rows(transaction, Registration)) == []


async def test_username_wanted_by_twenty_at_once_is_one_accounts(committed_database: Database):
    post = Post(committed_database)
    for number in range(20):
        await register(committed_database, email=f"ana{number}@example.com")
    tokens = [token_in(message) for message in await post.deliver()]
    outcomes = await asyncio.gather(*[try_to_verify(committed_database, token, username="ana") for token in tokens])
    assert sum(isinstance(outcome, Issued) for outcome in outcomes) == 1
    assert [refused(outcome) for outcome in outcomes if isinstance(outcome, list)] == [{("TAKEN", "username")}] * 19


# ---- forgetting


async def test_p26_what_nobody_proved_is_forgotten_in_time(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database, email="old@example.com")
    await submit(database, age_band=UNDER_13, guardian_email="old.guardian@example.com")
    await post.deliver()
    await transaction.execute(update(Registration).values(created_at=ago(hours=24)))
    await transaction.execute(update(GuardianRequest).values(created_at=ago(days=7)))
    await register(database, email="new@example.com")
    await submit(database, age_band=UNDER_13, guardian_email="new.guardian@example.com")
    await accounts.forget_unproven(post.tools)
    assert [row.email for row in await rows(transaction, Registration)] == ["new@example.com"]
    assert [row.guardian_email for row in await rows(transaction, GuardianRequest)] == ["new.guardian@example.com"]
    assert "old" not in await everything(transaction)


async def test_token_is_forgotten_a_month_after_its_end(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    await post.deliver()
    await transaction.execute(update(MailToken).values(expires_at=ago(days=29)))
    await accounts.forget_unproven(post.tools)
    assert len(await rows(transaction, MailToken)) == 1
    await transaction.execute(update(MailToken).values(expires_at=ago(days=31)))
    await accounts.forget_unproven(post.tools)
    assert await rows(transaction, MailToken) == []


async def test_p1_channel_of_the_answer_is_that_of_the_device(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    token = await post.token_for("ana@example.com")
    outcome = await registration.verify(database, PASSWORDS, PHONE, Verification(token))
    assert isinstance(outcome, Issued)
    assert outcome.viewer.channel == Channel.MOBILE
    assert (await transaction.scalar(select(Account.channel))) == Channel.WEB
    assert not isinstance(outcome, Refusal)
