"""Both ways of executing answer the same: thousands of operations, drawn anew in each run.

`LAYETTE_TEST_SEED`, which the head of a run and each failure name, repeats a run.
"""

import os
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from app.embedded import Services
from auth.viewer import ANONYMOUS
from models.database import Database
from resolvers.root import open_engine
from tests.support.both_ways import Asked, Comparison, Verdict, World, open_world
from tests.support.database import copy_of
from tests.support.operations import Generated
from tests.support.sabotage import SABOTAGES, SEEN_BY, Sabotage
from tests.support.shop_facts import FACTS

SEED = os.environ["LAYETTE_TEST_SEED"]
SHARDS, OPERATIONS = 6, 500
COMPILED_AT_LEAST = 0.99
SABOTAGED_OPERATIONS = 1500
"""Of which the first that shows the difference ends the search, most often within some dozens."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(template: str, running: Services) -> AsyncGenerator[World]:
    async with copy_of(template, running.database_url) as url:
        database = Database(url)
        yield await open_world(database, open_engine(facts=FACTS))
        await database.close()


def told(found: list[Comparison], seed: str) -> str:
    return "\n\n".join([f"LAYETTE_TEST_SEED={SEED} (drawn from {seed})", *map(str, found[:3])])


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
async def test_both_ways_give_the_same_bytes(world: World, shard: int):
    seed = f"{SEED}/{shard}"
    found = await world.run(seed, OPERATIONS)
    wrong = [one for one in found if one.verdict in {Verdict.DIFFERENT, Verdict.BROKEN}]
    assert not wrong, told(wrong, seed)
    verdicts = Counter(one.verdict for one in found)
    unexplained = [one for one in found if one.verdict is Verdict.UNEXPLAINED]
    answerable = verdicts[Verdict.SAME] + verdicts[Verdict.UNEXPLAINED]
    assert verdicts[Verdict.SAME] >= COMPILED_AT_LEAST * answerable, told(unexplained, seed)
    # Were most operations mistaken, or one kind of caller never asked, the above would prove little.
    assert verdicts[Verdict.SAME] > 0.55 * (len(found) - verdicts[Verdict.COMPUTED])
    assert {one.viewer.kind for one in found if one.verdict is Verdict.SAME} == {one.kind for one in world.viewers}
    assert any(one.recorded for one in found)


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda one: one.__name__)
async def test_a_difference_is_found(world: World, sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch):
    sabotage(monkeypatch)
    viewers = list(filter(SEEN_BY.get(sabotage), world.viewers))
    broken = replace(world, engine=open_engine(facts=FACTS), viewers=viewers)
    found = await broken.first_wrong(f"{SEED}/sabotage", SABOTAGED_OPERATIONS)
    assert found is not None, f"LAYETTE_TEST_SEED={SEED}"


@pytest.mark.parametrize("order", [({}, {"sort": None}), ({"sort": None}, {})], ids=["absent first", "null first"])
async def test_plan_for_null_is_not_that_for_what_is_not_sent(world: World, order: tuple[dict[str, Any], ...]):
    """Without a value the list has its usual order; null is refused. Neither may be remembered for the other."""
    fresh = replace(world, engine=open_engine(facts=FACTS))
    asked = Generated("query ($sort: ProductSort) { products(first: 2, sort: $sort) { totalCount } }", [], False)
    verdicts = [(await fresh.compare(asked, variables, ANONYMOUS)).verdict for variables in (*order, *order)]
    expected = [Verdict.ERRORS if variables else Verdict.SAME for variables in order]
    assert verdicts == expected * 2


async def test_plan_with_variables_within_lists_is_for_other_values_too(world: World):
    """A literal list may hold variables, as an argument and within a filter."""
    ids = world.samples.ids["prd"][:3]
    nodes = Generated("query ($a: ID!, $b: ID!) { nodes(ids: [$a, $b, $a]) { id } }", [], False)
    for one, other in ((ids[0], ids[1]), (ids[1], ids[2]), (ids[2], "x")):
        assert (await world.compare(nodes, {"a": one, "b": other}, ANONYMOUS)).verdict is Verdict.SAME
    text = "query ($a: OrderStatus!) { orders(first: 50, filter: {status: [$a, DELIVERED]}) { edges { node { id } } } }"
    clerk, counts = world.people["clerk"].as_staff[0], set()
    for status in ("PLACED", "CANCELLED", "DELIVERED"):
        found = await world.compare(Generated(text, [], False), {"a": status}, clerk)
        assert found.verdict is Verdict.SAME
        counts.add(str(found.compiled).count("ord_"))
    assert len(counts) > 1


def cursors(world: World) -> list[str]:
    return world.samples.cursors["ProductConnection", "FEATURED"]


PAGE = "edges { cursor node { slug available } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
SIZES = [0, 1, 3, 100]
TOGETHER: dict[str, Callable[[World], list[Any]]] = {
    f"query ($asked: Int!) {{ products(first: $asked) {{ {PAGE} }} }}": lambda world: SIZES,
    f"query ($asked: Int!) {{ products(last: $asked) {{ {PAGE} }} }}": lambda world: SIZES,
    f"query ($asked: String!) {{ products(first: 3, after: $asked) {{ {PAGE} }} }}": cursors,
    f"query ($asked: String!) {{ products(last: 3, before: $asked) {{ {PAGE} }} }}": cursors,
    f"query ($asked: String!) {{ products(first: 9, filter: {{category: $asked}}) {{ totalCount {PAGE} }} }}": (
        lambda world: [*world.catalogue.categories, "none"]
    ),
    f"query ($asked: Boolean!) {{ products(first: 9, filter: {{available: $asked}}) {{ totalCount {PAGE} }} }}": (
        lambda world: [True, False]
    ),
    "query ($asked: Int!) { products(first: 5) { edges { node { reviews(first: $asked) { edges { cursor } } } } } }": (
        lambda world: SIZES
    ),
    "query ($asked: String!) { category(slug: $asked) { name parent { name } children { name } } }": (
        lambda world: [*world.catalogue.categories, "none"]
    ),
    "query ($asked: String!) { product(slug: $asked) { id name variants { sku price { amount } } } }": (
        lambda world: world.samples.texts["slug"]
    ),
}


@pytest.mark.parametrize("text", TOGETHER)
async def test_all_at_once_is_answered_as_one_by_one(world: World, text: str):
    fresh = replace(world, engine=open_engine(facts=FACTS))
    asked = Generated(text, [{"asked": one} for one in TOGETHER[text](world)], False)
    found = [await fresh.compare(asked, variables, ANONYMOUS) for variables in asked.variables]
    assert {one.verdict for one in found} == {Verdict.SAME}, told(found, SEED)
    assert len({str(one.compiled) for one in found}) > 1
    together = [one for one in fresh.engine.prepare(text, None).notes.values() if isinstance(one, Asked)]
    assert [len(one.answers) for one in together] == [len(found)]
    assert together[0].joined is not None
