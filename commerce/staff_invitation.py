"""Inviting people to work for the shop: a letter, and an account of its own once it is accepted (P52)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.account_events import ClientFacts, record
from auth.passwords import PasswordHasher
from auth.refusal import Refusal, RefusalCode
from auth.roles import ROLES
from auth.sessions import Issued
from commerce import email, mail_token, password, staff_role, text
from commerce.login_session import open_session
from commerce.mail_token import INVALID
from commerce.staff_role import NOT_GRANTABLE, UNKNOWN_ROLE, Outcome
from commerce.tools import Envelope, Tools
from gateways.jobs import Handler, Job, enqueue
from models.account import Account, AccountEventKind, AccountKind, AgeBand, MailToken, MailTokenKind
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.staff import StaffKind, StaffMember, StaffStatus

LETTER = "staff.invitation_letter"

NAME_LIMIT = 200

TAKEN = Refusal(RefusalCode.TAKEN, "A member of staff has this address.", ("email",))


@dataclass(frozen=True, slots=True)
class Draft:
    """Whom to invite, as typed; roles by their names."""

    name: str = field(repr=False)
    email: str = field(repr=False)
    kind: StaffKind
    roles: frozenset[str]


async def invite(
    transaction: AsyncConnection, actor_id: UUID | None, draft: Draft, channel: Channel = Channel.WEB
) -> Outcome:
    """Invites somebody; a letter is on its way when this commits. Without an actor it is the command line, which may.

    An invitation that waits is renewed, and its letters die. TAKEN where the address is a member's already;
    NOT_GRANTABLE where the roles, or those that a renewal takes, hold more than the actor does.
    """
    checked = _checked(draft)
    if isinstance(checked, list):
        return checked
    earlier = select(StaffMember.id).where(email.same(StaffMember.email, checked["email"]))
    staff_id = await transaction.scalar(earlier) or new_id()
    actor, member = await staff_role.lock(transaction, actor_id or staff_id, staff_id)
    if member is not None and member.status is not StaffStatus.INVITED:
        return [TAKEN]
    changed = draft.roles if member is None else draft.roles ^ member.roles
    if actor_id is not None and (actor is None or not actor.may_grant(changed)):
        return [NOT_GRANTABLE]
    if member is not None:
        await mail_token.spend(transaction, MailToken.staff_id == staff_id)
        await staff_role.note_change(transaction, staff_id, **checked, invited_at=func.now())
    elif not await _insert(transaction, staff_id, channel, checked):
        return [TAKEN]
    await staff_role.write(transaction, staff_id, draft.roles)
    await send(transaction, staff_id)
    return staff_id


async def _insert(transaction: AsyncConnection, staff_id: UUID, channel: Channel, checked: dict[str, Any]) -> bool:
    """Writes a new member. False: somebody else invited the address at the same moment."""
    row = insert_or_skip(StaffMember).values(id=staff_id, status=StaffStatus.INVITED, channel=channel, **checked)
    return await transaction.scalar(row.on_conflict_do_nothing().returning(StaffMember.id)) is not None


def _checked(draft: Draft) -> dict[str, Any] | list[Refusal]:
    name = text.line(draft.name, field=("name",), limit=NAME_LIMIT, required=True)
    address = email.normalise(draft.email)
    refused = [found for found in (name, address) if isinstance(found, Refusal)]
    if not draft.roles <= ROLES.keys():
        refused.append(UNKNOWN_ROLE)
    return refused or {"name": name, "email": address, "kind": draft.kind}


async def send(transaction: AsyncConnection, staff_id: UUID) -> None:
    """Has the letter written to a member who is invited."""
    await enqueue(transaction, Job(LETTER, staff_id))


async def write_letter(tools: Tools, staff_id: UUID) -> None:
    """Sends the token that accepts the invitation, if it still waits."""
    envelope = await tools.database.transact(partial(_letter, staff_id=staff_id))
    if envelope is not None:
        await tools.send(envelope)


async def _letter(transaction: AsyncConnection, staff_id: UUID) -> Envelope | None:
    address = await transaction.scalar(_waiting(staff_id).with_for_update(key_share=True))
    if address is None:
        return None
    fresh = await mail_token.make(transaction, MailTokenKind.STAFF_INVITATION, staff_id=staff_id)
    return Envelope(address, "staff_invitation", {"token": fresh.text, "lifetime": fresh.lifetime})


HANDLERS: Mapping[str, Handler[Tools]] = {LETTER: write_letter}


def _waiting(staff_id: UUID | None) -> Any:
    """The address of a member who has not accepted yet."""
    return select(StaffMember.email).where(StaffMember.id == staff_id, StaffMember.status == StaffStatus.INVITED)


# ---- accepting


async def accept(
    database: Database,
    passwords: PasswordHasher,
    client: ClientFacts,
    token: str,
    chosen: str,
    held: bytes | None = None,
) -> Issued | Refusal:
    """Opens the invited member's account and a session; the one whose token `held` is the digest of ends.

    The token is used up by that alone, not by a password that is refused. Raises auth.passwords.Busy.
    """
    invited = await database.transact(partial(_invited, token=token))
    if isinstance(invited, Refusal):
        return invited
    if weak := password.weakness(chosen, (invited.name, invited.email)):
        return weak
    password_hash = await passwords.hash(chosen)

    async def open_account(transaction: AsyncConnection) -> Issued | Refusal:
        proof = await mail_token.claim(transaction, token, MailTokenKind.STAFF_INVITATION)
        if isinstance(proof, Refusal):
            return proof
        account_id = await _join(transaction, proof.staff_id, client)
        if account_id is None:
            return INVALID
        await password.keep(transaction, account_id, password_hash)
        if held is not None:
            await sessions.revoke_token(transaction, held)
        return await open_session(transaction, account_id, AccountKind.STAFF, client, announce=False)

    return await database.transact(open_account)


async def _invited(transaction: AsyncConnection, token: str) -> Any:
    """The member whom the token was sent to, or why it is not good."""
    proof = await mail_token.find(transaction, token, MailTokenKind.STAFF_INVITATION)
    if isinstance(proof, Refusal):
        return proof
    found = await transaction.execute(_waiting(proof.staff_id).add_columns(StaffMember.name))
    return found.one_or_none() or INVALID


async def _join(transaction: AsyncConnection, staff_id: UUID | None, client: ClientFacts) -> UUID | None:
    """Makes the invited member active, with a new account; None where the invitation does not wait any more."""
    waiting = _waiting(staff_id).add_columns(StaffMember.name).with_for_update(key_share=True)
    member = (await transaction.execute(waiting)).one_or_none()
    if member is None:
        return None
    assert staff_id is not None
    account_id = new_id()
    row = insert(Account).values(
        id=account_id,
        channel=client.channel,
        kind=AccountKind.STAFF,
        name=member.name,
        email=member.email,
        email_verified_at=func.now(),
        age_band=AgeBand.ADULT,
    )
    await transaction.execute(row)
    await staff_role.note_change(transaction, staff_id, account_id=account_id, status=StaffStatus.ACTIVE)
    await mail_token.spend(transaction, MailToken.staff_id == staff_id)
    await record(transaction, account_id, AccountEventKind.REGISTERED, client)
    return account_id
