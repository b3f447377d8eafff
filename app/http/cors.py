"""Which web frontends may call from a browser (the Fetch standard's CORS protocol): those that are listed, by name."""

from collections.abc import Collection
from http import HTTPStatus

from app.http.answers import Answer
from app.http.request import Headers, HttpRequest

ALLOWED_HEADERS = (
    "Content-Type, Authorization, Apollo-Require-Preflight, X-Requested-With, X-Layette-CSRF, "
    "X-Purpose, X-Case, X-Cart-Token, X-Channel, Apollographql-Client-Name, Apollographql-Client-Version"
)
EXPOSED_HEADERS = "ETag, Retry-After, X-Request-Id"
ALLOWED_METHODS = "GET, POST, OPTIONS"


class Origins:
    """The origins that may read answers and send cookies; none by default."""

    def __init__(self, listed: Collection[str]) -> None:
        """Raises ValueError for a list that would let in everyone."""
        if any("*" in origin or "null" in origin for origin in listed):
            raise ValueError("Name each web origin: neither * nor null may send cookies.")
        self.listed = frozenset(origin.rstrip("/").lower().encode() for origin in listed)

    def lists(self, origin: bytes) -> bool:
        """Whether pages of this origin may."""
        return origin in self.listed

    def headers(self, request: HttpRequest) -> Headers:
        """What every answer carries for a browser; nothing where no origin is listed."""
        if not self.listed:
            return []
        origin = request.headers.get(b"origin")
        vary = (b"vary", b"Origin")
        if origin is None or origin not in self.listed:
            return [vary]
        return [
            vary,
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", EXPOSED_HEADERS.encode()),
        ]

    def preflight(self, request: HttpRequest) -> Answer:
        """The answer to OPTIONS; without leave in it a browser goes no further."""
        headers = [(b"allow", ALLOWED_METHODS.encode())]
        if request.headers.get(b"origin") in self.listed:
            headers += [
                (b"access-control-allow-methods", b"GET, POST"),
                (b"access-control-allow-headers", ALLOWED_HEADERS.encode()),
                (b"access-control-max-age", b"600"),
            ]
        return Answer(HTTPStatus.NO_CONTENT, b"", None, headers)
