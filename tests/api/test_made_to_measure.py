"""A dress made to measure, through HTTP: measured, ordered, made, shipped, delivered, and forgotten (P6)."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest_asyncio
from sqlalchemy import text

from app.embedded import Services
from app.settings import Settings
from models.catalogue import AlterationKind, MeasurementName
from models.ids import show_id
from privacy.retention import sweep
from tests.support.ordering import Buyer, buyer, open_counter
from tests.support.selling import product, variant
from tests.support.workroom import Workroom, open_workroom

SAVE = """mutation ($input: MeasurementSetSaveInput!) { measurementSetSave(input: $input) {
  measurementSet { id } userErrors { code field } } }"""
MINE = "{ me { measurements { id values { name value } } } }"
CREATE = """mutation ($input: CartCreateInput!) { cartCreate(input: $input) {
  cart { id lines { measurementSet { id values { name value } } } warnings { code } } userErrors { code field } } }"""
QUOTE = """query ($id: ID!, $input: CartQuoteInput!) { cart(id: $id) {
  quote(input: $input) { total { amount currencyCode } } } }"""
PLACE = """mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) {
  order { id status } userErrors { code field } } }"""
ORDER = """query ($id: ID!) { order(id: $id) { status cancellable timeline { kind } lines {
  measurements { deletedAt values { name value } } alterations { id kind status note dueOn } } } }"""
QUEUE = "{ alterations(first: 10, status: REQUESTED) { edges { node { id kind measurements { values { value } } } } } }"
UPDATE = """mutation ($input: AlterationUpdateInput!) { alterationUpdate(input: $input) {
  alteration { status } userErrors { code field } } }"""
FULFILL = """mutation ($input: OrderFulfillInput!) { orderFulfill(input: $input) {
  order { status } userErrors { code field } } }"""
DELIVER = """mutation ($input: OrderMarkDeliveredInput!) { orderMarkDelivered(input: $input) {
  order { status } userErrors { code field } } }"""
WAIST, CHEST = {"name": "WAIST", "value": "71.5"}, {"name": "CHEST", "value": "88.25"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def room(settings: Settings, template: str, running: Services) -> AsyncGenerator[Workroom]:
    async with open_workroom(settings, template, running) as opened:
        yield opened


async def dress(transaction: Any) -> str:
    """A dress that takes waist and chest, and may be hemmed."""
    required = [MeasurementName.WAIST, MeasurementName.CHEST]
    owner = await product(
        transaction, services={AlterationKind.HEM: 500}, custom_made=True, required_measurements=required
    )
    return show_id("var", await variant(transaction, owner, on_hand=5))


async def measured(room: Workroom, *values: dict[str, str]) -> str:
    given = {"label": "Me", "person": "ADULT", "unit": "CM", "values": list(values), "keep": False}
    payload = await room.outcome(SAVE, "me", **given)
    assert payload["userErrors"] == []
    return payload["measurementSet"]["id"]


async def cart_with(room: Workroom, variant_id: str, set_id: str | None) -> dict[str, Any]:
    line = {"variantId": variant_id, "quantity": 1, "measurementSetId": set_id}
    line["alterations"] = [{"kind": "HEM", "note": "to the knee"}]
    payload = await room.outcome(CREATE, "me", currencyCode="USD", lines=[line])
    assert payload["userErrors"] == []
    return payload["cart"]


async def place(room: Workroom, who: Buyer, cart: dict[str, Any]) -> dict[str, Any]:
    home = show_id("adr", who.address_id)
    asked = {"shippingAddressId": home, "shippingMethod": "standard"}
    quote = (await room.ask(QUOTE, "me", id=cart["id"], input=asked))["data"]["cart"]["quote"]
    given = asked | {"cartId": cart["id"], "expectedTotal": quote["total"], "billingAddressId": home}
    return await room.outcome(PLACE, "me", **given, gatewayToken="tok_visa", idempotencyKey=uuid4().hex)


async def seen(room: Workroom, order_id: str) -> dict[str, Any]:
    return (await room.ask(ORDER, "me", id=order_id))["data"]["order"]


async def test_dress_is_made_to_measurements_that_are_not_kept(room: Workroom):
    await room.shop.database.transact(open_counter)
    who = await room.shop.database.transact(buyer)
    room.tokens["me"] = await room.shop.session(who.account_id)
    variant_id = await room.shop.database.transact(dress)

    # What is missing is asked for, and nothing is ordered.
    for missing in (None, await measured(room, WAIST)):
        cart = await cart_with(room, variant_id, missing)
        assert {"code": "MEASUREMENTS_MISSING"} in cart["warnings"]
        assert [code for code, _ in (await place(room, who, cart))["userErrors"]] == ["MEASUREMENTS_REQUIRED"]

    set_id = await measured(room, WAIST, CHEST)
    cart = await cart_with(room, variant_id, set_id)
    assert cart["lines"][0]["measurementSet"] == {"id": set_id, "values": [CHEST, WAIST]}
    placed = await place(room, who, cart)
    assert placed["userErrors"] == []
    order_id = placed["order"]["id"]

    # The set went with the order, which has its own copy.
    assert set_id not in {one["id"] for one in (await room.ask(MINE, "me"))["data"]["me"]["measurements"]}
    [line] = (await seen(room, order_id))["lines"]
    assert line["measurements"] == {"deletedAt": None, "values": [CHEST, WAIST]}
    assert [(one["kind"], one["note"]) for one in line["alterations"]] == [
        ("MADE_TO_MEASURE", None),
        ("HEM", "to the knee"),
    ]

    # The workshop makes it, the floor ships it.
    queue = (await room.ask(QUEUE, "tailor", "PRODUCTS"))["data"]["alterations"]["edges"]
    assert [edge["node"]["id"] for edge in queue] == [one["id"] for one in line["alterations"]]
    assert queue[0]["node"]["measurements"]["values"] == [{"value": "88.25"}, {"value": "71.5"}]
    given = {"id": order_id, "idempotencyKey": uuid4().hex}
    assert (await room.outcome(FULFILL, "floor", **given))["userErrors"] == [("NOT_FULFILLABLE", None)]
    for work in line["alterations"]:
        for status in ("IN_PROGRESS", "READY"):
            payload = await room.outcome(UPDATE, "tailor", id=work["id"], status=status)
            assert payload["userErrors"] == []
        assert not (await seen(room, order_id))["cancellable"]
    assert (await room.outcome(FULFILL, "floor", **given))["order"]["status"] == "FULFILLED"
    assert (await room.outcome(DELIVER, "floor", **given))["order"]["status"] == "DELIVERED"
    kinds = [event["kind"] for event in (await seen(room, order_id))["timeline"]]
    assert kinds[-4:] == ["ALTERATION_STARTED", "ALTERATION_READY", "FULFILLED", "DELIVERED"]

    # Ninety days later nobody knows the body any more.
    for days, values in ((89, [CHEST, WAIST]), (2, [])):
        later = text("UPDATE orders SET delivered_at = delivered_at - make_interval(days => :days)")
        await room.shop.database.transact(lambda t, days=days, later=later: t.execute(later, {"days": days}))
        await sweep(room.shop.database)
        [line] = (await seen(room, order_id))["lines"]
        assert line["measurements"]["values"] == values
        assert [one["note"] for one in line["alterations"]] == [None, "to the knee" if values else None]
