"""Who works for the shop: disabling a member at once, and enabling one again (P52)."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.account_events import record
from auth.refusal import Refusal
from commerce import mail_token, staff_invitation, staff_role
from commerce.staff_role import LAST_MANAGER, NOT_GRANTABLE, Member, Outcome
from models.account import Account, AccountEventKind, MailToken
from models.classification import Channel
from models.login_session import DeviceKind
from models.second_factor import Challenge
from models.staff import StaffMember, StaffStatus
from models.till import StaffPin


@dataclass(frozen=True, slots=True)
class ByTheShop:
    """Where something comes from that the account's owner did not do: a colleague's device is not theirs to see."""

    network: str | None = None
    device_name: str | None = None
    device_kind: str = DeviceKind.OTHER
    channel: Channel = Channel.WEB


async def disable(
    transaction: AsyncConnection, actor_id: UUID, staff_id: UUID, *, expected_version: int | None = None
) -> Outcome:
    """Ends what the member may do: every session, whatever waits to become one, invitations and the PIN.

    NOT_GRANTABLE where the member holds more than the actor does, LAST_MANAGER where nobody active would be left who
    may manage staff. One who is disabled stays so.
    """
    actor, member = await _lock(transaction, actor_id, staff_id)
    if refused := _objection(actor, member, expected_version):
        return [refused]
    assert member is not None
    if member.status is StaffStatus.DISABLED:
        return staff_id
    if member.manages and not await staff_role.another_manages(transaction, staff_id):
        return [LAST_MANAGER]
    await staff_role.note_change(transaction, staff_id, status=StaffStatus.DISABLED)
    await mail_token.spend(transaction, MailToken.staff_id == staff_id)
    if member.account_id is not None:
        await _close(transaction, member.account_id)
    return staff_id


async def enable(
    transaction: AsyncConnection, actor_id: UUID, staff_id: UUID, *, expected_version: int | None = None
) -> Outcome:
    """Lets a disabled member sign in anew: nothing of before is good again. One who never accepted is invited anew.

    NOT_GRANTABLE where the member holds more than the actor does.
    """
    actor, member = await _lock(transaction, actor_id, staff_id)
    if refused := _objection(actor, member, expected_version):
        return [refused]
    assert member is not None
    if member.status is not StaffStatus.DISABLED:
        return staff_id
    if member.account_id is None:
        await staff_role.note_change(transaction, staff_id, status=StaffStatus.INVITED)
        await staff_invitation.send(transaction, staff_id)
        return staff_id
    await staff_role.note_change(transaction, staff_id, status=StaffStatus.ACTIVE)
    await transaction.execute(update(Account).where(Account.id == member.account_id).values(disabled_at=None))
    await record(transaction, member.account_id, AccountEventKind.ENABLED, ByTheShop())
    return staff_id


async def _lock(transaction: AsyncConnection, actor_id: UUID, staff_id: UUID) -> list[Member | None]:
    """The account before the member, as signing in does."""
    account_id = await transaction.scalar(select(StaffMember.account_id).where(StaffMember.id == staff_id))
    if account_id is not None:
        await sessions.lock_account(transaction, account_id)
    return await staff_role.lock(transaction, actor_id, staff_id)


def _objection(actor: Member | None, member: Member | None, expected_version: int | None) -> Refusal | None:
    refused = staff_role.standing(member, expected_version)
    if refused is not None or member is None:
        return refused
    return None if actor is not None and actor.may_grant(member.roles) else NOT_GRANTABLE


async def _close(transaction: AsyncConnection, account_id: UUID) -> None:
    account = update(Account).where(Account.id == account_id, Account.disabled_at.is_(None))
    await transaction.execute(account.values(disabled_at=func.now()))
    await sessions.revoke_all(transaction, account_id)
    await mail_token.spend(transaction, MailToken.account_id == account_id)
    for table in (Challenge, StaffPin):
        await transaction.execute(delete(table).where(table.account_id == account_id))
    await record(transaction, account_id, AccountEventKind.DISABLED, ByTheShop())
