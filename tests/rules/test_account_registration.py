"""Registering, from the form to the letter (P3, P21, P22, P26)."""

import dataclasses
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.tokens import digest
from commerce import address as address_book
from commerce import registration
from commerce.registration import Applicant, Guardian, Status, Verification
from models.account import (
    Account,
    AgeBand,
    GuardianRequest,
    MailToken,
    Registration,
)
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from privacy import policy
from tests.support.account import (
    PASSWORDS,
    Post,
    customer,
    everything,
    form,
    register,
    rows,
    token_in,
    verify,
)
from tests.support.address import entry
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, PASSWORD, ago, who_has
from tests.support.statements import statements

UNDER_13, TEENAGER, ADULT = AgeBand.UNDER_13, AgeBand.FROM_13_TO_17, AgeBand.ADULT


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


# ---- the form


def test_p26_name_and_email_are_all_that_is_needed():
    needed = {field.name for field in dataclasses.fields(registration.Form) if field.default is dataclasses.MISSING}
    assert needed == {"name", "email", "age_band", "policy_version"}
    found = registration.check(form(name="  Ana   Ruiz ", email="Ana@EXAMPLE.com"))
    assert isinstance(found, Applicant)
    assert (found.name, found.email, found.phone) == ("Ana Ruiz", "Ana@example.com", None)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ({"name": ""}, ("REQUIRED", "name")),
        ({"name": "\u200b \u2060"}, ("REQUIRED", "name")),
        ({"name": "x" * 201}, ("TOO_LONG", "name")),
        ({"name": "Ana\x00Ruiz"}, ("INVALID", "name")),
        ({"name": "Ana 4111 1111 1111 1111"}, ("CARD_NUMBER_REFUSED", "name")),
        ({"email": " "}, ("REQUIRED", "email")),
        ({"email": "ana"}, ("INVALID", "email")),
        ({"email": "ana@example.com\r\nBcc: b@example.com"}, ("INVALID", "email")),
        ({"email": "a" * 250 + "@example.com"}, ("TOO_LONG", "email")),
        ({"email": "4111111111111111@example.com"}, ("CARD_NUMBER_REFUSED", "email")),
        ({"phone": "12"}, ("INVALID", "phone")),
        ({"policy_version": "1999-01-01"}, ("POLICY_NOT_ACCEPTED", "acceptsPolicyVersion")),
        ({"age_band": UNDER_13}, ("GUARDIAN_CONSENT_REQUIRED", "guardianEmail")),
        ({"age_band": UNDER_13, "guardian_email": "mother"}, ("INVALID", "guardianEmail")),
        ({"age_band": UNDER_13, "guardian_email": "ANA@example.com"}, ("INVALID", "guardianEmail")),
    ],
)
def test_what_is_wrong_with_a_form_is_told(typed: dict[str, Any], code: tuple[str, ...]):
    assert refused(registration.check(form(**typed))) == {code}


def test_everything_wrong_is_told_at_once():
    outcome = registration.check(form(name="", email="ana", phone="12", policy_version=""))
    assert {code for code, *_ in refused(outcome)} == {"REQUIRED", "INVALID", "POLICY_NOT_ACCEPTED"}
    assert len(refused(outcome)) == 4


def test_p3_phone_number_is_kept_as_e164():
    found = registration.check(form(phone="+1 (202) 555-0143"))
    assert isinstance(found, Applicant)
    assert found.phone == "+12025550143"


def test_forms_do_not_print_what_was_typed():
    assert "ana" not in f"{form()!r} {registration.check(form())!r} {Guardian('ana@example.com')!r}".lower()


# ---- children


@pytest.mark.parametrize("age_band", [UNDER_13, TEENAGER, ADULT])
def test_p21_another_answer_from_the_same_browser_changes_nothing(age_band: AgeBand):
    again = form(age_band=age_band)
    assert refused(registration.check(again, answered_under_13=True)) == {
        ("GUARDIAN_CONSENT_REQUIRED", "guardianEmail")
    }
    with_guardian = form(age_band=age_band, guardian_email="eva@example.com")
    assert isinstance(registration.check(with_guardian, answered_under_13=True), Guardian)


async def test_p22_nothing_of_a_child_is_kept(database: RolledBackDatabase, post: Post, transaction: AsyncConnection):
    child = {"name": "Zoë Quillfeather", "email": "zoe.q@example.org", "phone": "+12025550143", "age_band": UNDER_13}
    assert await submit(database, **child, guardian_email="Eva@Example.com") is Status.GUARDIAN_CONSENT_SENT
    before = await everything(transaction)
    [message] = await post.deliver()
    assert message.to == "Eva@example.com"
    stored = before + await everything(transaction)
    assert "Eva@example.com" in stored
    assert await rows(transaction, Registration) == []
    for trace in ("Quillfeather", "Zoë", "zoe.q", "example.org", "2025550143", "UNDER_13"):
        assert trace not in stored
        assert trace.lower() not in f"{message.subject} {message.text} {message.html}".lower()


async def test_p22_guardian_gets_a_token_for_a_week(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await submit(database, age_band=UNDER_13, guardian_email="eva@example.com")
    token = await post.token_for("eva@example.com")
    [kept] = await rows(transaction, MailToken)
    [asked] = await rows(transaction, GuardianRequest)
    assert (kept.kind, kept.guardian_request_id, kept.account_id) == ("GUARDIAN_CONSENT", asked.id, None)
    assert kept.token_digest == digest(token)
    assert kept.expires_at - asked.created_at == timedelta(days=7)
    assert refused(await try_to_verify(database, token)) == {("TOKEN_INVALID", "token")}


async def test_p22_child_cannot_be_written_into_a_registration(database: RolledBackDatabase):
    child = Applicant("Zoë", "zoe@example.com", UNDER_13, policy.CURRENT.version, None)
    with pytest.raises(Exception, match="ck_registration_not_a_child"):
        await database.transact(lambda transaction: registration.submit(transaction, child, Channel.WEB))


@pytest.mark.parametrize("phone", [None, "+12025550143"])
@pytest.mark.parametrize("password", [None, PASSWORD])
@pytest.mark.parametrize("username", [None, "ana"])
async def test_p27_whatever_else_is_given_or_not_the_account_is_as_good(
    database: RolledBackDatabase, post: Post, phone: str | None, password: str | None, username: str | None
):
    await register(database, phone=phone)
    issued = await verify(database, await post.token_for("ana@example.com"), password, username=username)
    found = await who_has(database, issued.digest)
    assert found is not None
    owner = found.viewer.account_id
    assert owner is not None
    kept = await database.transact(lambda t: address_book.create(t, owner, entry(), Channel.WEB))
    assert isinstance(kept, UUID)
    assert found.viewer.stepped_up_until is not None


async def test_session_that_brings_the_token_ends_with_the_new_one(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    other = await sessions.issue(transaction, await customer(database, "bo@example.com"), LAPTOP)
    await register(database)
    token = await post.token_for("ana@example.com")
    await registration.verify(database, PASSWORDS, LAPTOP, Verification(token, "short"), other.digest)
    assert await who_has(database, other.digest) is not None
    await registration.verify(database, PASSWORDS, LAPTOP, Verification(token), other.digest)
    assert await who_has(database, other.digest) is None


async def test_teenager_may_register(database: RolledBackDatabase, post: Post, transaction: AsyncConnection):
    await register(database, age_band=TEENAGER)
    await verify(database, await post.token_for("ana@example.com"))
    assert await transaction.scalar(select(Account.age_band)) == TEENAGER


# ---- known and unknown addresses


async def test_p26_known_and_unknown_addresses_get_the_same_answer_by_the_same_statements(
    database: RolledBackDatabase,
):
    await customer(database, "known@example.com")
    seen = []
    for address in ("known@example.com", "unknown@example.com"):
        with statements(database) as found:
            assert await submit(database, email=address) is Status.VERIFICATION_SENT
        seen.append(found)
    assert seen[0] == seen[1]
    assert [statement.split(" (")[0] for statement in seen[0]] == ["INSERT INTO registration", "INSERT INTO job"]
    with statements(database) as found:
        await submit(database, age_band=UNDER_13, guardian_email="known@example.com")
    assert len(found) == 2


async def test_owner_of_a_known_address_is_told_and_nothing_is_kept(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await customer(database, "Ana@example.com")
    await register(database, email="aNA@example.com", name="Somebody Else")
    [message] = await post.deliver()
    assert (message.to, message.subject) == ("Ana@example.com", "You already have an account with Layette")
    assert "Somebody Else" not in message.text + message.html
    assert await rows(transaction, Registration) == await rows(transaction, MailToken) == []


async def test_address_that_looks_like_anothers_is_not_written_to(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    """A capital I with a dot becomes a plain i: a letter about kim's account goes to kim, never to the look-alike."""
    await customer(database, "kim@example.com")
    await register(database, email="K\u0130M@example.com")
    assert {message.to for message in await post.deliver()} == {"kim@example.com"}


# ---- the letter


async def test_new_address_is_sent_a_token_that_only_its_hash_is_kept_of(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    token = await post.token_for("ana@example.com")
    [kept] = await rows(transaction, MailToken)
    [waiting] = await rows(transaction, Registration)
    assert (kept.kind, kept.registration_id, kept.used_at) == ("VERIFY", waiting.id, None)
    assert kept.token_digest == digest(token)
    assert kept.expires_at - waiting.created_at == timedelta(hours=24)
    assert token not in await everything(transaction)
    assert "24 hours" in post.sent[0].text


async def test_letter_that_is_written_twice_has_a_token_of_its_own(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    [waiting] = await rows(transaction, Registration)
    await registration.write_letter(post.tools, waiting.id)
    first, second = [token_in(message) for message in (*post.sent, *await post.deliver())]
    assert first != second
    await verify(database, first)
    assert refused(await try_to_verify(database, second)) == {("TOKEN_INVALID", "token")}


async def test_letter_to_a_known_address_may_be_written_twice(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await customer(database)
    await register(database)
    [waiting] = await rows(transaction, Registration)
    await registration.write_letter(post.tools, waiting.id)
    assert await post.deliver() == []
    assert len(post.sent) == 1


async def test_late_letter_promises_no_more_than_is_left(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    await transaction.execute(update(Registration).values(created_at=ago(hours=3, minutes=20)))
    [message] = await post.deliver()
    assert "20 hours" in message.text
    assert await transaction.scalar(select(MailToken.expires_at - func.now())) == timedelta(hours=20, minutes=40)


async def test_registration_that_waited_too_long_is_not_written_to(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    await transaction.execute(update(Registration).values(created_at=ago(hours=24)))
    assert await post.deliver() == []


async def test_letter_about_what_is_gone_is_not_written(post: Post):
    await registration.write_letter(post.tools, new_id())
    await registration.write_guardian_letter(post.tools, new_id())
    assert post.sent == []
