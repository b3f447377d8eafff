"""Files beside an operation: what is no such request is refused with a status and a code, before a byte is kept."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from app.http.endpoint import Options
from app.limits import UploadLimits
from tests.support.edge import Edge, codes, open_edge
from tests.support.uploads import BOUNDARY, Part, form, headers, request

SAVE = "mutation ($file: Upload!, $more: [Upload]) { keep(file: $file, more: $more) }"
PICTURE = b"\xff\xd8\xff not quite a picture \r\n--\r\n\0"
TOKEN = "lys_a"


def operations(**variables: Any) -> Part:
    return ("operations", json.dumps({"query": SAVE, "variables": variables}).encode(), None)


def mapped(places: Any) -> Part:
    return ("map", json.dumps(places).encode(), None)


FILE: Part = ("0", PICTURE, "a.jpg")
ONE = mapped({"0": ["variables.file"]})


async def send(edge: Edge, parts: list[Part], token: str | None = TOKEN, **more: str) -> httpx.Response:
    return await edge.client.post("/graphql", content=form(parts), headers=headers(token, **more))


def refused(response: httpx.Response, status: int = 400, code: str = "BAD_REQUEST") -> None:
    assert (response.status_code, codes(response)) == (status, [code]), response.text
    assert "data" not in response.json()


async def test_file_comes_in_with_its_variable(edge: Edge):
    response = await send(edge, request(SAVE, {"file": PICTURE}, more=None))
    assert response.json() == {"data": {"keep": len(PICTURE)}}


async def test_file_may_be_within_a_list_and_in_several_places(edge: Edge):
    parts = [operations(file=None, more=[None, None]), mapped({"a": ["variables.more.1", "variables.file"]})]
    response = await send(edge, [*parts, ("a", PICTURE, "x")])
    assert response.json() == {"data": {"keep": 2 * len(PICTURE)}}


async def test_files_come_in_any_order_and_in_pieces(edge: Edge):
    parts = [operations(file=None, more=[None]), mapped({"1": ["variables.file"], "0": ["variables.more.0"]})]
    body = form([*parts, ("0", b"first", "x"), ("1", b"second", "y")])

    async def pieces() -> AsyncGenerator[bytes]:
        for at in range(0, len(body), 7):
            yield body[at : at + 7]

    response = await edge.client.post("/graphql", content=pieces(), headers=headers(TOKEN))
    assert response.json() == {"data": {"keep": 11}}


async def test_name_and_type_that_the_sender_gives_are_not_looked_at(edge: Edge):
    parts = request(SAVE, {"file": PICTURE})
    parts[2] = ("0", PICTURE, "../../etc/passwd")
    assert (await send(edge, parts)).json() == {"data": {"keep": len(PICTURE)}}


MALFORMED: dict[str, list[Part]] = {
    "nothing": [],
    "no map": [operations(file=None), FILE],
    "no operations": [ONE, FILE],
    "map first": [ONE, operations(file=None), FILE],
    "file first": [FILE, operations(file=None), ONE],
    "operations alone": [operations(file=None)],
    "file that is named and missing": [operations(file=None), ONE],
    "file that is not named": [operations(file=None), ONE, FILE, ("1", b"", "b.jpg")],
    "file that is there twice": [operations(file=None), ONE, FILE, FILE],
    "operations twice": [operations(file=None), operations(file=None), ONE, FILE],
    "nameless part": [operations(file=None), ONE, ("", PICTURE, "a.jpg")],
    "endless name": [operations(file=None), ONE, ("n" * 300, PICTURE, "a.jpg")],
    "operations that are no JSON": [("operations", b"{", None), ONE, FILE],
    "operations that are a list": [("operations", b"[]", None), ONE, FILE],
    "operations without a query": [("operations", b'{"variables": {"file": null}}', None), ONE, FILE],
    "operations in another encoding": [("operations", b'{"query": "\xff"}', None), ONE, FILE],
    "map that is no JSON": [operations(file=None), ("map", b"{", None), FILE],
    "map that is a list": [operations(file=None), mapped(["0"]), FILE],
    "map of nothing": [operations(file=None), mapped({}), FILE],
    "map to no list": [operations(file=None), mapped({"0": "variables.file"}), FILE],
    "map to an empty list": [operations(file=None), mapped({"0": []}), FILE],
    "map to a number": [operations(file=None), mapped({"0": [7]}), FILE],
    "map to too many places": [operations(file=None), mapped({"0": ["variables.file"] * 5}), FILE],
    "map of too many files": [operations(file=None), mapped({str(at): ["variables.file"] for at in range(5)}), FILE],
    "map of itself": [operations(file=None), mapped({"map": ["variables.file"]}), FILE],
    "map to the query": [operations(file=None), mapped({"0": ["query"]}), FILE],
    "map to all variables": [operations(file=None), mapped({"0": ["variables"]}), FILE],
    "map of a batch": [operations(file=None), mapped({"0": ["0.variables.file"]}), FILE],
    "place that is not there": [operations(file=None), mapped({"0": ["variables.other"]}), FILE],
    "place beyond a list": [operations(file=None, more=[None]), mapped({"0": ["variables.more.1"]}), FILE],
    "place before a list": [operations(file=None, more=[None]), mapped({"0": ["variables.more.-1"]}), FILE],
    "place within a text": [operations(file="x"), mapped({"0": ["variables.file.0"]}), FILE],
    "place within nothing": [operations(file=None), mapped({"0": ["variables.file.0"]}), FILE],
    "place that is taken": [operations(file="x"), ONE, FILE],
    "one place for two files": [
        operations(file=None), mapped({"0": ["variables.file"], "1": ["variables.file"]}), FILE, ("1", b"", "b"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("what", MALFORMED)
async def test_malformed_form_is_refused_and_nothing_is_executed(edge: Edge, what: str):
    refused(await send(edge, MALFORMED[what]))
    assert edge.engine.saved == []


@pytest.mark.parametrize("cut", [3, 5, 40, 200, 10_000])
async def test_form_that_ends_early_is_refused(edge: Edge, cut: int):
    body = form(request(SAVE, {"file": PICTURE}))
    refused(await edge.client.post("/graphql", content=body[:-cut], headers=headers(TOKEN)))


@pytest.mark.parametrize("content_type", ["", "; boundary=", f"; boundary={'b' * 71}", "; boundary=other"])
async def test_form_needs_its_boundary(edge: Edge, content_type: str):
    more = {"content-type": f"multipart/form-data{content_type}"}
    refused(await send(edge, request(SAVE, {"file": PICTURE}), **more))


async def test_variable_that_gets_no_file_is_wrong(edge: Edge):
    parts = [operations(file="text", more=[None]), mapped({"0": ["variables.more.0"]}), FILE]
    refused(await send(edge, parts), code="BAD_USER_INPUT")
    body = {"query": SAVE, "variables": {"file": "text"}}
    refused(await edge.client.post("/graphql", json=body), code="BAD_USER_INPUT")
    literal = {"query": 'mutation { keep(file: "text") }'}
    refused(await edge.client.post("/graphql", json=literal), code="BAD_USER_INPUT")


async def test_card_number_beside_a_file_is_refused(edge: Edge):
    query = SAVE.replace("($file", "($note: String, $file")
    response = await send(edge, request(query, {"file": PICTURE}, note="4242 4242 4242 4242"))
    assert "CARD_NUMBER_REFUSED" in response.text or codes(response) == ["GRAPHQL_VALIDATION_FAILED"]
    assert edge.engine.saved == []


async def test_form_that_any_page_could_send_is_refused(edge: Edge):
    parts, cookie = request(SAVE, {"file": PICTURE}), {"cookie": "__Host-layette=lys_a"}
    plain = {"content-type": headers()["content-type"]}
    refused(await edge.client.post("/graphql", content=form(parts), headers={**plain, **cookie}))
    allowed = await send(edge, parts, None, **cookie)
    assert allowed.json() == {"data": {"keep": len(PICTURE)}}


async def test_stranger_sends_no_files(edge: Edge):
    bare = {"content-type": headers()["content-type"]}
    for sent in (bare, headers(), headers("gone")):
        body = form(request(SAVE, {"file": PICTURE}))
        response = await edge.client.post("/graphql", content=body, headers=sent)
        refused(response, 401, "UNAUTHENTICATED")
        assert response.headers["www-authenticate"] == "Bearer"
    assert edge.engine.saved == []


async def test_coded_form_is_refused(edge: Edge):
    refused(await send(edge, request(SAVE, {"file": PICTURE}), **{"content-encoding": "gzip"}), 415)


@pytest.fixture
async def narrow() -> AsyncGenerator[Edge]:
    limits = UploadLimits(files=2, file_bytes=1000, request_bytes=3000, seconds=0.3)
    async with open_edge(options=Options(uploads=limits)) as opened:
        yield opened


async def test_file_of_the_largest_size_passes_and_a_larger_one_does_not(narrow: Edge):
    assert (await send(narrow, request(SAVE, {"file": b"x" * 1000}))).json() == {"data": {"keep": 1000}}
    response = await send(narrow, request(SAVE, {"file": b"x" * 1001}))
    refused(response, 413)
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("announced", [True, False])
async def test_request_that_is_too_long_is_refused(narrow: Edge, announced: bool):
    body = form([*request(SAVE, {"file": b"x" * 900})[:2], ("0", b"x" * 900, "a")], end="\r\n") + b"y" * 3000

    async def pieces() -> AsyncGenerator[bytes]:
        yield body

    content = body if announced else pieces()
    refused(await narrow.client.post("/graphql", content=content, headers=headers(TOKEN)), 413)


@pytest.mark.parametrize("length", ["9" * 30, "-1", "x"])
async def test_announced_length_of_a_form_is_checked_before_anything_is_read(edge: Edge, length: str):
    response = await send(edge, request(SAVE, {"file": PICTURE}), **{"content-length": length})
    refused(response, 413 if length.isdigit() else 400)


@pytest.mark.parametrize(("name", "size"), [("operations", 129 * 1024), ("map", 5000)])
async def test_parts_that_are_no_files_have_bounds_of_their_own(edge: Edge, name: str, size: int):
    parts = request(SAVE, {"file": PICTURE})
    parts = [(one, b" " * size + content if one == name else content, file) for one, content, file in parts]
    refused(await send(edge, parts), 413)


async def test_form_that_comes_too_slowly_is_refused(narrow: Edge):
    async def stalled() -> AsyncGenerator[bytes]:
        yield f"--{BOUNDARY}\r\n".encode()
        await asyncio.sleep(5)

    refused(await narrow.client.post("/graphql", content=stalled(), headers=headers(TOKEN)), 408)
