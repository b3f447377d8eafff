"""Secrets that are sent to a mailbox and prove, once, that whoever brings them back can read it.

A token is made when the letter is written, and only its digest is kept: no job and no row ever holds one.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.sessions import lock_account
from auth.tokens import Kind, new_token, parse
from models.account import MailToken, MailTokenKind
from models.ids import new_id

LIFETIMES = {
    MailTokenKind.VERIFY: timedelta(hours=24),
    MailTokenKind.GUARDIAN_CONSENT: timedelta(days=7),
    MailTokenKind.PASSWORD_RESET: timedelta(hours=1),
    MailTokenKind.EMAIL_CHANGE: timedelta(hours=24),
    MailTokenKind.EMAIL_CHANGE_UNDO: timedelta(days=7),
    MailTokenKind.STAFF_INVITATION: timedelta(days=7),
}

TOLD_FOR = timedelta(days=30)
"""How long after its end a token is known, so that who comes too late is told so."""

INVALID = Refusal(
    RefusalCode.TOKEN_INVALID, "This link is not good any more, or was not copied whole. Ask for a new one.", ("token",)
)
EXPIRED = Refusal(RefusalCode.TOKEN_EXPIRED, "This link has expired. Ask for a new one.", ("token",))


@dataclass(frozen=True, slots=True)
class Fresh:
    """A token for a letter, and how long it is good for in round numbers."""

    text: str = field(repr=False)
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Proof:
    """What a token was sent about."""

    id: UUID
    account_id: UUID | None
    registration_id: UUID | None
    email_change_id: UUID | None
    staff_id: UUID | None


async def make(
    transaction: AsyncConnection,
    kind: MailTokenKind,
    *,
    until: datetime | ColumnElement[datetime] | None = None,
    **subject: UUID,
) -> Fresh:
    """A new token about `subject`, columns of MailToken by name. It ends at `until`, else after its kind's lifetime."""
    token = new_token(Kind.MAIL_LINK)
    row = insert(MailToken).values(
        id=new_id(),
        kind=kind,
        token_digest=token.digest,
        expires_at=func.now() + LIFETIMES[kind] if until is None else until,
        **subject,
    )
    left: timedelta = (await transaction.execute(row.returning(MailToken.expires_at - func.now()))).scalar_one()
    return Fresh(token.text, _in_round_numbers(left))


async def find(transaction: AsyncConnection, text: str, kind: MailTokenKind) -> Proof | Refusal:
    """What the token proves. TOKEN_INVALID for one that is none, is of another kind or was used; else TOKEN_EXPIRED."""
    return await _find(transaction, text, kind, lock=False)


async def claim(transaction: AsyncConnection, text: str, kind: MailTokenKind) -> Proof | Refusal:
    """As `find`, with the token and its account locked: of two that bring it at once, one waits and finds it used.

    A disabled account can be taken back by its owner, and nothing else.
    """
    found = await _find(transaction, text, kind, lock=False)
    if isinstance(found, Refusal):
        return found
    if found.account_id is not None:
        enabled = await lock_account(transaction, found.account_id)
        if not enabled and kind is not MailTokenKind.EMAIL_CHANGE_UNDO:
            return INVALID
    return await _find(transaction, text, kind, lock=True)


async def spend(transaction: AsyncConnection, *which: ColumnElement[bool]) -> None:
    """Makes tokens useless that are not used yet."""
    tokens = update(MailToken).where(MailToken.used_at.is_(None), *which)
    await transaction.execute(tokens.values(used_at=func.now()))


async def spend_kind(transaction: AsyncConnection, account_id: UUID, kind: MailTokenKind) -> None:
    await spend(transaction, MailToken.account_id == account_id, MailToken.kind == kind)


async def forget(transaction: AsyncConnection) -> None:
    """Deletes the tokens that ended so long ago that nobody brings them any more."""
    await transaction.execute(delete(MailToken).where(MailToken.expires_at < func.now() - TOLD_FOR))


async def _find(transaction: AsyncConnection, text: str, kind: MailTokenKind, *, lock: bool) -> Proof | Refusal:
    parsed = parse(text)
    if parsed is None or parsed[0] is not Kind.MAIL_LINK:
        return INVALID
    token: Any = select(
        MailToken.id,
        MailToken.account_id,
        MailToken.registration_id,
        MailToken.email_change_id,
        MailToken.staff_id,
        MailToken.used_at,
        (MailToken.expires_at <= func.now()).label("expired"),
    ).where(MailToken.token_digest == parsed[1], MailToken.kind == kind)
    row = (await transaction.execute(token.with_for_update() if lock else token)).one_or_none()
    if row is None or row.used_at is not None:
        return INVALID
    if row.expired:
        return EXPIRED
    return Proof(row.id, row.account_id, row.registration_id, row.email_change_id, row.staff_id)


def _in_round_numbers(left: timedelta) -> timedelta:
    """Whole days, hours or minutes, not more than are left; the moments since the promise was made do not count."""
    left += timedelta(minutes=1)
    unit = next((unit for unit in (timedelta(days=1), timedelta(hours=1)) if left >= 2 * unit), timedelta(minutes=1))
    return max(1, left // unit) * unit
