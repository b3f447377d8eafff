"""Lists in pages, against an order that is worked out here: nothing twice, nothing missed, whichever way one pages.

Both ways of executing take their order and bounds from the same code, so that comparing them would not find it wrong.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import orjson
import pytest
import pytest_asyncio
from sqlalchemy import text

from app.embedded import Services
from auth.viewer import ANONYMOUS, Viewer
from models.database import Database
from reads.engine import Body
from resolvers.root import open_engine
from tests.support.both_ways import World, open_world
from tests.support.database import copy_of
from tests.support.shop_facts import FACTS

PAGE = "edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
FORWARD = "query ($size: Int!, $at: String) { list: %s(first: $size, after: $at%s) { " + PAGE + " } }"
BACKWARD = "query ($size: Int!, $at: String) { list: %s(last: $size, before: $at%s) { " + PAGE + " } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(template: str, running: Services) -> AsyncGenerator[World]:
    async with copy_of(template, running.database_url) as url:
        database = Database(url)
        yield await open_world(database, open_engine(facts=FACTS))
        await database.close()


async def rows(world: World, sql: str) -> list[Any]:
    found = await world.database.transact(lambda transaction: transaction.execute(text(sql)))
    return list(found.mappings())


async def page(world: World, query: str, viewer: Viewer, size: int, at: str | None) -> dict[str, Any]:
    operation = world.engine.prepare(query, None)
    found = await world.engine.read(operation, {"size": size, "at": at}, viewer, world.database)
    assert isinstance(found, Body)
    data = orjson.loads(found.data)["data"]
    while "list" not in data:
        (data,) = data.values()
    return data["list"]


async def walked(world: World, query: str, viewer: Viewer, size: int, *, backward: bool) -> list[str]:
    """The ids of all entries, page by page."""
    ahead, behind = ("hasPreviousPage", "hasNextPage") if backward else ("hasNextPage", "hasPreviousPage")
    seen: list[str] = []
    at = None
    while True:
        found = await page(world, query, viewer, size, at)
        ids = [edge["node"]["id"] for edge in found["edges"]]
        seen = [*ids, *seen] if backward else [*seen, *ids]
        info = found["pageInfo"]
        assert info[behind] == (at is not None)
        if ids:
            assert [info["startCursor"], info["endCursor"]] == [found["edges"][at]["cursor"] for at in (0, -1)]
        else:
            assert [info["startCursor"], info["endCursor"]] == [None, None]
        if not info[ahead]:
            return seen
        assert len(ids) == size
        at = info["startCursor" if backward else "endCursor"]


async def check(
    world: World, field: str, arguments: str, viewer: Viewer, expected: list[str], *, within: str = "%s"
) -> None:
    """Pages of several sizes give what is expected, forward and backward."""
    for size in (1, 3, 7, 100):
        for query, backward in ((FORWARD, False), (BACKWARD, True)):
            head, _, body = (query % (field, arguments)).partition("{")
            asked = f"{head}{{ {within % body.rpartition('}')[0]} }}"
            assert await walked(world, asked, viewer, size, backward=backward) == expected, (size, asked)


PRODUCTS = """
SELECT 'prd_' || replace(p.id::text, '-', '') AS shown, p.*, i.minimum, i.maximum
FROM product p LEFT JOIN product_price i ON i.product_id = p.id AND i.currency = '%s' WHERE archived_at IS NULL
"""


def price(row: Any, name: str, otherwise: int) -> int:
    return row[name] if row[name] is not None else otherwise


ORDERS: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "FEATURED": (lambda row: (row["featured_rank"], row["id"]), False),
    "NEWEST": (lambda row: (row["created_at"], row["id"]), True),
    "PRICE_ASCENDING": (lambda row: (price(row, "minimum", 2**62), row["id"]), False),
    "PRICE_DESCENDING": (lambda row: (price(row, "maximum", -1), row["id"]), True),
    "RATING": (
        lambda row: (row["rating_sum"] * 10_000 // row["rating_count"] if row["rating_count"] else 0, row["id"]),
        True,
    ),
}


@pytest.mark.parametrize("sort", ORDERS)
async def test_products_are_paged_in_their_order(world: World, sort: str):
    key, reverse = ORDERS[sort]
    found = sorted(await rows(world, PRODUCTS % "USD"), key=key, reverse=reverse)
    assert len(found) > 30
    await check(world, "products", f", sort: {sort}", ANONYMOUS, [row["shown"] for row in found])


@pytest.mark.parametrize("sort", ["PRICE_ASCENDING", "PRICE_DESCENDING"])
async def test_prices_are_compared_in_the_currency_that_is_asked_for(world: World, sort: str):
    key, reverse = ORDERS[sort]
    found = sorted(await rows(world, PRODUCTS % "GBP"), key=key, reverse=reverse)
    assert 2 < sum(row["minimum"] is None for row in found) < len(found) - 2
    arguments = f", sort: {sort}, filter: {{currencyCode: GBP}}"
    await check(world, "products", arguments, ANONYMOUS, [row["shown"] for row in found])


async def test_filtered_products_are_paged_in_their_order(world: World):
    key, reverse = ORDERS["NEWEST"]
    found = sorted(await rows(world, PRODUCTS % "USD" + " AND 'BABY' = ANY (audience)"), key=key, reverse=reverse)
    assert len(found) > 3
    arguments = ", sort: NEWEST, filter: {audience: BABY}"
    await check(world, "products", arguments, ANONYMOUS, [row["shown"] for row in found])


@pytest.mark.parametrize("search", ["", ', filter: {search: "linen"}'])
async def test_relevance_has_one_order_in_pages_of_any_size(world: World, search: str):
    arguments = f", sort: RELEVANCE{search}"
    whole = await walked(world, FORWARD % ("products", arguments), ANONYMOUS, 100, backward=False)
    assert len(set(whole)) == len(whole) > 3
    await check(world, "products", arguments, ANONYMOUS, whole)


REVIEWS = """
SELECT 'rev_' || replace(id::text, '-', '') AS shown, * FROM review WHERE status = 'PUBLISHED' AND product_id = '%s'
"""
REVIEW_ORDERS: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "NEWEST": (lambda row: (row["published_at"], row["id"]), True),
    "HELPFUL": (lambda row: (row["helpful_count"], row["id"]), True),
    "RATING_HIGH": (lambda row: (row["rating"], row["id"]), True),
    "RATING_LOW": (lambda row: (row["rating"], row["id"]), False),
}


@pytest.mark.parametrize("sort", REVIEW_ORDERS)
async def test_reviews_are_paged_in_their_order(world: World, sort: str):
    most = "SELECT product_id, slug FROM review JOIN product p ON p.id = product_id WHERE archived_at IS NULL "
    (chosen,) = await rows(world, most + "GROUP BY product_id, slug ORDER BY count(*) DESC LIMIT 1")
    key, reverse = REVIEW_ORDERS[sort]
    found = sorted(await rows(world, REVIEWS % chosen["product_id"]), key=key, reverse=reverse)
    assert len(found) > 4
    within = f'product(slug: "{chosen["slug"]}") {{ %s }}'
    await check(world, "reviews", f", sort: {sort}", ANONYMOUS, [row["shown"] for row in found], within=within)


async def test_orders_of_a_customer_are_paged_newest_first(world: World):
    person = world.people["full"]
    own = f"SELECT 'ord_' || replace(id::text, '-', '') AS shown, * FROM orders WHERE account_id = '{person.id}'"
    found = sorted(await rows(world, own), key=lambda row: (row["placed_at"], row["id"]), reverse=True)
    assert len(found) == len(person.orders)
    await check(world, "orders", "", person.viewer, [row["shown"] for row in found], within="me { %s }")


async def test_cursor_stays_where_it_is_when_rows_come_and_go(world: World):
    """A row before it changes nothing of what lies behind it, and its own row may go."""
    query = FORWARD % ("products", ", sort: FEATURED")
    whole = await walked(world, query, ANONYMOUS, 100, backward=False)
    first = await page(world, query, ANONYMOUS, 5, None)
    hide = f"UPDATE product SET archived_at = now() WHERE id IN ('{whole[4][4:]}', '{whole[1][4:]}')"
    await world.database.transact(lambda transaction: transaction.execute(text(hide)))
    after = await page(world, query, ANONYMOUS, 5, first["pageInfo"]["endCursor"])
    assert [edge["node"]["id"] for edge in after["edges"]] == whole[5:10]


async def test_page_of_nothing_has_no_cursors(world: World):
    found = await page(world, FORWARD % ("products", ""), ANONYMOUS, 0, None)
    assert found["edges"] == []
    assert found["pageInfo"] == {
        "hasNextPage": True, "hasPreviousPage": False, "startCursor": None, "endCursor": None
    }  # fmt: skip
