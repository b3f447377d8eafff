"""Signing in, proving it is still you, and ending sessions (P29, P55)."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import ColumnElement, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.account_events import ClientFacts, record
from auth.passwords import Busy, PasswordHasher
from auth.refusal import Refusal, RefusalCode
from auth.sessions import Issued
from auth.viewer import Viewer
from commerce import email, username
from commerce.text import line
from commerce.tools import Tools
from models.account import Account, AccountEventKind, Credential
from models.database import Database
from models.login_session import LoginSession

DEVICE_NAME_LIMIT = 60

WRONG = Refusal(RefusalCode.INVALID_CREDENTIALS, "Name and password do not go together.")
"""The one answer to an unknown name, a wrong password, an account without one, and a disabled account."""

WRONG_PASSWORD = Refusal(RefusalCode.INVALID_CREDENTIALS, "That is not your password.", ("password",))
NO_SESSION = Refusal(RefusalCode.NOT_FOUND, "You have no such session.", ("id",))


@dataclass(frozen=True, slots=True)
class SignIn:
    """What is given to sign in; `identifier` is an email address or a username."""

    identifier: str = field(repr=False)
    password: str = field(repr=False)
    public_computer: bool = False
    device_name: str | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Who an identifier may be: no account, and no hash where nobody can sign in by password."""

    account_id: UUID | None = None
    password_hash: str | None = field(default=None, repr=False)


_NOBODY = _Candidate()


async def sign_in(
    database: Database, passwords: PasswordHasher, client: ClientFacts, given: SignIn, held: bytes | None = None
) -> Issued | Refusal:
    """Opens a session; the one whose token `held` is the digest of ends (ASVS 7.2.4). Raises auth.passwords.Busy.

    A refusal takes the same statements and the same hashing whether or not there is such an account (ASVS 6.3.8). No
    connection is held while hashing.
    """
    device_name = line(given.device_name, field=("deviceName",), limit=DEVICE_NAME_LIMIT)
    if isinstance(device_name, Refusal):
        return device_name
    candidate = await database.transact(partial(_find, name=regular(given.identifier)))
    verdict = await passwords.verify(candidate.password_hash, given.password)
    if verdict.ok:
        renewed = await _rehashed(passwords, given.password) if verdict.needs_rehash else None

        async def enter(transaction: AsyncConnection) -> Issued | None:
            if candidate.account_id is None or not await _still_good(transaction, candidate):
                return None
            if held is not None:
                await sessions.revoke_token(transaction, held)
            if renewed is not None:
                await _keep_hash(transaction, candidate.account_id, renewed)
            return await sessions.issue(
                transaction,
                candidate.account_id,
                client,
                public_computer=given.public_computer,
                device_name=device_name or None,
            )

        issued = await database.transact(enter)
        if issued is not None:
            return issued
    await database.transact(partial(_note_failure, account_id=candidate.account_id, client=client))
    return WRONG


async def sign_out(transaction: AsyncConnection, viewer: Viewer, client: ClientFacts) -> bool:
    """Ends the viewer's session. False: there was none."""
    if viewer.account_id is None or viewer.session_id is None:
        return False
    if not await sessions.revoke(transaction, viewer.account_id, viewer.session_id):
        return False
    await record(transaction, viewer.account_id, AccountEventKind.SIGNED_OUT, client)
    return True


async def end_session(
    transaction: AsyncConnection, account_id: UUID, session_id: UUID, client: ClientFacts
) -> Refusal | None:
    """Ends a session of the account's own; NOT_FOUND for any other, and for one that has ended."""
    if not await sessions.revoke(transaction, account_id, session_id):
        return NO_SESSION
    await record(transaction, account_id, AccountEventKind.SESSION_REVOKED, client)
    return None


async def end_other_sessions(
    transaction: AsyncConnection, account_id: UUID, keep: UUID | None, client: ClientFacts
) -> int:
    """Ends the account's sessions but one, and answers how many that were."""
    ended = await sessions.revoke_others(transaction, account_id, keep)
    if ended:
        await record(transaction, account_id, AccountEventKind.SESSION_REVOKED, client)
    return ended


async def step_up(
    database: Database, passwords: PasswordHasher, client: ClientFacts, viewer: Viewer, password: str | None
) -> datetime | Refusal:
    """Until when the viewer's session counts as confirmed by its password (P29). Raises auth.passwords.Busy."""
    assert viewer.account_id is not None
    assert viewer.session_id is not None
    account_id, session_id = viewer.account_id, viewer.session_id
    if not password:
        return Refusal(RefusalCode.REQUIRED, "Give your password.", ("password",))
    candidate = await database.transact(partial(_find_by_id, account_id=account_id))
    verdict = await passwords.verify(candidate.password_hash, password)

    async def confirm(transaction: AsyncConnection) -> datetime | None:
        if not await _still_good(transaction, candidate):
            return None
        until = await sessions.step_up(transaction, account_id, session_id)
        if until is not None:
            await record(transaction, account_id, AccountEventKind.STEPPED_UP, client)
        return until

    until = await database.transact(confirm) if verdict.ok else None
    if until is None:
        await database.transact(partial(_note_failure, account_id=account_id, client=client))
        return WRONG_PASSWORD
    return until


async def tell_of_new_device(tools: Tools, session_id: UUID) -> None:
    """Writes to the owner of an account that a device signed in which was not seen before."""
    session = select(
        Account.email, LoginSession.device_name, LoginSession.ip_network, LoginSession.created_at
    ).join_from(LoginSession, Account, Account.id == LoginSession.account_id)
    found = (
        await tools.database.transact(lambda t: t.execute(session.where(LoginSession.id == session_id)))
    ).one_or_none()
    if found is not None:
        await tools.post(
            found.email,
            "new_device_sign_in",
            device=found.device_name or "an unknown device",
            network=found.ip_network,
            at=found.created_at,
        )


# ---- who it may be


def regular(identifier: str) -> str:
    """What was typed as accounts keep it, so that its spellings are one name; empty where it can be nobody's."""
    kept = email.normalise(identifier) if "@" in identifier else username.normalise(identifier)
    return kept if isinstance(kept, str) else ""


async def _find(transaction: AsyncConnection, name: str) -> _Candidate:
    """By email address where there is an @ in it, else by username."""
    by_email = "@" in name
    return await _candidate(
        transaction, email.same(Account.email, name) if by_email else username.same(Account.username, name)
    )


async def _find_by_id(transaction: AsyncConnection, account_id: UUID) -> _Candidate:
    return await _candidate(transaction, Account.id == account_id)


async def _candidate(transaction: AsyncConnection, who: ColumnElement[bool]) -> _Candidate:
    account = select(Account.id, Account.disabled_at, Credential.password_hash)
    account = account.join_from(Account, Credential, Credential.account_id == Account.id, isouter=True)
    found = (await transaction.execute(account.where(who))).one_or_none()
    if found is None:
        return _NOBODY
    return _Candidate(found.id, found.password_hash if found.disabled_at is None else None)


async def _still_good(transaction: AsyncConnection, candidate: _Candidate) -> bool:
    """Whether what was verified holds yet: hashing takes a while, and others change passwords and disable accounts."""
    assert candidate.account_id is not None
    if not await sessions.lock_account(transaction, candidate.account_id):
        return False
    kept = select(Credential.password_hash).where(Credential.account_id == candidate.account_id)
    return await transaction.scalar(kept) == candidate.password_hash


# ---- what it leaves


async def _rehashed(passwords: PasswordHasher, password: str) -> str | None:
    """The password hashed at today's cost; None while there is no time for it."""
    with suppress(Busy):
        return await passwords.hash(password)
    return None


async def _keep_hash(transaction: AsyncConnection, account_id: UUID, password_hash: str) -> None:
    credential = update(Credential).where(Credential.account_id == account_id)
    await transaction.execute(credential.values(password_hash=password_hash))


async def _note_failure(transaction: AsyncConnection, account_id: UUID | None, client: ClientFacts) -> None:
    """Writes a failure down where there is an account. Nobody waits for the disk: that would tell who has one."""
    await transaction.execute(text("SET LOCAL synchronous_commit TO off"))
    await record(transaction, account_id, AccountEventKind.SIGN_IN_FAILED, client)
