"""How the tailor's work goes on, and what that means for its order."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal
from commerce import alteration
from commerce.order_undoing import call_off
from models.alteration import Alteration, AlterationStatus
from models.catalogue import AlterationKind
from models.ids import new_id
from models.order import OrderEventKind, OrderStatus
from tests.support.account import Post
from tests.support.address import account
from tests.support.database import RolledBackDatabase
from tests.support.workshop import HEM, SLEEVES, Line, Ordered, ordered, status_of, timeline

REQUESTED, IN_PROGRESS, READY, DONE, CANCELLED = AlterationStatus
STARTED, FINISHED = OrderEventKind.ALTERATION_STARTED, OrderEventKind.ALTERATION_READY


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def order(transaction: AsyncConnection) -> Ordered:
    """Two dresses, the first of them for a hem and shorter sleeves, the other for nothing."""
    return await ordered(transaction, await account(transaction), (Line(work=(HEM, SLEEVES)), Line()))


async def row(transaction: AsyncConnection, key: UUID) -> Any:
    return (await transaction.execute(select(Alteration.__table__).where(Alteration.id == key))).one()


async def step(transaction: AsyncConnection, key: UUID, *statuses: AlterationStatus) -> None:
    for status in statuses:
        assert await alteration.change(transaction, key, {"status": status}) == key


def codes(outcome: UUID | list[Refusal]) -> list[tuple[str, ...]]:
    assert isinstance(outcome, list), outcome
    return [(refusal.code, *refusal.field) for refusal in outcome]


async def test_work_goes_one_way(transaction: AsyncConnection, order: Ordered):
    [hem, _] = order.work
    for status in (IN_PROGRESS, READY, DONE):
        for other in set(AlterationStatus) - {status}:
            outcome = await alteration.change(transaction, hem, {"status": other})
            assert codes(outcome) == [("ILLEGAL_TRANSITION", "status")], other
        await step(transaction, hem, status)
        assert (await row(transaction, hem)).status == status
    for status in AlterationStatus:
        assert codes(await alteration.change(transaction, hem, {"status": status})) == [
            ("ILLEGAL_TRANSITION", "status")
        ]
    assert (await row(transaction, hem)).version == 4


async def test_first_work_begun_takes_the_order_into_alteration_and_the_last_ready_back(
    transaction: AsyncConnection, order: Ordered
):
    [hem, sleeves] = order.work
    await step(transaction, hem, IN_PROGRESS)
    assert await status_of(transaction, order) == OrderStatus.IN_ALTERATION
    await step(transaction, hem, READY)
    assert await status_of(transaction, order) == OrderStatus.IN_ALTERATION
    await step(transaction, sleeves, IN_PROGRESS)
    assert await timeline(transaction, order) == [STARTED]
    await step(transaction, sleeves, READY)
    assert await status_of(transaction, order) == OrderStatus.PLACED
    await step(transaction, hem, DONE)
    assert await timeline(transaction, order) == [STARTED, FINISHED]


async def test_garment_made_to_measure_is_work_of_its_own(transaction: AsyncConnection):
    order = await ordered(transaction, await account(transaction), (Line(custom_made=True, work=(HEM,)),))
    making, hem = [await row(transaction, key) for key in order.work]
    assert (making.kind, hem.kind) == (AlterationKind.MADE_TO_MEASURE, AlterationKind.HEM)
    assert making.due_on < hem.due_on
    await step(transaction, making.id, IN_PROGRESS)
    assert await status_of(transaction, order) == OrderStatus.IN_ALTERATION


async def test_order_that_is_partly_shipped_keeps_its_status(transaction: AsyncConnection):
    order = await ordered(transaction, None, (Line(work=(HEM,)), Line()), status=OrderStatus.PARTIALLY_FULFILLED)
    await step(transaction, order.work[0], IN_PROGRESS, READY)
    assert await status_of(transaction, order) == OrderStatus.PARTIALLY_FULFILLED
    assert await timeline(transaction, order) == [STARTED, FINISHED]


async def test_day_and_note_change_without_a_step(transaction: AsyncConnection, order: Ordered):
    [hem, _] = order.work
    changes = {"due_on": date(2026, 12, 24), "workshop_note": " pins in  the lining\r\nsee Tom "}
    assert await alteration.change(transaction, hem, changes) == hem
    stored = await row(transaction, hem)
    assert (stored.due_on, stored.workshop_note) == (date(2026, 12, 24), "pins in the lining\nsee Tom")
    assert (stored.status, stored.note, stored.version) == (REQUESTED, HEM.note, 2)
    await alteration.change(transaction, hem, {"workshop_note": None, "due_on": None, "status": None})
    stored = await row(transaction, hem)
    assert (stored.due_on, stored.workshop_note, stored.status) == (date(2026, 12, 24), None, REQUESTED)
    assert await timeline(transaction, order) == []


@pytest.mark.parametrize(
    ("note", "code"), [("x" * 501, "TOO_LONG"), ("a\x00b", "INVALID"), ("4111111111111111", "CARD_NUMBER_REFUSED")]
)
async def test_note_that_is_refused_changes_nothing(transaction: AsyncConnection, order: Ordered, note: str, code: str):
    [hem, _] = order.work
    outcome = await alteration.change(transaction, hem, {"status": IN_PROGRESS, "workshop_note": note})
    assert codes(outcome) == [(code, "workshopNote")]
    assert (await row(transaction, hem)).version == 1
    assert await status_of(transaction, order) == OrderStatus.PLACED


async def test_unknown_work_and_that_of_an_unpaid_order_are_not_found(transaction: AsyncConnection):
    unpaid = await ordered(transaction, None, (Line(work=(HEM,)),), status=OrderStatus.PENDING_PAYMENT)
    for key in (new_id(), unpaid.work[0]):
        outcome = await alteration.change(transaction, key, {"status": DONE}, expected_version=9)
        assert codes(outcome) == [("NOT_FOUND", "id")]


async def test_second_of_two_editors_is_told(transaction: AsyncConnection, order: Ordered):
    [hem, _] = order.work
    await alteration.change(transaction, hem, {"workshop_note": "first"}, expected_version=1)
    late = await alteration.change(transaction, hem, {"workshop_note": "second"}, expected_version=1)
    assert codes(late) == [("VERSION_CONFLICT", "expectedVersion")]
    assert (await row(transaction, hem)).workshop_note == "first"


async def test_work_of_a_cancelled_order_is_cancelled_for_good(transaction: AsyncConnection, order: Ordered):
    await call_off(transaction, order.id)
    for key in order.work:
        assert (await row(transaction, key)).status == CANCELLED
        assert codes(await alteration.change(transaction, key, {"status": IN_PROGRESS})) == [
            ("ILLEGAL_TRANSITION", "status")
        ]


# ---- letters


async def test_customer_is_told_once_when_all_is_ready(database: RolledBackDatabase, order: Ordered):
    post = Post(database)
    await step(database.connection, order.work[0], IN_PROGRESS, READY)
    assert await post.deliver() == []
    await step(database.connection, order.work[1], IN_PROGRESS, READY)
    [letter] = await post.deliver()
    assert letter.to == "ana@example.com"
    assert "1 x Linen dress, M" in letter.text
    assert HEM.note is not None
    assert HEM.note not in letter.text
    assert await post.deliver() == []


async def test_nobody_is_told_of_an_order_without_a_person(database: RolledBackDatabase):
    order = await ordered(database.connection, None, (Line(work=(HEM,)),))
    await step(database.connection, order.work[0], IN_PROGRESS, READY)
    assert await Post(database).deliver() == []
