"""Usernames: a second name to sign in with. They can't be mistaken for an address, nor two of them for each other."""

import re
from typing import Any

from sqlalchemy import ColumnElement, func

from auth.refusal import Refusal, RefusalCode
from commerce import text

SHORTEST, LONGEST = 3, 30
_SHAPE = re.compile(rf"[A-Za-z0-9](?:[._-]?[A-Za-z0-9]){{{SHORTEST - 1},}}")


def normalise(username: str | None, *, field: tuple[str, ...] = ("username",)) -> str | Refusal | None:
    """The username as it is kept, its case too; None for none. In whatever case, it is one person's."""
    typed = text.line(username, field=field, limit=LONGEST)
    if isinstance(typed, Refusal) or not typed:
        return typed or None
    if not _SHAPE.fullmatch(typed):
        message = f"Use {SHORTEST} to {LONGEST} letters from A to Z, digits, and single . _ - between them."
        return Refusal(RefusalCode.INVALID, message, field)
    return typed


def same(column: Any, username: str | ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the column holds this username, in whatever case; as the index on it compares."""
    return func.lower(column) == func.lower(username)


def taken(field: tuple[str, ...] = ("username",)) -> Refusal:
    return Refusal(RefusalCode.TAKEN, "Somebody else has this username.", field)
