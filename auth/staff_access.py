"""What a member of staff may do in a session: read with the session, and planned with as long as the stamp holds."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy import literal_column as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.roles import permissions_of, purposes_of
from auth.viewer import StaffFacts
from models.account import Account
from models.classification import Purpose
from models.login_session import LoginSession
from models.second_factor import SecondFactor
from models.staff import StaffMember, StaffRole

AT_THE_TILL = frozenset(
    {
        "alteration:read",
        "alteration:write",
        "customer:recognise",
        "order:read",
        "order:refund",
        "order:write",
        "return:read",
        "return:write",
        "stock:read",
    }
)
"""What a member's roles are good for at a till, which a PIN opens: selling, and what goes with it."""

PURPOSES_AT_THE_TILL = frozenset({Purpose.PRODUCTS})


def with_member(session: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The session with what `facts` needs; no row where the account is staff's and no member is active with it."""
    member = and_(StaffMember.account_id == Account.id, StaffMember.status == sql("'ACTIVE'"))
    owned = or_(Account.kind == sql("'CUSTOMER'"), StaffMember.id.is_not(None))
    return session.outerjoin(StaffMember, member).where(owned).add_columns(*_columns())


def _columns() -> list[Any]:
    roles = select(StaffRole.role).where(StaffRole.staff_id == StaffMember.id).order_by(StaffRole.role)
    enrolled = select(SecondFactor.id).where(
        SecondFactor.account_id == Account.id, SecondFactor.confirmed_at.is_not(None)
    )
    return [
        StaffMember.id.label("staff_id"),
        StaffMember.access_stamp.label("stamp"),
        func.array(roles.scalar_subquery()).label("roles"),
        StaffMember.obligations_version,
        StaffMember.second_factor_waived.label("waived"),
        enrolled.exists().label("enrolled"),
        LoginSession.second_factor_at.is_not(None).label("given"),
        LoginSession.till_id,
    ]


def facts(row: Any, obligations_version: str) -> tuple[frozenset[str], StaffFacts]:
    """Permissions, and what else decides, of a row that `with_member` reads for a member of staff.

    A second factor counts if it was given in this session; the till's key is one. An enrolled one always counts, even
    where the member's was waived.
    """
    roles = tuple(row["roles"])
    permissions, purposes = permissions_of(roles), frozenset(purposes_of(roles))
    at_till = row["till_id"] is not None
    if at_till:
        permissions &= AT_THE_TILL
        purposes = frozenset(one for one in purposes if one.purpose in PURPOSES_AT_THE_TILL)
    second_factor = at_till or (row["given"] if row["enrolled"] else row["waived"])
    acknowledged = row["obligations_version"] == obligations_version
    return permissions, StaffFacts(row["staff_id"], row["stamp"], roles, purposes, acknowledged, second_factor)


async def restamp(transaction: AsyncConnection, account_id: UUID) -> None:
    """What the account's member of staff may do has changed: what was planned for them before reads nothing more."""
    member = update(StaffMember).where(StaffMember.account_id == account_id)
    await transaction.execute(member.values(access_stamp=StaffMember.access_stamp + 1))
