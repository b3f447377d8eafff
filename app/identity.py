"""Who a request says it is, and who it is."""

from app.http.request import HttpRequest
from auth import sessions
from auth.tokens import Kind, parse
from auth.viewer import ANONYMOUS, Viewer, ViewerKind
from models.database import Database

COOKIE = "__Host-layette"


def claimed(request: HttpRequest) -> Viewer:
    """The caller by its credential alone: `Authorization: Bearer`, else the cookie. No statement is made."""
    token = request.bearer_token if request.raw(b"authorization") is not None else request.cookie(COOKIE)
    found = parse(token) if token else None
    if found is None or found[0] is not Kind.SESSION:
        return ANONYMOUS
    return Viewer(ViewerKind.CUSTOMER, token_digest=found[1])


async def identify(database: Database, claimed: Viewer) -> Viewer:
    """The caller as the database knows it; a credential that is no good any more is an anonymous caller."""
    if claimed.token_digest is None:
        return claimed
    return await sessions.identify(database, claimed.token_digest) or ANONYMOUS


async def note_use(database: Database, viewer: Viewer) -> None:
    """Notes that the session is in use."""
    if viewer.token_digest is not None:
        await sessions.note_use(database, viewer.token_digest)
