"""Taking an account back from who moved it to another mailbox (P51)."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.refusal import Refusal
from commerce import account as accounts
from commerce import email_change, mailbox, password, registration
from models.account import Account, AccountEventKind, Credential, EmailChange, MailToken, MailTokenKind
from models.database import Database
from tests.support.account import PASSWORDS, Post, can_sign_in, customer, letters, register, rows, token_in, verify
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, PASSWORD, PHONE, ago, events, who_has

ANA, EVE, EVA = "ana@example.com", "eve@example.net", "eva@example.org"
NEW_PASSWORD = "eleven blue buttons on a coat"
INVALID = ("TOKEN_INVALID", "token")


@pytest.fixture
def post(database: RolledBackDatabase) -> Post:
    return Post(database)


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(database: RolledBackDatabase) -> UUID:
    return await customer(database)


async def ask(database: Database, owner: UUID, address: str) -> Refusal | None:
    return await database.transact(lambda transaction: email_change.request(transaction, owner, address, PHONE))


async def confirm(database: Database, token: str) -> UUID | Refusal:
    return await database.transact(lambda transaction: email_change.confirm(transaction, token, PHONE))


async def undo(database: Database, token: str) -> UUID | Refusal:
    return await database.transact(lambda transaction: email_change.undo(transaction, token, LAPTOP))


async def asked(post: Post, owner: UUID, address: str) -> tuple[str, str]:
    """The tokens to confirm and to undo a change that is asked for."""
    assert await ask(post.database, owner, address) is None
    sent = {message.to: message for message in await post.deliver()}
    confirmation = token_in(sent.pop(address))
    [notice] = sent.values()
    return confirmation, token_in(notice)


async def moved(post: Post, owner: UUID, address: str) -> str:
    """The token that undoes a change, which is confirmed."""
    confirmation, notice = await asked(post, owner, address)
    assert await confirm(post.database, confirmation) == owner
    return notice


async def address_of(transaction: AsyncConnection, owner: UUID) -> str | None:
    return await transaction.scalar(select(Account.email).where(Account.id == owner))


def refusal(outcome: object) -> tuple[str, ...]:
    assert isinstance(outcome, Refusal)
    return (outcome.code, *outcome.field)


# ---- what a change makes useless, and what makes a change useless


async def test_old_mailbox_cannot_reset_the_password_after_a_change(
    database: RolledBackDatabase, post: Post, owner: UUID
):
    await database.transact(lambda transaction: password.request_reset(transaction, ANA, PHONE))
    reset = await post.token_for(ANA)
    await moved(post, owner, EVE)
    assert refusal(await password.reset(database, PASSWORDS, PHONE, reset, NEW_PASSWORD)) == INVALID


async def test_change_that_a_stranger_began_ends_with_a_new_password(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    confirmation, _ = await asked(post, owner, EVE)
    await database.transact(lambda transaction: password.request_reset(transaction, ANA, LAPTOP))
    reset = await post.token_for(ANA)
    assert await password.reset(database, PASSWORDS, LAPTOP, reset, NEW_PASSWORD) == owner
    assert refusal(await confirm(database, confirmation)) == INVALID
    assert await address_of(transaction, owner) == ANA


async def test_change_that_no_letter_was_written_for_yet_ends_with_a_new_password(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    mine = await sessions.issue(transaction, owner, LAPTOP, announce=False)
    await ask(database, owner, EVE)
    assert await password.change(database, PASSWORDS, LAPTOP, mine.viewer, PASSWORD, NEW_PASSWORD) is None
    assert letters(await post.deliver()) == {(ANA, "Your password for")}


# ---- undoing


async def test_p51_old_mailbox_undoes_a_change_and_ends_every_session(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    held = [await sessions.issue(transaction, owner, device, announce=False) for device in (LAPTOP, PHONE)]
    notice = await moved(post, owner, EVE)
    assert [await who_has(database, issued.digest) is None for issued in held] == [False, False]
    assert await undo(database, notice) == owner
    assert await address_of(transaction, owner) == ANA
    assert [await who_has(database, issued.digest) for issued in held] == [None, None]
    assert (await events(transaction, owner))[-1] is AccountEventKind.EMAIL_CHANGE_UNDONE
    assert refusal(await undo(database, notice)) == INVALID


async def test_undo_sends_the_way_to_a_new_password(database: RolledBackDatabase, post: Post, owner: UUID):
    notice = await moved(post, owner, EVE)
    assert await undo(database, notice) == owner
    reset = await post.token_for(ANA)
    assert await password.reset(database, PASSWORDS, LAPTOP, reset, NEW_PASSWORD) == owner
    assert await can_sign_in(database, ANA, NEW_PASSWORD)


async def test_undo_of_a_change_that_is_not_confirmed_ends_it(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    held = await sessions.issue(transaction, owner, PHONE, announce=False)
    confirmation, notice = await asked(post, owner, EVE)
    assert await undo(database, notice) == owner
    assert await who_has(database, held.digest) is None
    assert refusal(await confirm(database, confirmation)) == INVALID
    assert await address_of(transaction, owner) == ANA


async def test_undo_is_good_for_seven_days_from_the_change_itself(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    confirmation, notice = await asked(post, owner, EVE)
    kept = MailToken.kind == MailTokenKind.EMAIL_CHANGE_UNDO
    await transaction.execute(update(MailToken).where(kept).values(expires_at=func.now() + timedelta(days=6)))
    assert await confirm(database, confirmation) == owner
    assert await transaction.scalar(select(MailToken.expires_at - func.now()).where(kept)) == timedelta(days=7)
    await transaction.execute(update(MailToken).where(kept).values(expires_at=func.now()))
    assert refusal(await undo(database, notice)) == ("TOKEN_EXPIRED", "token")
    assert await address_of(transaction, owner) == EVE


async def test_account_that_was_moved_on_goes_back_to_its_owner(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    """A stranger who moved it twice can't undo the undoing from the mailbox in between, nor confirm or reset there."""
    owners = await moved(post, owner, EVE)
    strangers = await moved(post, owner, EVA)
    pending, strangers_second = await asked(post, owner, "third@example.net")
    await database.transact(lambda transaction: password.request_reset(transaction, EVA, PHONE))
    strangers_reset = await post.token_for(EVA)
    assert await undo(database, owners) == owner
    assert await address_of(transaction, owner) == ANA
    assert refusal(await undo(database, strangers)) == INVALID
    assert refusal(await undo(database, strangers_second)) == INVALID
    assert refusal(await confirm(database, pending)) == INVALID
    assert refusal(await password.reset(database, PASSWORDS, PHONE, strangers_reset, NEW_PASSWORD)) == INVALID
    assert await address_of(transaction, owner) == ANA


async def test_owner_still_wins_after_the_stranger_has_undone_the_later_change(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    owners = await moved(post, owner, EVE)
    strangers = await moved(post, owner, EVA)
    assert await undo(database, strangers) == owner
    assert await address_of(transaction, owner) == EVE
    assert await undo(database, owners) == owner
    assert await address_of(transaction, owner) == ANA


async def test_late_notice_of_an_undone_change_is_not_written(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    """A stranger whose mailbox puts the notice off must not be told how to undo once the owner has undone it all."""
    owners = await moved(post, owner, EVE)
    await ask(database, owner, EVA)
    assert await undo(database, owners) == owner
    later = select(EmailChange.id).where(EmailChange.new_email == EVA)
    change_id = await transaction.scalar(later)
    assert change_id is not None
    await post.deliver()
    assert not [message for message in post.sent if message.to == EVA]
    assert [message.to for message in post.sent].count(EVE) == 1
    await email_change.write_notice_letter(post.tools, change_id)
    assert [message.to for message in post.sent].count(EVE) == 1


async def test_notice_that_is_written_while_the_owner_undoes_waits_and_is_not_sent(committed_database: Database):
    post = Post(committed_database)
    owner = await customer(committed_database)
    owners = await moved(post, owner, EVE)
    await ask(committed_database, owner, EVA)
    later = select(EmailChange.id).where(EmailChange.new_email == EVA)
    change_id = await committed_database.transact(lambda transaction: transaction.scalar(later))
    assert change_id is not None
    sent = len(post.sent)
    async with committed_database.begun() as transaction:
        assert await email_change.undo(transaction, owners, LAPTOP) == owner
        writing = asyncio.create_task(email_change.write_notice_letter(post.tools, change_id))
        assert await asyncio.wait({writing}, timeout=0.5) == (set(), {writing})
    await writing
    assert len(post.sent) == sent


async def test_notice_of_a_change_that_was_replaced_still_takes_the_account_back(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    _, first_notice = await asked(post, owner, EVA)
    await moved(post, owner, EVE)
    assert await undo(database, first_notice) == owner
    assert await address_of(transaction, owner) == ANA


async def test_password_that_a_stranger_set_goes_with_the_undoing(
    database: RolledBackDatabase, post: Post, owner: UUID
):
    notice = await moved(post, owner, EVE)
    await database.transact(lambda transaction: password.request_reset(transaction, EVE, PHONE))
    assert await password.reset(database, PASSWORDS, PHONE, await post.token_for(EVE), NEW_PASSWORD) == owner
    assert await can_sign_in(database, EVE, NEW_PASSWORD)
    assert await undo(database, notice) == owner
    assert not await can_sign_in(database, ANA, NEW_PASSWORD)


async def test_password_that_was_changed_before_the_address_goes_with_the_undoing(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    strangers = await sessions.issue(transaction, owner, PHONE, announce=False)
    assert await password.change(database, PASSWORDS, PHONE, strangers.viewer, PASSWORD, NEW_PASSWORD) is None
    await post.deliver()
    assert await undo(database, await moved(post, owner, EVE)) == owner
    assert not await can_sign_in(database, ANA, NEW_PASSWORD)


async def test_password_that_nobody_changed_stays(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    assert await undo(database, await moved(post, owner, EVE)) == owner
    assert await can_sign_in(database, ANA, PASSWORD)
    assert len(await rows(transaction, Credential)) == 1


# ---- the old address while a change can be undone


async def test_address_that_was_left_is_nobody_elses_for_seven_days(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await moved(post, owner, EVE)
    other = await customer(database, EVA)
    await register(database, email=ANA)
    await ask(database, other, ANA)
    assert letters(await post.deliver()) == {(ANA, "The address of"), (EVA, "The address of")}
    assert (await mailbox.holder(transaction, ANA)) is not None
    await transaction.execute(update(EmailChange).values(confirmed_at=ago(days=7)))
    assert (await mailbox.holder(transaction, ANA)) is None
    await register(database, email=ANA)
    await verify(database, await post.token_for(ANA))


async def test_registration_from_before_does_not_take_an_address_that_was_left(
    database: RolledBackDatabase, post: Post, transaction: AsyncConnection
):
    await register(database)
    await register(database)
    first, second = [token_in(message) for message in await post.deliver()]
    await verify(database, first)
    owner = await transaction.scalar(select(Account.id))
    assert owner is not None
    notice = await moved(post, owner, EVE)
    outcome = await registration.verify(database, PASSWORDS, LAPTOP, registration.Verification(second))
    assert isinstance(outcome, list)
    assert refusal(outcome[0]) == INVALID
    assert await undo(database, notice) == owner
    assert await address_of(transaction, owner) == ANA


async def test_change_from_before_does_not_take_an_address_that_was_left(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    other = await customer(database, EVA)
    confirmation, _ = await asked(post, other, EVE)
    await moved(post, owner, EVE)
    notice = await moved(post, owner, "third@example.net")
    assert refusal(await confirm(database, confirmation)) == INVALID
    assert await undo(database, notice) == owner
    assert await address_of(transaction, owner) == EVE


async def test_who_forgot_nothing_but_lost_the_address_is_told_how_to_take_it_back(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await moved(post, owner, EVE)
    await database.transact(lambda transaction: password.request_reset(transaction, ANA, LAPTOP))
    assert await undo(database, await post.token_for(ANA)) == owner
    assert await address_of(transaction, owner) == ANA


async def test_owner_may_go_back_without_undoing(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await moved(post, owner, EVE)
    await moved(post, owner, ANA)
    assert await address_of(transaction, owner) == ANA


async def test_change_is_forgotten_when_it_can_be_undone_no_more(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    notice = await moved(post, owner, EVE)
    await accounts.forget_unproven(post.tools)
    assert len(await rows(transaction, EmailChange)) == 1
    await transaction.execute(update(EmailChange).values(created_at=ago(days=9), confirmed_at=ago(days=8)))
    await transaction.execute(update(MailToken).values(expires_at=ago(days=1)))
    await accounts.forget_unproven(post.tools)
    assert await rows(transaction, EmailChange) == []
    assert refusal(await undo(database, notice)) == ("TOKEN_EXPIRED", "token")
