"""How a new session reaches its holder, and how a browser is told to forget it (P55)."""

from graphql import GraphQLError

from auth.sessions import Issued
from auth.viewer import ANONYMOUS
from resolvers import age_answer
from resolvers.context import Context
from schema.login_session import IssuedSession, SessionTransport

COOKIE = "__Host-layette"
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"


def require_way(context: Context, transport: SessionTransport | None) -> None:
    """Raises GraphQLError where a cookie is asked for and none can be brought."""
    if transport is SessionTransport.COOKIE:
        require_cookies(context)


def require_cookies(context: Context) -> None:
    """Raises GraphQLError where the answer has no headers, as through a socket, and a cookie would be lost."""
    if not context.response.has_headers:
        raise GraphQLError("This sets a cookie: ask for it over HTTP.", extensions={"code": "BAD_USER_INPUT"})


def hand_over(context: Context, issued: Issued, transport: SessionTransport | None) -> IssuedSession:
    """The session as the answer shows it; from here on the request is its holder's.

    A cookie has no Max-Age where the session is to end with the browser. Raises as `require_way` does.
    """
    require_way(context, transport)
    context.viewer = issued.viewer
    if transport is not SessionTransport.COOKIE:
        return IssuedSession(token=issued.token, expires_at=issued.expires_at)
    kept = issued.remembered_for
    age = f"; Max-Age={int(kept.total_seconds())}" if kept is not None else ""
    context.response.keep_cookie(f"{COOKIE}={issued.token}; {_ATTRIBUTES}{age}")
    return IssuedSession(token=None, expires_at=issued.expires_at)


def take_back(context: Context) -> None:
    """The caller is signed out: the browser forgets the cookie and whatever else it kept of the shop.

    All but an answer to the question of age, which signing out is not to undo (P21).
    """
    context.viewer = ANONYMOUS
    context.response.add("set-cookie", f"{COOKIE}=; {_ATTRIBUTES}; Max-Age=0")
    context.response.clears_site = True
    context.response.keeps_cookies |= age_answer.given_before(context)
