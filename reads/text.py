"""JSON in SQL: expressions that give the text of values, objects and lists."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from graphql import GraphQLEnumType
from sqlalchemy import ColumnElement, LargeBinary, Select, Text, cast, func, literal_column

from reads.nodes import Leaf

Part = str | ColumnElement[Any]

BROKEN = b"\x01"
"""Stands for a NULL where the schema promises a value; no JSON text holds this character."""

MARK = literal_column("chr(1)", Text)


def text(constant: str) -> ColumnElement[str]:
    return literal_column("'" + constant.replace("'", "''") + "'", Text)


def as_text(value: Any) -> ColumnElement[str]:
    return cast(value, Text)


def json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


def cat(*parts: Part) -> ColumnElement[Any]:
    """Text || text || …, neighbouring constants merged."""
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return balanced([text(part) if isinstance(part, str) else part for part in merged])


def balanced(pieces: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
    """The pieces put together in pairs, as a tree: a long chain would nest too deeply to be compiled."""
    if len(pieces) == 1:
        return pieces[0]
    middle = (len(pieces) + 1) // 2
    return balanced(pieces[:middle]).op("||", return_type=Text())(balanced(pieces[middle:]))


def flat(*parts: Part | list[Part]) -> list[Part]:
    return [one for part in parts for one in (part if isinstance(part, list) else [part])]


def whole(parts: list[Part]) -> ColumnElement[Any]:
    return cat(*parts)


def members(pairs: Iterable[tuple[str, list[Part]]]) -> list[Part]:
    """A JSON object of texts by key."""
    parts: list[Part] = ["{"]
    for index, (key, value) in enumerate(pairs):
        parts += [f"{',' * bool(index)}{json_text(key)}:", *value]
    return [*parts, "}"]


def listed(texts: Any) -> ColumnElement[Any]:
    """The texts of an array with commas between."""
    return func.array_to_string(texts, text(","), MARK, type_=Text)


def joined(found: Select[Any]) -> ColumnElement[Any]:
    return listed(func.array(found.scalar_subquery()))


def octets(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """A text in UTF-8. As text it would be decoded here only to be encoded again, which costs 80 µs for 26 KB of it."""
    return func.convert_to(value, text("UTF8"), type_=LargeBinary)


def base64url(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """PostgreSQL wraps base64 at 76 characters and pads it.

    ASCII without `>`, `?` and `~` gives no `+` and no `/`, whose replacement would take longer than all the rest.
    """
    encoded = func.encode(func.convert_to(value, text("UTF8")), text("base64"))
    return func.replace(func.replace(encoded, literal_column("E'\\n'"), text("")), text("="), text(""), type_=Text)


def json_string(value: Any) -> ColumnElement[Any]:
    return as_text(func.to_json(as_text(value)))


def json_safe(value: ColumnElement[Any]) -> bool:
    """Whether a CHECK keeps the column free of what JSON escapes."""
    return all(getattr(column, "info", {}).get("json_safe") for column in value.base_columns)


def quoted(value: Any) -> list[Part]:
    return ['"', as_text(value), '"']


def utc(value: Any, picture: str) -> ColumnElement[Any]:
    return func.to_char(value, text(picture), type_=Text)


def leaf(node: Leaf, row: Any, backend: Any) -> list[Part]:
    value = node.sql(row.c, backend)
    parts = [as_text(func.to_json(value))] if node.listed else scalar(node, value)
    return [func.coalesce(whole(parts), text("null"), type_=Text)] if node.nullable else parts


def scalar(node: Leaf, value: Any) -> list[Part]:
    if isinstance(node.type, GraphQLEnumType):
        return quoted(value)
    match node.type.name:
        case "Int" | "Boolean":
            return [as_text(value)]
        case "ID" | "Decimal":
            return quoted(value)
        case "String":
            return quoted(value) if json_safe(value) else [json_string(value)]
        case "DateTime":
            return ['"', utc(func.timezone(text("UTC"), value), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"']
        case "Date":
            return ['"', utc(value, "YYYY-MM-DD"), '"']
    raise AssertionError(f"no text for {node.type.name}")
