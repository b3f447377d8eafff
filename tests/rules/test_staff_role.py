"""Roles: none gives or takes what they do not hold, and somebody is left who may manage staff (P52)."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import RefusalCode
from auth.roles import ACCESS, LEGAL_SAFETY, PRODUCTS, ROLES, SUPPORT_ACCESS, Role, StaffPurpose
from commerce import staff, staff_role
from commerce.staff_role import Outcome
from models.database import Database
from models.ids import new_id
from models.staff import StaffMember, StaffStatus
from tests.support.database import RolledBackDatabase
from tests.support.staff import Employee, employ, employed, roles_of, status_of
from tests.support.statements import statements


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection) -> Employee:
    return await employ(transaction, "owner")


@pytest.fixture
def lead(monkeypatch: pytest.MonkeyPatch) -> str:
    """A role that may manage staff, and little else."""
    role = Role("lead", ROLES["floor"].permissions | {"staff:read", "staff:manage"}, (PRODUCTS, SUPPORT_ACCESS))
    monkeypatch.setitem(ROLES, "lead", role)
    return "lead"


def codes(outcome: Outcome) -> list[RefusalCode]:
    assert isinstance(outcome, list), outcome
    return [refusal.code for refusal in outcome]


async def version_and_stamp(transaction: AsyncConnection, employee: Employee) -> tuple[int, int]:
    row = select(StaffMember.version, StaffMember.access_stamp).where(StaffMember.id == employee.staff_id)
    version, stamp = (await transaction.execute(row)).one()
    return version, stamp


async def test_roles_are_set_all_at_once(transaction: AsyncConnection, owner: Employee):
    clerk = await employ(transaction, "floor", "tailor")
    before = await version_and_stamp(transaction, clerk)
    outcome = await staff_role.set_roles(transaction, owner.staff_id, clerk.staff_id, ["support", "floor", "floor"])
    assert outcome == clerk.staff_id
    assert await roles_of(transaction, clerk) == {"support", "floor"}
    assert await version_and_stamp(transaction, clerk) == (before[0] + 1, before[1] + 1)


async def test_all_roles_may_be_taken(transaction: AsyncConnection, owner: Employee):
    clerk = await employ(transaction, "floor")
    assert await staff_role.set_roles(transaction, owner.staff_id, clerk.staff_id, []) == clerk.staff_id
    assert await roles_of(transaction, clerk) == set()


async def test_setting_the_roles_that_there_are_changes_nothing(transaction: AsyncConnection, owner: Employee):
    clerk = await employ(transaction, "floor")
    before = await version_and_stamp(transaction, clerk)
    assert await staff_role.set_roles(transaction, owner.staff_id, clerk.staff_id, ["floor"]) == clerk.staff_id
    assert await version_and_stamp(transaction, clerk) == before


async def test_role_that_there_is_not_is_invalid(transaction: AsyncConnection, owner: Employee):
    clerk = await employ(transaction, "floor")
    outcome = await staff_role.set_roles(transaction, owner.staff_id, clerk.staff_id, ["floor", "Owner"])
    assert codes(outcome) == [RefusalCode.INVALID]
    assert await roles_of(transaction, clerk) == {"floor"}


async def test_member_that_there_is_not_is_not_found_before_anything_else(
    transaction: AsyncConnection, owner: Employee
):
    outcome = await staff_role.set_roles(transaction, owner.staff_id, new_id(), ["nonsense"], expected_version=7)
    assert codes(outcome) == [RefusalCode.NOT_FOUND]


async def test_change_of_another_version_is_refused(transaction: AsyncConnection, owner: Employee):
    clerk = await employ(transaction, "floor")
    for version, expected in ((2, [RefusalCode.VERSION_CONFLICT]), (1, None)):
        outcome = await staff_role.set_roles(
            transaction, owner.staff_id, clerk.staff_id, ["tailor"], expected_version=version
        )
        assert (codes(outcome) if isinstance(outcome, list) else None) == expected


# ---- escalation


@pytest.mark.parametrize("role", ["owner", "support", "privacy", "catalogue", "legal"])
async def test_nobody_gives_a_role_that_holds_more_than_they_do(transaction: AsyncConnection, lead: str, role: str):
    actor, clerk = await employ(transaction, lead), await employ(transaction, "floor")
    outcome = await staff_role.set_roles(transaction, actor.staff_id, clerk.staff_id, ["floor", role])
    assert codes(outcome) == [RefusalCode.NOT_GRANTABLE]
    assert await roles_of(transaction, clerk) == {"floor"}


@pytest.mark.parametrize("role", ["owner", "support"])
async def test_nobody_takes_a_role_that_holds_more_than_they_do(transaction: AsyncConnection, lead: str, role: str):
    actor, other = await employ(transaction, lead), await employ(transaction, "floor", role)
    outcome = await staff_role.set_roles(transaction, actor.staff_id, other.staff_id, ["floor"])
    assert codes(outcome) == [RefusalCode.NOT_GRANTABLE]
    assert await roles_of(transaction, other) == {"floor", role}


async def test_nobody_promotes_themselves(transaction: AsyncConnection, lead: str):
    actor = await employ(transaction, lead)
    outcome = await staff_role.set_roles(transaction, actor.staff_id, actor.staff_id, [lead, "owner"])
    assert codes(outcome) == [RefusalCode.NOT_GRANTABLE]
    assert await roles_of(transaction, actor) == {lead}


async def test_what_one_holds_one_may_give_and_take(transaction: AsyncConnection, lead: str):
    actor, clerk = await employ(transaction, lead), await employ(transaction, "support")
    assert await staff_role.set_roles(transaction, actor.staff_id, clerk.staff_id, ["support", "floor"])
    assert await roles_of(transaction, clerk) == {"support", "floor"}
    assert await staff_role.set_roles(transaction, actor.staff_id, clerk.staff_id, ["support"])
    assert await roles_of(transaction, clerk) == {"support"}


async def test_several_roles_together_are_what_one_holds(transaction: AsyncConnection, lead: str):
    actor, clerk = await employ(transaction, lead, "support"), await employ(transaction)
    assert await staff_role.set_roles(transaction, actor.staff_id, clerk.staff_id, ["support"]) == clerk.staff_id


@pytest.mark.parametrize(
    ("own", "granted", "possible"),
    [
        ((SUPPORT_ACCESS,), (ACCESS,), False),
        ((ACCESS,), (SUPPORT_ACCESS,), True),
        ((ACCESS,), (ACCESS,), True),
        ((ACCESS,), (LEGAL_SAFETY,), False),
        ((), (PRODUCTS,), False),
        ((PRODUCTS,), (), True),
    ],
)
async def test_purposes_are_no_more_than_one_holds(
    transaction: AsyncConnection,
    monkeypatch: pytest.MonkeyPatch,
    own: tuple[StaffPurpose, ...],
    granted: tuple[StaffPurpose, ...],
    possible: bool,
):
    permissions = frozenset({"staff:manage", "customer:read"})
    monkeypatch.setitem(ROLES, "giver", Role("giver", permissions, own))
    monkeypatch.setitem(ROLES, "taken", Role("taken", frozenset({"customer:read"}), granted))
    actor, clerk = await employ(transaction, "giver"), await employ(transaction)
    outcome = await staff_role.set_roles(transaction, actor.staff_id, clerk.staff_id, ["taken"])
    assert isinstance(outcome, UUID) is possible


@pytest.mark.parametrize("role", sorted(ROLES.keys() - {"owner"}))
async def test_only_who_manages_staff_gives_roles(transaction: AsyncConnection, role: str):
    """The operation is refused to them before; that they lost the permission a moment ago, shows only here."""
    actor, clerk = await employ(transaction, role), await employ(transaction)
    outcome = await staff_role.set_roles(transaction, actor.staff_id, clerk.staff_id, [role])
    assert codes(outcome) == [RefusalCode.NOT_GRANTABLE]


async def test_who_was_disabled_a_moment_ago_gives_no_roles(transaction: AsyncConnection, owner: Employee):
    other, clerk = await employ(transaction, "owner"), await employ(transaction)
    await staff.disable(transaction, other.staff_id, owner.staff_id)
    outcome = await staff_role.set_roles(transaction, owner.staff_id, clerk.staff_id, ["floor"])
    assert codes(outcome) == [RefusalCode.NOT_GRANTABLE]


async def test_role_that_is_no_more_may_do_nothing_and_goes(
    transaction: AsyncConnection, owner: Employee, monkeypatch: pytest.MonkeyPatch
):
    clerk = await employ(transaction, "floor", "herald")
    assert await staff_role.set_roles(transaction, owner.staff_id, clerk.staff_id, ["floor"]) == clerk.staff_id
    assert await roles_of(transaction, clerk) == {"floor"}


# ---- the last who manages staff


async def test_last_who_manages_staff_keeps_the_role(transaction: AsyncConnection, owner: Employee):
    await employ(transaction, "support")
    outcome = await staff_role.set_roles(transaction, owner.staff_id, owner.staff_id, ["floor"])
    assert codes(outcome) == [RefusalCode.LAST_MANAGER]
    assert await roles_of(transaction, owner) == {"owner"}


async def test_last_who_manages_staff_is_not_disabled(transaction: AsyncConnection, owner: Employee):
    assert codes(await staff.disable(transaction, owner.staff_id, owner.staff_id)) == [RefusalCode.LAST_MANAGER]
    assert await status_of(transaction, owner) is StaffStatus.ACTIVE


async def test_managers_who_are_not_active_do_not_count(transaction: AsyncConnection, owner: Employee):
    other = await employ(transaction, "owner")
    assert await staff.disable(transaction, owner.staff_id, other.staff_id) == other.staff_id
    outcome = await staff_role.set_roles(transaction, owner.staff_id, owner.staff_id, [])
    assert codes(outcome) == [RefusalCode.LAST_MANAGER]


async def test_another_role_that_may_manage_staff_is_enough(transaction: AsyncConnection, owner: Employee, lead: str):
    await employ(transaction, lead)
    assert await staff_role.set_roles(transaction, owner.staff_id, owner.staff_id, ["floor"]) == owner.staff_id


async def managers(database: Database) -> int:
    held = select(StaffMember.id).where(staff_role._managing())
    return len((await database.transact(lambda t: t.scalars(held))).all())


@pytest.mark.parametrize("round_", range(5))
async def test_managers_who_demote_each_other_at_once_leave_one(committed_database: Database, round_: int):
    database = committed_database
    owners = [await employed(database, "owner") for _ in range(4)]
    ring = zip(owners, [*owners[1:], owners[0]], strict=True)

    async def demote(actor: Employee, other: Employee, number: int) -> Outcome:
        if number % 2:
            return await database.transact(lambda t: staff.disable(t, actor.staff_id, other.staff_id))
        return await database.transact(lambda t: staff_role.set_roles(t, actor.staff_id, other.staff_id, ["floor"]))

    outcomes = await asyncio.gather(*(demote(actor, other, number) for number, (actor, other) in enumerate(ring)))
    assert await managers(database) >= 1
    refused = [codes(outcome)[0] for outcome in outcomes if isinstance(outcome, list)]
    assert refused
    assert set(refused) <= {RefusalCode.NOT_GRANTABLE, RefusalCode.LAST_MANAGER}


@pytest.mark.parametrize("round_", range(5))
async def test_managers_who_all_leave_at_once_leave_one(committed_database: Database, round_: int):
    database = committed_database
    owners = [await employed(database, "owner") for _ in range(6)]
    await asyncio.gather(
        *(database.transact(lambda t, o=o: staff_role.set_roles(t, o.staff_id, o.staff_id, [])) for o in owners[::2]),
        *(database.transact(lambda t, o=o: staff.disable(t, o.staff_id, o.staff_id)) for o in owners[1::2]),
    )
    assert await managers(database) == 1


async def test_setting_roles_takes_few_statements(database: RolledBackDatabase, owner: Employee):
    clerk = await employ(database.connection, "floor")
    with statements(database) as sent:
        await database.transact(
            lambda t: staff_role.set_roles(t, owner.staff_id, clerk.staff_id, ["support", "tailor"])
        )
    assert len(sent) == 5
