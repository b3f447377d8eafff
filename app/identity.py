"""Who a request claims to be, by the credential it carries, and who it is.

A credential that is none, or not good any more, is no error: the caller is anonymous, and only what needs one is
refused.
"""

from dataclasses import replace
from typing import Protocol

from auth import sessions
from auth.tokens import Kind, parse
from auth.viewer import ANONYMOUS, Claim, Viewer, ViewerKind
from models.classification import Purpose
from models.database import Database
from privacy import obligations
from privacy.collection import card_number_in
from reads.cache import ByteBounded
from resolvers.issued_session import COOKIE

NO_PURPOSE = "NONE"
"""Stands for every word in X-Purpose that is no purpose: what callers make up must not fill what is kept of plans."""

LONGEST_CASE = 100
HINT_BYTES = 4 * 2**20


class Carrier(Protocol):
    """A request: `app.http.request.HttpRequest`. Its cookies are those that no other site can have made it send."""

    @property
    def bearer_token(self) -> str | None: ...

    def header(self, name: str) -> str | None: ...

    def cookie(self, name: str) -> str | None: ...


class Hints:
    """Staff as this process saw them last, by the digest of their session's token.

    Only what a statement is planned with: it checks session and stamp itself, so that an old hint costs a second
    statement and decides nothing.
    """

    def __init__(self, most: int = HINT_BYTES) -> None:
        self._seen: ByteBounded[bytes, Viewer] = ByteBounded(most)

    def recall(self, digest: bytes) -> Viewer:
        """Whom to plan for: a customer, where no member of staff is known to have the session."""
        return self._seen.get(digest) or Viewer(ViewerKind.CUSTOMER, token_digest=digest)

    def note(self, digest: bytes, viewer: Viewer) -> None:
        """Remembers who has the session."""
        if viewer.staff is None:
            self._seen.drop(digest)
            return
        known = Viewer(ViewerKind.STAFF, token_digest=digest, permissions=viewer.permissions, staff=viewer.staff)
        words = len(viewer.permissions) + len(viewer.staff.roles) + len(viewer.staff.purposes)
        self._seen.put(digest, known, 1000 + 100 * words)


def claimed(request: Carrier, hints: Hints) -> Viewer:
    """Who the caller claims to be, without asking the database.

    An Authorization header, even a wrong one, goes before the cookie.
    """
    by_header = request.header("authorization") is not None
    session = _digest(request.bearer_token if by_header else request.cookie(COOKIE), Kind.SESSION)
    cart = _digest(request.header("x-cart-token"), Kind.CART)
    viewer, claim = ANONYMOUS, None
    if session is not None:
        viewer, claim = hints.recall(session), _claim(request)
    return viewer if claim is None and cart is None else replace(viewer, claim=claim or Claim(), cart_digest=cart)


def _digest(token: str | None, kind: Kind) -> bytes | None:
    """The digest of a token of this kind; None for whatever is none."""
    found = parse(token) if token else None
    return found[1] if found is not None and found[0] is kind else None


def _claim(request: Carrier) -> Claim | None:
    """What the caller says to read for. A case that is none, or too long to be one, is as good as not given."""
    purpose, case = request.header("x-purpose"), (request.header("x-case") or "").strip()
    if purpose is None and not case:
        return None
    word = (purpose or "").strip()
    known = (word if word in Purpose.__members__ else NO_PURPOSE) if word else None
    proper = 0 < len(case) <= LONGEST_CASE and case.isprintable() and not card_number_in(case)
    return Claim(known, case if proper else None)


async def identify(database: Database, viewer: Viewer, hints: Hints) -> Viewer:
    """Who the caller is: ANONYMOUS unless the session that it claims is live. Notes its use once a minute."""
    if viewer.token_digest is None:
        return viewer
    async with database.reading() as connection:
        found = await sessions.identify(connection, viewer.token_digest, obligations.CURRENT.version)
    if found is None:
        hints.note(viewer.token_digest, ANONYMOUS)
        return replace(ANONYMOUS, cart_digest=viewer.cart_digest)
    hints.note(viewer.token_digest, found.viewer)
    if found.stale:
        await note_use(database, viewer)
    claim = viewer.claim if found.viewer.staff else Claim()
    return replace(found.viewer, claim=claim, cart_digest=viewer.cart_digest)


async def note_use(database: Database, viewer: Viewer) -> None:
    """Puts off the idle end of the viewer's session."""
    if viewer.token_digest is not None:
        await sessions.note_use(database, viewer.token_digest)
