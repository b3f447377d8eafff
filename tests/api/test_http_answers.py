"""Statuses, media types, headers and errors of answers."""

import pytest

from models.database import Database
from tests.support.edge import SECRET, Edge, codes, open_edge
from tests.support.log import written_log

RESPONSE = "application/graphql-response+json"
BOTH = [{"accept": RESPONSE}, {"accept": "application/json"}]


@pytest.mark.parametrize("headers", BOTH)
async def test_answer_is_of_the_media_type_that_was_asked_for(edge: Edge, headers: dict[str, str]):
    for query in ("{ hello }", "{ product { name } }", "{ broken }", "{ nothing }", "{"):
        with written_log():
            response = await edge.post(query, headers=headers)
        assert response.headers["content-type"] == f"{headers['accept']}; charset=utf-8"


@pytest.mark.parametrize("headers", BOTH)
async def test_mistakes_are_400_without_data_and_executed_operations_200(edge: Edge, headers: dict[str, str]):
    with written_log():
        statuses = {
            query: await edge.post(query, headers=headers) for query in ("{", "{ x }", "{ hello }", "{ broken }")
        }
    assert [response.status_code for response in statuses.values()] == [400, 400, 200, 200]
    assert ["data" in response.json() for response in statuses.values()] == [False, False, True, True]


async def test_client_that_takes_neither_media_type_is_told_so(edge: Edge):
    response = await edge.post("mutation { signOut }", headers={"accept": "text/csv"})
    assert (response.status_code, codes(response)) == (406, ["BAD_REQUEST"])


async def test_partial_answer_keeps_its_data_and_names_the_path(edge: Edge):
    response = await edge.post("{ product { name } forbidden }")
    assert response.json() == {
        "errors": [
            {
                "message": "Not for you.",
                "locations": [{"line": 1, "column": 20}],
                "path": ["forbidden"],
                "extensions": {"code": "FORBIDDEN"},
            }
        ],
        "data": {"product": {"name": "Romper"}, "forbidden": None},
    }


async def test_error_that_takes_all_of_the_data_leaves_null(edge: Edge):
    response = await edge.post("{ hello unauthenticated }", headers={"accept": RESPONSE})
    assert (response.status_code, response.json()["data"], codes(response)) == (200, None, ["FORBIDDEN"])


async def test_missing_value_of_a_non_null_field_is_our_fault(edge: Edge):
    with written_log() as logged:
        response = await edge.post("{ empty }")
    assert codes(response) == ["INTERNAL_SERVER_ERROR"]
    assert [line["fault"] for line in logged] == ["empty"]


@pytest.mark.parametrize("query", ["{ broken }", "{ brokenForGood }", "{ secret_alias: broken }"])
async def test_fault_is_masked_and_logged_in_one_line_with_its_number(edge: Edge, query: str):
    with written_log() as log:
        response = await edge.post(query)
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    [line] = log
    assert line["error_id"] == error["extensions"]["errorId"]
    assert line["request_id"] == response.headers["x-request-id"]
    assert line["error"] == "RuntimeError"
    assert line["fault"] in {"broken", "brokenForGood"}
    assert line["where"].startswith("tests/support/edge.py:")
    for hidden in (SECRET, "hunter2", "secret_alias"):
        assert hidden not in log.text
    assert "hunter2" not in response.text


async def test_fault_of_the_engine_itself_is_masked_too(edge: Edge, monkeypatch: pytest.MonkeyPatch):
    async def fail(*_: object) -> None:
        raise ConnectionError(SECRET)

    monkeypatch.setattr(edge.engine, "read", fail)
    with written_log() as logged:
        response = await edge.post("{ hello }")
    assert (response.status_code, codes(response)) == (500, ["INTERNAL_SERVER_ERROR"])
    assert SECRET not in response.text
    assert len(logged) == 1


async def test_database_that_is_away_is_told_as_such(edge: Edge, monkeypatch: pytest.MonkeyPatch):
    away = Database("postgresql://127.0.0.1:1/nowhere")
    monkeypatch.setattr(edge.engine, "read", lambda *_: away.read_row("SELECT 1"))
    with written_log() as logged:
        response = await edge.post("{ hello }")
    assert (response.status_code, codes(response)) == (503, ["SERVICE_UNAVAILABLE"])
    assert response.headers["retry-after"] == "5"
    assert len(logged) == 1


async def test_mistake_of_a_client_leaves_no_line_in_the_log(edge: Edge):
    with written_log() as logged:
        for query in ("{", "{ x }", "{ hello(name: 7) }", "{ forbidden }", "query ($n: Int!) { argument(size: $n) }"):
            await edge.post(query)
        await edge.client.post("/graphql", content=b"\xff", headers={"content-type": "application/json"})
    assert logged == []


async def test_every_answer_carries_the_security_headers_and_a_number_of_its_own(edge: Edge):
    answers = [
        await edge.post("{ hello }"),
        await edge.post("{ me { name } }"),
        await edge.post("mutation { signOut }"),
        await edge.post("{ x }"),
        await edge.client.get("/graphql", params={"query": "{ hello }"}),
        await edge.client.get("/graphql"),
        await edge.client.put("/graphql"),
        await edge.client.options("/graphql"),
        await edge.client.post("/graphql"),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "strict-transport-security" not in answer.headers
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


async def test_strict_transport_security_is_said_over_tls_alone(edge: Edge):
    edge.client.base_url = "https://shop.test"
    response = await edge.post("{ hello }")
    assert response.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


async def test_tls_of_a_proxy_that_is_not_trusted_does_not_count(edge: Edge):
    response = await edge.post("{ hello }", headers={"x-forwarded-proto": "https"})
    assert "strict-transport-security" not in response.headers


async def test_mutation_sets_headers_of_its_answer(edge: Edge):
    response = await edge.post("mutation { signOut }")
    assert response.headers["set-cookie"] == "__Host-layette=; Max-Age=0"
    assert response.headers["clear-site-data"] == '"cookies"'
    assert response.headers["cache-control"] == "no-store"


async def test_public_answer_to_get_may_be_kept_and_is_tagged(edge: Edge):
    response = await edge.client.get("/graphql", params={"query": "{ hello }"})
    assert response.headers["cache-control"] == "public, max-age=60"
    assert response.headers["vary"] == "Accept"
    tag = response.headers["etag"]
    again = await edge.client.get("/graphql", params={"query": "{ hello }"}, headers={"if-none-match": f'"x", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert "content-length" not in again.headers
    any_ = await edge.client.get("/graphql", params={"query": "{ hello }"}, headers={"if-none-match": "*"})
    assert any_.status_code == 304


async def test_tag_differs_by_body_and_by_media_type(edge: Edge):
    async def tag(query: str, accept: str) -> str:
        response = await edge.client.get("/graphql", params={"query": query}, headers={"accept": accept})
        return response.headers["etag"]

    tags = {
        await tag("{ hello }", RESPONSE),
        await tag("{ hello }", "application/json"),
        await tag('{ hello(name: "a") }', "application/json"),
    }
    assert len(tags) == 3
    stale = {"if-none-match": tags.pop()}
    assert (
        await edge.client.get("/graphql", params={"query": '{ hello(name: "b") }'}, headers=stale)
    ).status_code == 200


@pytest.mark.parametrize("query", ["{ me { name } }", "{ hello me { name } }", "{ product { name } }", "{ x }"])
async def test_other_answers_are_never_kept(edge: Edge, query: str):
    response = await edge.client.get("/graphql", params={"query": query}, headers={"authorization": "Bearer lys_a"})
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers


async def test_answer_to_post_is_never_kept(edge: Edge):
    response = await edge.post("{ hello }")
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers


async def test_browser_is_sent_to_the_page():
    from app.http.endpoint import Options

    html = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with open_edge(options=Options(page="/graphiql")) as edge:
        response = await edge.client.get("/graphql", headers=html)
        assert (response.status_code, response.headers["location"]) == (303, "/graphiql")
        assert (await edge.client.get("/graphql?query={hello}", headers=html)).json() == {
            "data": {"hello": "Hello, you"}
        }
