"""Changes of an account's address, asked for and confirmed (P29, P51)."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal
from commerce import email_change
from gateways.mail import MailMessage
from models.account import Account, AccountEventKind, EmailChange, MailToken, MailTokenKind
from models.database import Database
from models.ids import new_id
from tests.support.account import Post, can_sign_in, customer, letters, rows, token_in
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, PASSWORD, PHONE, events
from tests.support.statements import statements

ANA, EVE, EVA = "ana@example.com", "eve@example.net", "eva@example.org"
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


# ---- asking


async def test_free_and_taken_addresses_are_asked_for_by_the_same_statements(database: RolledBackDatabase, owner: UUID):
    await customer(database, EVA)
    seen = []
    for address in (EVA, EVE):
        with statements(database) as found:
            assert await ask(database, owner, address) is None
        seen.append(found)
    assert seen[0] == seen[1]
    assert len(seen[0]) == 7


async def test_p51_new_mailbox_confirms_and_old_one_is_told(database: RolledBackDatabase, post: Post, owner: UUID):
    assert await ask(database, owner, EVE) is None
    assert letters(await post.deliver()) == {
        (EVE, "Confirm your new"),
        (ANA, "The address of"),
    }


async def test_address_stays_until_it_is_confirmed(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    confirmation, _ = await asked(post, owner, EVE)
    assert await address_of(transaction, owner) == ANA
    assert await confirm(database, confirmation) == owner
    assert await address_of(transaction, owner) == EVE
    assert await can_sign_in(database, EVE, PASSWORD)
    assert not await can_sign_in(database, ANA, PASSWORD)
    assert await transaction.scalar(select(Account.version)) == 2
    assert (await events(transaction, owner))[:2] == [
        AccountEventKind.EMAIL_CHANGE_REQUESTED,
        AccountEventKind.EMAIL_CHANGED,
    ]


@pytest.mark.parametrize("address", [ANA, "ANA@example.com"])
async def test_own_address_is_not_asked_for(
    database: RolledBackDatabase, owner: UUID, transaction: AsyncConnection, address: str
):
    assert refusal(await ask(database, owner, address)) == ("INVALID", "newEmail")
    assert await rows(transaction, EmailChange) == []


async def test_taken_address_is_told_to_its_owner_and_never_to_who_asked(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await customer(database, EVA)
    await ask(database, owner, EVA.upper())
    assert letters(await post.deliver()) == {(EVA, "This address is"), (ANA, "The address of")}
    kinds = [kept.kind for kept in await rows(transaction, MailToken)]
    assert kinds == [MailTokenKind.EMAIL_CHANGE_UNDO]


async def test_address_that_is_taken_before_it_is_confirmed_stays_its_owners(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    confirmation, _ = await asked(post, owner, EVE)
    other = await customer(database, "EVE@example.net")
    assert refusal(await confirm(database, confirmation)) == INVALID
    assert await address_of(transaction, owner) == ANA
    assert await address_of(transaction, other) == "EVE@example.net"


async def test_later_change_takes_the_place_of_one_that_is_not_confirmed(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    mistyped, _ = await asked(post, owner, EVA)
    confirmation, _ = await asked(post, owner, EVE)
    assert refusal(await confirm(database, mistyped)) == INVALID
    assert await confirm(database, confirmation) == owner
    assert await address_of(transaction, owner) == EVE


async def test_confirmation_is_good_once_and_for_a_day(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    confirmation, _ = await asked(post, owner, EVE)
    kept = MailToken.kind == MailTokenKind.EMAIL_CHANGE
    left = await transaction.scalar(select(MailToken.expires_at - func.now()).where(kept))
    assert left == timedelta(hours=24)
    await transaction.execute(update(MailToken).where(kept).values(expires_at=func.now()))
    assert refusal(await confirm(database, confirmation)) == ("TOKEN_EXPIRED", "token")
    await transaction.execute(update(MailToken).where(kept).values(expires_at=func.now() + timedelta(hours=1)))
    assert await confirm(database, confirmation) == owner
    assert refusal(await confirm(database, confirmation)) == INVALID


async def test_letters_of_a_change_may_be_written_twice(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await asked(post, owner, EVE)
    [change] = await rows(transaction, EmailChange)
    await email_change.write_confirmation_letter(post.tools, change.id)
    await email_change.write_notice_letter(post.tools, change.id)
    tokens = {token_in(message) for message in post.sent}
    assert len(tokens) == 4
    by_address = {message.to: token_in(message) for message in post.sent}
    assert await confirm(database, by_address[EVE]) == owner
    assert await undo(database, by_address[ANA]) == owner
    assert await address_of(transaction, owner) == ANA


async def test_mailbox_that_takes_no_mail_does_not_keep_the_other_from_hearing(
    database: RolledBackDatabase, owner: UUID
):
    class Refusing(Post):
        async def send(self, message: MailMessage) -> None:
            if message.to == ANA:
                raise RuntimeError("no such mailbox")
            self.sent.append(message)

    post = Refusing(database)
    await ask(database, owner, EVE)
    assert {message.to for message in await post.deliver()} == {EVE}


async def test_change_that_was_confirmed_is_not_written_to_again(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    await moved(post, owner, EVE)
    [change] = await rows(transaction, EmailChange)
    sent = len(post.sent)
    await email_change.write_confirmation_letter(post.tools, change.id)
    await email_change.write_confirmation_letter(post.tools, new_id())
    await email_change.write_notice_letter(post.tools, new_id())
    assert len(post.sent) == sent


async def test_disabled_account_is_not_moved_but_can_be_taken_back(
    database: RolledBackDatabase, post: Post, owner: UUID, transaction: AsyncConnection
):
    notice = await moved(post, owner, EVE)
    confirmation, _ = await asked(post, owner, EVA)
    await transaction.execute(update(Account).values(disabled_at=func.now()))
    assert refusal(await confirm(database, confirmation)) == INVALID
    assert await undo(database, notice) == owner
    assert await address_of(transaction, owner) == ANA


async def test_one_address_confirmed_by_many_accounts_at_once_is_one_accounts(committed_database: Database):
    post = Post(committed_database)
    owners = [await customer(committed_database, f"ana{number}@example.com") for number in range(6)]
    tokens = [(await asked(post, owner, EVE))[0] for owner in owners]
    outcomes = await asyncio.gather(*[confirm(committed_database, token) for token in tokens])
    assert sum(isinstance(outcome, UUID) for outcome in outcomes) == 1
    assert {refusal(outcome) for outcome in outcomes if isinstance(outcome, Refusal)} == {INVALID}
