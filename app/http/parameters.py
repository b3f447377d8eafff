"""The parameters of a GraphQL request, decoded strictly: what comes out is text and numbers that can be stored."""

import re
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from app.errors import Code
from app.http.request import HttpRefusal
from app.limits import card_number
from privacy.collection import SHORTEST, card_number_in, phone_number

MAX_DEPTH = 32
MAX_FIELDS = 20
_SMALLEST_CARD = 10 ** (SHORTEST - 1)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PARAMETERS = frozenset({"query", "operationName", "variables", "extensions"})
NO_VARIABLES: dict[str, Any] = {}


class Parameters(NamedTuple):
    """A well-formed GraphQL request: a document's text, or the SHA-256 of one that was persisted, or both."""

    query: str | None
    operation_name: str | None
    variables: dict[str, Any]
    persisted: str | None


def from_body(body: bytes) -> Parameters:
    """The parameters in a JSON body. Raises HttpRefusal, or GraphQLError for a payment card's number."""
    return _parameters(_decode(body, "The body"))


def from_address(query_string: bytes) -> Parameters:
    """The parameters in a query string. Raises as `from_body` does."""
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
    return _parameters(found)


def _decode(text: bytes, what: str) -> Any:
    """JSON by RFC 8259, in UTF-8, without lone surrogates, of numbers that a double can hold: orjson reads no other."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _malformed(f"{what} is not well-formed JSON in UTF-8.") from None


def _parameters(found: Any) -> Parameters:
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
    if variables is None:
        variables = NO_VARIABLES
    elif isinstance(variables, dict):
        _check(variables, "variables", "", MAX_DEPTH)
    else:
        raise _malformed("variables must be an object or null.")
    extensions = found.get("extensions")
    persisted = None if extensions is None else _persisted(extensions)
    if not query and persisted is None:
        raise _malformed("Send a query.")
    return Parameters(query or None, operation_name, variables, persisted)


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


def _check(value: Any, path: str, key: str, deeper: int) -> None:
    """Refuses what no column holds (NUL), what may not be collected (card numbers) and what is nested without end."""
    if isinstance(value, str):
        _check_text(value, path, key)
    elif isinstance(value, dict | list):
        if not deeper:
            raise _malformed("variables are nested too deeply.")
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            _check(inner, f"{path}.{name}", name if isinstance(name, str) else key, deeper - 1)
    elif isinstance(value, int) and value >= _SMALLEST_CARD and card_number_in(str(value)):
        raise card_number(path)


def _check_text(text: str, path: str, key: str) -> None:
    if "\0" in text:
        raise _malformed(f"{path} may not hold NUL.", Code.BAD_USER_INPUT)
    if len(text) >= SHORTEST and card_number_in(text) and not (key == "phone" and phone_number(text)):
        raise card_number(path)


def _malformed(message: str, code: Code = Code.BAD_REQUEST) -> HttpRefusal:
    return HttpRefusal(HTTPStatus.BAD_REQUEST, message, code=code)
