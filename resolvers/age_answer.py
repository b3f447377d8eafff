"""The answer "under 13", which holds for the rest of the request and for a day in the browser that gave it (P21)."""

from resolvers.context import Context

COOKIE = "__Host-age-answer"
"""That "under 13" was answered in this browser, and nothing else; essential, or the answer could be tried again.

For a day: long enough that another answer is no way in, and short enough for a computer that a family shares. It is not
signed: who forges it shuts out only themselves, and who deletes it could as well have used another browser.
"""
UNDER_13 = "under-13"
_KEPT = "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=86400"


def given_before(context: Context) -> bool:
    """Whether the answer was given in this browser, or by an earlier field of the request."""
    return context.answered_under_13 or context.client.cookie(COOKIE) == UNDER_13


def keep(context: Context) -> None:
    """The answer is given now."""
    context.answered_under_13 = True
    context.response.keep_cookie(f"{COOKIE}={UNDER_13}; {_KEPT}")
