"""Cursors give back what they were made of, exactly, and nothing else is one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import BigInteger, Date, DateTime, Integer, Numeric, Text, Uuid

from reads.cursors import LONGEST, Cursor, page_size

MOMENT = DateTime(timezone=True)
EVERYTHING = Cursor("ALL", [MOMENT, Date(), Integer(), BigInteger(), Numeric(), Text(), Uuid()])
VALUES = some.tuples(
    some.datetimes(timezones=some.just(UTC)),
    some.dates(),
    some.integers(-(2**31) + 1, 2**31 - 1),
    some.integers(-(2**63) + 1, 2**63 - 1),
    some.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**20), max_value=10**20),
    some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200),
    some.uuids(),
)


@given(VALUES)
def test_cursor_gives_back_the_values(values: tuple[Any, ...]):
    text = EVERYTHING.encode(values)
    assert EVERYTHING.decode(text) == list(values)
    assert text.isascii()
    assert not set(text) & set("+/=\n")


def test_exactness_reaches_to_a_microsecond_and_a_last_digit():
    moment = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
    cursor = Cursor("NEWEST", [MOMENT, Numeric()])
    first, second = (cursor.encode([moment + timedelta(microseconds=one), Decimal("0.30000")]) for one in (0, 1))
    assert cursor.decode(first) != cursor.decode(second)
    assert str(cursor.decode(first)[1]) == "0.30000"


def made_of(*parts: Any) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(orjson.dumps(list(parts))).decode().rstrip("=")


KEY = UUID(int=7)


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "=",
        "junk",
        "ü",
        "\0",
        "\U0001f457",
        "A" * (LONGEST + 4),
        made_of(),
        made_of("NEWEST"),
        made_of("NEWEST", "1"),
        made_of("OLDEST", "1", "5", KEY.hex),
        made_of("NEWEST", "1", "5", KEY.hex, "1"),
        made_of("NEWEST", 1, 5, KEY.hex),
        made_of("NEWEST", None, "5", KEY.hex),
        made_of("NEWEST", "1.5", "5", KEY.hex),
        made_of("NEWEST", "9" * 30, "5", KEY.hex),
        made_of("NEWEST", "1", "Infinity", KEY.hex),
        made_of("NEWEST", "1", "NaN", KEY.hex),
        made_of("NEWEST", "1", "1e999999", KEY.hex),
        made_of("NEWEST", "1", "1e-999999", KEY.hex),
        made_of("NEWEST", "1", "x", KEY.hex),
        made_of("NEWEST", "1", "5", "x"),
        made_of("NEWEST", "1", "5", KEY.hex + "0"),
    ],
)
def test_what_is_no_cursor_of_the_sort_is_refused(junk: str):
    with pytest.raises(GraphQLError) as refused:
        Cursor("NEWEST", [MOMENT, Numeric(), Uuid()]).decode(junk)
    assert refused.value.extensions == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (Integer(), str(2**31)),
        (Integer(), str(-(2**31) - 1)),
        (BigInteger(), str(2**63)),
        (Text(), b"\0".hex()),
        (Text(), "ff"),
        (Text(), "abc"),
        (Text(), "plain words"),
    ],
)
def test_value_that_the_database_cannot_hold_is_refused(type_: Any, text: str):
    with pytest.raises(GraphQLError):
        Cursor("", [type_]).decode(made_of("", text))


@pytest.mark.parametrize("size", [-1, 101, 2**31, "5", None, 5.0])
def test_absurd_page_is_refused(size: Any):
    with pytest.raises(GraphQLError):
        page_size(size, 100)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_page_has_nothing_to_a_hundred_entries(size: int):
    assert page_size(size, 100) == size
