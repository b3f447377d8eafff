"""Answers: status, headers and body, with the headers that keep a browser from doing anything but reading them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

import orjson

from app import errors
from app.errors import Code, Formatted
from app.http.negotiate import GRAPHQL, JSON
from app.http.request import Headers, HttpRefusal, HttpRequest, Send
from models.database import DatabaseAway

BODILESS = (204, 304)
NO_STORE = (b"cache-control", b"no-store")
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
SECURITY_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


@dataclass(slots=True)
class Answer:
    """What is sent back. `media` is None where there is no body to describe.

    `errors` say why nothing was executed.
    """

    status: int
    body: bytes
    media: str | None
    headers: Sequence[tuple[bytes, bytes]] = ()
    stored: bool = False
    errors: list[Formatted] | None = None

    async def send(self, request: HttpRequest, send: Send, more: Sequence[tuple[bytes, bytes]]) -> None:
        """Sends it with its own headers and `more`."""
        headers = [*_common(self.media, request.secure, self.stored), (b"x-request-id", request.id.encode())]
        if self.status not in BODILESS:
            headers.append((b"content-length", b"%d" % len(self.body)))
        headers += self.headers
        headers += more
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def sent_whole(self, request: HttpRequest) -> bool:
        """Sends it at once by the server's short way, if it has one that serves and the answer has usual headers."""
        whole = request.whole
        if whole is None or self.headers or self.status in BODILESS:
            return False
        lines = _lines(self.media, request.secure, self.stored)
        head = b"%sx-request-id: %016x\r\ncontent-length: %d\r\n" % (lines, request.number, len(self.body))
        return whole.send(self.status, head, self.body)


@cache
def _common(media: str | None, secure: bool, stored: bool) -> Headers:
    headers = list(SECURITY_HEADERS)
    if media is not None:
        headers.insert(0, (b"content-type", f"{media}; charset=utf-8".encode()))
    if not stored:
        headers.append(NO_STORE)
    if secure:
        headers.append(HSTS)
    return headers


@cache
def _lines(media: str | None, secure: bool, stored: bool) -> bytes:
    return b"".join(b"%s: %s\r\n" % pair for pair in _common(media, secure, stored))


def request_error(errors: list[Formatted], media: str, status: int = HTTPStatus.BAD_REQUEST) -> Answer:
    """Nothing was executed: there is no `data`, and the status says so in either media type."""
    return Answer(status, orjson.dumps({"errors": errors}), media, errors=errors)


def fault(error: BaseException, request_id: str, media: str) -> Answer:
    """Nothing was answered, and it is not the client's doing."""
    formatted = errors.internal(error, request_id)
    if not isinstance(error, DatabaseAway):
        return request_error([formatted], media, HTTPStatus.INTERNAL_SERVER_ERROR)
    answer = request_error([formatted], media, HTTPStatus.SERVICE_UNAVAILABLE)
    answer.headers = [(b"retry-after", b"5")]
    return answer


def refused(refusal: HttpRefusal, media: str | None) -> Answer:
    error: Formatted = {"message": refusal.message, "extensions": refusal.extensions}
    answer = request_error([error], media or JSON, refusal.status)
    answer.headers = refusal.headers
    return answer


def persisted_query_not_found(media: str) -> Answer:
    """Clients of Apollo's protocol send the text next. Their older ones look into an answer of status 200 alone."""
    error: Formatted = {
        "message": "PersistedQueryNotFound",
        "extensions": {"code": Code.PERSISTED_QUERY_NOT_FOUND.value},
    }
    return request_error([error], media, HTTPStatus.BAD_REQUEST if media == GRAPHQL else HTTPStatus.OK)


def executed(
    data: dict[str, Any] | None, errors: list[Formatted], media: str, headers: Iterable[tuple[str, str]]
) -> Answer:
    """The answer of an execution, with what it wants to say in headers."""
    response: dict[str, Any] = {"data": data}
    if errors:
        response = {"errors": errors, **response}
    extra = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return Answer(HTTPStatus.OK, orjson.dumps(response), media, extra)


def public(body: bytes, media: str, max_age: int, if_none_match: bytes | None, *, shared: bytes = b"public") -> Answer:
    """An answer of public data alone, which anyone may keep for a while and ask again for by its tag.

    Where its headers are the caller's own, only they may: `shared` is then `private`.
    """
    tag = b'"%s"' % blake2b(body, digest_size=16, person=media[-16:].encode()).hexdigest().encode()
    headers = [(b"etag", tag), (b"cache-control", b"%s, max-age=%d" % (shared, max_age)), (b"vary", b"Accept")]
    if if_none_match is not None and _matches(if_none_match, tag):
        return Answer(HTTPStatus.NOT_MODIFIED, b"", None, headers, stored=True)
    return Answer(HTTPStatus.OK, body, media, headers, stored=True)


def _matches(if_none_match: bytes, tag: bytes) -> bool:
    """The weak comparison of RFC 9110, section 13.1.2."""
    if if_none_match.strip() == b"*":
        return True
    return any(candidate.strip().removeprefix(b"W/") == tag for candidate in if_none_match.split(b","))
