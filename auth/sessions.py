"""Sessions: rows whose tokens are known by their digest."""

from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select

from models.account import Account
from models.login_session import LoginSession

NOTE_USE_AFTER = 60
"""Seconds after which a session's last use is written again."""


def live_session(digest: ColumnElement[Any]) -> Select[Any]:
    """The live session of a token: not revoked, not expired, not idle for too long, its account not disabled."""
    now = func.now()
    seconds = literal_column("interval '1 second'")
    return (
        select(
            LoginSession.id.label("session_id"),
            LoginSession.account_id,
            (LoginSession.last_used_at < now - literal_column(f"interval '{NOTE_USE_AFTER} seconds'")).label("stale"),
        )
        .join(Account, Account.id == LoginSession.account_id)
        .where(
            LoginSession.token_digest == digest,
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > now,
            LoginSession.last_used_at + LoginSession.idle_seconds * seconds > now,
            Account.disabled_at.is_(None),
        )
    )
