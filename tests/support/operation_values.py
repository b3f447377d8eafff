"""Values that operations are drawn with, usual ones and odd ones, and how a document writes them."""

from typing import Any

import orjson

USUAL_SIZES, ODD_SIZES = (1, 2, 3, 5, 100), (0, 101, -1, 2**31, 10**6)
JUNK = ("", "junk", "=", "WyJORVdFU1QiXQ", "%00", "\u2028", "e30", "W10", "null", "A" * 600)
DECIMALS = ("0", "19.99", "20.00", 20, 19.5, "0.001", "2500.00", "1e13", "100000000000.00")
DAYS, ODD_DAYS = ("2024-02-29", "1999-12-31", "0001-01-01"), ("2023-02-29", "29.2.2024", 20240229, "")
MOMENTS = ("2026-03-01T12:00:00Z", "2026-02-28T13:00:00.000001+01:00", "0001-01-01T00:00:00Z")
ODD_MOMENTS = ("2026-03-01T12:00:00", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59-23:59", 7, "")
ODD_DECIMALS = ("-1", "abc", "1e40", "NaN", True, [])


class Word(str):
    """A value that is written without quotes: an enum's, or a variable's with its dollar."""

    __slots__ = ()


ABSENT = Word("")
"""Of a variable that is not sent."""


def literal(value: Any) -> str:
    """The value in GraphQL's language."""
    match value:
        case Word():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{name}: {literal(one)}" for name, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(literal, value)) + "]"
    return orjson.dumps(value).decode()
