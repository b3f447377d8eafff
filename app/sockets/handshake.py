"""Whether a socket is opened, and who speaks over it.

A browser opens sockets from any page and sends cookies along (ASVS 4.4.2): a page has to be of this very host, or of a
listed origin. Credentials come in the first message, since browsers let pages set no headers; from other programs
headers count as over HTTP.
"""

from http import HTTPStatus
from typing import Any

from app.http.cors import Origins
from app.http.proxies import TrustedProxies
from app.http.request import CSRF_PROOFS, Headers, HttpRefusal, HttpRequest, Scope
from app.sockets.messages import BAD_REQUEST, Closing

CARRIED = frozenset({"authorization", "x-cart-token", "x-purpose", "x-case", "x-channel"})
"""Headers that the first message may bring in its payload, in any case; whatever else is there is ignored."""

LONGEST = 4096
_PORTS = {b"http": b":80", b"https": b":443"}
_SCHEMES = {"ws": "http", "wss": "https"}


class SocketRequest(HttpRequest):
    """What one operation over a socket knows of where it comes from."""

    answers_with_headers = False

    def __init__(self, scope: Scope, proxies: TrustedProxies, brought: Headers) -> None:
        names = {name for name, _ in brought}
        kept = [(name, value) for name, value in scope["headers"] if name not in names]
        scheme = _SCHEMES.get(scope.get("scheme", "ws"), "http")
        super().__init__({**scope, "method": "POST", "scheme": scheme, "headers": kept + brought}, proxies)

    @property
    def csrf_proof(self) -> bool:
        """Whether no other site's page can have opened the socket: of pages, only our own get so far."""
        return b"origin" in self.headers or any(name in self.headers for name in CSRF_PROOFS)


def check(scope: Scope, proxies: TrustedProxies, origins: Origins) -> None:
    """Raises HttpRefusal for a handshake that is not answered with a socket."""
    request = SocketRequest(scope, proxies, [])
    request.check()
    origin = request.headers.get(b"origin")
    if origin is not None and not origins.lists(origin) and not _is_own(origin, request.headers.get(b"host") or b""):
        raise HttpRefusal(HTTPStatus.FORBIDDEN, "Pages of this origin may not connect.")


def brought_in(payload: dict[str, Any]) -> Headers:
    """The headers in the first message's payload. Raises Closing for what can be none."""
    found: dict[bytes, bytes] = {}
    for name, value in payload.items():
        lowered = name.lower()
        if lowered not in CARRIED or value is None:
            continue
        encoded = lowered.encode()
        if encoded in found or not isinstance(value, str) or len(value) > LONGEST:
            raise Closing(BAD_REQUEST, f"{lowered} must be one string.")
        try:
            found[encoded] = value.encode("latin-1")
        except UnicodeEncodeError:
            raise Closing(BAD_REQUEST, f"{lowered} can be no header.") from None
    return list(found.items())


def _is_own(origin: bytes, host: bytes) -> bool:
    """Whether the page came from the host that the socket is opened to."""
    scheme, _, authority = origin.lower().partition(b"://")
    port = _PORTS.get(scheme)
    return port is not None and authority.removesuffix(port) == host.lower().removesuffix(port)
