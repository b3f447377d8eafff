"""Sessions: rows whose tokens are known by their digest. What holds of them is kept nowhere else.

A sign-in, and what ends sessions with a change of password, lock the account first (`lock_account`): of two that meet,
the second sees what the first did, so that no session outlives the password it was opened with.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import (
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    Update,
    UpdateBase,
    and_,
    bindparam,
    func,
    literal,
    select,
    update,
)
from sqlalchemy import literal_column as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.account_events import ClientFacts, facts_of
from auth.partner_keys import viewer_key
from auth.refusal import Refusal, RefusalCode
from auth.session_life import fresh_until, in_time, is_live
from auth.session_opening import OPENING
from auth.staff_access import facts, restamp, with_member
from auth.tokens import Kind, new_token
from auth.viewer import Access, Viewer, ViewerKind
from models.account import Account
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.login_session import LoginSession
from models.second_factor import Challenge, ChallengeKind
from models.staff import StaffMember
from models.statement import Statement

NOTE_USE_AFTER = 60
"""Seconds after which a session's last use is written again."""

MOST_SESSIONS = 100
"""Live sessions of one account; beyond it those that were used longest ago end."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A session ends `absolute` after it began, and `idle` after its last use (ASVS 7.3.1, 7.3.2)."""

    absolute: timedelta
    idle: timedelta


USUAL = Lifetime(timedelta(days=30), timedelta(days=14))
PUBLIC_COMPUTER = Lifetime(timedelta(hours=2), timedelta(minutes=20))
STAFF = Lifetime(timedelta(hours=12), timedelta(hours=1))
"""A working day: a session that reads what customers keep to themselves is not left open overnight."""
TILL = Lifetime(timedelta(hours=8), timedelta(minutes=15))
"""A shift; whoever walks away from the till enters the PIN again."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new session. `token` is for the one answer that shows it; `viewer` is who holds it.

    `remembered_for` is how long a browser may keep the token; None: until it closes (P55).
    """

    token: str = field(repr=False)
    digest: bytes = field(repr=False)
    session_id: UUID
    expires_at: datetime
    remembered_for: timedelta | None
    viewer: Viewer


@dataclass(frozen=True, slots=True)
class Identified:
    """Whose a live token is. `stale`: that the session is in use should be noted."""

    viewer: Viewer
    stale: bool


# ---- which sessions are live


def live_session(digest: ColumnElement[Any]) -> Select[UUID, UUID, bool]:
    """The live session of a token, its account not disabled."""
    return (
        select(LoginSession.id.label("session_id"), LoginSession.account_id, _unnoted().label("stale"))
        .join(Account, Account.id == LoginSession.account_id)
        .where(LoginSession.token_digest == digest, is_live(LoginSession), Account.disabled_at.is_(None))
    )


def viewer_session(access: Access, parameter: Callable[..., ColumnElement[Any]]) -> Select[*tuple[Any, ...]]:
    """The viewer's live session, or good key, if it still has the access that a statement was planned for.

    A member of staff's access is what it was as long as the stamp is.
    """
    if access.kind is ViewerKind.PARTNER:
        return viewer_key(parameter)
    session = live_session(parameter(LargeBinary(), lambda variables, viewer: viewer.token_digest))
    if access.kind is ViewerKind.STAFF:
        held = and_(StaffMember.account_id == Account.id, StaffMember.status == sql("'ACTIVE'"))
        stamp = parameter(Integer(), lambda variables, viewer: viewer.staff.stamp)
        return session.join(StaffMember, held).where(StaffMember.access_stamp == stamp)
    return session.where(Account.kind == sql("'CUSTOMER'"))


BROUGHT = {"cart_digest": LargeBinary()}
"""What a request brings beside a session that what it sees depends on."""


def is_claimed(access: Access) -> bool:
    """Whether a live session has to bear the access out."""
    return access.kind in {ViewerKind.CUSTOMER, ViewerKind.STAFF}


def _unnoted() -> ColumnElement[bool]:
    return LoginSession.last_used_at < func.now() - sql(f"interval '{NOTE_USE_AFTER} seconds'")


# ---- who has a token


def _identification() -> Select[*tuple[Any, ...]]:
    found = live_session(bindparam("digest", type_=LargeBinary))
    return with_member(found).add_columns(fresh_until().label("stepped_up_until"), LoginSession.channel)


_IDENTIFICATION = Statement(_identification)


async def identify(connection: asyncpg.Connection, digest: bytes, obligations_version: str) -> Identified | None:
    """Who has the token of this digest; None where no live session does. One statement.

    `obligations_version` is the one that staff have to have acknowledged.
    """
    row = await connection.fetchrow(_IDENTIFICATION.sql, digest)
    return None if row is None else Identified(_viewer(row, digest, obligations_version), row["stale"])


async def viewer_of(transaction: AsyncConnection, digest: bytes, obligations_version: str) -> Viewer | None:
    """As `identify`, in a transaction that may have opened the session."""
    row = await _IDENTIFICATION.first(transaction, digest=digest)
    return None if row is None else _viewer(row, digest, obligations_version)


def _viewer(row: Any, digest: bytes, obligations_version: str) -> Viewer:
    session = Viewer(
        ViewerKind.CUSTOMER,
        account_id=row["account_id"],
        session_id=row["session_id"],
        token_digest=digest,
        stepped_up_until=row["stepped_up_until"],
        channel=Channel(row["channel"]),
    )
    if row["staff_id"] is None:
        return session
    permissions, staff = facts(row, obligations_version)
    return replace(session, kind=ViewerKind.STAFF, permissions=permissions, staff=staff)


def _use() -> Update:
    used = update(LoginSession).where(LoginSession.token_digest == bindparam("digest"), is_live(LoginSession))
    return used.where(_unnoted()).values(last_used_at=func.now())


_USE = Statement(_use)


async def note_use(database: Database, digest: bytes) -> None:
    """Puts off the session's idle end, where it is live and its last use was noted more than a minute ago."""
    await database.transact(lambda transaction: _USE.run(transaction, digest=digest))


def require_step_up(viewer: Viewer) -> Refusal | None:
    """STEP_UP_REQUIRED, unless the viewer gave the password within the last ten minutes (P29)."""
    if viewer.stepped_up_until is not None and viewer.stepped_up_until > datetime.now(UTC):
        return None
    return Refusal(RefusalCode.STEP_UP_REQUIRED, "Confirm that it is you, then try again.")


# ---- opening


def _lock() -> Select[bool]:
    account = select(Account.disabled_at.is_(None)).where(Account.id == bindparam("account_id"))
    return account.with_for_update(key_share=True)


_LOCK = Statement(_lock)


async def lock_account(transaction: AsyncConnection, account_id: UUID) -> bool:
    """Makes other sign-ins and revocations of the account wait. False: it is disabled, or there is none."""
    return bool(await _LOCK.value(transaction, account_id=account_id))


async def issue(  # noqa: PLR0913  # each says one thing of the session, and has a default
    transaction: AsyncConnection,
    account_id: UUID,
    client: ClientFacts,
    *,
    lifetime: Lifetime = USUAL,
    public_computer: bool = False,
    device_name: str | None = None,
    stepped_up: bool = True,
    announce: bool = True,
    till_id: UUID | None = None,
) -> Issued:
    """Opens a session for an account that is locked, or new in this transaction.

    `device_name` is what the owner calls the device. With `stepped_up` the sign-in counts as a step-up, except on a
    public computer. With `announce` a device that was not seen before is an event of its own, and told by mail.
    """
    token, session_id, name = new_token(Kind.SESSION), new_id(), device_name or client.device_name
    lasting = PUBLIC_COMPUTER if public_computer else lifetime
    opened = await OPENING.first(
        transaction,
        session_id=session_id,
        account_id=account_id,
        digest=token.digest,
        absolute=lasting.absolute,
        idle_seconds=int(lasting.idle.total_seconds()),
        stepped_up=stepped_up and not public_computer,
        public_computer=public_computer,
        till_id=till_id,
        most_others=MOST_SESSIONS - 1,
        announce=announce,
        signed_in_id=new_id(),
        new_device_id=new_id(),
        letter_id=new_id(),
        **facts_of(client, name),
    )
    viewer = Viewer(
        ViewerKind.CUSTOMER, account_id, session_id, token.digest, stepped_up_until=opened.fresh, channel=client.channel
    )
    remembered_for = None if public_computer else lifetime.absolute
    return Issued(token.text, token.digest, session_id, opened.expires_at, remembered_for, viewer)


async def step_up(transaction: AsyncConnection, account_id: UUID, session_id: UUID) -> datetime | None:
    """Begins a step-up: until when it is fresh; None where the session is no longer live."""
    session = update(LoginSession).where(
        LoginSession.account_id == account_id, LoginSession.id == session_id, is_live(LoginSession)
    )
    return await transaction.scalar(session.values(stepped_up_at=func.now()).returning(fresh_until()))


async def note_second_factor(transaction: AsyncConnection, account_id: UUID, session_id: UUID) -> None:
    """A second factor was given in the session. What a member of staff may do there can be more by that."""
    session = update(LoginSession).where(LoginSession.account_id == account_id, LoginSession.id == session_id)
    await transaction.execute(session.values(second_factor_at=func.now()))
    await restamp(transaction, account_id)


# ---- ending


async def revoke(transaction: AsyncConnection, account_id: UUID, session_id: UUID) -> bool:
    """Ends a session of the account. False: it has no such session, or it had ended."""
    return await _revoke(transaction, LoginSession.account_id == account_id, LoginSession.id == session_id) == 1


async def revoke_others(transaction: AsyncConnection, account_id: UUID, keep: UUID | None) -> int:
    """Ends all sessions of the account but one, and answers how many that were.

    A sign-in that waits for its second factor would open another: it comes to nothing.
    """
    await lock_account(transaction, account_id)
    waiting = update(Challenge).where(
        Challenge.account_id == account_id, Challenge.kind == ChallengeKind.SIGN_IN, Challenge.used_at.is_(None)
    )
    await transaction.execute(waiting.values(used_at=func.now()))
    others = LoginSession.id.is_distinct_from(literal(keep, LoginSession.id.type))
    return await _revoke(transaction, LoginSession.account_id == account_id, others)


async def revoke_all(transaction: AsyncConnection, account_id: UUID) -> int:
    """Ends all sessions of the account, and answers how many that were."""
    return await revoke_others(transaction, account_id, None)


async def revoke_token(transaction: AsyncConnection, digest: bytes) -> bool:
    """Ends the session of a token. False: it was not live."""
    return bool(await _REVOKE_TOKEN.value(transaction, digest=digest))


async def revoke_at_tills(transaction: AsyncConnection, account_id: UUID, *, keep: UUID | None = None) -> None:
    """Ends the account's sessions at tills, but one."""
    others = LoginSession.id.is_distinct_from(literal(keep, LoginSession.id.type))
    await _revoke(transaction, LoginSession.account_id == account_id, LoginSession.till_id.is_not(None), others)


async def revoke_of_till(transaction: AsyncConnection, till_id: UUID) -> None:
    """Ends everyone's sessions at a till."""
    await _revoke(transaction, LoginSession.till_id == till_id)


async def _revoke(transaction: AsyncConnection, *which: ColumnElement[bool]) -> int:
    return sum((await transaction.scalars(_ending(*which))).all())


def _ending(*which: ColumnElement[bool]) -> UpdateBase:
    """Marks what is not marked yet, also what time has ended already; that does not count."""
    ended = update(LoginSession).where(*which, LoginSession.revoked_at.is_(None)).values(revoked_at=func.now())
    return ended.returning(in_time(LoginSession))


_REVOKE_TOKEN = Statement(lambda: _ending(LoginSession.token_digest == bindparam("digest")))
