"""The tailor's queue through HTTP: work and garment, and nobody whose it is (P6)."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio

from app.embedded import Services
from app.settings import Settings
from auth.permissions import denial
from auth.roles import ROLES, permissions_of, purposes_of
from auth.viewer import Access, ViewerKind
from models.classification import Personal, classification
from models.ids import new_id, read_id, show_id
from resolvers.root import core_schema
from tests.support.schema_walk import Walk
from tests.support.workroom import Workroom, open_workroom, refusals
from tests.support.workshop import HEM, SLEEVES, Line, Ordered

SAVE = """mutation ($input: MeasurementSetSaveInput!) { measurementSetSave(input: $input) {
  measurementSet { id } userErrors { code } } }"""
QUEUE = """query ($first: Int!, $after: String, $status: AlterationStatus) {
  alterations(first: $first, after: $after, status: $status) {
    edges { cursor node { id ticket status dueOn } } pageInfo { hasNextPage endCursor } } }"""
WHOLE = """query ($id: ID!) { node(id: $id) { ... on Alteration {
  version ticket kind status note price { amount currencyCode } quantity dueOn workshopNote
  garment { sku productName size color } measurements { unit person values { name value } deletedAt } } } }"""
OWN = """query ($id: ID!) { order(id: $id) { lines { alterations {
  id ticket kind status note price { amount } measurements { values { name value } } } } } }"""
UPDATE = """mutation ($input: AlterationUpdateInput!) { alterationUpdate(input: $input) {
  alteration { id version status dueOn workshopNote } userErrors { code field } } }"""
NOTES = "query ($id: ID!) { node(id: $id) { ... on Alteration { workshopNote } } }"
READS_ORDER = "query ($id: ID!) { order(id: $id) { status timeline { kind } } }"
WAIST = [{"name": "WAIST", "value": "71.5"}]
OVER = {"DONE", "CANCELLED"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def room(settings: Settings, template: str, running: Services) -> AsyncGenerator[Workroom]:
    async with open_workroom(settings, template, running) as opened:
        yield opened


def shown(order: Ordered) -> list[str]:
    return [show_id("alt", key) for key in order.work]


async def made_to_measure(room: Workroom) -> Ordered:
    """Ana's dress, made to her measurements and then hemmed."""
    given = {"label": "Me", "person": "ADULT", "unit": "CM", "values": WAIST}
    saved = await room.outcome(SAVE, "ana", **given)
    set_id = read_id("mea", saved["measurementSet"]["id"])
    assert set_id is not None
    order = await room.ordered(Line(2, custom_made=True, work=(HEM,)))
    await room.measured(order, set_id)
    return order


async def queue(room: Workroom, status: str | None = None) -> list[dict[str, Any]]:
    answer = await room.ask(QUEUE, "tailor", first=100, status=status)
    assert "errors" not in answer, answer
    return [edge["node"] for edge in answer["data"]["alterations"]["edges"]]


async def step(room: Workroom, key: str, *statuses: str) -> None:
    for status in statuses:
        payload = await room.outcome(UPDATE, "tailor", id=key, status=status)
        assert payload["userErrors"] == []


# ---- the tailor


async def test_tailor_sees_work_garment_and_measurements_and_the_read_is_recorded(room: Workroom):
    order = await made_to_measure(room)
    before = len(await room.reads_of("ana"))
    answer = await room.ask(WHOLE, "tailor", "PRODUCTS", id=shown(order)[1])
    found = answer["data"]["node"]
    assert found.pop("ticket").startswith("T-")
    assert found == {
        "version": 1,
        "kind": "HEM",
        "status": "REQUESTED",
        "note": HEM.note,
        "price": {"amount": "5.00", "currencyCode": "USD"},
        "quantity": 2,
        "dueOn": "2026-12-23",
        "workshopNote": None,
        "garment": {"sku": "DRESS-0", "productName": "Linen dress", "size": "M", "color": None},
        "measurements": {"unit": "CM", "person": "ADULT", "values": WAIST, "deletedAt": None},
    }
    recorded = ["user.account.settings", "user.content.private", "user.physical.measurements"]
    assert (await room.reads_of("ana"))[before:] == [("tailor", "PRODUCTS", recorded)]


async def test_tailor_reads_nothing_of_a_body_without_a_purpose(room: Workroom):
    order = await made_to_measure(room)
    before = len(await room.reads_of("ana"))
    answer = await room.ask(WHOLE, "tailor", id=shown(order)[0])
    assert refusals(answer) == {("FORBIDDEN", "PURPOSE_REQUIRED")}
    found = answer["data"]["node"]
    assert (found["note"], found["workshopNote"], found["measurements"]) == (None, None, None)
    assert found["garment"]["productName"] == "Linen dress"
    assert len(await room.reads_of("ana")) == before


async def test_tailor_finds_neither_order_nor_person(room: Workroom):
    order = await made_to_measure(room)
    asked = "query ($id: ID!, $me: ID!) { order(id: $id) { id } nodes(ids: [$id, $me]) { id } }"
    answer = await room.ask(asked, "tailor", "PRODUCTS", id=order.shown, me=show_id("cus", room.people["ana"]))
    assert answer == {"data": {"order": None, "nodes": [None, None]}}
    for query in ("{ orders(first: 1) { edges { cursor } } }", "{ customers(first: 1) { edges { cursor } } }"):
        assert refusals(await room.ask(query, "tailor", "PRODUCTS")) == {("FORBIDDEN", "PERMISSION")}
    for edge in ("order { id }", "orderId", "customer { id }", "line { id }"):
        answer = await room.ask(
            f"{{ alterations(first: 1) {{ edges {{ node {{ {edge} }} }} }} }}", "tailor", "PRODUCTS"
        )
        assert answer["errors"][0]["message"].startswith("Cannot query field"), answer


def admits_the_tailor(readers: Any) -> bool:
    held, purposes = permissions_of(("tailor",)), frozenset(purposes_of(("tailor",)))
    access = Access(ViewerKind.STAFF, held, purposes, "PRODUCTS", acknowledged=True, second_factor=True)
    return denial(readers, access) is None


def test_no_way_from_work_leads_to_a_person():
    """Of all that the tailor may read from the queue on: what is of a person is bodies and notes, and nobody's name."""
    steps = list(Walk(core_schema(), admits_the_tailor).steps("AlterationConnection"))
    reached = {one.field for one in steps}
    assert {"Alteration.note", "Alteration.garment", "SealedMeasurements.values", "Garment.size"} <= reached
    assert {one.type_name for one in steps} == {
        "AlterationConnection",
        "AlterationEdge",
        "PageInfo",
        "Alteration",
        "Money",
        "Garment",
        "SealedMeasurements",
        "Measurement",
    }
    columns = {stored for one in steps for stored in one.columns}
    told = [classification(stored) for stored in columns]
    categories = {one.category for one in told if isinstance(one, Personal)}
    assert categories == {"user.content.private", "user.physical.measurements", "user.account.settings"}
    assert not any(stored.name in {"account_id", "order_id", "number"} for stored in columns)


def test_role_of_the_tailor_reads_no_orders_and_no_customers():
    assert ROLES["tailor"].permissions == {"alteration:read", "alteration:write"}


# ---- the queue


async def test_queue_is_work_that_is_not_over_and_first_what_is_due_first(room: Workroom):
    order = await room.ordered(Line(work=(SLEEVES, HEM)), Line(work=(HEM,)))
    late, soon, last = shown(order)
    await room.outcome(UPDATE, "tailor", id=late, dueOn="2031-01-01")
    await room.outcome(UPDATE, "tailor", id=soon, dueOn="2020-01-01")
    await step(room, last, "IN_PROGRESS", "READY", "DONE")
    found = await queue(room)
    assert [one["dueOn"] for one in found] == sorted(one["dueOn"] for one in found)
    assert (found[0]["id"], found[-1]["id"]) == (soon, late)
    assert last not in {one["id"] for one in found}
    assert not {one["status"] for one in found} & OVER
    assert last in {one["id"] for one in await queue(room, status="DONE")}
    assert {one["status"] for one in await queue(room, status="DONE")} == {"DONE"}


async def test_queue_is_read_page_by_page(room: Workroom):
    await room.ordered(Line(work=(SLEEVES, HEM)), Line(work=(HEM,)))
    wanted = [one["id"] for one in await queue(room)]
    found, after = [], None
    while True:
        answer = await room.ask(QUEUE, "tailor", first=2, after=after)
        page = answer["data"]["alterations"]
        found += [edge["node"]["id"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert found == wanted
    assert len(found) > 2


async def test_work_of_an_order_that_is_not_paid_is_not_there_yet(room: Workroom):
    order = await room.ordered(Line(work=(HEM,)), status="PENDING_PAYMENT")
    [key] = shown(order)
    assert key not in {one["id"] for one in await queue(room)}
    assert (await room.ask(WHOLE, "tailor", "PRODUCTS", id=key))["data"]["node"] is None
    payload = await room.outcome(UPDATE, "tailor", id=key, status="IN_PROGRESS")
    assert payload["userErrors"] == [("NOT_FOUND", ["id"])]
    assert (await room.ask(OWN, "ana", id=order.shown))["data"]["order"]["lines"][0]["alterations"][0]["id"] == key


# ---- going on


async def test_work_goes_on_and_its_order_with_it(room: Workroom):
    order = await room.ordered(Line(work=(HEM,)))
    [key] = shown(order)
    given = {"id": key, "expectedVersion": 1, "status": "IN_PROGRESS", "dueOn": "2027-01-05", "workshopNote": "silk"}
    payload = await room.outcome(UPDATE, "tailor", **given)
    assert payload == {
        "alteration": {"id": key, "version": 2, "status": "IN_PROGRESS", "dueOn": "2027-01-05", "workshopNote": "silk"},
        "userErrors": [],
    }
    assert (await room.ask(READS_ORDER, "ana", id=order.shown))["data"]["order"]["status"] == "IN_ALTERATION"
    payload = await room.outcome(UPDATE, "tailor", id=key, expectedVersion=1, status="READY")
    assert payload == {"alteration": None, "userErrors": [("VERSION_CONFLICT", ["expectedVersion"])]}
    payload = await room.outcome(UPDATE, "tailor", id=key, status="DONE")
    assert payload == {"alteration": None, "userErrors": [("ILLEGAL_TRANSITION", ["status"])]}
    await step(room, key, "READY")
    found = (await room.ask(READS_ORDER, "ana", id=order.shown))["data"]["order"]
    assert found["status"] == "PLACED"
    assert [event["kind"] for event in found["timeline"]] == ["ALTERATION_STARTED", "ALTERATION_READY"]


async def test_unknown_work_is_not_found(room: Workroom):
    order = await room.ordered()
    for key in (show_id("alt", new_id()), order.shown, "nonsense"):
        payload = await room.outcome(UPDATE, "tailor", id=key, status="DONE", expectedVersion=9)
        assert payload == {"alteration": None, "userErrors": [("NOT_FOUND", ["id"])]}


@pytest.mark.parametrize("who", [None, "ana", "floor", "catalogue"])
async def test_work_is_changed_by_the_workshop_alone(room: Workroom, who: str | None):
    order = await room.ordered(Line(work=(HEM,)))
    [key] = shown(order)
    answer = await room.ask(UPDATE, who, "PRODUCTS", input={"id": key, "status": "IN_PROGRESS"})
    assert answer["data"] is None
    assert refusals(answer) == {("UNAUTHENTICATED", None)} if who is None else {("FORBIDDEN", "PERMISSION")}
    assert [one["status"] for one in await queue(room) if one["id"] == key] == ["REQUESTED"]


# ---- its owner


async def test_owner_sees_the_work_but_not_the_workshops_notes(room: Workroom):
    order = await made_to_measure(room)
    making, hem = shown(order)
    await room.outcome(UPDATE, "tailor", id=hem, workshopNote="one shoulder is lower")
    [line] = (await room.ask(OWN, "ana", id=order.shown))["data"]["order"]["lines"]
    assert [one["id"] for one in line["alterations"]] == [making, hem]
    assert [one["kind"] for one in line["alterations"]] == ["MADE_TO_MEASURE", "HEM"]
    assert line["alterations"][1]["note"] == HEM.note
    assert line["alterations"][1]["measurements"]["values"] == WAIST
    assert refusals(await room.ask(NOTES, "ana", id=hem)) == {("FORBIDDEN", "PERMISSION")}
    for who in ("bo", None, "catalogue", "provider"):
        assert (await room.ask(WHOLE, who, "PRODUCTS", id=hem))["data"]["node"] is None


@pytest.mark.parametrize("who", [None, "ana", "provider", "catalogue"])
async def test_queue_is_the_workshops_alone(room: Workroom, who: str | None):
    answer = await room.ask(QUEUE, who, "PRODUCTS", first=1)
    assert answer["data"] is None
    assert refusals(answer) == ({("UNAUTHENTICATED", None)} if who is None else {("FORBIDDEN", "PERMISSION")})
