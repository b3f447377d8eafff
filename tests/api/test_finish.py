"""Payloads that are finished without graphql-core: they answer what it answers, and leave to it what may go wrong."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from app.embedded import Services
from app.settings import Settings
from commerce.cart_pricing import PricedCart
from models.catalogue import AlterationKind
from models.database import DatabaseAway
from models.ids import show_id
from reads import mutation, reference
from tests.support import account, selling
from tests.support.shop import Shop, copied_shop

MONEY = "{ amount currencyCode }"
SELECTIONS = {
    "aliases": f"key: id __typename a: version b: version "
    f"more: lines {{ n: quantity t: total {MONEY} kind: __typename }}",
    "the same twice": f"lines {{ total {{ amount }} }} lines {{ total {MONEY} quantity }}",
    "fragments": "...F ... on Cart { ... { warnings { code message lineId } } } ... on Node { id } lines { id }",
    "lists and enums": f"lines {{ alterations {{ kind note price {MONEY} }} giftMessage }} "
    "discountCodes { code applicable reason amount { currencyCode } }",
    "left out": "id total @skip(if: true) { amount } lines @include(if: $yes) { quantity } "
    "warnings @include(if: $no) { code }",
    "rows beside": "lines { variant { sku product { name variants { id } } } measurementSet { id label } quantity }",
    "with arguments": 'total { amount } quote(input: {countryCode: "DE"}) { total { amount } userErrors { code } }',
    "nothing computed": "id version currencyCode expiresAt lines { id giftMessage variant { sku } }",
}
FRAGMENT = "fragment F on Cart { subtotal { amount } lines { unitPrice { amount } } }"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(settings: Settings, template: str, running: Services) -> AsyncGenerator[Shop]:
    async with copied_shop(settings, template, running) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cart(shop: Shop) -> tuple[str, str, str]:
    """A session, its cart with a hemmed line and a code that does not apply, and the variant."""

    async def plant(transaction: Any) -> Any:
        garment = await selling.product(transaction, services={AlterationKind.HEM: 900})
        await selling.discount(transaction, "OVER", active=False)
        return await selling.variant(transaction, garment, on_hand=3)

    variant = show_id("var", await shop.database.transact(plant))
    token = await shop.session(await account.customer(shop.database))
    line = {"variantId": variant, "quantity": 5, "giftMessage": 'A "gift"', "alterations": [{"kind": "HEM"}]}
    create = "mutation ($input: CartCreateInput!) { cartCreate(input: $input) { cart { id } userErrors { code } } }"
    made = await shop.ask(
        create, token, input={"currencyCode": "USD", "lines": [line, {"variantId": variant, "quantity": 1}]}
    )
    key = made["data"]["cartCreate"]["cart"]["id"]
    await shop.ask(CODES.replace("SELECTED", "id"), token, input={"cartId": key, "codes": ["OVER"]})
    return token, key, variant


CODES = """mutation ($input: CartDiscountCodesUpdateInput!, $yes: Boolean = true, $no: Boolean = false) {
  cartDiscountCodesUpdate(input: $input) { cart { __typename SELECTED } }
  __typename @include(if: $yes) @skip(if: $no) }"""


async def asked(shop: Shop, cart: tuple[str, str, str], name: str) -> dict[str, Any]:
    token, key, _ = cart
    text = CODES.replace("SELECTED", SELECTIONS[name])
    text += FRAGMENT if "...F" in text else ""
    answer = await shop.ask(text, token, input={"cartId": key, "codes": ["OVER"]})
    answer["data"]["cartDiscountCodesUpdate"]["cart"].pop("expiresAt", None)
    return _without_versions(answer)


def _without_versions(value: Any) -> Any:
    """Each call counts as an edit."""
    if isinstance(value, dict):
        return {name: _without_versions(one) for name, one in value.items() if name not in {"version", "a", "b"}}
    return [_without_versions(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", SELECTIONS)
async def test_payload_is_the_same_in_the_same_order_as_graphql_core_makes_it(
    shop: Shop, cart: tuple[str, str, str], name: str, monkeypatch: pytest.MonkeyPatch
):
    by_us = await asked(shop, cart, name)
    assert "errors" not in by_us, by_us
    with monkeypatch.context() as patch:
        patch.setattr(reference, "finished", _unfinished)
        by_core = await asked(shop, cart, name)
    assert str(by_us) == str(by_core)


async def _unfinished(*_: Any) -> Any:
    raise RuntimeError


async def test_field_that_fails_is_told_of_as_graphql_core_does(
    shop: Shop, cart: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
):
    def broken(self: PricedCart) -> Any:
        raise RuntimeError("planted")

    monkeypatch.setattr(PricedCart, "warnings", property(broken))
    token, key, _ = cart
    text = CODES.replace("SELECTED", "id warnings { code }")
    answer = await shop.ask(text, token, input={"cartId": key, "codes": ["OVER"]})
    assert answer["errors"][0]["path"] == ["cartDiscountCodesUpdate", "cart", "warnings"]
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert answer["data"]["cartDiscountCodesUpdate"]["cart"] is None


TWICE = """mutation ($input: CartLinesAddInput!) {
  a: cartLinesAdd(input: $input) { cart { version lines { quantity } } }
  b: cartLinesAdd(input: $input) { cart { version LATER } } }"""


@pytest.mark.parametrize(
    "later", ["lines { quantity }", 'lines { quantity } quote(input: {countryCode: "US"}) { lines { quantity } }']
)
async def test_each_payload_shows_what_was_before_the_next_field_ran(
    shop: Shop, cart: tuple[str, str, str], later: str
):
    """Where graphql-core has to go on with the second, the first is not read anew."""
    variant = show_id("var", await shop.database.transact(partial(selling.variant, on_hand=50)))
    token = cart[0]
    create = "mutation ($input: CartCreateInput!) { cartCreate(input: $input) { cart { id version } } }"
    made = (await shop.ask(create, token, input={"currencyCode": "USD"}))["data"]["cartCreate"]["cart"]
    lines = [{"variantId": variant, "quantity": 3}]
    answer = await shop.ask(TWICE.replace("LATER", later), token, input={"cartId": made["id"], "lines": lines})
    assert "errors" not in answer, answer
    shown = [answer["data"][key]["cart"] for key in ("a", "b")]
    assert [one["lines"] for one in shown] == [[{"quantity": 3}], [{"quantity": 6}]]
    assert [one["version"] - made["version"] for one in shown] == [1, 2]


async def test_entity_that_cannot_be_finished_is_read_once(
    shop: Shop, cart: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
):
    reads, read = [], mutation.read_entity

    async def counted(*given: Any, **named: Any) -> Any:
        reads.append(given)
        return await read(*given, **named)

    monkeypatch.setattr(mutation, "read_entity", counted)
    monkeypatch.setattr(reference, "read_entity", counted)
    text = 'id quote(input: {countryCode: "US"}) { userErrors { code } }'
    token, key, _ = cart
    answer = await shop.ask(CODES.replace("SELECTED", text), token, input={"cartId": key, "codes": []})
    assert answer["data"]["cartDiscountCodesUpdate"]["cart"]["id"] == key
    assert len(reads) == 1


async def test_entity_that_cannot_be_read_is_told_of_once_and_not_read_again(
    shop: Shop, cart: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
):
    reads = []

    async def away(*given: Any, **named: Any) -> Any:
        reads.append(given)
        raise DatabaseAway

    monkeypatch.setattr(mutation, "read_entity", away)
    token, key, _ = cart
    answer = await shop.ask(CODES.replace("SELECTED", "id"), token, input={"cartId": key, "codes": []})
    assert [(one["path"], one["extensions"]["code"]) for one in answer["errors"]] == [
        (["cartDiscountCodesUpdate", "cart"], "SERVICE_UNAVAILABLE")
    ]
    assert answer["data"]["cartDiscountCodesUpdate"] == {"cart": None}
    assert len(reads) == 1


async def test_measurements_are_absent_for_who_is_not_signed_in(shop: Shop):
    create = """mutation ($input: CartCreateInput!) { cartCreate(input: $input) {
      cart { lines { quantity measurementSet { id values { value } } } } } }"""
    variant = show_id("var", await shop.database.transact(selling.variant))
    answer = await shop.ask(create, input={"currencyCode": "USD", "lines": [{"variantId": variant, "quantity": 1}]})
    assert answer == {"data": {"cartCreate": {"cart": {"lines": [{"quantity": 1, "measurementSet": None}]}}}}
