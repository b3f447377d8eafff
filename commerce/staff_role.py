"""Roles of staff: none gives or takes what they do not hold themselves, and somebody is left who may (P52).

Whoever changes what a member may do locks the members that could be in question first, in one order. Of two that meet,
the second sees what the first did.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.roles import ROLES, permissions_of, purposes_of
from models.staff import StaffMember, StaffRole, StaffStatus

MANAGE = "staff:manage"

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such member of staff.", ("id",))
VERSION_CONFLICT = Refusal(RefusalCode.VERSION_CONFLICT, "The member was changed meanwhile.", ("expectedVersion",))
UNKNOWN_ROLE = Refusal(RefusalCode.INVALID, "There is no role of this name.", ("roles",))
NOT_GRANTABLE = Refusal(RefusalCode.NOT_GRANTABLE, "You cannot give or take what you may not do yourself.", ("roles",))
LAST_MANAGER = Refusal(RefusalCode.LAST_MANAGER, "Somebody active has to be left who may manage staff.")

Outcome = UUID | list[Refusal]


@dataclass(frozen=True, slots=True)
class Member:
    """A member as they are kept, locked."""

    id: UUID
    account_id: UUID | None
    status: StaffStatus
    version: int
    roles: frozenset[str]

    @property
    def manages(self) -> bool:
        """Whether they may manage staff."""
        return self.status is StaffStatus.ACTIVE and MANAGE in permissions_of(tuple(self.roles))

    def may_grant(self, roles: Iterable[str]) -> bool:
        """Whether they may manage staff, and hold all that these roles do, with no less of a reason."""
        granted, own = tuple(roles), tuple(self.roles)
        held = {one.purpose: one.case_required for one in purposes_of(own)}
        purposes = all(one.purpose in held and held[one.purpose] <= one.case_required for one in purposes_of(granted))
        return self.manages and purposes and permissions_of(granted) <= permissions_of(own)


async def set_roles(
    transaction: AsyncConnection,
    actor_id: UUID,
    staff_id: UUID,
    names: Collection[str],
    *,
    expected_version: int | None = None,
) -> Outcome:
    """Gives the member these roles and no others, which holds from their next request on.

    INVALID where one is none, NOT_GRANTABLE where one that is given or taken holds more than the actor does,
    LAST_MANAGER where nobody active would be left who may manage staff.
    """
    actor, member = await lock(transaction, actor_id, staff_id)
    if refused := standing(member, expected_version):
        return [refused]
    assert member is not None
    roles = frozenset(names)
    if not roles <= ROLES.keys():
        return [UNKNOWN_ROLE]
    changed = roles ^ member.roles
    if actor is None or not actor.may_grant(changed):
        return [NOT_GRANTABLE]
    stays = MANAGE in permissions_of(tuple(roles))
    if member.manages and not stays and not await another_manages(transaction, staff_id):
        return [LAST_MANAGER]
    if changed:
        await write(transaction, staff_id, roles)
        await note_change(transaction, staff_id)
    return staff_id


def standing(member: Member | None, expected_version: int | None) -> Refusal | None:
    """Why the member cannot be changed: NOT_FOUND, or VERSION_CONFLICT."""
    if member is None:
        return NOT_FOUND
    return VERSION_CONFLICT if expected_version not in {None, member.version} else None


async def lock(transaction: AsyncConnection, *ids: UUID) -> list[Member | None]:
    """The members of these keys, with everyone locked who manages staff; None for one that there is not."""
    rows = select(StaffMember.id).where(or_(StaffMember.id.in_(ids), _managing()))
    await transaction.execute(rows.order_by(StaffMember.id).with_for_update(key_share=True))
    held = select(func.array_agg(StaffRole.role)).where(StaffRole.staff_id == StaffMember.id).scalar_subquery()
    members = select(
        StaffMember.id, StaffMember.account_id, StaffMember.status, StaffMember.version, held.label("roles")
    )
    # A statement of its own: it sees what those did that held the locks before.
    found = {row.id: _member(row) for row in await transaction.execute(members.where(StaffMember.id.in_(ids)))}
    return [found.get(one) for one in ids]


def _member(row: Any) -> Member:
    return Member(row.id, row.account_id, StaffStatus(row.status), row.version, frozenset(row.roles or ()))


async def another_manages(transaction: AsyncConnection, staff_id: UUID) -> bool:
    """Whether somebody else who is active may manage staff."""
    others = select(StaffMember.id).where(_managing(), StaffMember.id != staff_id)
    return bool(await transaction.scalar(select(others.exists())))


def _managing() -> ColumnElement[bool]:
    names = [role.name for role in ROLES.values() if MANAGE in role.permissions]
    held = select(StaffRole.role).where(StaffRole.staff_id == StaffMember.id, StaffRole.role.in_(names))
    return and_(StaffMember.status == StaffStatus.ACTIVE, held.exists())


async def write(transaction: AsyncConnection, staff_id: UUID, roles: Iterable[str]) -> None:
    """Makes these the roles of a member who is locked, or new."""
    await transaction.execute(delete(StaffRole).where(StaffRole.staff_id == staff_id))
    if rows := [{"staff_id": staff_id, "role": role} for role in sorted(roles)]:
        await transaction.execute(insert(StaffRole).values(rows))


async def note_change(transaction: AsyncConnection, staff_id: UUID, **values: Any) -> None:
    """Writes these columns of the member, and makes every statement void that was planned before."""
    counted = {"version": StaffMember.version + 1, "access_stamp": StaffMember.access_stamp + 1}
    await transaction.execute(update(StaffMember).where(StaffMember.id == staff_id).values(counted | values))
