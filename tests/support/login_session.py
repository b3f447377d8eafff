"""Accounts that can sign in, and where they sign in from, for tests."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.sessions import Identified
from models.account import AccountEvent, AccountEventKind
from models.classification import Channel
from models.database import Database
from models.login_session import DeviceKind, LoginSession


@dataclass(frozen=True, slots=True)
class Device:
    """What the server knows of a caller."""

    network: str | None = "203.0.113.0/24"
    device_name: str | None = "Firefox 143 on Linux"
    device_kind: str = DeviceKind.DESKTOP
    channel: Channel = Channel.WEB


LAPTOP = Device()
PHONE = Device("198.51.100.0/24", "Safari 26 on iOS", DeviceKind.MOBILE)


async def who_has(database: Database, digest: bytes) -> Identified | None:
    async with database.reading() as connection:
        return await sessions.identify(connection, digest)


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
