"""Whatever is sent, the answer is one that a client understands."""

from typing import Any

import httpx
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from app.http.endpoint import Options
from tests.support.edge import ToyEngine, make_app

APP = make_app(ToyEngine(), options=Options())
MARKS = tuple("{}()[]:!$@=|&#\\é")
WORDS = (
    *(
        "...",
        "hello",
        "me",
        "product",
        "name",
        "save",
        "input",
        "label",
        "query",
        "mutation",
        "subscription",
        "fragment",
    ),
    *(
        "on",
        "Query",
        "Mutation",
        "A",
        "B",
        "$a",
        "$input",
        "String",
        "Int",
        "0",
        "-1",
        "1.5e3",
        "true",
        "null",
        "first:",
    ),
    *('""', '"a"', '"""b"""', '"4111111111111111"', "@skip", "if", "__schema", "__type", "__typename", "\n"),
)
KEYS = st.sampled_from(["query", "variables", "extensions", "text", "size", "and", "label", "inner", "phone"])

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
text = st.text(st.characters(exclude_categories=["Cs"]))
documents = text | st.lists(st.sampled_from(MARKS + WORDS), max_size=40).map(" ".join)
valid = st.sampled_from(
    [
        "query ($a: String) { hello(name: $a) }",
        "query ($a: Filter) { product(filter: $a) { name } }",
        "query ($a: [ID!]) { product(ids: $a) { name } }",
        "mutation ($a: SaveInput!) { save(input: $a) { label } }",
        "query ($a: Int) { argument(size: $a) }",
    ]
)


async def understood(response: httpx.Response) -> None:
    assert response.status_code in {200, 400, 413, 415}, response.text
    answer = response.json()
    assert isinstance(answer, dict)
    assert set(answer) <= {"data", "errors"}
    for error in answer.get("errors", []):
        assert isinstance(error["message"], str)
        assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR"
    assert response.status_code == 200 or "data" not in answer


async def post(content: bytes) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://shop.test") as client:
        return await client.post("/graphql", content=content, headers={"content-type": "application/json"})


def encoded(value: Any) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)


@given(body=st.binary(max_size=200))
async def test_bytes_of_any_kind(body: bytes):
    await understood(await post(body))


@settings(max_examples=200)
@given(body=json)
async def test_json_of_any_shape(body: Any):
    try:
        content = encoded(body)
    except TypeError:  # an integer or a surrogate that orjson does not write
        content = repr(body).encode("utf-8", "replace")
    await understood(await post(content))


@settings(max_examples=400)
@given(query=documents, name=st.none() | text)
async def test_documents_of_any_kind(query: str, name: str | None):
    await understood(
        await post(
            encoded(
                {
                    "query": query.encode("utf-8", "replace").decode(),
                    "operationName": name and name.encode("utf-8", "replace").decode(),
                }
            )
        )
    )


@settings(max_examples=300)
@given(query=valid, value=json)
async def test_variables_of_any_kind(query: str, value: Any):
    try:
        content = encoded({"query": query, "variables": {"a": value}})
    except TypeError:
        return
    await understood(await post(content))
