"""Public documents that were read before: what is not looked at again, and what always is."""

from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete, update

from app.http.persisted import digest
from auth.viewer import ANONYMOUS
from models.catalogue import Product, VariantPrice
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
LONG = """{ products(first: 99) { edges { cursor node { id slug name description audience customMade archived
  careInstructions version taxCategory createdAt available } } } }"""
SLUG = "romper"


@pytest_asyncio.fixture(loop_scope="session")
async def seen(shop: Shop) -> Shop:
    """A shop with a product whose document stands."""
    await shop.database.transact(lambda t: selling.product(t, slug=SLUG, name="Romper"))
    for _ in range(2):
        assert await named(shop) == "Romper"
    assert kept(DETAIL).standing is not None
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


async def test_text_that_comes_with_its_hash_is_kept_though_it_stands(shop: Shop):
    text = "{ products(first: 2) { totalCount } }"
    for _ in range(2):
        await shop.ask(text)
    assert kept(text).standing is not None
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


async def test_partner_pays_for_its_fields_each_time(shop: Shop):
    for _ in range(2):
        await shop.ask(LONG)
    assert kept(LONG).standing is not None
    _, key = await partner_and_key(shop.database)
    answers = [await shop.client.post("/graphql", json={"query": LONG}, headers=bearing(key.text)) for _ in range(2)]
    assert [remaining(answer) for answer in answers] == [598, 596]


async def test_page_that_is_too_large_is_refused_each_time(shop: Shop):
    pages = "query ($first: Int!) { products(first: $first) { edges { node { slug } } } }"
    for _ in range(3):
        assert "errors" not in await shop.ask(pages, first=3)
    assert kept(pages).standing is not None
    for first in (101, -1, 2**31):
        assert (await shop.ask(pages, first=first))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_argument_that_no_field_uses_is_refused_each_time(shop: Shop):
    count = "query ($first: Int!) { products(first: $first) { totalCount } }"
    for _ in range(3):
        assert "errors" not in await shop.ask(count, first=3)
    assert (await shop.ask(count, first=101))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_answer_that_is_broken_is_told_as_an_error(shop: Shop):
    await shop.database.transact(selling.variant)
    priced = "{ products(first: 5) { edges { node { variants { price { amount } } } } } }"
    for _ in range(3):
        assert "errors" not in await shop.ask(priced)
    assert kept(priced).standing is not None
    await shop.database.transact(lambda t: t.execute(delete(VariantPrice)))
    for _ in range(2):
        assert "errors" in await shop.ask(priced)
    assert kept(priced).standing is None


async def test_statement_that_is_far_longer_than_its_document_does_not_stand(shop: Shop):
    levels = [
        f"fragment C{n} on Category {{ parent {{ ...C{n - 1} }} children {{ ...C{n - 1} }} }}" for n in range(1, 7)
    ]
    grown = '{ product(slug: "x") { categories { ...C6 } } } fragment C0 on Category { id slug name } '
    for _ in range(3):
        assert "errors" not in await shop.ask(grown + " ".join(levels))
    operation = kept(grown + " ".join(levels))
    compiled = engine().compiled(operation, {}, {}, ANONYMOUS)
    assert compiled is not None
    assert compiled.public
    assert compiled.statement.weight > operation.weight
    assert operation.standing is None


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query ($more: Boolean!) { products(first: 1) { totalCount @include(if: $more) } }", {"more": True}),
        ("query ($slug: String) { product(slug: $slug) { name } }", {"slug": SLUG}),
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
    assert kept(query).standing is None
