"""Saved cards through HTTP: their owner adds and removes them, and nobody else sees them (P4)."""

from typing import Any

import pytest_asyncio

from tests.support.address import account
from tests.support.jobs import rows
from tests.support.log import written_log
from tests.support.shop import Shop
from tests.support.staff import at_work, employed

ADD = """mutation ($input: PaymentMethodAddInput!) { paymentMethodAdd(input: $input) {
  paymentMethod { id brand last4 expiryMonth expiryYear isDefault } paymentAction { url clientSecret expiresAt }
  userErrors { code field message } } }"""
REMOVE = """mutation ($input: PaymentMethodRemoveInput!) { paymentMethodRemove(input: $input) {
  removedId userErrors { code field } } }"""
METHODS = "{ me { paymentMethods { id brand last4 expiryMonth expiryYear isDefault } } }"
CARD = "4111 1111 1111 1111"


@pytest_asyncio.fixture(loop_scope="session")
async def ana(shop: Shop) -> str:
    return await shop.session(await shop.database.transact(account))


@pytest_asyncio.fixture(loop_scope="session")
async def bo(shop: Shop) -> str:
    return await shop.session(await shop.database.transact(account))


async def outcome(shop: Shop, mutation: str, token: str, **given: Any) -> dict[str, Any]:
    """The payload; its errors as pairs of code and field."""
    answer = await shop.ask(mutation, token, input=given)
    assert "errors" not in answer, answer
    (payload,) = answer["data"].values()
    payload["userErrors"] = [(error["code"], error["field"]) for error in payload["userErrors"]]
    return payload


async def methods(shop: Shop, token: str) -> list[dict[str, Any]]:
    return (await shop.ask(METHODS, token))["data"]["me"]["paymentMethods"]


async def test_owner_adds_reads_and_removes_cards(shop: Shop, ana: str, bo: str):
    first = await outcome(shop, ADD, ana, gatewayToken="tok_visa", makeDefault=True, idempotencyKey="1")
    key = first["paymentMethod"]["id"]
    assert first == {
        "paymentMethod": {
            "id": key,
            "brand": "visa",
            "last4": "4242",
            "expiryMonth": 12,
            "expiryYear": 2034,
            "isDefault": True,
        },
        "paymentAction": None,
        "userErrors": [],
    }
    assert key.startswith("pmt_")
    second = await outcome(shop, ADD, ana, gatewayToken="tok_mastercard", idempotencyKey="2")
    assert await methods(shop, ana) == [first["paymentMethod"], second["paymentMethod"]]
    assert await methods(shop, bo) == []
    for refused in (await outcome(shop, REMOVE, bo, id=key), await outcome(shop, REMOVE, ana, id="adr_" + "0" * 32)):
        assert refused == {"removedId": None, "userErrors": [("NOT_FOUND", ["id"])]}
    assert await outcome(shop, REMOVE, ana, id=key) == {"removedId": key, "userErrors": []}
    assert await methods(shop, ana) == [second["paymentMethod"]]
    assert await outcome(shop, REMOVE, ana, id=key) == {"removedId": None, "userErrors": [("NOT_FOUND", ["id"])]}


async def test_bank_asks_before_a_card_may_be_charged(shop: Shop, ana: str):
    added = await outcome(shop, ADD, ana, gatewayToken="tok_action", idempotencyKey="1")
    assert added["userErrors"] == [("PAYMENT_ACTION_REQUIRED", None)]
    assert added["paymentAction"]["clientSecret"]
    assert added["paymentAction"]["url"].endswith(added["paymentAction"]["clientSecret"])
    assert [method["id"] for method in await methods(shop, ana)] == [added["paymentMethod"]["id"]]


async def test_refused_card_is_not_kept(shop: Shop, ana: str):
    for token, code in (("tok_declined", "PAYMENT_DECLINED"), ("tok_nonsense", "INVALID")):
        refused = await outcome(shop, ADD, ana, gatewayToken=token, idempotencyKey=token)
        errors = [(code, ["gatewayToken"])]
        assert refused == {"paymentMethod": None, "paymentAction": None, "userErrors": errors}
    assert await methods(shop, ana) == []


async def test_card_number_for_a_token_is_refused_before_the_gateway_is_asked(shop: Shop, ana: str):
    """P4: a client that sends the number itself is told so, and nothing of it is kept or logged."""
    with written_log() as logged:
        for token in (CARD, f"card {CARD}", CARD.replace(" ", "")):
            refused = await outcome(shop, ADD, ana, gatewayToken=token, idempotencyKey="1")
            assert refused["userErrors"] == [("CARD_NUMBER_REFUSED", ["gatewayToken"])]
        refused = await outcome(shop, ADD, ana, gatewayToken="tok_visa", idempotencyKey=CARD)
        assert refused["userErrors"] == [("CARD_NUMBER_REFUSED", ["idempotencyKey"])]
    assert "4111" not in logged.text
    assert await rows(shop.database, "SELECT count(*) FROM idempotency") == [(0,)]


async def test_nobody_else_saves_or_removes_cards(shop: Shop, ana: str):
    added = await outcome(shop, ADD, ana, gatewayToken="tok_visa", idempotencyKey="1")
    clerk = (await at_work(shop.database, await employed(shop.database, "owner"))).token
    for token, code in ((None, "UNAUTHENTICATED"), (clerk, "FORBIDDEN")):
        for mutation, given in (
            (ADD, {"gatewayToken": "tok_visa", "idempotencyKey": "2"}),
            (REMOVE, {"id": added["paymentMethod"]["id"]}),
        ):
            answer = await shop.ask(mutation, token, input=given)
            assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    assert await rows(shop.database, "SELECT count(*) FROM payment_method") == [(1,)]


async def test_trying_out_many_cards_is_slowed_down(shop: Shop, ana: str, bo: str):
    for number in range(60):
        await outcome(shop, ADD, ana, gatewayToken="tok_declined", idempotencyKey=str(number))
    answer = await shop.ask(ADD, ana, input={"gatewayToken": "tok_visa", "idempotencyKey": "60"})
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["RATE_LIMITED"]
    assert await methods(shop, ana) == []
    assert (await outcome(shop, ADD, bo, gatewayToken="tok_visa", idempotencyKey="60"))["userErrors"] == []
