"""Signing in, proving it is still you, and ending sessions (P29, P55)."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, Update, bindparam, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.account_events import ClientFacts, record
from auth.passwords import PasswordHasher
from auth.refusal import Refusal, RefusalCode
from auth.sessions import Issued
from auth.threads import Busy
from auth.viewer import Viewer
from commerce import challenge, email, username
from commerce.challenge import Challenged, Terms
from commerce.second_factor import INVALID, ONE_OF_THREE, Answer, Verifier, accepts, is_enrolled, methods_of
from commerce.text import line
from commerce.tools import Tools
from models.account import Account, AccountEventKind, AccountKind, Credential
from models.database import Database
from models.login_session import LoginSession
from models.second_factor import ChallengeKind, SecondFactor, SecondFactorMethod
from models.staff import StaffMember
from models.statement import Statement
from privacy import obligations

DEVICE_NAME_LIMIT = 60

WRONG = Refusal(RefusalCode.INVALID_CREDENTIALS, "Name and password do not go together.")
"""The one answer to an unknown name, a wrong password, an account without one, and a disabled account."""

WRONG_PASSWORD = Refusal(RefusalCode.INVALID_CREDENTIALS, "That is not your password.", ("password",))
NO_SESSION = Refusal(RefusalCode.NOT_FOUND, "You have no such session.", ("id",))
MORE_THAN_PASSWORD = Refusal(RefusalCode.SECOND_FACTOR_REQUIRED, "Give your second factor.", ("secondFactor",))
PASSKEY_FIRST = Refusal(
    RefusalCode.SECOND_FACTOR_REQUIRED,
    "You have a passkey: give that, or a recovery code if you have lost it.",
    ("secondFactor",),
)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What is given to sign in; `identifier` is an email address or a username."""

    identifier: str = field(repr=False)
    password: str = field(repr=False)
    public_computer: bool = False
    device_name: str | None = None
    by_cookie: bool = False


@dataclass(frozen=True, slots=True)
class Completed:
    """A sign-in that its second factor completed; `names` are what the account signs in by."""

    issued: Issued
    by_cookie: bool
    names: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Who an identifier may be: no account, and no hash where nobody can sign in by password."""

    account_id: UUID | None = None
    kind: AccountKind = AccountKind.CUSTOMER
    password_hash: str | None = field(default=None, repr=False)


_NOBODY = _Candidate()


async def sign_in(
    database: Database, passwords: PasswordHasher, client: ClientFacts, given: SignIn, held: bytes | None = None
) -> Issued | Challenged | Refusal:
    """Opens a session; the one whose token `held` is the digest of ends (ASVS 7.2.4). Raises auth.passwords.Busy.

    Where the account has a second factor the sign-in waits for it, and nothing ends yet. A refusal takes the same
    statements and the same hashing whether or not there is such an account (ASVS 6.3.8). No connection is held while
    hashing.
    """
    device_name = line(given.device_name, field=("deviceName",), limit=DEVICE_NAME_LIMIT)
    if isinstance(device_name, Refusal):
        return device_name
    candidate = await _find(database, regular(given.identifier))
    verdict = await passwords.verify(candidate.password_hash, given.password)
    if verdict.ok:
        renewed = await _rehashed(passwords, given.password) if verdict.needs_rehash else None

        async def enter(transaction: AsyncConnection) -> Issued | Challenged | None:
            if candidate.account_id is None or (standing := await _still_good(transaction, candidate)) is None:
                return None
            if renewed is not None:
                await _keep_hash(transaction, candidate.account_id, renewed)
            if standing.has_second_factor:
                terms = Terms(given.public_computer, given.by_cookie, device_name or None)
                return await challenge.begin_sign_in(transaction, candidate.account_id, client, terms)
            if held is not None:
                await sessions.revoke_token(transaction, held)
            return await open_session(
                transaction,
                candidate.account_id,
                candidate.kind,
                client,
                public_computer=given.public_computer,
                device_name=device_name or None,
            )

        entered = await database.transact(enter)
        if entered is not None:
            return entered
    await database.transact(partial(note_failure, account_id=candidate.account_id, client=client))
    return WRONG


async def complete(
    transaction: AsyncConnection,
    verifier: Verifier,
    client: ClientFacts,
    token: str,
    answer: Answer,
    held: bytes | None = None,
) -> Completed | Refusal:
    """Opens the session of a sign-in that waited, once; the one whose token `held` is the digest of ends.

    Each wrong answer counts against this sign-in, which five of them end.
    """
    if answer.method is None:
        return ONE_OF_THREE
    waiting = await challenge.claim(transaction, token, client)
    if isinstance(waiting, Refusal):
        return waiting
    account_id = waiting.account_id
    right = await accepts(transaction, verifier, account_id, answer, client, asked=waiting.passkey_challenge)
    await challenge.settle(transaction, waiting.id, right=right)
    if not right:
        await record(transaction, account_id, AccountEventKind.SIGN_IN_FAILED, client)
        return INVALID
    if held is not None:
        await sessions.revoke_token(transaction, held)
    owner = select(Account.kind, Account.email, Account.username).where(Account.id == account_id)
    kind, *names = (await transaction.execute(owner)).one()
    issued = await open_session(
        transaction, account_id, AccountKind(kind), waiting, public_computer=waiting.public_computer
    )
    await sessions.note_second_factor(transaction, account_id, issued.session_id)
    viewer = await sessions.viewer_of(transaction, issued.digest, obligations.CURRENT.version)
    assert viewer is not None
    return Completed(replace(issued, viewer=viewer), waiting.by_cookie, tuple(name for name in names if name))


def _arrived() -> Update:
    member = update(StaffMember).where(StaffMember.account_id == bindparam("account_id"))
    return member.values(last_sign_in_at=func.now())


_ARRIVED = Statement(_arrived)


async def open_session(
    transaction: AsyncConnection, account_id: UUID, kind: AccountKind, client: ClientFacts, **manner: Any
) -> Issued:
    """Opens a session as `sessions.issue` does; a member of staff's lasts a working day, and notes that they came."""
    if kind is AccountKind.CUSTOMER:
        return await sessions.issue(transaction, account_id, client, **manner)
    manner.setdefault("lifetime", sessions.STAFF)
    issued = await sessions.issue(transaction, account_id, client, **manner)
    await _ARRIVED.run(transaction, account_id=account_id)
    viewer = await sessions.viewer_of(transaction, issued.digest, obligations.CURRENT.version)
    assert viewer is not None
    return replace(issued, viewer=viewer)


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
    """Until when the viewer's session counts as confirmed by its password (P29). Raises auth.passwords.Busy.

    SECOND_FACTOR_REQUIRED where the account has a second factor: then the password is not enough, nor looked at.
    """
    assert viewer.account_id is not None
    account_id = viewer.account_id
    if await database.transact(partial(methods_of, account_id=account_id)):
        return MORE_THAN_PASSWORD
    if not password:
        return Refusal(RefusalCode.REQUIRED, "Give your password.", ("password",))
    candidate = await _candidate(database, _BY_ID, account_id=account_id)
    verdict = await passwords.verify(candidate.password_hash, password)

    async def confirm(transaction: AsyncConnection) -> datetime | Refusal:
        standing = await _still_good(transaction, candidate)
        if standing is None:
            return WRONG_PASSWORD
        if standing.has_second_factor:
            return MORE_THAN_PASSWORD
        return await _confirmed(transaction, viewer, client) or WRONG_PASSWORD

    outcome = await database.transact(confirm) if verdict.ok else WRONG_PASSWORD
    if outcome == WRONG_PASSWORD:
        await database.transact(partial(note_failure, account_id=account_id, client=client))
    return outcome


async def step_up_by_second_factor(
    transaction: AsyncConnection, verifier: Verifier, client: ClientFacts, viewer: Viewer, answer: Answer
) -> datetime | Refusal:
    """Until when the viewer's session counts as confirmed by the strongest second factor that the account has.

    That is a passkey, which no other site can ask for in the shop's name; a recovery code stands for any.
    """
    if answer.method is None:
        return ONE_OF_THREE
    assert viewer.account_id is not None
    assert viewer.session_id is not None
    account_id = viewer.account_id
    if not await sessions.lock_account(transaction, account_id):
        return INVALID
    by_app, by_passkey = (answer.method is method for method in (SecondFactorMethod.TOTP, SecondFactorMethod.PASSKEY))
    if by_app and SecondFactorMethod.PASSKEY in await methods_of(transaction, account_id):
        return PASSKEY_FIRST
    asked = await challenge.take_session(transaction, viewer, ChallengeKind.STEP_UP) if by_passkey else None
    if not await accepts(transaction, verifier, account_id, answer, client, asked=asked):
        await record(transaction, account_id, AccountEventKind.SIGN_IN_FAILED, client)
        return INVALID
    await sessions.note_second_factor(transaction, account_id, viewer.session_id)
    return await _confirmed(transaction, viewer, client) or INVALID


async def _confirmed(transaction: AsyncConnection, viewer: Viewer, client: ClientFacts) -> datetime | None:
    """Begins the step-up; None for a session that ended meanwhile."""
    assert viewer.account_id is not None
    assert viewer.session_id is not None
    until = await sessions.step_up(transaction, viewer.account_id, viewer.session_id)
    if until is not None:
        await record(transaction, viewer.account_id, AccountEventKind.STEPPED_UP, client)
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
    """What was typed as accounts are looked up by it, so that its spellings are one name; empty where nobody's."""
    if "@" in identifier:
        return email.sought(identifier)
    kept = username.normalise(identifier)
    return kept if isinstance(kept, str) else ""


def _account(who: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Of two accounts with one address the member of staff's is meant, while it is not disabled.

    Who also buys here has a username for that.
    """
    account = select(Account.id, Account.kind, Account.disabled_at, Credential.password_hash)
    account = account.join_from(Account, Credential, Credential.account_id == Account.id, isouter=True)
    return account.where(who).order_by(Account.disabled_at.is_not(None), Account.kind.desc()).limit(1)


_BY_EMAIL = Statement(lambda: _account(email.same(Account.email, bindparam("name", type_=Text()))))
_BY_USERNAME = Statement(lambda: _account(username.same(Account.username, bindparam("name", type_=Text()))))
_BY_ID = Statement(lambda: _account(Account.id == bindparam("account_id")))


async def _find(database: Database, name: str) -> _Candidate:
    """By email address where there is an @ in it, else by username."""
    return await _candidate(database, _BY_EMAIL if "@" in name else _BY_USERNAME, name=name)


async def _candidate(database: Database, statement: Statement, **who: Any) -> _Candidate:
    found = await database.read_row(statement.sql, *statement.arguments(who))
    if found is None:
        return _NOBODY
    password_hash = found["password_hash"] if found["disabled_at"] is None else None
    return _Candidate(found["id"], AccountKind(found["kind"]), password_hash)


@dataclass(frozen=True, slots=True)
class _Standing:
    """What holds of an account whose password was right."""

    has_second_factor: bool


def _credential() -> Select[*tuple[Any, ...]]:
    factor = select(SecondFactor.id).where(SecondFactor.account_id == Credential.account_id, is_enrolled(SecondFactor))
    kept = select(Credential.password_hash, factor.exists().label("has_second_factor"))
    return kept.where(Credential.account_id == bindparam("account_id"))


_CREDENTIAL = Statement(_credential)


async def _still_good(transaction: AsyncConnection, candidate: _Candidate) -> _Standing | None:
    """Whether what was verified holds yet: hashing takes a while, and others change passwords and disable accounts."""
    assert candidate.account_id is not None
    if not await sessions.lock_account(transaction, candidate.account_id):
        return None
    kept = await _CREDENTIAL.first(transaction, account_id=candidate.account_id)
    if kept is None or kept.password_hash != candidate.password_hash:
        return None
    return _Standing(kept.has_second_factor)


# ---- what it leaves


async def _rehashed(passwords: PasswordHasher, password: str) -> str | None:
    """The password hashed at today's cost; None while there is no time for it."""
    with suppress(Busy):
        return await passwords.hash(password)
    return None


async def _keep_hash(transaction: AsyncConnection, account_id: UUID, password_hash: str) -> None:
    credential = update(Credential).where(Credential.account_id == account_id)
    await transaction.execute(credential.values(password_hash=password_hash))


_UNHURRIED = Statement(lambda: text("SET LOCAL synchronous_commit TO off"))


async def note_failure(transaction: AsyncConnection, account_id: UUID | None, client: ClientFacts) -> None:
    """Writes a failure down where there is an account. Nobody waits for the disk: that would tell who has one."""
    await _UNHURRIED.run(transaction)
    await record(transaction, account_id, AccountEventKind.SIGN_IN_FAILED, client)
