"""Tills: a key of the shop's and a PIN of the member's, good for selling."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.passwords import PasswordHasher
from auth.refusal import Refusal, RefusalCode
from auth.sessions import Issued
from auth.tokens import Kind, new_token, parse
from auth.viewer import ViewerKind
from commerce import staff, staff_pin, till
from commerce.till import SignIn
from models.account import Account, AccountEvent, AccountEventKind
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.login_session import LoginSession
from models.second_factor import SecondFactor, SecondFactorMethod
from models.staff import StaffRole
from models.till import StaffPin, Till
from tests.support.account import everything
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, CountingHasher, Meanwhile, account_with, events, viewer_of, who_has
from tests.support.staff import Employee, at_work, employ, employed
from tests.support.statements import statements

PIN = "482915"


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


async def new_till(transaction: AsyncConnection, name: str = "Front desk") -> UUID:
    made = await till.create(transaction, {"name": name})
    assert isinstance(made, UUID), made
    return made


async def key_of(transaction: AsyncConnection, till_id: UUID) -> str:
    key = await till.issue_key(transaction, till_id)
    assert isinstance(key, str), key
    return key


@pytest.fixture
async def desk(transaction: AsyncConnection) -> UUID:
    return await new_till(transaction)


@pytest.fixture
async def key(transaction: AsyncConnection, desk: UUID) -> str:
    return await key_of(transaction, desk)


async def give_pin(transaction: AsyncConnection, employee: Employee, hasher: PasswordHasher) -> Employee:
    pin_hash = await hasher.hash(PIN)
    await transaction.execute(insert(StaffPin).values(account_id=employee.account_id, pin_hash=pin_hash))
    return employee


@pytest.fixture
async def seller(transaction: AsyncConnection, passwords: CountingHasher) -> Employee:
    return await give_pin(transaction, await employ(transaction, "floor", waived=False), passwords)


async def enter(
    database: Database, hasher: PasswordHasher, key: str, employee: Employee, pin: str = PIN, held: bytes | None = None
) -> Issued | Refusal:
    return await till.sign_in(database, hasher, LAPTOP, SignIn(key, employee.email, pin), held)


async def entered(database: Database, hasher: PasswordHasher, key: str, employee: Employee) -> Issued:
    issued = await enter(database, hasher, key, employee)
    assert isinstance(issued, Issued), issued
    return issued


def code(outcome: Any) -> RefusalCode:
    [refused] = outcome if isinstance(outcome, list) else [outcome]
    assert isinstance(refused, Refusal), refused
    return refused.code


# ---- tills


async def test_till_is_made_and_changed(transaction: AsyncConnection, desk: UUID):
    assert await till.change(transaction, desk, {"name": " Back\tdesk "}, expected_version=1) == desk
    row = (await transaction.execute(select(Till.__table__))).one()
    assert (row.name, row.disabled, row.version, row.key_digest) == ("Back desk", False, 2, None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, RefusalCode.REQUIRED),
        ({"name": None}, RefusalCode.REQUIRED),
        ({"name": " "}, RefusalCode.REQUIRED),
        ({"name": "x" * 61}, RefusalCode.TOO_LONG),
        ({"name": "Front desk"}, RefusalCode.TAKEN),
    ],
)
async def test_till_needs_a_name_of_its_own(
    transaction: AsyncConnection, desk: UUID, changes: dict[str, Any], expected: RefusalCode
):
    assert code(await till.create(transaction, changes)) is expected
    assert await transaction.scalar(select(func.count()).select_from(Till)) == 1


async def test_changes_of_a_till_are_refused_where_they_should_be(transaction: AsyncConnection, desk: UUID):
    other = await new_till(transaction, "Back desk")
    assert code(await till.change(transaction, new_id(), {"name": ""})) is RefusalCode.NOT_FOUND
    assert code(await till.change(transaction, desk, {}, expected_version=2)) is RefusalCode.VERSION_CONFLICT
    assert code(await till.change(transaction, desk, {"name": None})) is RefusalCode.REQUIRED
    assert code(await till.change(transaction, other, {"name": "Front desk"})) is RefusalCode.TAKEN
    assert code(await till.issue_key(transaction, new_id())) is RefusalCode.NOT_FOUND


async def test_key_is_kept_as_a_digest_and_known_by_its_beginning(transaction: AsyncConnection, desk: UUID, key: str):
    parsed = parse(key)
    assert parsed is not None
    assert parsed[0] is Kind.TILL_KEY
    row = (await transaction.execute(select(Till.key_digest, Till.key_prefix))).one()
    assert row == (parsed[1], key[:10])
    assert key not in await everything(transaction)


# ---- signing in


async def test_key_and_pin_open_a_short_session_in_the_store(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    desk: UUID,
    key: str,
    seller: Employee,
):
    issued = await entered(database, passwords, key, seller)
    viewer = await viewer_of(database, issued.digest)
    assert issued.viewer == viewer
    assert (viewer.kind, viewer.channel, viewer.stepped_up_until) == (ViewerKind.STAFF, Channel.IN_STORE, None)
    row = (await transaction.execute(select(LoginSession.__table__))).one()
    assert (row.expires_at - row.created_at, row.idle_seconds) == (timedelta(hours=8), 900)
    assert (row.till_id, row.device_name) == (desk, "Front desk")
    assert await transaction.scalar(select(Till.last_used_at)) is not None
    event = (await transaction.execute(select(AccountEvent.kind, AccountEvent.channel))).one()
    assert event == (AccountEventKind.SIGNED_IN, Channel.IN_STORE)


async def test_key_of_the_till_is_the_second_factor_there(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    key: str,
    seller: Employee,
):
    factor = {"account_id": seller.account_id, "channel": Channel.WEB, "method": SecondFactorMethod.TOTP}
    await transaction.execute(insert(SecondFactor).values(id=new_id(), confirmed_at=func.now(), **factor))
    viewer = (await entered(database, passwords, key, seller)).viewer
    assert viewer.staff is not None
    assert viewer.staff.second_factor


async def test_address_counts_in_whatever_case_and_with_spaces_around(
    database: RolledBackDatabase, passwords: CountingHasher, key: str, seller: Employee
):
    given = SignIn(key, f" {seller.email.upper()} ", PIN)
    assert isinstance(await till.sign_in(database, passwords, LAPTOP, given), Issued)


async def test_session_that_the_till_had_before_ends(
    database: RolledBackDatabase, passwords: CountingHasher, key: str, seller: Employee
):
    before = await entered(database, passwords, key, seller)
    after = await enter(database, passwords, key, seller, held=before.digest)
    assert isinstance(after, Issued)
    assert await who_has(database, before.digest) is None


async def refused_ways(transaction: AsyncConnection, hasher: PasswordHasher, seller: Employee) -> dict[str, Any]:
    """Everything that may be wrong: key, address and PIN to give, by what it is."""
    front, back = await new_till(transaction, "One"), await new_till(transaction, "Two")
    key, old = await key_of(transaction, front), await key_of(transaction, back)
    await key_of(transaction, back)
    closed = await new_till(transaction, "Three")
    shut = await key_of(transaction, closed)
    await till.change(transaction, closed, {"disabled": True})
    tailor = await give_pin(transaction, await employ(transaction, "tailor"), hasher)
    gone = await give_pin(transaction, await employ(transaction, "floor"), hasher)
    await transaction.execute(update(Account).where(Account.id == gone.account_id).values(disabled_at=func.now()))
    fired, owner = (
        await give_pin(transaction, await employ(transaction, "floor"), hasher),
        await employ(transaction, "owner"),
    )
    await staff.disable(transaction, owner.staff_id, fired.staff_id)
    without = await employ(transaction, "floor")
    buyer = await account_with(transaction, None)
    return {
        "wrong pin": (key, seller.email, "482916"),
        "no pin": (key, seller.email, ""),
        "unknown address": (key, "nobody@example.com", PIN),
        "no address": (key, "nonsense", PIN),
        "key that was replaced": (old, seller.email, PIN),
        "key of a disabled till": (shut, seller.email, PIN),
        "key that is none": ("lyt_nonsense", seller.email, PIN),
        "no key": ("", seller.email, PIN),
        "key of another kind": (new_token(Kind.SESSION).text, seller.email, PIN),
        "key that nobody has": (new_token(Kind.TILL_KEY).text, seller.email, PIN),
        "member who does not sell": (key, tailor.email, PIN),
        "account that is disabled": (key, gone.email, PIN),
        "member who is disabled": (key, fired.email, PIN),
        "member without a pin": (key, without.email, PIN),
        "customer": (key, f"ana.{buyer.hex}@example.com", PIN),
    }


async def test_whatever_is_wrong_gets_the_same_answer_after_the_same_work(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, seller: Employee
):
    ways = await refused_ways(transaction, passwords, seller)
    seen: dict[str, Any] = {}
    for name, (device_key, address, pin) in ways.items():
        passwords.compared = 0
        with statements(database) as sent:
            outcome = await till.sign_in(database, passwords, LAPTOP, SignIn(device_key, address, pin))
        assert outcome == till.WRONG, name
        seen[name] = (sent, passwords.compared)
    # Only of an account that exists and was disabled this moment is more asked, after a PIN that was right.
    del seen["account that is disabled"]
    first = seen["wrong pin"]
    assert all(one == first for one in seen.values()), {n: len(s[0]) for n, s in seen.items()}
    assert await transaction.scalar(select(func.count()).select_from(LoginSession)) == 0


async def test_failure_is_noted_where_there_is_a_member(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, key: str, seller: Employee
):
    await enter(database, passwords, key, seller, "000000")
    assert await events(transaction, seller.account_id) == [AccountEventKind.SIGN_IN_FAILED]


async def test_role_that_is_lost_ends_selling_with_the_next_request(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, key: str, seller: Employee
):
    issued = await entered(database, passwords, key, seller)
    await transaction.execute(delete(StaffRole).where(StaffRole.staff_id == seller.staff_id))
    assert (await viewer_of(database, issued.digest)).permissions == frozenset()


# ---- what ends them


async def test_new_key_ends_the_one_before_and_what_was_opened_with_it(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    desk: UUID,
    key: str,
    seller: Employee,
):
    other = await key_of(transaction, await new_till(transaction, "Back desk"))
    here, there = await entered(database, passwords, key, seller), await entered(database, passwords, other, seller)
    elsewhere = await at_work(database, seller)
    second = await key_of(transaction, desk)
    assert await who_has(database, here.digest) is None
    assert await who_has(database, there.digest) is not None
    assert await who_has(database, elsewhere.digest) is not None
    assert await enter(database, passwords, key, seller) == till.WRONG
    assert isinstance(await enter(database, passwords, second, seller), Issued)


async def test_disabling_a_till_ends_its_sessions_and_enabling_revives_none(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    desk: UUID,
    key: str,
    seller: Employee,
):
    issued = await entered(database, passwords, key, seller)
    await till.change(transaction, desk, {"disabled": True})
    assert await who_has(database, issued.digest) is None
    assert await enter(database, passwords, key, seller) == till.WRONG
    await till.change(transaction, desk, {"disabled": False})
    assert await who_has(database, issued.digest) is None
    assert isinstance(await enter(database, passwords, key, seller), Issued)


async def test_key_that_is_replaced_while_the_pin_is_compared_opens_nothing(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    passwords: CountingHasher,
    desk: UUID,
    key: str,
    seller: Employee,
):
    hasher = Meanwhile(lambda: till.issue_key(transaction, desk))
    assert await enter(database, hasher, key, seller) == till.WRONG
    hasher.close()


async def test_pin_that_is_replaced_while_it_is_compared_opens_nothing(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, key: str, seller: Employee
):
    hasher = Meanwhile(lambda: transaction.execute(update(StaffPin).values(pin_hash="another")))
    assert await enter(database, hasher, key, seller) == till.WRONG
    hasher.close()


@pytest.mark.parametrize("round_", range(4))
async def test_sign_in_and_a_new_key_at_once_leave_no_session_of_the_old(
    committed_database: Database, passwords: CountingHasher, round_: int
):
    database = committed_database
    desk = await database.transact(new_till)
    key = await database.transact(lambda t: key_of(t, desk))
    sellers = [await employed(database, "floor") for _ in range(4)]
    for one in sellers:
        await database.transact(lambda t, one=one: give_pin(t, one, passwords))
    outcomes = await asyncio.gather(
        *(enter(database, passwords, key, one) for one in sellers[:2]),
        database.transact(lambda t: till.issue_key(t, desk)),
        *(enter(database, passwords, key, one) for one in sellers[2:]),
    )
    for issued in outcomes:
        if isinstance(issued, Issued):
            assert await who_has(database, issued.digest) is None


# ---- PINs


async def fresh(database: Database, employee: Employee) -> Any:
    return (await at_work(database, employee)).viewer


async def test_pin_is_set_after_a_step_up_and_kept_as_a_hash(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, key: str
):
    member = await employ(transaction, "floor")
    assert await staff_pin.choose(database, passwords, LAPTOP, await fresh(database, member), PIN) is None
    assert PIN not in str((await transaction.execute(select(StaffPin.pin_hash))).all())
    assert isinstance(await enter(database, passwords, key, member), Issued)


async def test_pin_is_not_set_without_a_step_up(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher
):
    member = await employ(transaction, "floor")
    issued = await at_work(database, member)
    await transaction.execute(update(LoginSession).values(stepped_up_at=None))
    viewer = await viewer_of(database, issued.digest)
    outcome = await staff_pin.choose(database, passwords, LAPTOP, viewer, PIN)
    assert code(outcome) is RefusalCode.STEP_UP_REQUIRED
    assert await transaction.scalar(select(StaffPin.account_id)) is None


@pytest.mark.parametrize("pin", ["", "48291", "123456", "111111", "4829ab", "1" * 13])
async def test_pin_that_is_none_or_easy_is_refused(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, pin: str
):
    member = await employ(transaction, "floor")
    outcome = await staff_pin.choose(database, passwords, LAPTOP, await fresh(database, member), pin)
    assert code(outcome) in {RefusalCode.INVALID, RefusalCode.WEAK_PASSWORD}
    assert await transaction.scalar(select(StaffPin.account_id)) is None


async def test_new_pin_ends_what_was_signed_in_to_at_tills_and_nothing_else(
    database: RolledBackDatabase, transaction: AsyncConnection, passwords: CountingHasher, key: str, seller: Employee
):
    at_till, at_desk = await entered(database, passwords, key, seller), await at_work(database, seller)
    await staff_pin.choose(database, passwords, LAPTOP, at_desk.viewer, "730164")
    assert await who_has(database, at_till.digest) is None
    assert await who_has(database, at_desk.digest) is not None
    assert await enter(database, passwords, key, seller) == till.WRONG
    assert isinstance(await enter(database, passwords, key, seller, "730164"), Issued)
    assert AccountEventKind.PROFILE_CHANGED in await events(transaction, seller.account_id)


async def test_sign_in_at_a_till_is_no_step_up(
    database: RolledBackDatabase, passwords: CountingHasher, key: str, seller: Employee
):
    issued = await entered(database, passwords, key, seller)
    refused = sessions.require_step_up(await viewer_of(database, issued.digest))
    assert refused is not None
    assert refused.code is RefusalCode.STEP_UP_REQUIRED
