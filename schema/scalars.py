"""Scalars. Each has one text form, the one that reads.sqltext writes, and takes it back unchanged."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal as PythonDecimal
from decimal import InvalidOperation
from typing import Any

import strawberry
from graphql import GraphQLError

from schema.upload import Upload, UploadedFile

MOST_DIGITS = 30
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def refuse(what: str) -> GraphQLError:
    return GraphQLError(what, extensions={"code": "BAD_USER_INPUT"})


def show_moment(value: Any) -> str:
    if isinstance(value, str):
        return value
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            raise refuse("A DateTime needs its offset from UTC.")
        return found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise refuse("A DateTime is written like 2026-11-25T20:50:00Z.") from None


def read_date(value: Any) -> date:
    try:
        return date.fromisoformat(value if DAY.fullmatch(value) else "")
    except (TypeError, ValueError):
        raise refuse("A Date is written like 2026-11-25.") from None


def read_decimal(value: Any) -> PythonDecimal:
    found = exact(value)
    if found is None or not found.is_finite():
        raise refuse('A Decimal is a string like "19.90".')
    if len(found.as_tuple().digits) > MOST_DIGITS or abs(found.adjusted()) > MOST_DIGITS:
        raise refuse(f"A Decimal has at most {MOST_DIGITS} digits.")
    return found


def exact(value: Any) -> PythonDecimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | PythonDecimal):
        return None
    try:
        return PythonDecimal(str(value))
    except InvalidOperation:
        return None


DateTime = strawberry.scalar(
    name="DateTime",
    description="A moment, in UTC: 2026-11-25T20:50:00.000000Z (RFC 3339).",
    serialize=show_moment,
    parse_value=read_moment,
)
Date = strawberry.scalar(
    name="Date",
    description="A day of the calendar: 2026-11-25 (RFC 3339).",
    serialize=lambda value: value if isinstance(value, str) else value.isoformat(),
    parse_value=read_date,
)
Decimal = strawberry.scalar(
    name="Decimal",
    description='An exact decimal number, as a string: "19.90".',
    serialize=str,
    parse_value=read_decimal,
)

SCALARS: dict[object, Any] = {datetime: DateTime, date: Date, PythonDecimal: Decimal, UploadedFile: Upload}
