"""Measurements through HTTP: one's own sets, and what an order was made to (P6)."""

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text, update

from app.embedded import Services
from app.settings import Settings
from models.ids import new_id, read_id, show_id
from models.measurement import OrderMeasurement
from privacy.retention import sweep
from tests.support.workroom import Workroom, open_workroom, refusals
from tests.support.workshop import Line

SAVE = """mutation ($input: MeasurementSetSaveInput!) { measurementSetSave(input: $input) {
  measurementSet { id version label person unit values { name value } keepUntil } userErrors { code field } } }"""
DELETE = """mutation ($input: MeasurementSetDeleteInput!) { measurementSetDelete(input: $input) {
  deletedId userErrors { code field } } }"""
MINE = "{ me { measurements { id label values { name value } } } }"
NODE = "query ($id: ID!) { node(id: $id) { id ... on MeasurementSet { label values { name value } } } }"
LINES = """query ($id: ID!) { order(id: $id) { lines {
  sku measurements { unit person deletedAt values { name value } } } } }"""
CHILD: dict[str, Any] = {
    "label": "Mia",
    "person": "CHILD",
    "unit": "IN",
    "values": [{"name": "HEIGHT", "value": "38.0625"}, {"name": "CHEST", "value": "21.50"}],
}
SHOWN = [{"name": "CHEST", "value": "21.50"}, {"name": "HEIGHT", "value": "38.0625"}]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def room(settings: Settings, template: str, running: Services) -> AsyncGenerator[Workroom]:
    async with open_workroom(settings, template, running) as opened:
        yield opened


async def saved(room: Workroom, who: str = "ana", **changes: Any) -> str:
    payload = await room.outcome(SAVE, who, **CHILD | changes)
    assert payload["userErrors"] == []
    return payload["measurementSet"]["id"]


async def labels(room: Workroom, who: str = "ana") -> list[str]:
    return [one["label"] for one in (await room.ask(MINE, who))["data"]["me"]["measurements"]]


# ---- one's own


async def test_saved_set_is_shown_exactly_to_its_owner(room: Workroom):
    payload = await room.outcome(SAVE, "ana", **CHILD)
    key = payload["measurementSet"].pop("id")
    assert key.startswith("mea_")
    assert payload["measurementSet"] == {
        "version": 1,
        "label": "Mia",
        "person": "CHILD",
        "unit": "IN",
        "values": SHOWN,
        "keepUntil": None,
    }
    mine = (await room.ask(MINE, "ana"))["data"]["me"]["measurements"]
    assert {"id": key, "label": "Mia", "values": SHOWN} in mine
    assert (await room.ask(NODE, "ana", id=key))["data"]["node"] == {"id": key, "label": "Mia", "values": SHOWN}


async def test_database_has_no_measurement_in_the_open(room: Workroom):
    await saved(room, values=[{"name": "HEIGHT", "value": "39.4321"}])
    row = text("SELECT string_agg(m::text, ' ') FROM measurement_set AS m")
    stored = await room.shop.database.transact(lambda t: t.scalar(row))
    assert "39.4321" not in stored
    assert b"39.4321".hex() not in stored


async def test_set_is_replaced_and_deleted(room: Workroom):
    key = await saved(room, label="Old")
    changes = {"id": key, "label": "New", "expectedVersion": 1, "keep": False}
    payload = await room.outcome(SAVE, "ana", **CHILD | changes)
    assert payload["measurementSet"]["version"] == 2
    assert payload["measurementSet"]["keepUntil"] is not None
    payload = await room.outcome(SAVE, "ana", **CHILD | {"id": key, "expectedVersion": 1})
    assert payload == {"measurementSet": None, "userErrors": [("VERSION_CONFLICT", ["expectedVersion"])]}
    assert await room.outcome(DELETE, "ana", id=key) == {"deletedId": key, "userErrors": []}
    assert "New" not in await labels(room)


async def test_refusals_name_the_values(room: Workroom):
    wrong = {"unit": "CM", "label": ""}
    payload = await room.outcome(SAVE, "ana", **CHILD | wrong)
    assert payload == {
        "measurementSet": None,
        "userErrors": [
            ("REQUIRED", ["label"]),
            ("INVALID", ["values", "1", "value"]),
        ],
    }


@pytest.mark.parametrize("prefix", ["mea", "ord"])
async def test_set_of_another_is_as_one_that_is_not(room: Workroom, prefix: str):
    key = await saved(room, label="Ana's")
    for shown in (key, show_id(prefix, new_id()), "nonsense"):
        payload = await room.outcome(SAVE, "bo", **CHILD | {"id": shown, "values": [], "expectedVersion": 5})
        assert payload == {"measurementSet": None, "userErrors": [("NOT_FOUND", ["id"])]}
        assert await room.outcome(DELETE, "bo", id=shown) == {"deletedId": None, "userErrors": [("NOT_FOUND", ["id"])]}
        assert (await room.ask(NODE, "bo", id=shown))["data"]["node"] is None
    assert "Ana's" in await labels(room)
    assert await labels(room, "bo") == []


@pytest.mark.parametrize("who", [None, "tailor", "floor", "catalogue"])
async def test_sets_are_their_owners_alone(room: Workroom, who: str | None):
    key = await saved(room)
    code = {("UNAUTHENTICATED", None)} if who is None else {("FORBIDDEN", "PERMISSION")}
    for mutation, given in ((SAVE, CHILD), (DELETE, {"id": key})):
        answer = await room.ask(mutation, who, "PRODUCTS", input=given)
        assert answer["data"] is None
        assert refusals(answer) == code
    assert (await room.ask(NODE, who, "PRODUCTS", id=key))["data"]["node"] is None


# ---- an order's


async def order_made_to(room: Workroom, key: str) -> Any:
    set_id = read_id("mea", key)
    assert set_id is not None
    order = await room.ordered(Line(custom_made=True), Line())
    await room.measured(order, set_id)
    return order


async def test_order_keeps_what_it_is_made_to_when_the_set_is_gone(room: Workroom):
    key = await saved(room)
    order = await order_made_to(room, key)
    await room.outcome(DELETE, "ana", id=key)
    made_to = {"unit": "IN", "person": "CHILD", "values": SHOWN, "deletedAt": None}
    assert (await room.ask(LINES, "ana", id=order.shown))["data"]["order"]["lines"] == [
        {"sku": "DRESS-0", "measurements": made_to},
        {"sku": "DRESS-1", "measurements": None},
    ]
    assert (await room.ask(LINES, "bo", id=order.shown))["data"]["order"] is None


async def test_values_are_empty_once_they_are_deleted(room: Workroom):
    order = await order_made_to(room, await saved(room))
    cancelled = text("UPDATE orders SET status = 'CANCELLED' WHERE id = :id")
    await room.shop.database.transact(lambda t: t.execute(cancelled, {"id": order.id}))
    await sweep(room.shop.database)
    [first, _] = (await room.ask(LINES, "ana", id=order.shown))["data"]["order"]["lines"]
    assert first["measurements"].pop("deletedAt") is not None
    assert first["measurements"] == {"unit": "IN", "person": "CHILD", "values": []}


async def test_staff_read_measurements_by_permission_and_purpose_and_it_is_recorded(room: Workroom):
    order = await order_made_to(room, await saved(room))
    before = len(await room.reads_of("ana"))
    answer = await room.ask(LINES, "floor", id=order.shown)
    assert answer["data"]["order"]["lines"][0]["measurements"] is None
    assert refusals(answer) == {("FORBIDDEN", "PURPOSE_REQUIRED")}
    answer = await room.ask(LINES, "floor", "BUSINESS", id=order.shown)
    assert refusals(answer) == {("FORBIDDEN", "PURPOSE_NOT_ALLOWED")}
    answer = await room.ask(LINES, "provider", "PRODUCTS", id=order.shown)
    assert refusals(answer) == {("FORBIDDEN", "PERMISSION")}
    assert len(await room.reads_of("ana")) == before
    answer = await room.ask(LINES, "floor", "PRODUCTS", id=order.shown)
    assert answer["data"]["order"]["lines"][0]["measurements"]["values"] == SHOWN
    assert (await room.reads_of("ana"))[before:] == [("floor", "PRODUCTS", ["user.account.settings", BODY])]


BODY = "user.physical.measurements"


async def test_seal_that_was_tampered_with_shows_nothing(room: Workroom):
    order, other = await order_made_to(room, await saved(room)), await order_made_to(room, await saved(room))
    await moved(room, other.lines[0], order.lines[0])
    answer = await room.ask(LINES, "ana", id=order.shown)
    assert SHOWN[0]["value"] not in str(answer)
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"


async def moved(room: Workroom, source: UUID, target: UUID) -> None:
    """One row's seal in the place of another's."""
    sealed = text("SELECT sealed FROM order_measurement WHERE order_line_id = :line")
    found = await room.shop.database.transact(lambda t: t.scalar(sealed, {"line": source}))
    row = update(OrderMeasurement).where(OrderMeasurement.order_line_id == target).values(sealed=found)
    await room.shop.database.transact(lambda t: t.execute(row))
