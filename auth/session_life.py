"""How long a session lives, and what counts in it for a while: as conditions of statements."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func
from sqlalchemy import literal_column as sql

from models.login_session import LoginSession

STEP_UP = timedelta(minutes=10)
"""How long it counts that somebody has just given the password (P29)."""


def is_live(session: Any) -> ColumnElement[bool]:
    """Not revoked, not expired, not idle for too long. `session` has LoginSession's columns."""
    return and_(session.revoked_at.is_(None), in_time(session))


def in_time(session: Any) -> ColumnElement[bool]:
    idle_end = session.last_used_at + session.idle_seconds * sql("interval '1 second'")
    return and_(session.expires_at > func.now(), idle_end > func.now())


def fresh_until() -> ColumnElement[datetime]:
    """The end of the session's step-up; null where it is over, or there was none."""
    until = LoginSession.stepped_up_at + sql(f"interval '{STEP_UP.seconds} seconds'")
    return case((until > func.now(), until))
