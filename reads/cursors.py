"""Keyset cursors: the sort's name and its keys' values, exact, in base64url. Opaque, but never a credential."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import orjson
from graphql import GraphQLError
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Numeric,
    Text,
    Uuid,
    cast,
    func,
    literal_column,
)
from sqlalchemy.types import TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = 8192
MOST_DIGITS = 40
HEX = literal_column("'hex'", Text)


def wrong(message: str) -> GraphQLError:
    """A client's mistake in an argument."""
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


def page_size(size: Any, most: int) -> int:
    """The size of a page. Raises GraphQLError outside 0 to `most`."""
    if not isinstance(size, int) or not 0 <= size <= most:
        raise wrong(f"A page has 0 to {most} entries.")
    return size


@dataclass(frozen=True)
class Cursor:
    """Cursors under one sort, whose keys have these types."""

    sort: str
    types: Sequence[TypeEngine[Any]]

    def encode(self, values: Sequence[Any]) -> str:
        text = orjson.dumps([self.sort, *(to_text(v) for v in values)])
        return urlsafe_b64encode(text).decode().rstrip("=")

    def decode(self, cursor: str) -> list[Any]:
        """The keys' values. Raises GraphQLError for what is no cursor of this sort."""
        try:
            return self._decode(cursor)
        except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error, InvalidOperation):
            raise wrong("The cursor is not one of this list under this sort.") from None

    def _decode(self, cursor: str) -> list[Any]:
        if len(cursor) > LONGEST:
            raise ValueError
        raw = cursor.encode("ascii")
        found = orjson.loads(urlsafe_b64decode(raw + b"=" * (-len(raw) % 4)))
        if not isinstance(found, list) or len(found) != len(self.types) + 1 or found[0] != self.sort:
            raise ValueError
        return [from_text(text, type_) for text, type_ in zip(found[1:], self.types, strict=True)]


def to_text(value: Any) -> str:
    if isinstance(value, datetime):
        return str((value - EPOCH) // timedelta(microseconds=1))
    if isinstance(value, str):
        return value.encode().hex()
    return value.hex if isinstance(value, UUID) else str(value)


def from_text(text: str, type_: TypeEngine[Any]) -> Any:
    if not isinstance(text, str):
        raise TypeError
    if isinstance(type_, Uuid):
        return UUID(hex=text)
    if isinstance(type_, DateTime):
        return EPOCH + timedelta(microseconds=int(text))
    if isinstance(type_, Date):
        return date.fromisoformat(text)
    if isinstance(type_, BigInteger | Integer):
        number = int(text)
        if number.bit_length() > (63 if isinstance(type_, BigInteger) else 31):
            raise ValueError
        return number
    if isinstance(type_, Numeric):
        number = Decimal(text)
        if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
            raise ValueError
        return number
    return words(bytes.fromhex(text).decode())


def words(text: str) -> str:
    """The text, which PostgreSQL can hold."""
    if "\0" in text:
        raise ValueError
    return text


def key_text(key: ColumnElement[Any], type_: TypeEngine[Any]) -> ColumnElement[str]:
    """The key's value as to_text writes it, in SQL: nothing but letters, digits, dot and minus, for base64url."""
    if isinstance(type_, DateTime):
        micros = func.extract("epoch", key) * literal_column("1000000")
        return cast(cast(micros, BigInteger), Text)
    if isinstance(type_, Date):
        return func.to_char(key, literal_column("'YYYY-MM-DD'"), type_=Text)
    if isinstance(type_, Uuid):
        return func.encode(func.uuid_send(key), HEX, type_=Text)
    if isinstance(type_, Text):
        return func.encode(func.convert_to(key, literal_column("'UTF8'")), HEX, type_=Text)
    return cast(key, Text)
