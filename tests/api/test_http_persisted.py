"""Automatic persisted queries, by Apollo's protocol."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from app.http.persisted import LONGEST, PersistedDocuments, digest
from tests.support.edge import Edge, codes, open_edge
from tests.support.log import written_log

HELLO = "{ hello }"
HELLO_YOU = {"data": {"hello": "Hello, you"}}


def asking(text: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(text), **more}}}


def unreachable() -> Redis:
    return Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.1)


@pytest_asyncio.fixture
async def shared(redis: Redis) -> AsyncGenerator[Edge]:
    async with open_edge(persisted=PersistedDocuments(redis)) as edge:
        yield edge


async def by_hash(edge: Edge, text: str, **headers: str) -> httpx.Response:
    return await edge.post(headers=headers, **asking(text))


async def kept(edge: Edge, text: str) -> bool:
    return "PersistedQueryNotFound" not in (await by_hash(edge, text)).text


async def test_document_sent_once_with_its_hash_is_found_by_it(shared: Edge):
    assert not await kept(shared, HELLO)
    assert (await shared.post(HELLO, **asking(HELLO))).json() == HELLO_YOU
    assert (await by_hash(shared, HELLO)).json() == HELLO_YOU


async def test_document_is_found_by_get_too(shared: Edge):
    extensions = f'{{"persistedQuery":{{"version":1,"sha256Hash":"{digest(HELLO)}"}}}}'
    missing = await shared.client.get("/graphql", params={"extensions": extensions})
    assert codes(missing) == ["PERSISTED_QUERY_NOT_FOUND"]
    await shared.client.get("/graphql", params={"query": HELLO, "extensions": extensions})
    found = await shared.client.get("/graphql", params={"extensions": extensions})
    assert found.json() == HELLO_YOU
    assert found.headers["cache-control"] == "public, max-age=60"


async def test_persisted_mutation_is_not_run_by_get(shared: Edge):
    text = "mutation { signOut }"
    await shared.post(text, **asking(text))
    extensions = f'{{"persistedQuery":{{"version":1,"sha256Hash":"{digest(text)}"}}}}'
    assert (await shared.client.get("/graphql", params={"extensions": extensions})).status_code == 405


async def test_unknown_hash_is_answered_in_the_words_that_clients_know(shared: Edge):
    old = await by_hash(shared, HELLO, accept="application/json")
    new = await by_hash(shared, HELLO, accept="application/graphql-response+json")
    expected = {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}
    assert old.json() == new.json() == {"errors": [expected]}
    assert (old.status_code, new.status_code) == (200, 400)
    assert old.headers["cache-control"] == new.headers["cache-control"] == "no-store"


async def test_text_under_anothers_hash_is_refused_and_not_kept(shared: Edge):
    response = await shared.post("{ me { name } }", **asking(HELLO))
    assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])
    assert not await kept(shared, HELLO)
    await shared.post(HELLO, **asking(HELLO))
    assert (await shared.post("{ me { name } }", **asking(HELLO))).status_code == 400
    assert (await by_hash(shared, HELLO)).json() == HELLO_YOU


async def test_hash_in_capitals_is_the_same(shared: Edge):
    await shared.post(HELLO, **asking(HELLO, sha256Hash=digest(HELLO).upper()))
    assert await kept(shared, HELLO)


@pytest.mark.parametrize("text", ["{", "{ nothing }", "{ a { " * 30, "query A { hello } query B { hello }"])
async def test_document_that_cannot_run_is_not_kept(shared: Edge, text: str):
    assert (await shared.post(text, **asking(text))).status_code == 400
    assert not await kept(shared, text)


async def test_document_that_spells_out_strings_is_kept_only_where_it_reads_public_data(shared: Edge):
    public = '{ hello(name: "romper") }'
    personal = 'mutation { save(input: { label: "1 Main St" }) { label } }'
    for text in (public, personal):
        assert (await shared.post(text, **asking(text))).status_code == 200
    assert await kept(shared, public)
    assert not await kept(shared, personal)


async def test_very_long_document_is_run_but_not_kept(shared: Edge):
    text = HELLO.ljust(LONGEST + 1)
    assert (await shared.post(text, **asking(text))).json() == HELLO_YOU
    assert not await kept(shared, text)


async def test_other_processes_find_what_one_was_sent(redis: Redis):
    async with (
        open_edge(persisted=PersistedDocuments(redis)) as one,
        open_edge(persisted=PersistedDocuments(redis)) as two,
    ):
        await one.post(HELLO, **asking(HELLO))
        assert (await by_hash(two, HELLO)).json() == HELLO_YOU


async def test_document_lives_in_redis_for_its_time_from_its_last_use(redis: Redis):
    await PersistedDocuments(redis, ttl=100).keep(digest(HELLO), HELLO)
    [key] = await redis.keys("*")
    assert 95 < await redis.ttl(key) <= 100
    assert await PersistedDocuments(redis, ttl=1000).find(digest(HELLO)) == HELLO
    assert await redis.ttl(key) > 900


async def test_text_that_was_tampered_with_in_redis_is_not_run(redis: Redis):
    await PersistedDocuments(redis).keep(digest(HELLO), HELLO)
    [key] = await redis.keys("*")
    await redis.set(key, "mutation { signOut }")
    assert await PersistedDocuments(redis).find(digest(HELLO)) is None


async def test_one_process_remembers_while_redis_is_away():
    client = unreachable()
    with written_log() as logged:
        async with open_edge(persisted=PersistedDocuments(client)) as edge:
            assert not await kept(edge, HELLO)
            assert (await edge.post(HELLO, **asking(HELLO))).json() == HELLO_YOU
            assert await kept(edge, HELLO)
    assert [line["level"] for line in logged] == ["warning"]
    await client.aclose()


async def test_memory_of_a_process_is_bounded():
    persisted = PersistedDocuments(None, memory=100_000)
    texts = [f"query Q{number} {{ {'hello ' * 100} }}" for number in range(500)]
    for text in texts:
        await persisted.keep(digest(text), text)
    found = [text for text in texts if await persisted.find(digest(text)) is not None]
    assert 0 < len(found) < 100
    assert found == texts[-len(found) :]
