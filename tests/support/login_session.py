"""Accounts that can sign in, and where they sign in from, for tests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.passwords import Cost, PasswordHasher, Verdict
from auth.sessions import Identified, Issued
from auth.viewer import Viewer
from commerce import login_session
from commerce.login_session import SignIn
from models.account import Account, AccountEvent, AccountEventKind, AgeBand, Credential
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.login_session import DeviceKind, LoginSession
from privacy import obligations

PASSWORD = "seven striped socks in a drawer"
CHEAP = Cost(memory_kib=64, passes=1)


@dataclass(frozen=True, slots=True)
class Device:
    """What the server knows of a caller."""

    network: str | None = "203.0.113.0/24"
    device_name: str | None = "Firefox 143 on Linux"
    device_kind: str = DeviceKind.DESKTOP
    channel: Channel = Channel.WEB


LAPTOP = Device()
PHONE = Device("198.51.100.0/24", "Safari 26 on iOS", DeviceKind.MOBILE, Channel.MOBILE)


class CountingHasher(PasswordHasher):
    """Counts how often a password was compared with a hash. Much cheaper than the shop's."""

    def __init__(self, **options: Any) -> None:
        super().__init__(CHEAP, **options)
        self.compared = 0

    def _matches(self, hash: str, octets: bytes) -> bool:
        self.compared += 1
        return super()._matches(hash, octets)


class Meanwhile(CountingHasher):
    """Something happens between the look-up of an account and its sign-in."""

    def __init__(self, work: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._work = work

    async def verify(self, hash: str | None, password: str) -> Verdict:
        verdict = await super().verify(hash, password)
        await self._work()
        return verdict


async def account_with(
    transaction: AsyncConnection, password_hash: str | None, *, disabled: bool = False, username: str | None = None
) -> UUID:
    """An account, its email address being `email_of` it, with a password's hash or without a password."""
    key = new_id()
    row = insert(Account).values(
        id=key,
        channel=Channel.WEB,
        name="Ana Ruiz",
        age_band=AgeBand.ADULT,
        email=email_of(key),
        username=username,
        disabled_at=func.now() if disabled else None,
    )
    await transaction.execute(row)
    if password_hash is not None:
        await transaction.execute(insert(Credential).values(account_id=key, password_hash=password_hash))
    return key


def email_of(account_id: UUID) -> str:
    return f"ana.{account_id.hex}@example.com"


async def entered(
    database: Database, passwords: PasswordHasher, identifier: str, password: str = PASSWORD, **given: Any
) -> Issued:
    """The session of a sign-in that has to succeed."""
    outcome = await login_session.sign_in(database, passwords, LAPTOP, SignIn(identifier, password, **given))
    assert isinstance(outcome, Issued), outcome
    return outcome


async def who_has(database: Database, digest: bytes) -> Identified | None:
    async with database.reading() as connection:
        return await sessions.identify(connection, digest, obligations.CURRENT.version)


async def viewer_of(database: Database, digest: bytes) -> Viewer:
    """The viewer with a live token."""
    found = await who_has(database, digest)
    assert found is not None
    return found.viewer


async def now_of(transaction: AsyncConnection) -> datetime:
    """The transaction's time."""
    return (await transaction.execute(select(func.now()))).scalar_one()


async def change(transaction: AsyncConnection, session_id: UUID, **values: Any) -> None:
    """Writes columns of a session past all rules."""
    await transaction.execute(update(LoginSession).where(LoginSession.id == session_id).values(**values))


def ago(**time: float) -> ColumnElement[Any]:
    """A moment before the database's now."""
    return func.now() - timedelta(**time)


async def events(transaction: AsyncConnection, account_id: UUID) -> list[AccountEventKind]:
    """The kinds of an account's events, oldest first."""
    kinds = select(AccountEvent.kind).where(AccountEvent.account_id == account_id).order_by(AccountEvent.id)
    return [AccountEventKind(kind) for kind in await transaction.scalars(kinds)]
