"""The endpoint before the shop's own engine and schema."""

from graphql import get_introspection_query
from redis.asyncio import Redis
from sqlalchemy import func, select

from app.http.persisted import digest
from models.address import Address
from tests.support.address import account
from tests.support.edge import codes
from tests.support.shop import Shop

CATALOGUE = "query ($first: Int!) { products(first: $first) { totalCount edges { node { name variants { sku } } } } }"
CREATE = """mutation ($input: AddressCreateInput!) { addressCreate(input: $input) {
  address { id } userErrors { code field message } } }"""


async def test_card_number_is_a_user_error_of_the_mutation_and_nothing_is_written(shop: Shop):
    token = await shop.session(await shop.database.transact(account))
    entry = {"recipientName": "Ana", "line1": "1 Main St", "line2": "4111 1111 1111 1111", "city": "Portland"}
    answer = await shop.ask(CREATE, token, input={**entry, "region": "OR", "postalCode": "97201", "countryCode": "US"})
    payload = answer["data"]["addressCreate"]
    assert payload["address"] is None
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("CARD_NUMBER_REFUSED", ["line2"])]
    async with shop.database.begun() as connection:
        assert await connection.scalar(select(func.count()).select_from(Address)) == 0


async def test_public_reads_may_be_kept_and_owned_ones_not(shop: Shop):
    token = await shop.session(await shop.database.transact(account))
    signed_in = {"authorization": f"Bearer {token}"}
    for headers in ({}, signed_in, {}):
        parameters = {"query": CATALOGUE, "variables": '{"first": 3}'}
        response = await shop.client.get("/graphql", params=parameters, headers=headers)
        assert response.headers["cache-control"] == "public, max-age=60"
        assert response.json() == {"data": {"products": {"totalCount": 0, "edges": []}}}
    mine = await shop.client.get("/graphql", params={"query": "{ me { name } }"}, headers=signed_in)
    assert mine.headers["cache-control"] == "no-store"
    assert mine.json() == {"data": {"me": {"name": "Ana Ruiz"}}}


async def test_persisted_query_is_found_by_its_hash(shop: Shop, redis: Redis):
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest(CATALOGUE)}}
    asked = {"extensions": extensions, "variables": {"first": 3}}
    assert codes(await shop.client.post("/graphql", json=asked)) == ["PERSISTED_QUERY_NOT_FOUND"]
    sent = await shop.client.post("/graphql", json={"query": CATALOGUE, **asked})
    assert (await shop.client.post("/graphql", json=asked)).json() == sent.json()


async def test_page_that_is_too_dear_is_refused_before_it_is_read(shop: Shop):
    deep = "{ products(first: 100) { edges { node { reviews(first: 100) { edges { node { id rating body } } } } } } }"
    assert (await shop.ask(deep))["errors"][0]["extensions"]["code"] == "QUERY_TOO_COMPLEX"
    wrong = await shop.ask(CATALOGUE, first=1_000_000)
    assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_whole_schema_can_be_introspected(shop: Shop):
    query = get_introspection_query(input_value_deprecation=True, specified_by_url=True, directive_is_repeatable=True)
    names = {type_["name"] for type_ in (await shop.ask(query))["data"]["__schema"]["types"]}
    assert {"Query", "Mutation", "Product", "UserError"} <= names


async def test_wrong_variables_of_the_shop_repeat_no_value(shop: Shop):
    response = await shop.client.post(
        "/graphql", json={"query": CREATE, "variables": {"input": {"recipientName": "Ana", "zipCode": "97201"}}}
    )
    assert (response.status_code, set(codes(response))) == (400, {"BAD_USER_INPUT"})
    assert "97201" not in response.text
    assert "Ana" not in response.text
