"""The parameters of a GraphQL request, decoded strictly: what comes out is text and numbers that can be stored."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import orjson

from app.errors import Code
from app.http.request import HttpRefusal
from privacy.collection import SHORTEST, card_number_given, card_number_in

MAX_DEPTH = 32
MAX_FIELDS = 20
_SMALLEST_CARD = 10 ** (SHORTEST - 1)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PARAMETERS = frozenset({"query", "operationName", "variables", "extensions"})
_NESTS = (dict, list)
Path = tuple[str | int, ...]
NO_VARIABLES: dict[str, Any] = {}


@dataclass(slots=True)
class Parameters:
    """A well-formed GraphQL request: a document's text, or the SHA-256 of one that was persisted, or both."""

    query: str | None
    operation_name: str | None
    variables: dict[str, Any]
    persisted: str | None
    card_number: tuple[str, ...] | None
    """The path to a payment card's number: such a request is not to be executed (P4)."""


def from_body(body: bytes) -> Parameters:
    """The parameters in a JSON body. Raises HttpRefusal."""
    return from_object(_decode(body, "The body"))


def from_address(query_string: bytes) -> Parameters:
    """The parameters in a query string. Raises HttpRefusal."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise _malformed("The address is not well-formed.") from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found and name in _PARAMETERS:
            raise _malformed(f"The parameter {name} is there twice.")
        found[name] = value
    for name in ("variables", "extensions"):
        if found.get(name):
            found[name] = _decode(found[name].encode(), f"The parameter {name}")
        else:
            found.pop(name, None)
    return from_object(found)


def _decode(text: bytes, what: str) -> Any:
    """JSON by RFC 8259, in UTF-8, without lone surrogates, of numbers that a double can hold: orjson reads no other."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _malformed(f"{what} is not well-formed JSON in UTF-8.") from None


def from_object(found: Any) -> Parameters:
    """The parameters in what JSON was decoded to. Raises HttpRefusal."""
    if not isinstance(found, dict):
        batch = isinstance(found, list)
        raise _malformed("Send one operation a request." if batch else "The body must be a JSON object.")
    query = found.get("query")
    if query is not None and not isinstance(query, str):
        raise _malformed("query must be a string.")
    operation_name = found.get("operationName")
    if operation_name is not None and not isinstance(operation_name, str):
        raise _malformed("operationName must be a string or null.")
    variables = found.get("variables")
    cards: list[Path] = []
    if variables is None:
        variables = NO_VARIABLES
    elif isinstance(variables, dict):
        _look_through(variables, ("variables",), cards)
    else:
        raise _malformed("variables must be an object or null.")
    extensions = found.get("extensions")
    persisted = None if extensions is None else _persisted(extensions)
    if not query and persisted is None:
        raise _malformed("Send a query.")
    card = tuple(map(str, cards[0])) if cards else None
    return Parameters(query or None, operation_name, variables, persisted, card)


def _persisted(extensions: Any) -> str | None:
    if not isinstance(extensions, dict):
        raise _malformed("extensions must be an object or null.")
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise _malformed("Unsupported persisted query version.")
    digest = persisted.get("sha256Hash")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest.lower()):
        raise _malformed("sha256Hash must be a SHA-256 in hexadecimal.")
    return digest.lower()


def _look_through(values: dict[str, Any] | list[Any], path: Path, cards: list[Path]) -> None:
    """Refuses what no column holds (NUL) and what is nested without end; finds what may not be collected (P4)."""
    for name, value in values.items() if isinstance(values, dict) else enumerate(values):
        if isinstance(value, str):
            if "\0" in value:
                raise _malformed(f"{'.'.join(map(str, (*path, name)))} may not hold NUL.", Code.BAD_USER_INPUT)
            if len(value) >= SHORTEST and card_number_given(str(name), value):
                cards.append((*path, name))
        elif isinstance(value, _NESTS):
            if len(path) >= MAX_DEPTH:
                raise _malformed("variables are nested too deeply.")
            _look_through(value, (*path, name), cards)
        elif isinstance(value, int) and value >= _SMALLEST_CARD and card_number_in(str(value)):
            cards.append((*path, name))


def _malformed(message: str, code: Code = Code.BAD_REQUEST) -> HttpRefusal:
    return HttpRefusal(HTTPStatus.BAD_REQUEST, message, code=code)
