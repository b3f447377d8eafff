"""An HTTP request as the shop sees it: bounded headers, the credentials in them, and its body, read within limits."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from functools import cache
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from app.errors import Code
from app.http.negotiate import is_json
from app.http.patience import Patience
from app.http.proxies import TrustedProxies

if TYPE_CHECKING:
    from app.partner_gate import Visit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Pairs = Iterable[tuple[str, str]]

WHOLE = "layette.whole"
"""The name of an ASGI extension of our server, which is a `Whole`."""

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024
MAX_ADDRESS_BYTES = 16 * 1024
SHORT_HEAD_BYTES = min(MAX_HEADER_BYTES, MAX_ADDRESS_BYTES)
"""A head that is no longer can have neither too long headers nor too long an address."""
MAX_BODY_BYTES = 128 * 1024
DRAINED_BYTES = 1024 * 1024
DRAIN_SECONDS = 2.0

CSRF_PROOFS = (b"apollo-require-preflight", b"x-requested-with", b"x-layette-csrf")
"""A browser sends these across sites only after a preflight, which names the origins that may."""

# A request with two of these means one thing to a proxy and another to us.
_SINGLE = frozenset(
    {
        b"host",
        b"origin",
        b"authorization",
        b"content-type",
        b"content-length",
        b"content-encoding",
        b"transfer-encoding",
    }
)
CLOSE = [("connection", "close")]
NO_PROXIES = TrustedProxies()
_NONE: dict[str, Any] = {}
_BEARER = re.compile(rb"(?i:bearer) +([A-Za-z0-9\-._~+/]{1,512}=*)")
_COOKIE_BYTES = 16 * 1024

# Of requests, in answers and logs; nothing depends on their being unguessable.
_numbers = random.Random()  # noqa: S311  # no secret


class Whole(Protocol):
    """A short way for a request, and for an answer, that is there whole.

    `head_bytes`: the request's line and headers are no longer than that.
    """

    @property
    def head_bytes(self) -> int: ...

    def body(self) -> bytes | None:
        """Takes the body, if all of it has come in, and there is some of it but not too much."""
        ...

    def send(self, status: int, head: bytes, body: bytes) -> bool:
        """Sends an answer at once, or says that it takes ASGI's messages. `head` is lines of headers."""
        ...


class HttpRefusal(Exception):
    """A request that is refused for its HTTP, not for its GraphQL. `extensions` are the error's, beside its code."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        headers: Pairs = (),
        *,
        code: Code = Code.BAD_REQUEST,
        **extensions: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = [(name.encode(), value.encode()) for name, value in headers]
        self.extensions = {"code": code.value, **extensions}


class HttpRequest:
    """What resolvers and sign-in may know of the request that is being answered.

    `headers` are by lower-case name.
    `visit`: it brings a partner's key. `whole`: the server's short way for it, if there is one.
    """

    __slots__ = ("_cookies", "_proxies", "headers", "method", "number", "scope", "visit", "whole")

    answers_with_headers = True

    def __init__(self, scope: Scope, proxies: TrustedProxies = NO_PROXIES) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.number = _numbers.getrandbits(64)
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self._proxies = proxies
        self._cookies: dict[str, str] | None = None
        self.visit: Visit | None = None
        self.whole: Whole | None = scope.get("extensions", _NONE).get(WHOLE)

    @property
    def id(self) -> str:
        """What the request is called in its answer and in logs."""
        return f"{self.number:016x}"

    def check(self) -> None:
        """Raises HttpRefusal where address or headers are too long, too many or ambiguous."""
        pairs: Headers = self.scope["headers"]
        if len(pairs) > MAX_HEADERS:
            raise _headers_too_long()
        if self.whole is None or self.whole.head_bytes > SHORT_HEAD_BYTES:
            _check_sizes(pairs, self.scope["query_string"])
        if len(self.headers) < len(pairs):
            self.headers = _joined(pairs)
        if not self.headers.get(b"host") and self.scope.get("http_version", "1.1").startswith("1"):
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "Name the host.", CLOSE)

    def header(self, name: str) -> str | None:
        """A header's value as text, each byte a character."""
        value = self.headers.get(_encoded(name))
        return None if value is None else value.decode("latin-1")

    @property
    def client_address(self) -> str | None:
        """The address of the socket's other end, or the client's where a trusted proxy said so."""
        return self._proxies.client(self._peer, self.header("x-forwarded-for") or "")

    @property
    def secure(self) -> bool:
        """Whether the client came over TLS, to us or to a trusted proxy."""
        if self.scope.get("scheme") == "https":
            return True
        return self.headers.get(b"x-forwarded-proto") == b"https" and self._proxies.trusts(self._peer)

    @property
    def _peer(self) -> str | None:
        client = self.scope.get("client")
        return client[0] if client else None

    @property
    def bearer_token(self) -> str | None:
        """The token of `Authorization: Bearer …` (RFC 6750)."""
        match = _BEARER.fullmatch(self.headers.get(b"authorization", b"").strip())
        return match[1].decode() if match else None

    @property
    def csrf_proof(self) -> bool:
        """Whether no other site can have made a browser send this: it took a JSON body or a header of its own."""
        if self.method == "POST" and is_json(self.headers.get(b"content-type")):
            return True
        return any(name in self.headers for name in CSRF_PROOFS)

    def cookie(self, name: str) -> str | None:
        """A cookie's value; none at all without CSRF proof, so that another site's request is an anonymous one."""
        if not self.csrf_proof:
            return None
        if self._cookies is None:
            self._cookies = _cookies(self.headers.get(b"cookie", b""))
        return self._cookies.get(name)

    def body_at_hand(self) -> bytes | None:
        """The body, if it has come in with the head, as most do."""
        return None if self.whole is None else self.whole.body()

    async def body(self, receive: Receive, patience: Patience) -> bytes:
        """The whole body. Raises HttpRefusal when it is too long, too slow or cannot be read."""
        announced = self.headers.get(b"content-length", b"0")
        if not announced.isdigit():
            raise _unreadable()
        if len(announced) > 9 or int(announced) > MAX_BODY_BYTES:
            await drain(receive)
            raise _too_long()
        try:
            return await patience.wait(_read(receive))
        except TimeoutError:
            raise HttpRefusal(HTTPStatus.REQUEST_TIMEOUT, "The body took too long.", CLOSE) from None


def _check_sizes(pairs: Headers, query_string: bytes) -> None:
    if len(b"".join(chain.from_iterable(pairs))) > MAX_HEADER_BYTES:
        raise _headers_too_long()
    if len(query_string) > MAX_ADDRESS_BYTES:
        raise HttpRefusal(HTTPStatus.REQUEST_URI_TOO_LONG, "The address is too long.", CLOSE)


def _headers_too_long() -> HttpRefusal:
    return HttpRefusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too long.", CLOSE)


@cache
def _encoded(name: str) -> bytes:
    """A name that our own code asks for, of which there are few."""
    return name.lower().encode()


def _joined(pairs: Headers) -> dict[bytes, bytes]:
    """Lines of one name are one list (RFC 9110, section 5.3); a name that must stand alone may not be repeated."""
    headers: dict[bytes, bytes] = {}
    for name, value in pairs:
        if name not in headers:
            headers[name] = value
        elif name in _SINGLE:
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, f"The header {name.decode('latin-1')} is there twice.", CLOSE)
        else:
            headers[name] += (b"; " if name == b"cookie" else b", ") + value
    return headers


def _cookies(header: bytes) -> dict[str, str]:
    """Cookies by name, the first of a name: browsers send the longest path first (RFC 6265, section 5.4)."""
    cookies: dict[str, str] = {}
    for pair in header[:_COOKIE_BYTES].decode("latin-1").split(";"):
        name, _, value = pair.strip().partition("=")
        cookies.setdefault(name, value.strip('"'))
    return cookies


async def _read(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body", False) and len(body) <= MAX_BODY_BYTES:
        return body
    parts = bytearray(body)
    while message["type"] == "http.request" and message.get("more_body", False) and len(parts) <= MAX_BODY_BYTES:
        message = await receive()
        parts += message.get("body", b"")
    if message["type"] != "http.request":
        raise _unreadable()
    if len(parts) > MAX_BODY_BYTES:
        if message.get("more_body", False):
            await drain(receive)
        raise _too_long()
    return bytes(parts)


async def drain(receive: Receive) -> None:
    """Takes in a little more than is allowed, or the client would see its connection reset instead of the answer."""
    drained = 0
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while drained < DRAINED_BYTES:
                message = await receive()
                drained += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _too_long() -> HttpRefusal:
    message = f"The body may have {MAX_BODY_BYTES // 1024} KiB."
    return HttpRefusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, CLOSE)


def _unreadable() -> HttpRefusal:
    return HttpRefusal(HTTPStatus.BAD_REQUEST, "The body could not be read.", CLOSE)
