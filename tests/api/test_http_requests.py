"""What no GraphQL request is, is refused with a status and a code, and never becomes a 500."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from app.http.request import MAX_ADDRESS_BYTES, MAX_BODY_BYTES, MAX_HEADERS
from tests.support.edge import Edge, codes

JSON = {"content-type": "application/json"}
HELLO = "{ hello }"


async def send(edge: Edge, body: bytes, **headers: str) -> httpx.Response:
    return await edge.client.post("/graphql", content=body, headers={**JSON, **headers})


def refused(response: httpx.Response, status: int, code: str = "BAD_REQUEST") -> None:
    assert (response.status_code, codes(response)) == (status, [code])
    assert "data" not in response.json()
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b'"x"',
        b"true",
        b"[]",
        b'[{"query": "{ hello }"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": 7}',
        b'{"query": ["{ hello }"]}',
        b'{"query": "{ hello }", "variables": []}',
        b'{"query": "{ hello }", "variables": "{}"}',
        b'{"query": "{ hello }", "operationName": 7}',
        b'{"query": "{ hello }", "extensions": []}',
        b'{"query": "{ hello }", "extensions": {"persistedQuery": 7}}',
        b'{"query": "{ hello }", "extensions": {"persistedQuery": {"version": 2, "sha256Hash": "ab"}}}',
        b'{"query": "{ hello }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}}',
        b'{"query": "{ hello }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": 7}}}',
        b'{"query": "{ hello }"} x',
        b'{"query": "{ hello }", "variables": {"a": NaN}}',
        b'{"query": "{ hello }", "variables": {"a": Infinity}}',
        b'{"query": "{ hello }", "variables": {"a": 1e999}}',
        b'{"query": "{ hello }", "variables": {"a": ' + b"9" * 5000 + b"}}",
        b'{"query": "{ hello }", "variables": {"a": 01}}',
        b'{"query": "{ hello }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ hello }", "variables": {"a": "\\udc00\\ud800"}}',
        b'{"query": "{ hello }", "variables": {"a": "\xed\xa0\x80"}}',
        b'{"query": "{ hello }", "variables": {"a": "\xff"}}',
        b'{"query": "{ hello }", "variables": {"a": "\x00"}}',
        b'{"query": "{ hello }", "variables": {"a": "\t"}}',
        b"\xef\xbb\xbf" + b'{"query": "{ hello }"}',
        '{"query": "{ hello }"}'.encode("utf-16"),
        b'{"query": "{ hello }", "variables": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}",
        b'{"query": "{ hello }", "variables": {"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
        b'{"query": "{ hello }", "x": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    ],
)
async def test_malformed_body_is_refused(edge: Edge, body: bytes):
    refused(await send(edge, body), 400)


async def test_nul_in_a_variable_is_refused_naming_it(edge: Edge):
    query = "query ($filter: Filter) { product(filter: $filter) { name } }"
    response = await edge.post(query, variables={"filter": {"text": "a\0b"}})
    refused(response, 400, "BAD_USER_INPUT")
    assert "variables.filter.text" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("value", ["\\u0000", "u0000", "\u202e\ufeff", "\U0001f9f8", "\uffff", "e\u0301" * 50, "﷽"])
async def test_absurd_but_well_formed_text_passes(edge: Edge, value: str):
    response = await edge.post("query ($n: String) { hello(name: $n) }", variables={"n": value})
    assert response.json() == {"data": {"hello": f"Hello, {value}"}}


async def test_duplicate_keys_and_unknown_members_of_the_body_are_no_fault(edge: Edge):
    response = await send(edge, b'{"query": "{ x }", "query": "{ hello }", "id": "7", "variables": null}')
    assert response.json() == {"data": {"hello": "Hello, you"}}


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/jsonp",
        "application/json2",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=x",
        "application/graphql",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "x",
        "",
    ],
)
async def test_other_media_types_of_the_body_are_refused(edge: Edge, content_type: str):
    refused(await send(edge, b'{"query": "{ hello }"}', **{"content-type": content_type}), 415)


async def test_body_without_a_content_type_is_refused(edge: Edge):
    refused(await edge.client.post("/graphql", content=b'{"query": "{ hello }"}'), 415)


@pytest.mark.parametrize(
    "content_type", ["Application/JSON", "application/json;charset=UTF-8", 'application/json; charset="utf-8"; x=y']
)
async def test_media_type_of_the_body_is_parsed_not_compared(edge: Edge, content_type: str):
    response = await send(edge, b'{"query": "{ hello }"}', **{"content-type": content_type})
    assert response.status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "x"])
async def test_coded_body_is_refused(edge: Edge, coding: str):
    response = await send(edge, b'{"query": "{ hello }"}', **{"content-encoding": coding})
    refused(response, 415)
    assert response.headers["accept-encoding"] == "identity"


async def test_body_within_the_limit_is_read(edge: Edge):
    query = "{ hello }".ljust(MAX_BODY_BYTES - len('{"query":""}'))
    assert (await send(edge, f'{{"query":"{query}"}}'.encode())).status_code == 200


async def test_longer_body_is_refused(edge: Edge):
    query = "{ hello }".ljust(MAX_BODY_BYTES)
    response = await send(edge, f'{{"query":"{query}"}}'.encode())
    refused(response, 413)
    assert response.headers["connection"] == "close"


async def test_longer_body_without_a_length_is_refused(edge: Edge):
    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(200):
            yield b" " * 1024

    refused(await edge.client.post("/graphql", content=chunks(), headers=JSON), 413)


@pytest.mark.parametrize("length", ["9" * 30, "-1", "x", "1e3"])
async def test_announced_length_is_checked_before_anything_is_read(edge: Edge, length: str):
    response = await send(edge, b'{"query": "{ hello }"}', **{"content-length": length})
    refused(response, 413 if length.isdigit() else 400)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "TRACE", "QUERY"])
async def test_other_methods_are_refused_naming_those_that_are_served(edge: Edge, method: str):
    response = await edge.client.request(method, "/graphql", json={"query": HELLO})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST, OPTIONS")


async def test_many_headers_are_refused(edge: Edge):
    headers = {f"x-{number}": "1" for number in range(MAX_HEADERS)}
    refused(await edge.post(HELLO, headers=headers), 431)


async def test_long_headers_are_refused(edge: Edge):
    refused(await edge.post(HELLO, headers={"x-long": "a" * 33_000}), 431)


async def test_long_address_is_refused(edge: Edge):
    refused(await edge.client.get("/graphql", params={"query": HELLO.ljust(MAX_ADDRESS_BYTES)}), 414)


async def test_request_without_a_host_is_refused(edge: Edge):
    refused(await edge.post(HELLO, headers={"host": ""}), 400)


@pytest.mark.parametrize("name", ["authorization", "content-type", "host", "origin"])
async def test_header_that_must_stand_alone_may_not_be_repeated(edge: Edge, name: str):
    headers = [("content-type", "application/json"), (name, "a"), (name, "b")]
    refused(await edge.client.post("/graphql", content=b'{"query": "{ hello }"}', headers=headers), 400)


async def test_get_answers_a_query(edge: Edge):
    parameters = {"query": "query A($n: String) { hello(name: $n) }", "operationName": "A", "variables": '{"n": "Åsa"}'}
    response = await edge.client.get("/graphql", params=parameters)
    assert response.json() == {"data": {"hello": "Hello, Åsa"}}


async def test_mutation_by_get_is_refused_and_not_executed(edge: Edge):
    response = await edge.client.get("/graphql", params={"query": "mutation { signOut }"})
    refused(response, 405)
    assert response.headers["allow"] == "POST"
    named = {"query": "query A { hello } mutation B { signOut }", "operationName": "B"}
    refused(await edge.client.get("/graphql", params=named), 405)
    assert edge.engine.saved == []


@pytest.mark.parametrize(
    "query_string",
    [
        "",
        "query=",
        "query=%FF",
        "query=%7Bhello%7D&query=%7Bhello%7D",
        "query=%7Bhello%7D&variables=%7B",
        "query=%7Bhello%7D&variables=7",
        "query=%7Bhello%7D&variables=%7B%22a%22%3A%22%5Cud800%22%7D",
        "query=%7Bhello%7D&extensions=7",
        "&".join(f"a{number}=1" for number in range(30)),
    ],
)
async def test_malformed_address_is_refused(edge: Edge, query_string: str):
    refused(await edge.client.get(f"/graphql?{query_string}"), 400)


async def test_nul_in_an_address_is_a_syntax_error(edge: Edge):
    refused(await edge.client.get("/graphql?query=%00"), 400, "GRAPHQL_PARSE_FAILED")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ hello(name: 01) }", "GRAPHQL_PARSE_FAILED"),
        ('{ hello(name: "\\ud800") }', "GRAPHQL_PARSE_FAILED"),
        ("{ hello \x07 }", "GRAPHQL_PARSE_FAILED"),
        ("{ hello " + "a " * 2000 + "}", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ hello(nam: 1) }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ hello(name: 1) }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me }", "GRAPHQL_VALIDATION_FAILED"),
        ("type A { b: Int }", "OPERATION_RESOLUTION_FAILURE"),
        ("fragment A on Query { hello }", "OPERATION_RESOLUTION_FAILURE"),
        ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILURE"),
        ('{ hello(name: "\\u0000") }', "BAD_USER_INPUT"),
        ('{ hello(name: "\\u{0}") }', "BAD_USER_INPUT"),
        ("{ argument(size: " + "9" * 5000 + ") }", "BAD_USER_INPUT"),
        ("{ argument(size: 1." + "9" * 5000 + ") }", "BAD_USER_INPUT"),
        ("{ hello " + "{ a " * 41 + "}" * 42, "QUERY_TOO_COMPLEX"),
        ("subscription { ticks }", "BAD_REQUEST"),
    ],
)
async def test_mistake_in_the_document_has_its_code(edge: Edge, query: str, code: str):
    refused(await edge.post(query), 400, code)


async def test_operation_that_is_not_there_is_refused(edge: Edge):
    refused(await edge.post("query A { hello }", operationName="B"), 400, "OPERATION_RESOLUTION_FAILURE")


async def test_one_of_several_operations_runs_by_name(edge: Edge):
    response = await edge.post("query A { hello } query B { me { name } }", operationName="B")
    assert response.json() == {"data": {"me": None}}


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"input": None},
        {"input": 7},
        {"input": {}},
        {"input": {"label": 7}},
        {"input": {"label": {}}},
        {"input": {"label": "a", "count": "7"}},
        {"input": {"label": "a", "count": 2**31}},
        {"input": {"label": "a", "count": 10**19}},
        {"input": {"label": "a", "count": 1.5}},
        {"input": {"label": "a", "count": True}},
        {"input": {"label": "a", "lines": [1]}},
        {"input": {"label": "a", "inner": {}}},
        {"input": {"label": "a", "unknown": "a"}},
    ],
)
async def test_wrong_variables_are_refused_and_nothing_is_executed(edge: Edge, variables: dict[str, Any]):
    response = await edge.post("mutation ($input: SaveInput!) { save(input: $input) { label } }", variables=variables)
    assert response.status_code == 400
    assert set(codes(response)) == {"BAD_USER_INPUT"}
    assert "data" not in response.json()
    assert edge.engine.saved == []


async def test_errors_repeat_no_value_of_the_client_and_suggest_no_name(edge: Edge):
    secret = "correct horse"
    save = "mutation ($input: SaveInput!) { save(input: $input) { label } }"
    answers = [
        await edge.post(save, variables={"input": {"label": "a", "count": secret}}),
        await edge.post(save, variables={"input": {"lable": secret}}),
        await edge.post(save, variables={"input": secret}),
        await edge.post("query ($f: Filter) { product(filter: $f) { name } }", variables={"f": {"size": secret}}),
        await edge.post(f'{{ argument(size: "{secret}") }}'),
        await edge.post(f'{{ product(filter: {{ txt: "{secret}" }}) {{ name }} }}'),
        await edge.post(f'{{ "{secret}" }}'),
        await edge.post(f'{{ hello(name: "a" "{secret}") }}'),
        await edge.post("{ helo }"),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert secret not in answer.text
        assert "Did you mean" not in answer.text
        assert len(answer.json()["errors"][0]["message"]) > 20


async def test_known_operation_is_refused_where_other_variables_make_it_too_dear(edge: Edge):
    query = "query ($n: Int) { product(first: $n) { reviews(first: $n) { related(first: $n) { name } } } }"
    for size, refused in ((2, False), (100, True), (2, False), (100, True)):
        response = await edge.post(query, variables={"n": size})
        assert response.status_code == (400 if refused else 200)
        assert not refused or codes(response) == ["QUERY_TOO_COMPLEX"]


async def test_mutation_that_is_known_is_still_refused_by_get(edge: Edge):
    assert (await edge.post("mutation { signOut }")).status_code == 200
    assert (await edge.client.get("/graphql", params={"query": "mutation { signOut }"})).status_code == 405
