"""Disabling members of staff at once, and enabling them with nothing revived (P52)."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.roles import ROLES, Role
from auth.sessions import Issued
from auth.tokens import Kind, new_token
from commerce import login_session, mail_token, password, staff, staff_invitation
from commerce.login_session import SignIn
from commerce.staff_invitation import Draft
from models.account import Account, AccountEvent, AccountEventKind, MailToken, MailTokenKind
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.login_session import DeviceKind
from models.second_factor import Challenge, ChallengeKind
from models.staff import StaffKind, StaffStatus
from models.till import StaffPin
from tests.support.account import PASSWORDS, Post, customer
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, PASSWORD, CountingHasher, events, who_has
from tests.support.staff import Employee, at_work, employ, employed, status_of
from tests.support.statements import statements


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection) -> Employee:
    return await employ(transaction, "owner")


@pytest.fixture
async def clerk(transaction: AsyncConnection, password_hash: str) -> Employee:
    return await employ(transaction, "support", password_hash=password_hash)


async def enter(database: Database, passwords: CountingHasher, employee: Employee) -> Any:
    return await login_session.sign_in(database, passwords, LAPTOP, SignIn(employee.email, PASSWORD))


async def test_disabling_ends_every_session_at_once(
    database: RolledBackDatabase, transaction: AsyncConnection, owner: Employee, clerk: Employee
):
    held = [await at_work(database, clerk) for _ in range(3)]
    assert await staff.disable(transaction, owner.staff_id, clerk.staff_id) == clerk.staff_id
    assert [await who_has(database, one.digest) for one in held] == [None, None, None]
    assert await status_of(transaction, clerk) is StaffStatus.DISABLED


async def test_disabled_member_cannot_sign_in(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    owner: Employee,
    clerk: Employee,
):
    assert isinstance(await enter(database, passwords, clerk), Issued)
    await staff.disable(transaction, owner.staff_id, clerk.staff_id)
    assert await enter(database, passwords, clerk) == login_session.WRONG


async def test_refusals_do_not_tell_whether_somebody_works_here(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    password_hash: str,
    owner: Employee,
    clerk: Employee,
):
    buyer = await customer(database, "buyer@example.com")
    both = await employ(transaction, "floor", email="both@example.com", password_hash=password_hash)
    await customer(database, both.email)
    gone = await employ(transaction, "floor", password_hash=password_hash)
    await staff.disable(transaction, owner.staff_id, gone.staff_id)
    seen = []
    for name in ("nobody@example.com", "buyer@example.com", clerk.email, both.email, gone.email, owner.email):
        passwords.compared = 0
        with statements(database) as sent:
            outcome = await login_session.sign_in(database, passwords, LAPTOP, SignIn(name, "not the password at all"))
        assert outcome == login_session.WRONG
        seen.append((sent, passwords.compared))
    assert all(one == seen[0] for one in seen)
    assert await events(transaction, buyer) == [AccountEventKind.SIGN_IN_FAILED]


async def test_enabled_member_signs_in_anew_with_their_password_and_nothing_else_is_revived(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    owner: Employee,
    clerk: Employee,
):
    held = await at_work(database, clerk)
    reset = await mail_token.make(transaction, MailTokenKind.PASSWORD_RESET, account_id=clerk.account_id)
    await transaction.execute(insert(StaffPin).values(account_id=clerk.account_id, pin_hash="a hash"))
    await transaction.execute(
        insert(Challenge).values(
            id=new_id(),
            account_id=clerk.account_id,
            channel=Channel.WEB,
            kind=ChallengeKind.SIGN_IN,
            token_digest=new_token(Kind.CHALLENGE).digest,
            device_kind=DeviceKind.OTHER,
            expires_at=func.now(),
        )
    )
    await staff.disable(transaction, owner.staff_id, clerk.staff_id)
    assert await staff.enable(transaction, owner.staff_id, clerk.staff_id) == clerk.staff_id
    assert await who_has(database, held.digest) is None
    assert await mail_token.find(transaction, reset.text, MailTokenKind.PASSWORD_RESET) == mail_token.INVALID
    for table in (StaffPin, Challenge):
        assert (await transaction.scalars(select(table.account_id))).all() == []
    assert isinstance(await enter(database, passwords, clerk), Issued)


async def test_what_happened_is_shown_without_where_the_colleague_was(
    database: RolledBackDatabase, transaction: AsyncConnection, owner: Employee, clerk: Employee
):
    await staff.disable(transaction, owner.staff_id, clerk.staff_id)
    await staff.enable(transaction, owner.staff_id, clerk.staff_id)
    assert await events(transaction, clerk.account_id) == [AccountEventKind.DISABLED, AccountEventKind.ENABLED]
    where = select(AccountEvent.device_name, AccountEvent.ip_network, AccountEvent.device_kind).distinct()
    assert (await transaction.execute(where)).all() == [(None, None, "OTHER")]


async def test_disabling_twice_and_enabling_twice_is_once(
    transaction: AsyncConnection, owner: Employee, clerk: Employee
):
    for change in (staff.disable, staff.disable, staff.enable, staff.enable):
        assert await change(transaction, owner.staff_id, clerk.staff_id) == clerk.staff_id
    assert await events(transaction, clerk.account_id) == [AccountEventKind.DISABLED, AccountEventKind.ENABLED]


@pytest.mark.parametrize("change", [staff.disable, staff.enable])
async def test_unknown_members_and_other_versions_are_refused(
    transaction: AsyncConnection, owner: Employee, clerk: Employee, change: Any
):
    [refused] = await change(transaction, owner.staff_id, new_id(), expected_version=3)
    assert refused.code is RefusalCode.NOT_FOUND
    [refused] = await change(transaction, owner.staff_id, clerk.staff_id, expected_version=3)
    assert refused.code is RefusalCode.VERSION_CONFLICT
    assert await change(transaction, owner.staff_id, clerk.staff_id, expected_version=1) == clerk.staff_id


@pytest.mark.parametrize("change", [staff.disable, staff.enable])
async def test_who_holds_less_neither_disables_nor_enables(
    transaction: AsyncConnection, monkeypatch: pytest.MonkeyPatch, clerk: Employee, owner: Employee, change: Any
):
    monkeypatch.setitem(ROLES, "lead", Role("lead", frozenset({"staff:manage"})))
    lead = await employ(transaction, "lead")
    if change is staff.enable:
        await staff.disable(transaction, owner.staff_id, clerk.staff_id)
    before = await status_of(transaction, clerk)
    [refused] = await change(transaction, lead.staff_id, clerk.staff_id)
    assert refused.code is RefusalCode.NOT_GRANTABLE
    assert await status_of(transaction, clerk) is before


async def test_member_who_never_accepted_is_invited_anew_when_enabled(
    database: RolledBackDatabase, transaction: AsyncConnection, owner: Employee
):
    post, draft = Post(database), Draft("Ada", "ada@example.com", StaffKind.EMPLOYEE, frozenset({"floor"}))
    staff_id = await staff_invitation.invite(transaction, owner.staff_id, draft)
    assert not isinstance(staff_id, list)
    first = await post.token_for("ada@example.com")
    await staff.disable(transaction, owner.staff_id, staff_id)
    outcome = await staff_invitation.accept(database, PASSWORDS, LAPTOP, first, PASSWORD)
    assert isinstance(outcome, Refusal)
    await staff.enable(transaction, owner.staff_id, staff_id)
    assert isinstance(await staff_invitation.accept(database, PASSWORDS, LAPTOP, first, PASSWORD), Refusal)
    second = await post.token_for("ada@example.com")
    assert isinstance(await staff_invitation.accept(database, PASSWORDS, LAPTOP, second, PASSWORD), Issued)


async def test_letter_to_a_member_who_is_disabled_meanwhile_is_not_sent(
    database: RolledBackDatabase, transaction: AsyncConnection, owner: Employee
):
    draft = Draft("Ada", "ada@example.com", StaffKind.EMPLOYEE, frozenset({"floor"}))
    staff_id = await staff_invitation.invite(transaction, owner.staff_id, draft)
    assert not isinstance(staff_id, list)
    await staff.disable(transaction, owner.staff_id, staff_id)
    assert await Post(database).deliver() == []


# ---- with other things at the same time


@pytest.mark.parametrize("round_", range(4))
async def test_sign_in_at_the_same_moment_leaves_no_session(
    committed_database: Database, passwords: CountingHasher, password_hash: str, round_: int
):
    database = committed_database
    owner = await employed(database, "owner")
    clerk = await employed(database, "support", password_hash=password_hash)
    outcomes = await asyncio.gather(
        *(enter(database, passwords, clerk) for _ in range(3)),
        database.transact(lambda t: staff.disable(t, owner.staff_id, clerk.staff_id)),
        *(enter(database, passwords, clerk) for _ in range(3)),
    )
    assert clerk.staff_id in outcomes
    for issued in outcomes:
        if isinstance(issued, Issued):
            assert await who_has(database, issued.digest) is None


async def test_reset_of_the_password_at_the_same_moment_revives_nobody(
    committed_database: Database, passwords: CountingHasher, password_hash: str
):
    database = committed_database
    owner = await employed(database, "owner")
    clerk = await employed(database, "support", password_hash=password_hash)
    fresh = await database.transact(
        lambda t: mail_token.make(t, MailTokenKind.PASSWORD_RESET, account_id=clerk.account_id)
    )
    await asyncio.gather(
        database.transact(lambda t: staff.disable(t, owner.staff_id, clerk.staff_id)),
        password.reset(database, passwords, LAPTOP, fresh.text, "eleven woollen mittens on a fence"),
    )
    assert await enter(database, passwords, clerk) == login_session.WRONG
    unused = select(MailToken.id).where(MailToken.account_id == clerk.account_id, MailToken.used_at.is_(None))
    assert (await database.transact(lambda t: t.scalars(unused))).all() == []
    closed = select(Account.disabled_at).where(Account.id == clerk.account_id)
    assert await database.transact(lambda t: t.scalar(closed)) is not None
