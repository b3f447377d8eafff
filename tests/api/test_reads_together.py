"""Public reads that wait for a connection: who goes together, and that nobody notices but by the clock."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.embedded import Services
from auth.viewer import ANONYMOUS
from commerce import catalogue_search
from models.catalogue import Product
from models.database import Database, DatabaseAway
from models.statement import connection_of
from reads.engine import Engine
from reads.together import MOST, REST, SECONDS, Standing
from resolvers.root import open_engine
from tests.support import selling
from tests.support.database import copy_of
from tests.support.matrix_world import Overheard
from tests.support.shop_facts import FACTS

NAMED = "query ($slug: String!) { product(slug: $slug) { name } }"
SEARCHED = "query ($words: String!) { products(first: 1, filter: {search: $words}) { totalCount } }"
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
        """The documents stand, and were waited for once, so that it is known how long they take."""
        await self.meet(NAMED, {"slug": "none"})
        await self.meet(COUNTED, {})

    async def meet(self, text: str, variables: dict[str, Any]) -> None:
        self.engine.let_stand(self.engine.prepare(text, None), variables, ANONYMOUS)
        await self.wait([self.read(text, variables)])
        self.standing(text).seconds = SECONDS / MOST
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


async def found_product(transaction: AsyncConnection, slug: str) -> None:
    key = await selling.product(transaction, slug=slug, name=f"Romper {slug}")
    await catalogue_search.index(connection_of(transaction), [key])


@pytest_asyncio.fixture(loop_scope="session")
async def crowd(committed_database: Database) -> AsyncGenerator[Crowd]:
    database = Overheard(committed_database.url)
    for slug in SLUGS:
        await database.transact(lambda t, slug=slug: found_product(t, slug))
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


async def test_list_is_shared_with_who_asks_the_same(crowd: Crowd):
    """`unnest` would take lists apart, as a search has them of its words."""
    await crowd.meet(SEARCHED, {"words": "none"})
    asked = ["romper", "dress", "romper", "dress"]
    found = await crowd.wait([crowd.read(SEARCHED, {"words": words}) for words in asked])
    count = [b'{"data":{"products":{"totalCount":%d}}}' % (len(SLUGS) if words == "romper" else 0) for words in asked]
    assert found == count
    assert crowd.standing(SEARCHED).joined is None
    assert crowd.database.take() == [crowd.standing(SEARCHED).statement.sql] * 2


async def test_what_takes_long_goes_side_by_side(crowd: Crowd):
    crowd.standing().seconds = SECONDS / 2
    await crowd.wait([crowd.ask(slug) for slug in SLUGS[:4]])
    assert crowd.database.take() == [crowd.standing().joined] * 2
    crowd.standing().seconds = 1
    await crowd.wait([crowd.ask(slug) for slug in SLUGS[:4] * 2])
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


async def test_who_asks_while_a_statement_runs_is_answered_by_the_next(crowd: Crowd):
    """An answer that is under way may be older than the question."""
    writing = await crowd.database.writers.acquire()
    await writing.begin()
    await writing.raw.execute("LOCK product IN ACCESS EXCLUSIVE MODE")
    async with crowd.all_taken() as held:
        early = [asyncio.ensure_future(crowd.ask(slug)) for slug in SLUGS[:2]]
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    async with crowd.all_taken() as left:
        assert len(left) == len(held) - 1
        late = [asyncio.ensure_future(crowd.ask(slug)) for slug in SLUGS[1:3]]
        await asyncio.sleep(0.05)
        await writing.raw.execute("UPDATE product SET name = 'Romper new'")
        await writing.commit()
    await crowd.database.writers.release(writing)
    await asyncio.gather(*early)
    assert await asyncio.gather(*late) == [answer("new")] * 2
    assert crowd.database.take() == [crowd.standing().joined] * 2


async def test_who_goes_away_is_not_missed(crowd: Crowd):
    async with crowd.all_taken():
        tasks = [asyncio.ensure_future(crowd.ask(slug)) for slug in (*SLUGS[:3], SLUGS[0])]
        await asyncio.sleep(0.01)
        tasks[0].cancel()
        tasks[1].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in found[:2]] == [asyncio.CancelledError] * 2
    assert found[2:] == [answer(SLUGS[2]), answer(SLUGS[0])]


async def test_nobody_is_left_waiting_where_the_server_stops(crowd: Crowd):
    async with crowd.all_taken():
        before = asyncio.all_tasks()
        tasks = [asyncio.ensure_future(crowd.ask(slug)) for slug in SLUGS[:3]]
        await asyncio.sleep(0.01)
        (running,) = asyncio.all_tasks() - before - set(tasks)
        running.cancel()
        found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert [type(one) for one in found] == [asyncio.CancelledError] * 3
    assert await crowd.wait([crowd.ask(SLUGS[0])]) == [answer(SLUGS[0])]


async def test_databases_are_kept_apart(crowd: Crowd, template: str, running: Services):
    """Two shops in one process have the same statements, and not the same answers."""
    async with copy_of(template, running.database_url) as url:
        other = replace(crowd, database=Overheard(url))
        async with crowd.all_taken(), other.all_taken():
            tasks = [asyncio.ensure_future(one.ask(SLUGS[0])) for one in (crowd, other)]
            await asyncio.sleep(0.01)
        assert await asyncio.gather(*tasks) == [answer(SLUGS[0]), b'{"data":{"product":null}}']
        await other.database.close()


@pytest.mark.parametrize("joined", ["SELECT 1 / cardinality($1::text[]) - 1 / 0", "SELECT pg_sleep(60), $1::text[]"])
async def test_what_goes_wrong_together_is_asked_apart(crowd: Crowd, joined: str):
    async with crowd.all_taken() as held:
        for connection in held:
            await connection.execute("SET statement_timeout = '100ms'")
    crowd.standing().joined = joined
    asked = [*SLUGS[:3], SLUGS[0]]
    assert await crowd.wait([crowd.ask(slug) for slug in asked]) == [answer(slug) for slug in asked]
    assert crowd.database.take() == [joined, *[crowd.standing().statement.sql] * 3]
    await crowd.wait([crowd.ask(slug) for slug in SLUGS[:2]])
    assert crowd.database.take() == [crowd.standing().statement.sql] * 2, "they would go wrong again"
    crowd.standing().parted -= REST
    crowd.standing().joined = None
    crowd.standing().has_joined = False
    await crowd.wait([crowd.ask(slug) for slug in SLUGS[:2]])
    assert crowd.database.take() == [crowd.standing().joined]


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
