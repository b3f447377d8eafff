"""Acknowledging what working with personal data asks of staff (P52). Until it is done they read none."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from models.staff import StaffMember
from privacy import obligations
from privacy.obligations import Obligations

STALE = Refusal(RefusalCode.STALE_VERSION, "That is not the version in force. Read it again.", ("version",))


@dataclass(frozen=True, slots=True)
class Status:
    """The text in force, and which version a member has acknowledged, if any, and when."""

    in_force: Obligations
    acknowledged_version: str | None
    acknowledged_at: datetime | None

    @property
    def current(self) -> bool:
        return self.acknowledged_version == self.in_force.version


async def status_of(transaction: AsyncConnection, staff_id: UUID) -> Status:
    """How it stands with a member."""
    acknowledged = select(StaffMember.obligations_version, StaffMember.obligations_acknowledged_at)
    version, at = (await transaction.execute(acknowledged.where(StaffMember.id == staff_id))).one()
    return Status(obligations.CURRENT, version, at)


async def acknowledge(transaction: AsyncConnection, staff_id: UUID, version: str) -> Status | Refusal:
    """Notes that the member acknowledges this version; once is enough. STALE_VERSION unless it is the one in force."""
    if version != obligations.CURRENT.version:
        return STALE
    member = update(StaffMember).where(
        StaffMember.id == staff_id, StaffMember.obligations_version.is_distinct_from(version)
    )
    values = {
        "obligations_version": version,
        "obligations_acknowledged_at": func.now(),
        "access_stamp": StaffMember.access_stamp + 1,
    }
    await transaction.execute(member.values(values))
    return await status_of(transaction, staff_id)
