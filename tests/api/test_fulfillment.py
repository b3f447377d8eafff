"""Shipping and delivering through HTTP, and what a carrier is told (P42)."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from graphql import GraphQLObjectType
from sqlalchemy import insert

from app.embedded import Services
from app.settings import Settings
from models.ids import new_id, show_id
from models.order import OrderAddress
from resolvers.root import core_schema
from tests.support.workroom import Workroom, open_workroom, refusals
from tests.support.workshop import ADDRESS, HEM, Line, Ordered

FULFILL = """mutation ($input: OrderFulfillInput!) { orderFulfill(input: $input) {
  order { id version status lines { fulfilledQuantity } }
  fulfillment { id carrier trackingNumber trackingUrl deliveredAt lines { orderLineId quantity } }
  userErrors { code field } } }"""
DELIVER = """mutation ($input: OrderMarkDeliveredInput!) { orderMarkDelivered(input: $input) {
  order { status fulfillments { id deliveredAt } } userErrors { code field } } }"""
ORDER = """query ($id: ID!) { order(id: $id) { status
  lines { fulfilledQuantity cancelledQuantity returnedQuantity }
  fulfillments { id carrier trackingNumber trackingUrl shippedAt deliveredAt lines { orderLineId quantity } }
  timeline { kind fulfillmentId } } }"""
LABEL = """query ($id: ID!) { node(id: $id) { ... on Fulfillment { id shippingLabel {
  recipientName company line1 line2 city region postalCode countryCode phone } } } }"""
NODE = "query ($id: ID!) { node(id: $id) { ... on Fulfillment { id carrier } } }"
TRACKED = {"carrier": "DHL", "trackingNumber": "JD0146", "trackingUrl": "https://carrier.example/JD0146"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def room(settings: Settings, template: str, running: Services) -> AsyncGenerator[Workroom]:
    async with open_workroom(settings, template, running) as opened:
        yield opened


async def fulfill(room: Workroom, order: Ordered, **given: Any) -> dict[str, Any]:
    return await room.outcome(FULFILL, "floor", **{"id": order.shown, "idempotencyKey": uuid4().hex} | given)


async def deliver(room: Workroom, order: Ordered, **given: Any) -> dict[str, Any]:
    return await room.outcome(DELIVER, "floor", **{"id": order.shown, "idempotencyKey": uuid4().hex} | given)


async def shipped(room: Workroom, order: Ordered, **given: Any) -> str:
    payload = await fulfill(room, order, **given)
    assert payload["userErrors"] == []
    return payload["fulfillment"]["id"]


async def seen(room: Workroom, order: Ordered) -> dict[str, Any]:
    return (await room.ask(ORDER, "ana", id=order.shown))["data"]["order"]


def lines(order: Ordered) -> list[str]:
    return [show_id("orl", key) for key in order.lines]


# ---- shipping


async def test_order_is_shipped_in_parts_and_delivered(room: Workroom):
    order = await room.ordered(Line(2), Line())
    first, second = lines(order)
    part = [{"lineId": first, "quantity": 1}, {"lineId": second, "quantity": 1}]
    payload = await fulfill(room, order, expectedVersion=1, lines=part, **TRACKED)
    key = payload["fulfillment"].pop("id")
    assert key.startswith("ful_")
    assert payload == {
        "order": {
            "id": order.shown,
            "version": 2,
            "status": "PARTIALLY_FULFILLED",
            "lines": [{"fulfilledQuantity": 1}] * 2,
        },
        "fulfillment": {
            **TRACKED,
            "deliveredAt": None,
            "lines": [{"orderLineId": first, "quantity": 1}, {"orderLineId": second, "quantity": 1}],
        },
        "userErrors": [],
    }
    other = await shipped(room, order)
    payload = await deliver(room, order, fulfillmentId=key, expectedVersion=3)
    assert payload["order"]["status"] == "FULFILLED"
    assert [one["deliveredAt"] is None for one in payload["order"]["fulfillments"]] == [False, True]
    assert (await deliver(room, order))["order"]["status"] == "DELIVERED"
    found = await seen(room, order)
    assert [one["fulfilledQuantity"] for one in found["lines"]] == [2, 1]
    assert [one["carrier"] for one in found["fulfillments"]] == ["DHL", None]
    assert [(one["kind"], one["fulfillmentId"]) for one in found["timeline"]] == [
        ("FULFILLED", key),
        ("FULFILLED", other),
        ("DELIVERED", key),
        ("DELIVERED", other),
    ]


async def test_work_comes_first(room: Workroom):
    order = await room.ordered(Line(work=(HEM,)), Line())
    payload = await fulfill(room, order)
    assert payload == {"order": None, "fulfillment": None, "userErrors": [("NOT_FULFILLABLE", None)]}
    assert (await seen(room, order))["fulfillments"] == []


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"lines": []}, ("REQUIRED", ["lines"])),
        ({"trackingUrl": "http://carrier.example"}, ("INVALID", ["trackingUrl"])),
        ({"expectedVersion": 7}, ("VERSION_CONFLICT", ["expectedVersion"])),
        ({"id": "ord_" + 32 * "0"}, ("NOT_FOUND", ["id"])),
        ({"id": "nonsense"}, ("NOT_FOUND", ["id"])),
        ({"lines": [{"lineId": "nonsense", "quantity": 1}]}, ("NOT_FOUND", ["lines", "0", "lineId"])),
    ],
)
async def test_refusals_name_the_fields_of_the_input(room: Workroom, given: dict[str, Any], refused: Any):
    order = await room.ordered()
    assert (await fulfill(room, order, **given))["userErrors"] == [refused]
    assert (await seen(room, order))["fulfillments"] == []


async def test_repeated_key_ships_and_delivers_once(room: Workroom):
    order = await room.ordered(Line(3))
    given = {"idempotencyKey": uuid4().hex, "lines": [{"lineId": lines(order)[0], "quantity": 1}]}
    answers = await asyncio.gather(*(fulfill(room, order, **given) for _ in range(5)))
    assert {one["fulfillment"]["id"] for one in answers} == {answers[0]["fulfillment"]["id"]}
    assert [one["fulfilledQuantity"] for one in (await seen(room, order))["lines"]] == [1]
    other = given | {"lines": [{"lineId": lines(order)[0], "quantity": 2}]}
    assert (await fulfill(room, order, **other))["userErrors"] == [("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])]
    await shipped(room, order)
    key = uuid4().hex
    for _ in range(2):
        assert (await deliver(room, order, idempotencyKey=key))["order"]["status"] == "DELIVERED"
    assert (await deliver(room, order))["userErrors"] == [("ILLEGAL_TRANSITION", None)]


async def test_shipment_that_is_not_of_the_order_is_not_found(room: Workroom):
    order, other = await room.ordered(), await room.ordered()
    foreign = await shipped(room, other)
    for key in (foreign, show_id("ful", new_id()), "nonsense"):
        payload = await deliver(room, order, fulfillmentId=key, expectedVersion=9)
        assert payload == {"order": None, "userErrors": [("NOT_FOUND", ["fulfillmentId"])]}
    for key in (show_id("ord", new_id()), "nonsense"):
        payload = await deliver(room, order, id=key, fulfillmentId="nonsense")
        assert payload == {"order": None, "userErrors": [("NOT_FOUND", ["id"])]}
    assert (await seen(room, other))["fulfillments"][0]["deliveredAt"] is None


@pytest.mark.parametrize("who", [None, "ana", "tailor", "provider", "catalogue"])
async def test_others_neither_ship_nor_deliver(room: Workroom, who: str | None):
    order = await room.ordered(Line(2))
    await shipped(room, order, lines=[{"lineId": lines(order)[0], "quantity": 1}])
    before = await seen(room, order)
    for mutation in (FULFILL, DELIVER):
        given = {"id": order.shown, "idempotencyKey": uuid4().hex}
        answer = await room.ask(mutation, who, "PRODUCTS", input=given)
        assert answer["data"] is None
        assert refusals(answer) == ({("UNAUTHENTICATED", None)} if who is None else {("FORBIDDEN", "PERMISSION")})
    assert await seen(room, order) == before


async def test_shipment_is_seen_by_its_owner_and_by_staff_who_read_orders(room: Workroom):
    key = await shipped(room, await room.ordered(), **TRACKED)
    for who in ("ana", "floor", "provider"):
        assert (await room.ask(NODE, who, id=key))["data"]["node"] == {"id": key, "carrier": "DHL"}
    for who in ("bo", None, "tailor", "catalogue"):
        assert (await room.ask(NODE, who, id=key))["data"]["node"] is None


# ---- what a carrier is told


async def test_carrier_is_told_name_address_and_phone_of_the_recipient(room: Workroom):
    key = await shipped(room, await room.ordered())
    before = len(await room.reads_of("ana"))
    answer = await room.ask(LABEL, "floor", "PRODUCTS", id=key)
    assert answer == {
        "data": {
            "node": {
                "id": key,
                "shippingLabel": {
                    "recipientName": "Ana Ruiz",
                    "company": "Ruiz & Daughters",
                    "line1": "1 Main St",
                    "line2": "Floor 2",
                    "city": "Portland",
                    "region": "OR",
                    "postalCode": "97201",
                    "countryCode": "US",
                    "phone": "+15035550100",
                },
            }
        }
    }
    [(role, purpose, categories)] = (await room.reads_of("ana"))[before:]
    assert (role, purpose) == ("floor", "PRODUCTS")
    assert set(categories) >= {"user.name", "user.contact.phone_number", "user.contact.address.street"}
    assert not set(categories) & {"user.contact.email", "user.behavior.purchase_history", "user.content.private"}


def test_label_has_room_for_nothing_else():
    """No email address, no gift message, nothing of what is in the parcel."""
    label = core_schema().type_map["OrderAddress"]
    assert isinstance(label, GraphQLObjectType)
    assert set(label.fields) == {
        "recipientName",
        "company",
        "line1",
        "line2",
        "city",
        "region",
        "postalCode",
        "countryCode",
        "phone",
    }
    assert {str(one.type) for one in label.fields.values()} == {"String"}


async def test_label_is_of_the_shipping_address(room: Workroom):
    order = await room.ordered(who=None)
    home = ADDRESS | {"recipient_name": "Gran", "order_id": order.id, "channel": "WEB"}
    rows = [home | {"kind": "BILLING", "recipient_name": "Payer"}, home | {"kind": "SHIPPING"}]
    await room.shop.database.transact(lambda t: t.execute(insert(OrderAddress).values(rows)))
    found = (await room.ask(LABEL, "floor", "PRODUCTS", id=await shipped(room, order)))["data"]["node"]
    assert found["shippingLabel"]["recipientName"] == "Gran"


async def test_label_is_for_those_who_ship_and_for_that_purpose(room: Workroom):
    key = await shipped(room, await room.ordered())
    before = len(await room.reads_of("ana"))
    for who, purpose, reason in (
        ("provider", "PRODUCTS", "PERMISSION"),
        ("ana", None, "PERMISSION"),
        ("floor", None, "PURPOSE_REQUIRED"),
        ("floor", "ANALYTICS", "PURPOSE_NOT_ALLOWED"),
    ):
        answer = await room.ask(LABEL, who, purpose, id=key)
        assert "Main St" not in str(answer)
        assert refusals(answer) == {("FORBIDDEN", reason)}
    assert len(await room.reads_of("ana")) == before


async def test_pickup_and_counter_sales_have_no_label(room: Workroom):
    key = await shipped(room, await room.ordered(who=None))
    answer = await room.ask(LABEL, "floor", "PRODUCTS", id=key)
    assert answer == {"data": {"node": {"id": key, "shippingLabel": None}}}
