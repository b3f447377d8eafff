"""Public reads that wait for a connection: who goes together, and that nobody notices but by the clock."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import update

from auth.viewer import ANONYMOUS
from models.catalogue import Product
from models.database import Database, DatabaseAway
from models.ids import new_id, show_id
from reads.engine import Engine
from reads.together import MOST, SECONDS, Standing
from resolvers.root import open_engine
from tests.support import selling
from tests.support.matrix_world import Overheard
from tests.support.shop_facts import FACTS

NAMED = "query ($slug: String!) { product(slug: $slug) { name } }"
COUNTED = "{ products(first: 1) { totalCount } }"
SLUGS = [f"romper-{number}" for number in range(2 * MOST)]


@dataclass
class Crowd:
    """Callers of one process, of documents that were read before."""

    database: Overheard
    engine: Engine = field(default_factory=lambda: open_engine(facts=FACTS))

    def ask(self, slug: str) -> Awaitable[bytes | None]:
        return self.read(NAMED, {"slug": slug})

    def read(self, text: str, variables: dict[str, Any]) -> Awaitable[bytes | None]:
        return self.engine.read_standing(text, None, variables, ANONYMOUS, self.database)

    def standing(self, text: str = NAMED) -> Standing:
        operation = self.engine.known(text, None)
        assert operation is not None
        assert operation.standing is not None
        return operation.standing

    async def met(self) -> None:
        """Both documents stand, and were waited for once, so that it is known how long they take."""
        for text, variables in ((NAMED, {"slug": "none"}), (COUNTED, {})):
            operation = self.engine.prepare(text, None)
            self.engine.let_stand(operation, variables, ANONYMOUS)
            await self.wait([self.read(text, variables)])
            self.standing(text).seconds = 0.0001
        self.database.take()

    async def wait(self, asked: Sequence[Awaitable[bytes | None]]) -> list[bytes | BaseException | None]:
        """Their answers, where all ask while no connection is free, in this order."""
        async with self.all_taken():
            tasks = [asyncio.ensure_future(one) for one in asked]
            await asyncio.sleep(0.01)
        return await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def all_taken(self) -> AsyncGenerator[list[asyncpg.Connection]]:
        async with AsyncExitStack() as stack:
            held = []
            while not self.database.is_busy:
                held.append(await stack.enter_async_context(Database.reading(self.database)))
            yield held


@pytest_asyncio.fixture(loop_scope="session")
async def crowd(committed_database: Database) -> AsyncGenerator[Crowd]:
    database = Overheard(committed_database.url)
    for slug in SLUGS:
        await database.transact(lambda t, slug=slug: selling.product(t, slug=slug, name=f"Romper {slug}"))
    found = Crowd(database)
    await found.met()
    yield found
    await database.close()


def answer(slug: str) -> bytes:
    return b'{"data":{"product":{"name":"Romper %s"}}}' % slug.encode()


async def test_who_waits_is_answered_by_one_statement(crowd: Crowd):
    asked = SLUGS[:MOST]
    assert await crowd.wait([crowd.ask(slug) for slug in asked]) == [answer(slug) for slug in asked]
    assert crowd.database.take() == [crowd.standing().joined]


async def test_more_than_one_statement_answers_are_shared_out(crowd: Crowd):
    assert await crowd.wait([crowd.ask(slug) for slug in SLUGS]) == [answer(slug) for slug in SLUGS]
    assert crowd.database.take() == [crowd.standing().joined] * 2


async def test_who_asks_the_same_shares_the_answer(crowd: Crowd):
    asked = [*SLUGS[:2], SLUGS[0], "nothing", *SLUGS[:2] * 50]
    found = await crowd.wait([crowd.ask(slug) for slug in asked])
    assert found == [b'{"data":{"product":null}}' if slug == "nothing" else answer(slug) for slug in asked]
    assert crowd.database.take() == [crowd.standing().joined]


async def test_what_has_no_variables_is_asked_once(crowd: Crowd):
    assert set(await crowd.wait([crowd.read(COUNTED, {}) for _ in range(50)])) == {
        b'{"data":{"products":{"totalCount":%d}}}' % len(SLUGS)
    }
    assert crowd.database.take() == [crowd.standing(COUNTED).statement.sql]


async def test_different_documents_go_apart(crowd: Crowd):
    await crowd.wait([crowd.ask(SLUGS[0]), crowd.read(COUNTED, {}), crowd.ask(SLUGS[1])])
    assert set(crowd.database.take()) == {crowd.standing().joined, crowd.standing(COUNTED).statement.sql}


async def test_lists_are_asked_one_by_one(crowd: Crowd):
    """`unnest` would take them apart, and they cannot be compared. No public document has one yet that stands."""
    listed = "query ($a: ID!, $b: ID!) { nodes(ids: [$a, $b]) { ... on Product { name } } }"
    variables = {"a": show_id("prd", new_id()), "b": show_id("prd", new_id())}
    operation = crowd.engine.prepare(listed, None)
    compiled = crowd.engine.compiled(operation, variables, variables, ANONYMOUS)
    assert compiled is not None
    operation.standing = Standing(compiled.statement)
    found = await crowd.wait([crowd.read(listed, variables) for _ in range(3)])
    assert set(found) == {b'{"data":{"nodes":[null,null]}}'}
    assert crowd.database.take() == [compiled.statement.sql] * 3


async def test_what_takes_long_goes_side_by_side(crowd: Crowd):
    crowd.standing().seconds = SECONDS / 2
    await crowd.wait([crowd.ask(slug) for slug in SLUGS[:4]])
    assert crowd.database.take() == [crowd.standing().joined] * 2
    crowd.standing().seconds = 1
    await crowd.wait([crowd.ask(slug) for slug in SLUGS[:4]])
    assert crowd.database.take() == [crowd.standing().statement.sql] * 4


async def test_nobody_waits_for_company(crowd: Crowd):
    assert await asyncio.gather(crowd.ask(SLUGS[0]), crowd.ask(SLUGS[1])) == [answer(SLUGS[0]), answer(SLUGS[1])]
    assert crowd.database.take() == [crowd.standing().statement.sql] * 2


async def test_who_comes_last_is_told_what_is_true_then(crowd: Crowd):
    """A write that was acknowledged before the question is in the answer, also of those who asked before it."""
    async with crowd.all_taken():
        early = asyncio.ensure_future(crowd.ask(SLUGS[0]))
        await asyncio.sleep(0.01)
        await crowd.database.transact(lambda t: t.execute(update(Product).values(name="Romper new")))
        late = asyncio.ensure_future(crowd.ask(SLUGS[0]))
        await asyncio.sleep(0.01)
    assert [await early, await late] == [answer("new")] * 2


async def test_who_goes_away_is_not_missed(crowd: Crowd):
    async with crowd.all_taken():
        tasks = [asyncio.ensure_future(crowd.ask(slug)) for slug in (*SLUGS[:3], SLUGS[0])]
        await asyncio.sleep(0.01)
        tasks[0].cancel()
        tasks[1].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in found[:2]] == [asyncio.CancelledError] * 2
    assert found[2:] == [answer(SLUGS[2]), answer(SLUGS[0])]


@pytest.mark.parametrize("joined", ["SELECT 1 / cardinality($1::text[]) - 1 / 0", "SELECT pg_sleep(60), $1::text[]"])
async def test_what_goes_wrong_together_is_asked_apart(crowd: Crowd, joined: str):
    async with crowd.all_taken() as held:
        for connection in held:
            await connection.execute("SET statement_timeout = '100ms'")
    crowd.standing().joined = joined
    asked = [*SLUGS[:3], SLUGS[0]]
    assert await crowd.wait([crowd.ask(slug) for slug in asked]) == [answer(slug) for slug in asked]
    assert crowd.database.take() == [joined, *[crowd.standing().statement.sql] * 3]


async def test_statement_that_is_cut_off_is_asked_again_apart(crowd: Crowd):
    crowd.standing().joined = "SELECT pg_terminate_backend(pg_backend_pid()), $1::text[]"
    assert await crowd.wait([crowd.ask(slug) for slug in SLUGS[:3]]) == [answer(slug) for slug in SLUGS[:3]]


@pytest.mark.parametrize("slugs", [SLUGS[:1], SLUGS[:3]], ids=["one", "several"])
async def test_database_that_is_away_is_told_to_all(crowd: Crowd, slugs: list[str], monkeypatch: pytest.MonkeyPatch):
    async with crowd.all_taken() as held:
        tasks = [asyncio.ensure_future(crowd.ask(slug)) for slug in slugs * 2]
        await asyncio.sleep(0.01)
        for connection in held:
            connection.terminate()
        monkeypatch.setitem(crowd.database._readers._arguments, "port", 1)
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in found] == [DatabaseAway] * len(tasks)
