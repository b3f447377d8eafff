"""The engine on a schema of its own, in both ways."""

import os
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import orjson
import pytest
import pytest_asyncio

from app.embedded import Services
from auth.viewer import ANONYMOUS
from models.database import Database
from models.ids import show_id
from reads.engine import Body, Engine
from reads.sqltext import SQLText
from resolvers.root import open_engine
from tests.support.both_ways import Comparison, Verdict, World
from tests.support.catalogue import Catalogue
from tests.support.database import copy_of
from tests.support.operations import Samples
from tests.support.planting import AWKWARD
from tests.support.wardrobe import Wardrobe, plant_wardrobe, wardrobe_schema

SEED = os.environ["LAYETTE_TEST_SEED"]
OPERATIONS = 200


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def planted(template: str, running: Services) -> AsyncGenerator[tuple[Database, Wardrobe]]:
    async with copy_of(template, running.database_url) as url:
        database = Database(url)
        yield database, await database.transact(plant_wardrobe)
        await database.close()


@pytest.fixture
def wardrobe(planted: tuple[Database, Wardrobe]) -> Wardrobe:
    return planted[1]


@pytest_asyncio.fixture(loop_scope="session")
async def world(planted: tuple[Database, Wardrobe], toy_types: None) -> World:
    database, keys = planted
    shop = open_engine()
    engine = Engine(wardrobe_schema(), shop.sources, shop.permissions)
    world = World(database, engine, Catalogue(), {}, [], [ANONYMOUS])
    prefixes = {"hat": keys.hats, "coa": keys.coats, "shf": keys.shelves}
    ids = {prefix: [show_id(prefix, key) for key in found] for prefix, found in prefixes.items()}
    world.samples = Samples(ids, {"tag": list(AWKWARD)})
    everything = await world.execute(engine.prepare("{ hats(first: 100) { edges { cursor } } }", None), {}, ANONYMOUS)
    cursors = [edge["cursor"] for edge in everything["data"]["hats"]["edges"]]
    world.samples.cursors["HatConnection", ""] = cursors
    return world


async def answer(world: World, query: str) -> Any:
    """The data of the compiled answer, which the reference way agrees with."""
    found = await world.engine.read(world.engine.prepare(query, None), {}, ANONYMOUS, world.database)
    assert isinstance(found, Body)
    data = orjson.loads(found.data)
    assert data == await world.execute(world.engine.prepare(query, None), {}, ANONYMOUS)
    return data["data"]


def told(found: list[Comparison]) -> str:
    return "\n\n".join([f"LAYETTE_TEST_SEED={SEED}", *map(str, found[:3])])


async def test_both_ways_give_the_same_bytes(world: World):
    found = await world.run(f"{SEED}/wardrobe", OPERATIONS)
    wrong = [one for one in found if one.verdict.wrong]
    assert not wrong, told(wrong)
    assert Counter(one.verdict for one in found)[Verdict.SAME] > OPERATIONS / 2


async def test_union_is_of_the_first_alternative_that_has_a_row(world: World, wardrobe: Wardrobe):
    query = "{ shelves { id lone { __typename ... on Hat { price } ... on Coat { name } } } }"
    shelves = {shelf["id"]: shelf["lone"] for shelf in (await answer(world, query))["shelves"]}
    assert [shelves[show_id("shf", key)] for key in wardrobe.shelves] == [
        None,
        {"__typename": "Hat", "price": None},
        {"__typename": "Hat", "price": None},
        {"__typename": "Coat", "name": None},
    ]


async def test_list_of_a_union_keeps_the_order_of_its_links_and_their_gaps(world: World, wardrobe: Wardrobe):
    last = show_id("shf", wardrobe.shelves[-1])
    selection = "... on Shelf { garments { __typename } full { __typename } }"
    query = f'{{ node(id: "{last}") {{ {selection} }} }}'
    shelf = (await answer(world, query))["node"]
    kinds = [one and one["__typename"] for one in shelf["garments"]]
    assert sorted(kinds[:-1]) == ["Coat", *["Hat"] * 6]
    assert kinds[-1] is None
    assert [one["__typename"] for one in shelf["full"]] == ["Hat"] * 6


async def test_interface_lies_beside_a_row_too(world: World):
    query = "{ shelves { thing { id } things { __typename id ... on Hat { name } } } }"
    shelves = (await answer(world, query))["shelves"]
    assert {thing["__typename"] for shelf in shelves for thing in shelf["things"] if thing} == {"Hat", "Coat"}
    assert sum(shelf["thing"] is not None for shelf in shelves) == 3


@pytest.mark.parametrize("field", ["required { __typename }", "all { __typename }"])
async def test_gap_where_an_object_is_promised_is_an_error_and_no_null(world: World, field: str):
    operation = world.engine.prepare(f"{{ shelves {{ {field} }} }}", None)
    assert not isinstance(await world.engine.read(operation, {}, ANONYMOUS, world.database), Body)
    found = await world.execute(operation, {}, ANONYMOUS)
    assert found["data"] is None
    assert "non-nullable" in str(found["errors"][0])


async def test_numbers_are_exact_and_days_are_days(world: World):
    hats = (await answer(world, "{ hats(first: 100) { edges { node { price boughtOn wornAt } } } }"))["hats"]["edges"]
    prices = {edge["node"]["price"] for edge in hats}
    assert prices >= {"19.90", None, "1000", "-0.000001"}
    assert {edge["node"]["boughtOn"] for edge in hats} == {None, "2024-02-29"}
    assert "1970-01-01T00:00:00.000000Z" in {edge["node"]["wornAt"] for edge in hats}


async def test_union_in_a_payload_is_told_apart(world: World, wardrobe: Wardrobe):
    selection = "lone { __typename ... on Coat { name } } garments { ... on Hat { __typename } } things { id }"
    query = f'mutation {{ tidy(key: "{wardrobe.shelves[-1]}") {{ shelf {{ id {selection} }} }} }}'
    found = await world.execute(world.engine.prepare(query, None), {}, ANONYMOUS)
    shelf = found["data"]["tidy"]["shelf"]
    assert "errors" not in found
    assert shelf["lone"] == {"__typename": "Coat", "name": None}
    assert {"__typename": "Hat"} in shelf["garments"]
    assert all(thing is None or thing["id"] for thing in shelf["things"])


async def test_a_difference_between_alternatives_is_found(world: World, monkeypatch: pytest.MonkeyPatch):
    choice = SQLText.choice

    def last_first(self: SQLText, node: Any, parent: Any) -> Any:
        node.alternatives.reverse()
        return choice(self, node, parent)

    monkeypatch.setattr(SQLText, "choice", last_first)
    assert await world.first_wrong(f"{SEED}/wardrobe", OPERATIONS) is not None


def test_keys_are_uuids(wardrobe: Wardrobe):
    assert all(isinstance(key, UUID) for key in wardrobe.hats)
