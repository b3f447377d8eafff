"""What the process knows is as public as the catalogue: the shop, the policy, how addresses are written."""

from typing import Any

import httpx
import orjson
import pytest

from privacy import policy
from tests.support.address import account
from tests.support.partner import partner_and_key
from tests.support.partner_calls import bearing
from tests.support.shop import Shop, engine

FRONT = "{ shop { name currencies } products(first: 1) { edges { node { name } } } }"
FORMAT = "query ($country: String!) { addressFormat(countryCode: $country) { required regions { code } } }"
POLICY = "query ($version: String) { privacyPolicy(version: $version) { version effectiveAt promises { id summary } } }"
NOW = {"version": policy.CURRENT.version}


async def get(shop: Shop, query: str, headers: dict[str, str] | None = None, **variables: Any) -> httpx.Response:
    parameters = {"query": query, "variables": orjson.dumps(variables).decode()}
    return await shop.client.get("/graphql", params=parameters, headers=headers or {})


@pytest.mark.parametrize(
    ("query", "variables"),
    [(FRONT, {}), (FORMAT, {"country": "US"}), (FORMAT, {"country": "XX"}), (POLICY, {}), (POLICY, NOW)],
    ids=["shop", "format", "no such country", "policy", "policy by name"],
)
async def test_answer_may_be_kept_and_asked_again_for_by_its_tag(shop: Shop, query: str, variables: dict[str, Any]):
    token = await shop.session(await shop.database.transact(account))
    tags = set()
    for headers in ({}, {"authorization": f"Bearer {token}"}, {}):
        answer = await get(shop, query, headers, **variables)
        assert "errors" not in answer.json()
        assert answer.headers["cache-control"] == "public, max-age=60"
        tags.add(answer.headers["etag"])
        again = await get(shop, query, {**headers, "if-none-match": answer.headers["etag"]}, **variables)
        assert (again.status_code, again.content) == (304, b"")
    assert len(tags) == 1


async def test_tag_is_of_the_variables_answer(shop: Shop):
    tags = [(await get(shop, FORMAT, country=country)).headers["etag"] for country in ("US", "GB", "US")]
    assert tags[0] == tags[2] != tags[1]


async def test_document_of_a_shop_front_stands(shop: Shop):
    for _ in range(2):
        answer = (await get(shop, FRONT)).json()["data"]
        assert answer["shop"] == {"name": "Layette", "currencies": ["USD", "EUR", "GBP", "CAD"]}
    operation = engine().known(FRONT, None)
    assert operation is not None
    assert operation.standing is not None


async def test_partner_may_keep_it_alone(shop: Shop):
    _, key = await partner_and_key(shop.database)
    assert (await get(shop, FRONT, bearing(key.text))).headers["cache-control"] == "private, max-age=60"


@pytest.mark.parametrize(
    "beside", ["me { name }", "viewer { kind }", "__schema { queryType { name } }", '__type(name: "Shop") { name }']
)
async def test_what_is_somebodys_or_introspected_beside_it_is_not_kept(shop: Shop, beside: str):
    token = await shop.session(await shop.database.transact(account))
    for headers in ({}, {"authorization": f"Bearer {token}"}, {}):
        answer = await get(shop, f"{{ shop {{ name }} {beside} }}", headers)
        assert answer.json()["data"]["shop"] == {"name": "Layette"}
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


async def test_error_is_not_kept(shop: Shop):
    for version in (policy.CURRENT.version, "1999-01-01", policy.CURRENT.version):
        answer = await get(shop, POLICY, version=version)
        wrong = version != policy.CURRENT.version
        assert ("errors" in answer.json()) is wrong
        assert answer.headers["cache-control"] == ("no-store" if wrong else "public, max-age=60")
        assert ("etag" in answer.headers) is not wrong
