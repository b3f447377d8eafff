"""Invitations: a letter, a token for seven days, an account of its own (P52)."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.roles import ROLES, Role
from auth.sessions import Issued
from auth.viewer import ViewerKind
from commerce import login_session, mail_token, password, staff_invitation
from commerce.idempotency import once
from commerce.login_session import SignIn
from commerce.staff_invitation import Draft
from models.account import Account, AccountEventKind, AccountKind, MailToken, MailTokenKind
from models.database import Database
from models.staff import StaffKind, StaffMember, StaffRole, StaffStatus
from tests.support.account import PASSWORDS, Post, can_sign_in, customer, everything, letters, register, verify
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, PASSWORD, CountingHasher, events, who_has
from tests.support.staff import Employee, at_work, employ, employed

ADA = "ada@example.com"


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
def post(database: RolledBackDatabase) -> Post:
    return Post(database)


@pytest.fixture
async def owner(transaction: AsyncConnection) -> Employee:
    return await employ(transaction, "owner")


def draft(*roles: str, name: str = "Ada Lovelace", email: str = ADA) -> Draft:
    return Draft(name, email, StaffKind.CONTRACTOR, frozenset(roles or {"floor"}))


async def invited(transaction: AsyncConnection, owner: Employee, *roles: str) -> UUID:
    outcome = await staff_invitation.invite(transaction, owner.staff_id, draft(*roles))
    assert isinstance(outcome, UUID), outcome
    return outcome


async def accept(database: Database, token: str, chosen: str = PASSWORD, held: bytes | None = None) -> Any:
    return await staff_invitation.accept(database, PASSWORDS, LAPTOP, token, chosen, held)


def code(outcome: Any) -> RefusalCode:
    [refused] = outcome if isinstance(outcome, list) else [outcome]
    assert isinstance(refused, Refusal)
    return refused.code


# ---- inviting


async def test_whoever_is_invited_gets_a_letter_and_has_no_account_yet(
    transaction: AsyncConnection, post: Post, owner: Employee
):
    staff_id = await invited(transaction, owner, "floor", "tailor")
    assert letters(await post.deliver()) == {(ADA, "You are invited")}
    member = (await transaction.execute(select(StaffMember.__table__).where(StaffMember.id == staff_id))).one()
    assert (member.status, member.kind, member.account_id) == ("INVITED", "CONTRACTOR", None)
    assert not member.second_factor_waived
    held = select(StaffRole.role).where(StaffRole.staff_id == staff_id)
    assert set(await transaction.scalars(held)) == {"floor", "tailor"}


async def test_address_and_name_are_kept_in_regular_form(transaction: AsyncConnection, owner: Employee):
    await staff_invitation.invite(
        transaction, owner.staff_id, draft(name="  Ada \t Lovelace", email=" Ada@EXAMPLE.com ")
    )
    kept = select(StaffMember.name, StaffMember.email).where(StaffMember.status == StaffStatus.INVITED)
    assert (await transaction.execute(kept)).one() == ("Ada Lovelace", "Ada@example.com")


@pytest.mark.parametrize(
    ("typed", "field"),
    [({"name": " "}, "name"), ({"name": "4111 1111 1111 1111"}, "name"), ({"email": "ada"}, "email")],
)
async def test_what_is_typed_wrong_is_refused_by_field(
    transaction: AsyncConnection, owner: Employee, typed: dict[str, str], field: str
):
    outcome = await staff_invitation.invite(transaction, owner.staff_id, draft(**typed))
    assert isinstance(outcome, list)
    assert [refused.field for refused in outcome] == [(field,)]
    assert await transaction.scalar(select(func.count()).select_from(StaffMember)) == 1


async def test_role_that_there_is_not_is_invalid(transaction: AsyncConnection, owner: Employee):
    outcome = await staff_invitation.invite(transaction, owner.staff_id, draft("floor", "emperor"))
    assert code(outcome) is RefusalCode.INVALID


async def test_nobody_invites_with_more_than_they_hold(
    transaction: AsyncConnection, post: Post, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ROLES, "lead", Role("lead", frozenset({"staff:manage", "order:read"})))
    lead = await employ(transaction, "lead")
    assert (
        code(await staff_invitation.invite(transaction, lead.staff_id, draft("support"))) is RefusalCode.NOT_GRANTABLE
    )
    assert await transaction.scalar(select(func.count()).select_from(StaffMember)) == 1
    assert await post.deliver() == []


async def test_nobody_takes_more_from_an_invitation_than_they_hold(
    transaction: AsyncConnection, owner: Employee, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(ROLES, "lead", Role("lead", frozenset({"staff:manage", "order:read"})))
    lead, staff_id = await employ(transaction, "lead"), await invited(transaction, owner, "support")
    assert code(await staff_invitation.invite(transaction, lead.staff_id, draft("lead"))) is RefusalCode.NOT_GRANTABLE
    held = select(StaffRole.role).where(StaffRole.staff_id == staff_id)
    assert set(await transaction.scalars(held)) == {"support"}


@pytest.mark.parametrize("spelling", [ADA, "ADA@example.com"])
async def test_address_of_a_member_is_taken_whatever_their_state(
    transaction: AsyncConnection, owner: Employee, spelling: str
):
    member = await employ(transaction, "floor", email=ADA)
    for status in (StaffStatus.ACTIVE, StaffStatus.DISABLED):
        await transaction.execute(update(StaffMember).where(StaffMember.id == member.staff_id).values(status=status))
        outcome = await staff_invitation.invite(transaction, owner.staff_id, draft(email=spelling))
        assert code(outcome) is RefusalCode.TAKEN


async def test_invitation_that_waits_is_renewed_and_its_letter_dies(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, owner: Employee
):
    first_id = await invited(transaction, owner, "floor")
    first = await post.token_for(ADA)
    outcome = await staff_invitation.invite(
        transaction, owner.staff_id, draft("support", name="Ada King", email="ADA@example.com")
    )
    assert outcome == first_id
    assert code(await accept(database, first)) is RefusalCode.TOKEN_INVALID
    issued = await accept(database, await post.token_for("ADA@example.com"))
    assert issued.viewer.staff.roles == ("support",)


async def test_same_key_invites_once_and_another_input_conflicts(
    transaction: AsyncConnection, post: Post, owner: Employee
):
    async def ask(given: Draft) -> Any:
        sent = {"idempotency_key": "k", "email": given.email, "roles": sorted(given.roles)}
        work = partial(staff_invitation.invite, transaction, owner.staff_id, given)
        return await once(transaction, owner.account_id, "staffInvite", sent, work)

    first = await ask(draft("floor"))
    assert await ask(draft("floor")) == first
    assert code(await ask(draft("support"))) is RefusalCode.IDEMPOTENCY_CONFLICT
    assert len(await post.deliver()) == 1


async def test_of_several_who_invite_an_address_at_once_one_row_is_made(committed_database: Database):
    database = committed_database
    owners = [await employed(database, "owner") for _ in range(3)]
    actors = [*(owner.staff_id for owner in owners), None, None]
    outcomes = await asyncio.gather(
        *(database.transact(lambda t, a=actor: staff_invitation.invite(t, a, draft())) for actor in actors)
    )
    made = {outcome for outcome in outcomes if isinstance(outcome, UUID)}
    assert len(made) == 1
    assert {code(outcome) for outcome in outcomes if isinstance(outcome, list)} <= {RefusalCode.TAKEN}
    rows = await database.transact(lambda t: t.scalars(select(StaffMember.id).where(StaffMember.email == ADA)))
    assert set(rows) == made


async def test_command_line_invites_without_an_actor(transaction: AsyncConnection, post: Post):
    assert isinstance(await staff_invitation.invite(transaction, None, draft("owner")), UUID)
    assert letters(await post.deliver()) == {(ADA, "You are invited")}


# ---- accepting


async def test_accepting_opens_an_account_of_its_own_and_a_session(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, owner: Employee
):
    staff_id = await invited(transaction, owner, "floor")
    issued = await accept(database, await post.token_for(ADA))
    assert isinstance(issued, Issued)
    viewer = issued.viewer
    assert (viewer.kind, viewer.staff.staff_id, viewer.staff.roles) == (ViewerKind.STAFF, staff_id, ("floor",))
    account = (await transaction.execute(select(Account.__table__).where(Account.id == viewer.account_id))).one()
    assert (account.kind, account.email, account.name) == (AccountKind.STAFF, ADA, "Ada Lovelace")
    assert account.email_verified_at is not None
    assert await events(transaction, viewer.account_id) == [AccountEventKind.REGISTERED, AccountEventKind.SIGNED_IN]
    assert await can_sign_in(database, ADA, PASSWORD)


async def test_new_member_may_do_nothing_before_second_factor_and_acknowledgement(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, owner: Employee
):
    await invited(transaction, owner, "owner")
    issued = await accept(database, await post.token_for(ADA))
    facts = issued.viewer.staff
    assert (facts.second_factor, facts.acknowledged) == (False, False)


async def test_token_is_good_once(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, owner: Employee
):
    await invited(transaction, owner)
    token = await post.token_for(ADA)
    assert isinstance(await accept(database, token), Issued)
    assert code(await accept(database, token)) is RefusalCode.TOKEN_INVALID


async def test_token_is_good_for_seven_days(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, owner: Employee
):
    await invited(transaction, owner)
    token = await post.token_for(ADA)
    left = await transaction.scalar(select(MailToken.expires_at - func.now()))
    assert left == timedelta(days=7)
    await transaction.execute(update(MailToken).values(expires_at=func.now()))
    assert code(await accept(database, token)) is RefusalCode.TOKEN_EXPIRED


async def test_weak_password_is_refused_and_uses_nothing_up(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, owner: Employee
):
    await invited(transaction, owner)
    token = await post.token_for(ADA)
    for weak in ("short", "AdaLovelace1", ADA):
        assert code(await accept(database, token, weak)) in {RefusalCode.WEAK_PASSWORD, RefusalCode.BREACHED_PASSWORD}
    assert isinstance(await accept(database, token), Issued)


@pytest.mark.parametrize("kind", sorted(set(MailTokenKind) - {MailTokenKind.STAFF_INVITATION}))
async def test_token_of_another_kind_makes_nobody_a_member(
    database: RolledBackDatabase, transaction: AsyncConnection, owner: Employee, kind: MailTokenKind
):
    staff_id = await invited(transaction, owner)
    fresh = await mail_token.make(transaction, kind, staff_id=staff_id)
    assert code(await accept(database, fresh.text)) is RefusalCode.TOKEN_INVALID


async def test_session_that_the_request_came_with_ends(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, owner: Employee
):
    held = await at_work(database, owner)
    await invited(transaction, owner)
    await accept(database, await post.token_for(ADA), held=held.digest)
    assert await who_has(database, held.digest) is None


async def test_no_token_is_kept(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, owner: Employee
):
    await invited(transaction, owner)
    token = await post.token_for(ADA)
    assert token not in await everything(transaction)


async def test_of_two_who_bring_the_token_at_once_one_gets_in(committed_database: Database):
    database = committed_database
    owner = await employed(database, "owner")
    await database.transact(lambda t: invited(t, owner))
    token = await Post(database).token_for(ADA)
    outcomes = await asyncio.gather(*(accept(database, token) for _ in range(4)))
    assert [isinstance(one, Issued) for one in outcomes].count(True) == 1


# ---- beside a customer's account


async def test_customer_with_the_same_address_is_somebody_else(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, owner: Employee, passwords: CountingHasher
):
    buyer = await customer(database, ADA, "nine teapots under the stairs")
    await invited(transaction, owner)
    issued = await accept(database, await post.token_for(ADA))
    assert issued.viewer.account_id != buyer
    assert await can_sign_in(database, ADA, PASSWORD)
    assert not await can_sign_in(database, ADA, "nine teapots under the stairs")


async def test_customer_signs_in_by_username_beside_a_staff_account(
    database: RolledBackDatabase, transaction: AsyncConnection, password_hash: str
):
    buyer = await customer(database, ADA, PASSWORD)
    await transaction.execute(update(Account).where(Account.id == buyer).values(username="ada"))
    member = await employ(transaction, "floor", email=ADA, password_hash=password_hash)
    for identifier, owner_id in (("ada", buyer), ("ADA@example.com", member.account_id)):
        issued = await login_session.sign_in(database, PASSWORDS, LAPTOP, SignIn(identifier, PASSWORD))
        assert isinstance(issued, Issued)
        assert issued.viewer.account_id == owner_id


async def test_customer_registers_with_the_address_of_a_member(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post
):
    member = await employ(transaction, "floor", email=ADA)
    await register(database, email=ADA)
    issued = await verify(database, await post.token_for(ADA))
    assert issued.viewer.kind is ViewerKind.CUSTOMER
    assert issued.viewer.account_id != member.account_id


async def test_both_accounts_of_an_address_are_sent_the_way_to_a_new_password(
    database: RolledBackDatabase, transaction: AsyncConnection, post: Post, password_hash: str
):
    await customer(database, ADA, "nine teapots under the stairs")
    member = await employ(transaction, "floor", email=ADA, password_hash=password_hash)
    held = await at_work(database, member)
    await password.request_reset(transaction, ADA, LAPTOP)
    messages = await post.deliver()
    assert sorted("staff account" in message.text for message in messages) == [False, True]
    [of_staff] = [message for message in messages if "staff account" in message.text]
    token = next(word for word in of_staff.text.split() if word.startswith("lym_"))
    outcome = await password.reset(database, PASSWORDS, LAPTOP, token, "eleven woollen mittens on a fence")
    assert outcome == member.account_id
    assert await who_has(database, held.digest) is None
    assert await can_sign_in(database, ADA, "eleven woollen mittens on a fence")
