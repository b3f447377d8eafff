"""Who a member of staff is in a session: what decides, read by one statement (P52)."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.refusal import RefusalCode
from auth.roles import LEGAL_SAFETY, PRODUCTS, SUPPORT_ACCESS, permissions_of
from auth.viewer import Viewer, ViewerKind
from commerce import obligations, staff_role
from commerce.login_session import open_session
from models.account import Account, AccountKind
from models.classification import Channel
from models.ids import new_id
from models.login_session import LoginSession
from models.second_factor import SecondFactor, SecondFactorMethod
from models.staff import StaffMember, StaffStatus
from models.till import Till
from privacy import obligations as texts
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, account_with, viewer_of, who_has
from tests.support.staff import Employee, at_work, employ


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


async def enrol(transaction: AsyncConnection, employee: Employee, *, confirmed: bool = True) -> None:
    factor = {"account_id": employee.account_id, "channel": Channel.WEB, "method": SecondFactorMethod.TOTP}
    at = func.now() if confirmed else None
    await transaction.execute(insert(SecondFactor).values(id=new_id(), sealed=b"x", confirmed_at=at, **factor))


async def give_factor(transaction: AsyncConnection, digest: bytes) -> None:
    session = update(LoginSession).where(LoginSession.token_digest == digest)
    await transaction.execute(session.values(second_factor_at=func.now()))


async def test_member_has_what_their_roles_give(database: RolledBackDatabase, transaction: AsyncConnection):
    clerk = await employ(transaction, "support", "legal")
    found = await viewer_of(database, (await at_work(database, clerk)).digest)
    assert (found.kind, found.account_id) == (ViewerKind.STAFF, clerk.account_id)
    assert found.permissions == permissions_of(("support", "legal"))
    assert found.staff is not None
    assert (found.staff.staff_id, found.staff.stamp, found.staff.roles) == (clerk.staff_id, 1, ("legal", "support"))
    assert found.staff.purposes == {SUPPORT_ACCESS, PRODUCTS, LEGAL_SAFETY}


async def test_member_without_roles_may_nothing(database: RolledBackDatabase, transaction: AsyncConnection):
    found = await viewer_of(database, (await at_work(database, await employ(transaction))).digest)
    assert (found.kind, found.permissions) == (ViewerKind.STAFF, frozenset())


async def test_role_that_is_no_more_gives_nothing(database: RolledBackDatabase, transaction: AsyncConnection):
    found = await viewer_of(database, (await at_work(database, await employ(transaction, "herald", "floor"))).digest)
    assert found.permissions == permissions_of(("floor",))


async def test_whose_a_token_is_takes_one_statement_for_staff_too(
    database: RolledBackDatabase, transaction: AsyncConnection
):
    issued, sent = await at_work(database, await employ(transaction, "owner", "support")), []
    async with database.reading() as connection:
        with connection.query_logger(lambda record: sent.append(record.query)):
            assert await sessions.identify(connection, issued.digest, texts.CURRENT.version)
    await asyncio.sleep(0)  # loggers are called by the event loop
    assert len(sent) == 1


async def test_viewer_of_a_new_session_is_the_one_that_the_next_request_finds(
    database: RolledBackDatabase, transaction: AsyncConnection
):
    issued = await at_work(database, await employ(transaction, "support"))
    assert issued.viewer == await viewer_of(database, issued.digest)


@pytest.mark.parametrize("status", [StaffStatus.DISABLED, StaffStatus.ACTIVE])
async def test_session_of_a_member_who_is_not_active_is_nobodys(
    database: RolledBackDatabase, transaction: AsyncConnection, status: StaffStatus
):
    clerk = await employ(transaction, "owner")
    issued = await at_work(database, clerk)
    member = update(StaffMember).where(StaffMember.id == clerk.staff_id)
    await transaction.execute(member.values(status=status))
    assert (await who_has(database, issued.digest) is not None) == (status is StaffStatus.ACTIVE)


async def test_staff_account_without_a_member_is_nobodys(database: RolledBackDatabase, transaction: AsyncConnection):
    account_id = await account_with(transaction, None)
    await transaction.execute(update(Account).where(Account.id == account_id).values(kind=AccountKind.STAFF))
    issued = await sessions.issue(transaction, account_id, LAPTOP)
    assert await who_has(database, issued.digest) is None


async def test_session_of_staff_lasts_a_working_day(database: RolledBackDatabase, transaction: AsyncConnection):
    issued = await at_work(database, await employ(transaction, "floor"))
    session = select(LoginSession.expires_at - LoginSession.created_at, LoginSession.idle_seconds)
    assert (await transaction.execute(session)).one() == (timedelta(hours=12), 3600)
    assert issued.remembered_for == timedelta(hours=12)


async def test_signing_in_is_noted(database: RolledBackDatabase, transaction: AsyncConnection):
    clerk = await employ(transaction, "floor")
    await at_work(database, clerk)
    seen = select(StaffMember.last_sign_in_at).where(StaffMember.id == clerk.staff_id)
    assert await transaction.scalar(seen) is not None


# ---- second factor


@pytest.mark.parametrize(
    ("waived", "enrolled", "given", "counts"),
    [
        (False, None, False, False),
        (False, None, True, False),
        (False, "confirmed", False, False),
        (False, "confirmed", True, True),
        (False, "begun", True, False),
        (True, None, False, True),
        (True, "begun", False, True),
        (True, "confirmed", False, False),
        (True, "confirmed", True, True),
    ],
)
async def test_second_factor_counts_where_one_is_enrolled_and_was_given_or_where_it_is_waived(
    database: RolledBackDatabase,
    transaction: AsyncConnection,
    waived: bool,
    enrolled: str | None,
    given: bool,
    counts: bool,
):
    clerk = await employ(transaction, "floor", waived=waived)
    issued = await at_work(database, clerk)
    if enrolled:
        await enrol(transaction, clerk, confirmed=enrolled == "confirmed")
    if given:
        await give_factor(transaction, issued.digest)
    found = await viewer_of(database, issued.digest)
    assert found.staff is not None
    assert found.staff.second_factor is counts


async def test_somebody_elses_second_factor_does_not_count(database: RolledBackDatabase, transaction: AsyncConnection):
    clerk, other = await employ(transaction, "floor", waived=False), await employ(transaction, "floor")
    await enrol(transaction, other)
    issued = await at_work(database, clerk)
    await give_factor(transaction, issued.digest)
    found = await viewer_of(database, issued.digest)
    assert found.staff is not None
    assert not found.staff.second_factor


async def test_at_a_till_roles_are_good_for_selling_alone(database: RolledBackDatabase, transaction: AsyncConnection):
    owner, till = await employ(transaction, "owner", waived=False), new_id()
    await transaction.execute(insert(Till).values(id=till, name="Front"))
    issued = await open_session(transaction, owner.account_id, AccountKind.STAFF, LAPTOP, till_id=till)
    found = await viewer_of(database, issued.digest)
    assert found.staff is not None
    assert found.staff.second_factor
    assert found.staff.purposes == {PRODUCTS}
    assert {"order:write", "return:write", "customer:recognise"} <= found.permissions
    assert not {"staff:manage", "customer:read", "till:manage", "privacy:read", "customer:write"} & found.permissions


# ---- obligations


async def test_acknowledging_is_noted_and_makes_plans_of_before_void(
    database: RolledBackDatabase, transaction: AsyncConnection
):
    clerk = await employ(transaction, "support", acknowledged=False)
    issued = await at_work(database, clerk)
    assert issued.viewer.staff is not None
    assert not issued.viewer.staff.acknowledged
    before = await obligations.status_of(transaction, clerk.staff_id)
    assert (before.current, before.acknowledged_version, before.acknowledged_at) == (False, None, None)
    after = await obligations.acknowledge(transaction, clerk.staff_id, texts.CURRENT.version)
    assert isinstance(after, obligations.Status)
    assert (after.current, after.acknowledged_version) == (True, texts.CURRENT.version)
    found = await viewer_of(database, issued.digest)
    assert found.staff is not None
    assert (found.staff.acknowledged, found.staff.stamp) == (True, issued.viewer.staff.stamp + 1)


async def test_acknowledging_again_changes_nothing(database: RolledBackDatabase, transaction: AsyncConnection):
    clerk = await employ(transaction, "support")
    issued = await at_work(database, clerk)
    before = await obligations.status_of(transaction, clerk.staff_id)
    assert await obligations.acknowledge(transaction, clerk.staff_id, texts.CURRENT.version) == before
    assert await viewer_of(database, issued.digest) == issued.viewer


@pytest.mark.parametrize("version", ["", "2025-01-01", "null"])
async def test_only_the_version_in_force_is_acknowledged(transaction: AsyncConnection, version: str):
    clerk = await employ(transaction, "support", acknowledged=False)
    refused = await obligations.acknowledge(transaction, clerk.staff_id, version)
    assert not isinstance(refused, obligations.Status)
    assert refused.code is RefusalCode.STALE_VERSION
    assert not (await obligations.status_of(transaction, clerk.staff_id)).current


async def test_new_version_asks_again(
    database: RolledBackDatabase, transaction: AsyncConnection, monkeypatch: pytest.MonkeyPatch
):
    clerk = await employ(transaction, "support")
    issued = await at_work(database, clerk)
    monkeypatch.setattr(texts, "CURRENT", replace(texts.CURRENT, version="2027-05-01"))
    found = await viewer_of(database, issued.digest)
    assert found.staff is not None
    assert not found.staff.acknowledged
    assert await obligations.acknowledge(transaction, clerk.staff_id, "2027-05-01")
    found = await viewer_of(database, issued.digest)
    assert found.staff is not None
    assert found.staff.acknowledged


# ---- statements that were planned for what was


async def planned(database: RolledBackDatabase, viewer: Viewer) -> Any:
    """The session as a statement finds it that was planned for this viewer."""
    binds: list[Any] = []

    def parameter(type_: Any, get: Any) -> Any:
        binds.append(get({}, viewer))
        return bindparam(None, binds[-1], type_=type_, unique=True)

    found = sessions.viewer_session(viewer.access, parameter)
    return (await database.connection.execute(found)).one_or_none()


async def test_statement_finds_a_member_as_long_as_their_access_is_the_same(
    database: RolledBackDatabase, transaction: AsyncConnection
):
    owner, clerk = await employ(transaction, "owner"), await employ(transaction, "floor")
    viewer = (await at_work(database, clerk)).viewer
    assert await planned(database, viewer) is not None
    await staff_role.set_roles(transaction, owner.staff_id, clerk.staff_id, ["tailor"])
    assert await planned(database, viewer) is None


async def test_statement_that_was_planned_for_a_customer_finds_no_member(
    database: RolledBackDatabase, transaction: AsyncConnection
):
    issued = await at_work(database, await employ(transaction, "owner"))
    assert await planned(database, Viewer(ViewerKind.CUSTOMER, token_digest=issued.digest)) is None


async def test_statement_that_was_planned_for_a_member_finds_no_customer(
    database: RolledBackDatabase, transaction: AsyncConnection
):
    clerk = (await at_work(database, await employ(transaction, "owner"))).viewer
    issued = await sessions.issue(transaction, await account_with(transaction, None), LAPTOP)
    assert await planned(database, replace(clerk, token_digest=issued.digest)) is None
