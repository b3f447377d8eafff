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
    Text,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy import literal_column as sql
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.account_events import ClientFacts, record
from auth.partner_keys import viewer_key
from auth.refusal import Refusal, RefusalCode
from auth.staff_access import facts, restamp, with_member
from auth.tokens import Kind, new_token
from auth.viewer import Access, Viewer, ViewerKind
from gateways.jobs import Job, enqueue
from models.account import Account, AccountEvent, AccountEventKind
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.login_session import LoginSession
from models.second_factor import Challenge, ChallengeKind
from models.staff import StaffMember

NOTE_USE_AFTER = 60
"""Seconds after which a session's last use is written again."""

STEP_UP = timedelta(minutes=10)
"""How long it counts that somebody has just given the password (P29)."""

MOST_SESSIONS = 100
"""Live sessions of one account; beyond it those that were used longest ago end."""

NEW_DEVICE_LETTER = "new_device.mail"
"""The job that tells the owner of an account of a device not seen before; its subject is the session."""


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


def is_live(session: Any) -> ColumnElement[bool]:
    """Not revoked, not expired, not idle for too long. `session` has LoginSession's columns."""
    return and_(session.revoked_at.is_(None), _in_time(session))


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


def _in_time(session: Any) -> ColumnElement[bool]:
    idle_end = session.last_used_at + session.idle_seconds * sql("interval '1 second'")
    return and_(session.expires_at > func.now(), idle_end > func.now())


def _unnoted() -> ColumnElement[bool]:
    return LoginSession.last_used_at < func.now() - sql(f"interval '{NOTE_USE_AFTER} seconds'")


def _fresh_until() -> ColumnElement[datetime]:
    """The end of the session's step-up; null where it is over, or there was none."""
    until = LoginSession.stepped_up_at + sql(f"interval '{STEP_UP.seconds} seconds'")
    return case((until > func.now(), until))


# ---- who has a token


def _identification() -> Select[*tuple[Any, ...]]:
    found = live_session(bindparam("digest", type_=LargeBinary))
    return with_member(found).add_columns(_fresh_until().label("stepped_up_until"), LoginSession.channel)


_IDENTIFICATION = _identification()
_IDENTIFICATION_TEXT = str(_IDENTIFICATION.compile(dialect=dialect()))


async def identify(connection: asyncpg.Connection, digest: bytes, obligations_version: str) -> Identified | None:
    """Who has the token of this digest; None where no live session does. One statement.

    `obligations_version` is the one that staff have to have acknowledged.
    """
    row = await connection.fetchrow(_IDENTIFICATION_TEXT, digest)
    return None if row is None else Identified(_viewer(row, digest, obligations_version), row["stale"])


async def viewer_of(transaction: AsyncConnection, digest: bytes, obligations_version: str) -> Viewer | None:
    """As `identify`, in a transaction that may have opened the session."""
    row = (await transaction.execute(_IDENTIFICATION, {"digest": digest})).mappings().one_or_none()
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


async def note_use(database: Database, digest: bytes) -> None:
    """Puts off the session's idle end, where it is live and its last use was noted more than a minute ago."""
    used = update(LoginSession).where(LoginSession.token_digest == digest, is_live(LoginSession), _unnoted())
    await database.transact(lambda transaction: transaction.execute(used.values(last_used_at=func.now())))


def require_step_up(viewer: Viewer) -> Refusal | None:
    """STEP_UP_REQUIRED, unless the viewer gave the password within the last ten minutes (P29)."""
    if viewer.stepped_up_until is not None and viewer.stepped_up_until > datetime.now(UTC):
        return None
    return Refusal(RefusalCode.STEP_UP_REQUIRED, "Confirm that it is you, then try again.")


# ---- opening


async def lock_account(transaction: AsyncConnection, account_id: UUID) -> bool:
    """Makes other sign-ins and revocations of the account wait. False: it is disabled, or there is none."""
    account = select(Account.disabled_at.is_(None)).where(Account.id == account_id).with_for_update(key_share=True)
    return bool(await transaction.scalar(account))


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
    name = device_name or client.device_name
    known = await _has_seen(transaction, account_id, name, client.device_kind)
    marks = {
        "stepped_up_at": func.now() if stepped_up and not public_computer else None,
        "public_computer": public_computer,
        "device_name": name,
        "till_id": till_id,
    }
    issued = await _open(transaction, account_id, client, PUBLIC_COMPUTER if public_computer else lifetime, marks)
    await record(transaction, account_id, AccountEventKind.SIGNED_IN, client, device_name=name)
    if announce and not known:
        await record(transaction, account_id, AccountEventKind.NEW_DEVICE, client, device_name=name)
        await enqueue(transaction, Job(NEW_DEVICE_LETTER, issued.session_id))
    await _end_surplus(transaction, account_id)
    return issued


async def _open(
    transaction: AsyncConnection,
    account_id: UUID,
    client: ClientFacts,
    lifetime: Lifetime,
    marks: dict[str, Any],
) -> Issued:
    token, session_id = new_token(Kind.SESSION), new_id()
    row = insert(LoginSession).values(
        id=session_id,
        account_id=account_id,
        token_digest=token.digest,
        channel=client.channel,
        expires_at=func.now() + lifetime.absolute,
        idle_seconds=int(lifetime.idle.total_seconds()),
        device_kind=client.device_kind,
        ip_network=client.network,
        **marks,
    )
    written = (await transaction.execute(row.returning(LoginSession.expires_at, _fresh_until().label("fresh")))).one()
    viewer = Viewer(
        ViewerKind.CUSTOMER,
        account_id,
        session_id,
        token.digest,
        stepped_up_until=written.fresh,
        channel=client.channel,
    )
    remembered_for = None if lifetime is PUBLIC_COMPUTER else lifetime.absolute
    return Issued(token.text, token.digest, session_id, written.expires_at, remembered_for, viewer)


async def _has_seen(transaction: AsyncConnection, account_id: UUID, name: str | None, kind: str) -> bool:
    """Whether the account has been signed in to from such a device. A browser's next version is no new device."""
    earlier = select(AccountEvent.id).where(
        AccountEvent.account_id == account_id,
        AccountEvent.kind == AccountEventKind.SIGNED_IN,
        AccountEvent.device_kind == kind,
        _without_version(AccountEvent.device_name).is_not_distinct_from(_without_version(literal(name, Text()))),
    )
    return bool(await transaction.scalar(select(earlier.exists())))


def _without_version(device_name: Any) -> ColumnElement[str]:
    """`Firefox on Linux` of `Firefox 143 on Linux`."""
    return func.regexp_replace(device_name, sql("' [0-9]+ on '"), sql("' on '"))


async def _end_surplus(transaction: AsyncConnection, account_id: UUID) -> None:
    own = select(LoginSession.id).where(LoginSession.account_id == account_id, is_live(LoginSession))
    surplus = own.order_by(LoginSession.last_used_at.desc(), LoginSession.id.desc()).offset(MOST_SESSIONS)
    ended = update(LoginSession).where(LoginSession.account_id == account_id, LoginSession.id.in_(surplus))
    await transaction.execute(ended.values(revoked_at=func.now()))


async def step_up(transaction: AsyncConnection, account_id: UUID, session_id: UUID) -> datetime | None:
    """Begins a step-up: until when it is fresh; None where the session is no longer live."""
    session = update(LoginSession).where(
        LoginSession.account_id == account_id, LoginSession.id == session_id, is_live(LoginSession)
    )
    return await transaction.scalar(session.values(stepped_up_at=func.now()).returning(_fresh_until()))


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
    return await _revoke(transaction, LoginSession.token_digest == digest) == 1


async def revoke_at_tills(transaction: AsyncConnection, account_id: UUID, *, keep: UUID | None = None) -> None:
    """Ends the account's sessions at tills, but one."""
    others = LoginSession.id.is_distinct_from(literal(keep, LoginSession.id.type))
    await _revoke(transaction, LoginSession.account_id == account_id, LoginSession.till_id.is_not(None), others)


async def revoke_of_till(transaction: AsyncConnection, till_id: UUID) -> None:
    """Ends everyone's sessions at a till."""
    await _revoke(transaction, LoginSession.till_id == till_id)


async def _revoke(transaction: AsyncConnection, *which: ColumnElement[bool]) -> int:
    """Marks what is not marked yet, also what time has ended already; that does not count."""
    ended = update(LoginSession).where(*which, LoginSession.revoked_at.is_(None)).values(revoked_at=func.now())
    return sum((await transaction.scalars(ended.returning(_in_time(LoginSession)))).all())
