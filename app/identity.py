"""Who a request claims to be, by the credential it carries, and who it is.

A credential that is none, or not good any more, is no error: the caller is anonymous, and only what needs one is
refused.
"""

from typing import Protocol

from auth import sessions
from auth.tokens import Kind, parse
from auth.viewer import ANONYMOUS, Viewer, ViewerKind
from models.database import Database
from resolvers.issued_session import COOKIE


class Carrier(Protocol):
    """A request: `app.http.request.HttpRequest`. Its cookies are those that no other site can have made it send."""

    @property
    def bearer_token(self) -> str | None: ...

    def header(self, name: str) -> str | None: ...

    def cookie(self, name: str) -> str | None: ...


def claimed(request: Carrier) -> Viewer:
    """Who the caller claims to be, without asking the database.

    An Authorization header, even a wrong one, goes before the cookie.
    """
    by_header = request.header("authorization") is not None
    token = request.bearer_token if by_header else request.cookie(COOKIE)
    found = parse(token) if token else None
    if found is None or found[0] is not Kind.SESSION:
        return ANONYMOUS
    return Viewer(ViewerKind.CUSTOMER, token_digest=found[1])


async def identify(database: Database, viewer: Viewer) -> Viewer:
    """Who the caller is: ANONYMOUS unless the session that it claims is live. Notes its use once a minute."""
    if viewer.token_digest is None:
        return viewer
    async with database.reading() as connection:
        found = await sessions.identify(connection, viewer.token_digest)
    if found is None:
        return ANONYMOUS
    if found.stale:
        await note_use(database, viewer)
    return found.viewer


async def note_use(database: Database, viewer: Viewer) -> None:
    """Puts off the idle end of the viewer's session."""
    if viewer.token_digest is not None:
        await sessions.note_use(database, viewer.token_digest)
