import pytest

from app.http.negotiate import GRAPHQL, JSON, media_type, prefers_html


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        (b"", JSON),
        (b"*/*", JSON),
        (b"application/*", JSON),
        (b"application/json", JSON),
        (b"Application/JSON; charset=utf-8", JSON),
        (b"application/graphql-response+json", GRAPHQL),
        (b"application/graphql-response+json; charset=utf-8", GRAPHQL),
        (b"application/graphql-response+json, application/json", GRAPHQL),
        (b"application/json, application/graphql-response+json", GRAPHQL),
        (b"application/graphql-response+json,application/json;q=0.9", GRAPHQL),
        (b"application/graphql-response+json;q=0.5,application/json;q=0.9", JSON),
        (b"application/graphql-response+json;q=0, */*", JSON),
        (b"application/json;q=0, */*", GRAPHQL),
        (b"multipart/mixed, application/graphql-response+json;q=0.9, application/json;q=0.8", GRAPHQL),
        (b"text/html, */*;q=0.1", JSON),
        (b"text/html", None),
        (b"text/event-stream", None),
        (b"application/json;q=0", None),
        (b"application/jsonp", None),
        (b",;=", None),
    ],
)
def test_media_type_is_what_the_client_ranks_highest(accept: bytes | None, expected: str | None):
    assert media_type(accept) == expected


def test_browser_is_known_by_its_accept_header():
    assert prefers_html(b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
    assert not prefers_html(b"application/json, */*")
    assert not prefers_html(None)
