"""The messages of graphql-transport-ws, checked as they come in and put together as they go out."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from app.errors import Formatted

SUBPROTOCOL = "graphql-transport-ws"
MAX_MESSAGE_BYTES = 128 * 1024
MAX_ID_LENGTH = 128

BAD_REQUEST = 4400
UNAUTHORIZED = 4401
NO_SUBPROTOCOL = 4406
INIT_TIMEOUT = 4408
DUPLICATE_ID = 4409
TOO_MANY_INITS = 4429
TOO_BIG = 1009
INTERNAL_ERROR = 1011


class Closing(Exception):
    """The socket is to be closed with a code of the protocol's, and a reason for whoever writes the client."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Init:
    """`payload` holds credentials."""

    payload: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ping:
    payload: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pong:
    payload: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Asks for an operation of any kind. `payload` has the parameters of a request."""

    id: str
    payload: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Complete:
    id: str


Message = Init | Ping | Pong | Subscribe | Complete


def parse(text: str | None) -> Message:
    """The message in a text frame; None stands for a binary one. Raises Closing for what is none of the protocol's."""
    if text is None:
        raise Closing(BAD_REQUEST, "Send text.")
    if len(text) > MAX_MESSAGE_BYTES:
        raise Closing(TOO_BIG, f"A message may have {MAX_MESSAGE_BYTES // 1024} KiB.")
    found = _object(text)
    match found.get("type"):
        case "connection_init":
            return Init(_payload(found))
        case "ping":
            return Ping(_payload(found))
        case "pong":
            return Pong(_payload(found))
        case "subscribe":
            return Subscribe(_id(found), _payload(found, required=True))
        case "complete":
            return Complete(_id(found))
    raise Closing(BAD_REQUEST, "The message's type is unknown.")


def _object(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Closing(BAD_REQUEST, "The message is not well-formed JSON.") from None
    if not isinstance(found, dict):
        raise Closing(BAD_REQUEST, "The message must be a JSON object.")
    return found


def _payload(found: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    payload = found.get("payload")
    if payload is None and not required:
        return {}
    if not isinstance(payload, dict):
        raise Closing(BAD_REQUEST, "payload must be an object.")
    return payload


def _id(found: dict[str, Any]) -> str:
    name = found.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_ID_LENGTH:
        raise Closing(BAD_REQUEST, f"id must be a string of 1 to {MAX_ID_LENGTH} characters.")
    return name


# ---- what goes out

ACK = '{"type":"connection_ack"}'


def pong(payload: dict[str, Any]) -> str:
    """The answer to a ping; it brings back what came."""
    return orjson.dumps({"type": "pong", "payload": payload} if payload else {"type": "pong"}).decode()


def next_of(name: str, response: bytes) -> str:
    """A response of the operation, which is JSON already."""
    return f'{{"id":{_json(name)},"type":"next","payload":{response.decode()}}}'


def errors_of(name: str, errors: list[Formatted]) -> str:
    """Why the operation is over, or never began."""
    return orjson.dumps({"id": name, "type": "error", "payload": errors}).decode()


def complete(name: str) -> str:
    """The operation is over."""
    return f'{{"id":{_json(name)},"type":"complete"}}'


def _json(name: str) -> str:
    return orjson.dumps(name).decode()
