"""What waits for a second factor: a sign-in, a step-up by passkey, a passkey being enrolled (ASVS 6.6.2, 6.6.3).

A challenge is good once, for a few minutes and a few wrong answers, and for what it was made for alone.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import passkeys
from auth.account_events import ClientFacts
from auth.passkeys import Asked
from auth.refusal import Refusal, RefusalCode
from auth.sessions import lock_account
from auth.tokens import Kind, new_token, parse
from auth.viewer import Viewer
from commerce.second_factor import codes_left, methods_of, passkey_ids
from models.classification import Channel
from models.ids import new_id
from models.second_factor import Challenge, ChallengeKind, SecondFactorMethod

LIFETIME = timedelta(minutes=5)
MOST_FAILURES = 5

GONE = Refusal(RefusalCode.TOKEN_INVALID, "This sign-in is over. Sign in again.", ("challenge",))
EXPIRED = Refusal(RefusalCode.TOKEN_EXPIRED, "This sign-in has waited too long. Sign in again.", ("challenge",))
NO_PASSKEY = Refusal(RefusalCode.NOT_FOUND, "You have no passkey.")


@dataclass(frozen=True, slots=True)
class Challenged:
    """A sign-in that waits. `token` is for the one answer that shows it."""

    token: str = field(repr=False)
    methods: tuple[SecondFactorMethod, ...]
    asked: Asked | None = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sign-in that its token has claimed, on the terms that it was begun with: a session of this device."""

    id: UUID
    account_id: UUID
    passkey_challenge: bytes | None = field(repr=False)
    public_computer: bool
    by_cookie: bool
    channel: Channel
    network: str | None
    device_name: str | None
    device_kind: str


@dataclass(frozen=True, slots=True)
class Terms:
    """How a sign-in that waits is to go on: what is known of the device, and how the session travels."""

    public_computer: bool
    by_cookie: bool
    device_name: str | None


# ---- a sign-in that waits


async def begin_sign_in(
    transaction: AsyncConnection, account_id: UUID, client: ClientFacts, terms: Terms
) -> Challenged:
    """Makes a sign-in wait whose password was right."""
    methods = await methods_of(transaction, account_id)
    ids = await passkey_ids(transaction, account_id) if SecondFactorMethod.PASSKEY in methods else []
    if await transaction.scalar(select(codes_left(account_id).exists())):
        methods.add(SecondFactorMethod.RECOVERY_CODE)
    asked = passkeys.ask(ids) if ids else None
    token = new_token(Kind.CHALLENGE)
    row = _new(account_id, ChallengeKind.SIGN_IN, client, asked).values(
        token_digest=token.digest,
        public_computer=terms.public_computer,
        by_cookie=terms.by_cookie,
        device_name=terms.device_name or client.device_name,
    )
    expires_at = (await transaction.execute(row.returning(Challenge.expires_at))).scalar_one()
    ordered = tuple(method for method in SecondFactorMethod if method in methods)
    return Challenged(token.text, ordered, asked, expires_at)


async def account_of(transaction: AsyncConnection, token: str) -> UUID | None:
    """Whose sign-in it is that the token is for, whether or not it still waits; None where there is none."""
    parsed = parse(token)
    if parsed is None or parsed[0] is not Kind.CHALLENGE:
        return None
    return await transaction.scalar(select(Challenge.account_id).where(Challenge.token_digest == parsed[1]))


async def claim(transaction: AsyncConnection, token: str, client: ClientFacts) -> Waiting | Refusal:
    """The sign-in that waits for this token's second factor, with its account locked.

    TOKEN_INVALID for one that is none, was answered, or was answered wrong five times; else TOKEN_EXPIRED.
    """
    account_id, parsed = await account_of(transaction, token), parse(token)
    if account_id is None or parsed is None or not await lock_account(transaction, account_id):
        return GONE
    columns = [*Challenge.__table__.columns, (Challenge.expires_at <= func.now()).label("expired")]
    row = (await transaction.execute(select(*columns).where(Challenge.token_digest == parsed[1]))).one_or_none()
    if row is None or row.used_at is not None or row.failures >= MOST_FAILURES:
        return GONE
    if row.expired:
        return EXPIRED
    return Waiting(
        row.id,
        account_id,
        row.passkey_challenge,
        row.public_computer,
        row.by_cookie,
        Channel(row.channel),
        client.network,
        row.device_name,
        row.device_kind,
    )


async def settle(transaction: AsyncConnection, challenge_id: UUID, *, right: bool) -> None:
    """Notes how a challenge was answered: it is over, or one wrong answer nearer to it."""
    row = update(Challenge).where(Challenge.id == challenge_id)
    outcome = {"used_at": func.now()} if right else {"failures": Challenge.failures + 1}
    await transaction.execute(row.values(outcome))


# ---- passkeys that a session is asked for


async def ask_session(
    transaction: AsyncConnection, viewer: Viewer, kind: ChallengeKind, client: ClientFacts, asked: Asked
) -> None:
    """Keeps what the viewer's browser is asked to sign, in place of what it was asked before for the same.

    The account is locked: of two that ask at once, the later one's question stands.
    """
    assert viewer.account_id is not None
    before = delete(Challenge).where(Challenge.session_id == viewer.session_id, Challenge.kind == kind)
    await transaction.execute(before)
    row = _new(viewer.account_id, kind, client, asked)
    await transaction.execute(row.values(session_id=viewer.session_id, device_name=client.device_name))


async def take_session(transaction: AsyncConnection, viewer: Viewer, kind: ChallengeKind) -> bytes | None:
    """What the viewer's browser was asked to sign, used up by asking for it; None where nothing waits."""
    row = update(Challenge).where(
        Challenge.session_id == viewer.session_id,
        Challenge.kind == kind,
        Challenge.used_at.is_(None),
        Challenge.expires_at > func.now(),
    )
    return await transaction.scalar(row.values(used_at=func.now()).returning(Challenge.passkey_challenge))


async def ask_for_passkey(transaction: AsyncConnection, viewer: Viewer, client: ClientFacts) -> Asked | Refusal:
    """Asks the viewer's browser to confirm by a passkey who has the session; NOT_FOUND where there is none."""
    assert viewer.account_id is not None
    await lock_account(transaction, viewer.account_id)
    ids = await passkey_ids(transaction, viewer.account_id)
    if not ids:
        return NO_PASSKEY
    asked = passkeys.ask(ids)
    await ask_session(transaction, viewer, ChallengeKind.STEP_UP, client, asked)
    return asked


def _new(account_id: UUID, kind: ChallengeKind, client: ClientFacts, asked: Asked | None) -> Any:
    return insert(Challenge).values(
        id=new_id(),
        account_id=account_id,
        channel=client.channel,
        kind=kind,
        passkey_challenge=asked and asked.challenge,
        expires_at=func.now() + LIFETIME,
        device_kind=client.device_kind,
    )
