"""What the commands about staff do to the database."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app import connections
from app.embedded import Services
from app.partner_work import RefusedError
from app.settings import Settings
from app.terminal import command
from commerce import enrolment, staff_invitation
from commerce.staff_invitation import Draft
from gateways.jobs import Jobs
from migrations import runner
from models.database import Database
from models.job import QueuedJob
from models.staff import StaffKind, StaffMember, StaffRole

__all__ = ["RefusedError", "Wish", "invite", "listing", "reset_second_factors"]


@dataclass(frozen=True, slots=True)
class Wish:
    """Who is to be invited."""

    name: str
    email: str
    kind: StaffKind
    roles: list[str]


async def invite(settings: Settings, services: Services, wish: Wish, progress: runner.Progress) -> tuple[str, bool]:
    """Invites, and sends the letter at once: to which address, and whether that worked. Raises RefusedError."""
    await runner.upgrade(services.database_url, progress)
    async with connections.tools(settings, services) as tools:
        draft = Draft(wish.name, wish.email, wish.kind, frozenset(wish.roles))
        outcome = await tools.database.transact(lambda t: staff_invitation.invite(t, None, draft))
        if isinstance(outcome, list):
            raise RefusedError("\n".join(refusal.message for refusal in outcome))
        progress("sending the invitation")
        await Jobs(tools.database, tools, staff_invitation.HANDLERS).drain()
        return await tools.database.transact(lambda t: _sent(t, outcome))


async def _sent(transaction: AsyncConnection, staff_id: UUID) -> tuple[str, bool]:
    address = select(StaffMember.email).where(StaffMember.id == staff_id)
    waiting = select(QueuedJob.id).where(QueuedJob.subject_id == staff_id, QueuedJob.kind == staff_invitation.LETTER)
    found = (await transaction.execute(select(address.scalar_subquery(), ~waiting.exists()))).one()
    return found[0], found[1]


async def reset_second_factors(url: str, email: str, progress: runner.Progress) -> int:
    """Removes a member's second factors: how many there were. Raises RefusedError where nobody has the address."""
    await runner.upgrade(url, progress)
    database = Database(url, readers=1, writers=1)
    try:
        return await database.transact(lambda transaction: _reset(transaction, email))
    finally:
        await database.close()


async def _reset(transaction: AsyncConnection, email: str) -> int:
    member = select(StaffMember.account_id).where(func.lower(StaffMember.email) == email.strip().lower())
    account_id = await transaction.scalar(member)
    if account_id is None:
        raise RefusedError(f"Nobody who works here signs in by this address. See: {command('staff list')}")
    return await enrolment.reset(transaction, account_id)


async def listing(url: str, progress: runner.Progress) -> list[Any]:
    """The members by name, with their roles."""
    await runner.upgrade(url, progress)
    database = Database(url, readers=1, writers=1)
    try:
        return await database.transact(_list)
    finally:
        await database.close()


async def _list(transaction: AsyncConnection) -> list[Any]:
    held = select(StaffRole.role).where(StaffRole.staff_id == StaffMember.id).order_by(StaffRole.role)
    found = select(
        StaffMember.name,
        StaffMember.email,
        StaffMember.kind,
        StaffMember.status,
        StaffMember.last_sign_in_at,
        func.array(held.scalar_subquery(), type_=ARRAY(Text)).label("roles"),
    )
    return list((await transaction.execute(found.order_by(func.lower(StaffMember.name), StaffMember.id))).all())
