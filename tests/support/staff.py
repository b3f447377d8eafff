"""People who work for the shop, for tests."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.sessions import Issued
from commerce.login_session import open_session
from models.account import Account, AccountKind, AgeBand, Credential
from models.classification import Channel
from models.database import Database
from models.ids import new_id, show_id
from models.staff import StaffKind, StaffMember, StaffRole, StaffStatus
from privacy import obligations
from tests.support.login_session import LAPTOP


@dataclass(frozen=True, slots=True)
class Employee:
    """A member of staff with an account; `shown` is their id in the API."""

    staff_id: UUID
    account_id: UUID
    email: str

    @property
    def shown(self) -> str:
        return show_id("stf", self.staff_id)


async def employ(
    transaction: AsyncConnection,
    *roles: str,
    email: str | None = None,
    password_hash: str | None = None,
    acknowledged: bool = True,
    waived: bool = True,
) -> Employee:
    """An active member with these roles, past all rules. Without a waiver they need a second factor."""
    account_id, staff_id = new_id(), new_id()
    address = email or f"staff.{staff_id.hex}@example.com"
    whose = {"name": "Sam Okoro", "email": address, "channel": Channel.WEB}
    await transaction.execute(
        insert(Account).values(
            id=account_id, kind=AccountKind.STAFF, age_band=AgeBand.ADULT, email_verified_at=func.now(), **whose
        )
    )
    await transaction.execute(
        insert(StaffMember).values(
            id=staff_id,
            account_id=account_id,
            kind=StaffKind.EMPLOYEE,
            status=StaffStatus.ACTIVE,
            second_factor_waived=waived,
            obligations_version=obligations.CURRENT.version if acknowledged else None,
            obligations_acknowledged_at=func.now() if acknowledged else None,
            **whose,
        )
    )
    for role in roles:
        await transaction.execute(insert(StaffRole).values(staff_id=staff_id, role=role))
    if password_hash is not None:
        await transaction.execute(insert(Credential).values(account_id=account_id, password_hash=password_hash))
    return Employee(staff_id, account_id, address)


async def employed(database: Database, *roles: str, **facts: Any) -> Employee:
    """As `employ`, committed."""
    return await database.transact(lambda transaction: employ(transaction, *roles, **facts))


async def at_work(database: Database, employee: Employee) -> Issued:
    """A session of the member."""

    async def enter(transaction: AsyncConnection) -> Issued:
        await sessions.lock_account(transaction, employee.account_id)
        return await open_session(transaction, employee.account_id, AccountKind.STAFF, LAPTOP, announce=False)

    return await database.transact(enter)


async def roles_of(transaction: AsyncConnection, employee: Employee) -> set[str]:
    """The roles that the member has."""
    return set(await transaction.scalars(select(StaffRole.role).where(StaffRole.staff_id == employee.staff_id)))


async def status_of(transaction: AsyncConnection, employee: Employee) -> StaffStatus:
    status = select(StaffMember.status).where(StaffMember.id == employee.staff_id)
    return StaffStatus((await transaction.execute(status)).scalar_one())
