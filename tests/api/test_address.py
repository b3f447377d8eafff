"""The address book through HTTP, as its owner and as others see it (P3, P51)."""

from typing import Any

import pytest
import pytest_asyncio

from tests.support.address import account
from tests.support.shop import Shop

CREATE = """mutation ($input: AddressCreateInput!) { addressCreate(input: $input) {
  address { id version label recipientName company line1 line2 city region postalCode countryCode phone kinds }
  userErrors { code field message } } }"""
UPDATE = """mutation ($input: AddressUpdateInput!) { addressUpdate(input: $input) {
  address { id version label line1 line2 kinds } userErrors { code field } } }"""
DELETE = """mutation ($input: AddressDeleteInput!) { addressDelete(input: $input) {
  deletedId userErrors { code field } } }"""
SET_DEFAULT = """mutation ($input: AddressSetDefaultInput!) { addressSetDefault(input: $input) {
  customer { defaultShippingAddress { id } defaultBillingAddress { id } } userErrors { code field } } }"""
BOOK = "{ me { addresses { id label } defaultShippingAddress { id } defaultBillingAddress { id } } }"
FORMAT = """query ($country: String!) { addressFormat(countryCode: $country) {
  countryCode required order regions { code name } postalCodePattern postalCodeExample } }"""
PORTLAND = {
    "recipientName": "Ana Ruiz",
    "line1": "1 Main St",
    "city": "Portland",
    "region": "Oregon",
    "postalCode": "97201",
    "countryCode": "us",
}


@pytest_asyncio.fixture(loop_scope="session")
async def ana(shop: Shop) -> str:
    return await shop.session(await shop.database.transact(account))


@pytest_asyncio.fixture(loop_scope="session")
async def bo(shop: Shop) -> str:
    return await shop.session(await shop.database.transact(account))


async def created(shop: Shop, token: str, **changes: Any) -> str:
    answer = await shop.ask(CREATE, token, input=PORTLAND | changes)
    assert answer["data"]["addressCreate"]["userErrors"] == []
    return answer["data"]["addressCreate"]["address"]["id"]


async def outcome(shop: Shop, mutation: str, token: str, **given: Any) -> dict[str, Any]:
    """The payload; its errors as pairs of code and field."""
    answer = await shop.ask(mutation, token, input=given)
    assert "errors" not in answer, answer
    (payload,) = answer["data"].values()
    payload["userErrors"] = [(error["code"], error["field"]) for error in payload["userErrors"]]
    return payload


async def book(shop: Shop, token: str) -> dict[str, Any]:
    return (await shop.ask(BOOK, token))["data"]["me"]


async def test_created_address_is_answered_as_it_is_kept(shop: Shop, ana: str):
    given = PORTLAND | {"label": " Home", "phone": "202 555 0143", "kinds": ["SHIPPING", "SHIPPING"], "company": None}
    payload = (await shop.ask(CREATE, ana, input=given))["data"]["addressCreate"]
    key = payload["address"].pop("id")
    assert key.startswith("adr_")
    assert payload == {
        "address": {
            "version": 1,
            "label": "Home",
            "recipientName": "Ana Ruiz",
            "company": None,
            "line1": "1 Main St",
            "line2": None,
            "city": "PORTLAND",
            "region": "OR",
            "postalCode": "97201",
            "countryCode": "US",
            "phone": "+12025550143",
            "kinds": ["SHIPPING"],
        },
        "userErrors": [],
    }
    assert await book(shop, ana) == {
        "addresses": [{"id": key, "label": "Home"}],
        "defaultShippingAddress": {"id": key},
        "defaultBillingAddress": None,
    }


async def test_refusals_name_the_fields_of_the_input(shop: Shop, ana: str):
    payload = await outcome(shop, CREATE, ana, **PORTLAND | {"region": "Atlantis", "phone": "1", "line1": "a\u202eb"})
    assert payload["address"] is None
    assert sorted(payload["userErrors"]) == [("INVALID", ["line1"]), ("INVALID", ["phone"]), ("INVALID", ["region"])]
    assert (await book(shop, ana))["addresses"] == []


async def test_update_leaves_what_is_omitted_and_clears_what_is_null(shop: Shop, ana: str):
    key = await created(shop, ana, label="Home", line2="Apt 2", kinds=["MAILING"])
    payload = await outcome(shop, UPDATE, ana, id=key, expectedVersion=1, line2=None, line1="9 Oak Ave")
    assert payload["address"] == {
        "id": key, "version": 2, "label": "Home", "line1": "9 Oak Ave", "line2": None, "kinds": ["MAILING"],
    }  # fmt: skip
    payload = await outcome(shop, UPDATE, ana, id=key, expectedVersion=1, label="Work")
    assert payload == {"address": None, "userErrors": [("VERSION_CONFLICT", ["expectedVersion"])]}
    payload = await outcome(shop, UPDATE, ana, id=key, expectedVersion=None, kinds=None)
    assert (payload["address"]["label"], payload["address"]["kinds"]) == ("Home", [])


async def test_default_is_chosen_by_kind(shop: Shop, ana: str):
    first, second = await created(shop, ana, kinds=["SHIPPING", "BILLING"]), await created(shop, ana)
    payload = await outcome(shop, SET_DEFAULT, ana, id=second, kind="SHIPPING")
    assert payload["userErrors"] == []
    assert payload["customer"] == {"defaultShippingAddress": {"id": second}, "defaultBillingAddress": {"id": first}}
    payload = await outcome(shop, SET_DEFAULT, ana, id=second, kind="MAILING")
    assert payload == {"customer": None, "userErrors": [("INVALID", ["kind"])]}


async def test_deleted_address_is_gone(shop: Shop, ana: str):
    key = await created(shop, ana)
    assert await outcome(shop, DELETE, ana, id=key) == {"deletedId": key, "userErrors": []}
    assert (await book(shop, ana))["addresses"] == []
    assert await outcome(shop, DELETE, ana, id=key) == {"deletedId": None, "userErrors": [("NOT_FOUND", ["id"])]}


async def test_address_of_another_is_not_found_whatever_is_tried(shop: Shop, ana: str, bo: str):
    key = await created(shop, bo, label="Bo's", kinds=["SHIPPING"])
    before = await book(shop, bo)
    for mutation, given in (
        (UPDATE, {"id": key, "label": "Ana's"}),
        (UPDATE, {"id": key, "expectedVersion": 7, "countryCode": "XX"}),
        (DELETE, {"id": key}),
        (SET_DEFAULT, {"id": key, "kind": "BILLING"}),
        (SET_DEFAULT, {"id": key, "kind": "MAILING"}),
    ):
        assert (await outcome(shop, mutation, ana, **given))["userErrors"] == [("NOT_FOUND", ["id"])]
    node = "query ($id: ID!) { node(id: $id) { id ... on Address { line1 } } }"
    assert (await shop.ask(node, ana, id=key)) == {"data": {"node": None}}
    assert (await shop.ask(node, bo, id=key)) == {"data": {"node": {"id": key, "line1": "1 Main St"}}}
    assert await book(shop, bo) == before
    assert (await book(shop, ana))["addresses"] == []


@pytest.mark.parametrize("key", ["", "adr_", "adr_" + "0" * 32, "cus_" + "0" * 32, "a b", "adr_" + "g" * 32])
async def test_id_of_nothing_is_not_found(shop: Shop, ana: str, key: str):
    for mutation, given in ((UPDATE, {}), (DELETE, {}), (SET_DEFAULT, {"kind": "SHIPPING"})):
        assert (await outcome(shop, mutation, ana, id=key, **given))["userErrors"] == [("NOT_FOUND", ["id"])]


async def test_without_a_session_nothing_is_read_or_written(shop: Shop, ana: str):
    key = await created(shop, ana)
    before = await book(shop, ana)
    for mutation, given in (
        (CREATE, PORTLAND),
        (UPDATE, {"id": key, "label": "Mine"}),
        (DELETE, {"id": key}),
        (SET_DEFAULT, {"id": key, "kind": "SHIPPING"}),
    ):
        for token in (None, ana[:-1] + "x"):
            answer = await shop.ask(mutation, token, input=given)
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert await book(shop, ana) == before


async def test_format_is_for_everyone_and_null_for_an_unknown_country(shop: Shop):
    found = (await shop.ask(FORMAT, country="gb"))["data"]["addressFormat"]
    assert found["countryCode"] == "GB"
    assert found["required"] == ["recipientName", "line1", "city", "postalCode", "countryCode"]
    assert found["order"] == ["recipientName", "company", "line1", "line2", "city", "postalCode", "countryCode"]
    assert found["regions"] == []
    assert found["postalCodeExample"] == "EC1Y 8SY"
    regions = (await shop.ask(FORMAT, country="US"))["data"]["addressFormat"]["regions"]
    assert {"code": "CA", "name": "California"} in regions
    for unknown in ("XX", "ZZ", "", "all", "\u202e", "ß"):
        assert await shop.ask(FORMAT, country=unknown) == {"data": {"addressFormat": None}}


async def test_format_asks_for_what_create_takes(shop: Shop):
    query = '{ __type(name: "AddressCreateInput") { inputFields { name } } }'
    names = {field["name"] for field in (await shop.ask(query))["data"]["__type"]["inputFields"]}
    for country in ("US", "DE", "JP", "HK", "AE", "SG"):
        found = (await shop.ask(FORMAT, country=country))["data"]["addressFormat"]
        assert set(found["required"]) <= set(found["order"]) <= names
