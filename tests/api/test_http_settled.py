"""Public documents that were read before: what is not looked at again, and what always is."""

from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update

from app.http.persisted import digest
from models.catalogue import Product
from models.ids import new_id, show_id
from reads.operations import Operation
from tests.support import selling
from tests.support.address import account
from tests.support.edge import codes
from tests.support.partner import partner_and_key
from tests.support.partner_calls import bearing, remaining
from tests.support.shop import Shop, engine

DETAIL = "query Seen($slug: String!) { product(slug: $slug) { name available variants { sku } } }"
DEAR = """query ($first: Int!) { products(first: 99) { edges { node { reviews(first: $first) {
  edges { node { id title body rating helpfulCount publishedAt } } } } } } }"""
SLUG = "romper"


@pytest_asyncio.fixture(loop_scope="session")
async def seen(shop: Shop) -> Shop:
    """A shop with a product whose document is settled."""
    await shop.database.transact(lambda t: selling.product(t, slug=SLUG, name="Romper"))
    for _ in range(2):
        assert await named(shop) == "Romper"
    assert kept(DETAIL).settled is not None
    return shop


async def named(shop: Shop, slug: str = SLUG) -> str | None:
    product = (await shop.ask(DETAIL, slug=slug))["data"]["product"]
    return product and product["name"]


def kept(text: str) -> Operation:
    found = engine().known(text, None)
    assert found is not None
    return found


async def test_data_is_read_anew(seen: Shop):
    await seen.database.transact(lambda t: t.execute(update(Product).values(name="Onesie")))
    assert await named(seen) == "Onesie"
    assert await named(seen, "nothing-of-this-name") is None


async def test_every_caller_and_every_way_has_the_same_answer(seen: Shop):
    token = await seen.session(await seen.database.transact(account))
    body = {"query": DETAIL, "variables": {"slug": SLUG}}
    hashed = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(DETAIL)}}}
    asked = [
        await seen.client.post("/graphql", json=body),
        await seen.client.post("/graphql", json=body, headers={"authorization": f"Bearer {token}"}),
        await seen.client.post("/graphql", json={**body, **hashed}),
        await seen.client.post("/graphql", json={"variables": body["variables"], **hashed}),
        await seen.client.get("/graphql", params={"query": DETAIL, "variables": f'{{"slug":"{SLUG}"}}'}),
    ]
    assert {answer.text for answer in asked} == {asked[0].text}
    assert [answer.headers["cache-control"] for answer in asked] == ["no-store"] * 4 + ["public, max-age=60"]


async def test_text_that_comes_with_its_hash_is_kept_though_it_is_settled(shop: Shop):
    text = "{ products(first: 2) { totalCount } }"
    for _ in range(2):
        await shop.ask(text)
    assert kept(text).settled is not None
    by_hash = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}}
    assert codes(await shop.client.post("/graphql", json=by_hash)) == ["PERSISTED_QUERY_NOT_FOUND"]
    await shop.client.post("/graphql", json={"query": text, **by_hash})
    assert (await shop.client.post("/graphql", json=by_hash)).json()["data"]["products"]["totalCount"] == 0


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({}, "BAD_USER_INPUT"),
        ({"slug": None}, "BAD_USER_INPUT"),
        ({"slug": 1}, "BAD_USER_INPUT"),
        ({"slug": "a\0b"}, "BAD_USER_INPUT"),
        ({"slug": "4111 1111 1111 1111"}, "CARD_NUMBER_REFUSED"),
        ({"slug": SLUG, "other": "4111 1111 1111 1111"}, "CARD_NUMBER_REFUSED"),
    ],
)
async def test_variables_are_looked_at_each_time(seen: Shop, variables: dict[str, object], code: str):
    answer = await seen.client.post("/graphql", json={"query": DETAIL, "variables": variables})
    assert (answer.status_code, codes(answer)) == (400, [code])


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"accept": "image/png"}, 406), ({"content-encoding": "br"}, 415), ({"content-type": "text/plain"}, 415)],
)
async def test_headers_are_looked_at_each_time(seen: Shop, headers: dict[str, str], status: int):
    body = {"query": DETAIL, "variables": {"slug": SLUG}}
    assert (await seen.client.post("/graphql", json=body, headers=headers)).status_code == status


async def test_partner_pays_each_time(seen: Shop):
    _, key = await partner_and_key(seen.database)
    body = {"query": DETAIL, "variables": {"slug": SLUG}}
    answers = [await seen.client.post("/graphql", json=body, headers=bearing(key.text)) for _ in range(2)]
    assert [remaining(answer) for answer in answers] == [599, 598]


async def test_page_that_is_too_large_is_refused_each_time(shop: Shop):
    pages = "query ($first: Int!) { products(first: $first) { edges { node { slug } } } }"
    for _ in range(3):
        assert "errors" not in await shop.ask(pages, first=3)
    assert kept(pages).settled is not None
    for first in (101, -1, 2**31):
        assert (await shop.ask(pages, first=first))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query ($more: Boolean!) { products(first: 1) { totalCount @include(if: $more) } }", {"more": True}),
        ("query ($after: String) { products(first: 1, after: $after) { totalCount } }", {}),
        ("query ($only: ProductFilter!) { products(first: 1, filter: $only) { totalCount } }", {"only": {}}),
        (DEAR, {"first": 2}),
        ("{ viewer { kind } products(first: 1) { totalCount } }", {}),
        ("{ me { name } products(first: 1) { totalCount } }", {}),
        (f'{{ cart(id: "{show_id("crt", new_id())}") {{ id }} products(first: 1) {{ totalCount }} }}', {}),
        ("{ __schema { queryType { name } } }", {}),
    ],
    ids=["directive", "optional", "filter", "price", "viewer", "owned", "brought", "introspection"],
)
async def test_document_that_depends_on_more_is_looked_at_each_time(shop: Shop, query: str, variables: dict[str, Any]):
    for _ in range(3):
        assert "errors" not in await shop.ask(query, **variables)
    assert kept(query).settled is None
