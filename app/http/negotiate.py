"""Which media type an answer takes, and which a body may have (RFC 9110, sections 8.3 and 12.5.1)."""

import re
from email.message import Message
from functools import lru_cache

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"

_Q = re.compile(r"(?i)q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


@lru_cache(maxsize=256)
def media_type(accept: bytes | None) -> str | None:
    """The media type that the client ranks highest, the new one first among equals; None if it takes neither.

    Who names no type gets `application/json`, which every client reads.
    """
    if accept is None or not accept.strip():
        return JSON
    ranks = _ranks(accept.decode("latin-1").lower())
    anything = ranks.get("application/*", ranks.get("*/*", 0.0))
    old = ranks.get(JSON, anything)
    new = ranks.get(GRAPHQL, 0.0 if old else anything)
    if not old and not new:
        return None
    return GRAPHQL if new >= old and new else JSON


def prefers_html(accept: bytes | None) -> bool:
    """Whether a person's browser is asking."""
    return accept is not None and "text/html" in _ranks(accept.decode("latin-1").lower())


def _ranks(accept: str) -> dict[str, float]:
    ranks: dict[str, float] = {}
    for item in accept.split(","):
        name, *options = (part.strip() for part in item.split(";"))
        weights = [match[1] for option in options if (match := _Q.fullmatch(option))]
        ranks[name] = max(ranks.get(name, 0.0), float(weights[0]) if weights else 1.0)
    return ranks


@lru_cache(maxsize=256)
def is_json(content_type: bytes | None) -> bool:
    """Whether a body of this type is read: `application/json`, in UTF-8 if it says so."""
    message = Message()
    message["content-type"] = (content_type or b"").decode("latin-1")
    charset = message.get_param("charset", "utf-8")
    return message.get_content_type() == JSON and str(charset).lower() in {"utf-8", "utf8"}
