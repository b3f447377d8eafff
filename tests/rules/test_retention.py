from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

import models
from auth.viewer import ANONYMOUS
from commerce import alteration, fulfillment
from commerce.basket import LineDraft
from commerce.fulfillment import Shipment
from models.account import AccountEvent
from models.alteration import Alteration, AlterationStatus
from models.cart import Cart
from models.classification import Channel
from models.fulfillment import Fulfillment
from models.ids import new_id
from models.login_session import LoginSession
from models.measurement import MeasurementSet, OrderMeasurement
from models.order import Order
from privacy.retention import RULES, named, sweep
from tests.support import selling
from tests.support.address import account
from tests.support.cart import new_cart, stored
from tests.support.database import RolledBackDatabase
from tests.support.selling import measurement_set
from tests.support.workshop import HEM, Line, Ordered, ordered

NOW = datetime.now(UTC)


def test_every_retention_that_a_column_names_has_a_rule():
    assert {name for _, name in named(models.metadata)} <= set(RULES)


def test_no_rule_is_without_a_column():
    assert set(RULES) <= {name for _, name in named(models.metadata)}


async def session(database: RolledBackDatabase, owner: UUID, **changes: object) -> UUID:
    row = {
        "id": new_id(),
        "account_id": owner,
        "token_digest": new_id().bytes * 2,
        "channel": "WEB",
        "device_kind": "OTHER",
        "idle_seconds": 3600 * 24 * 14,
        "expires_at": NOW + timedelta(days=20),
    }
    await database.transact(lambda transaction: transaction.execute(insert(LoginSession).values({**row, **changes})))
    return UUID(str(row["id"]))


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"revoked_at": NOW - timedelta(days=29)}, True),
        ({"revoked_at": NOW - timedelta(days=31)}, False),
        ({"expires_at": NOW - timedelta(days=31)}, False),
        ({"expires_at": NOW - timedelta(days=29)}, True),
        ({"last_used_at": NOW - timedelta(days=43)}, True),
        ({"last_used_at": NOW - timedelta(days=45)}, False),
    ],
)
async def test_session_goes_thirty_days_after_its_end(
    database: RolledBackDatabase, changes: dict[str, object], kept: bool
):
    owner = await database.transact(account)
    key = await session(database, owner, **changes)
    await sweep(database)
    found = select(func.count()).where(LoginSession.id == key)
    assert bool(await database.transact(lambda transaction: transaction.scalar(found))) is kept


@pytest.mark.parametrize(
    ("end", "placing", "kept"),
    [(-1, False, False), (1, False, True), (-1, True, True)],
    ids=["over", "open", "ordered"],
)
async def test_cart_goes_with_its_lines_at_its_end_but_not_while_it_is_ordered(
    database: RolledBackDatabase, end: int, placing: bool, kept: bool
):
    variant = await selling.variant(database.connection)
    cart_id, _ = await new_cart(database.connection, ANONYMOUS, LineDraft(variant, 1))
    values = {
        "expires_at": NOW + timedelta(days=end),
        "placing_id": await selling.order(database.connection) if placing else None,
    }
    await database.connection.execute(update(Cart).values(values))
    counts = await sweep(database)
    assert counts["cart"] == (0 if kept else 1)
    assert len((await stored(database.connection, cart_id)).get("lines", ())) == (1 if kept else 0)


async def test_sweep_takes_more_than_a_batch_and_tells_how_many(
    database: RolledBackDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("privacy.retention.BATCH", 3)
    owner = await database.transact(account)
    old = {"account_id": owner, "kind": "SIGNED_IN", "channel": "WEB", "occurred_at": NOW - timedelta(days=400)}
    rows = [{**old, "id": new_id()} for _ in range(7)] + [{**old, "id": new_id(), "occurred_at": NOW}]
    await database.transact(lambda transaction: transaction.execute(insert(AccountEvent), rows))
    assert (await sweep(database))["account_event"] == 7
    left = select(func.count()).where(AccountEvent.account_id == owner)
    assert await database.transact(lambda transaction: transaction.scalar(left)) == 1


# ---- measurements, as P6 says


async def measured(transaction: AsyncConnection, **facts: Any) -> Ordered:
    """An order of a garment made to measure, with a note to the tailor and one of the tailor's."""
    order = await ordered(transaction, await account(transaction), (Line(custom_made=True, work=(HEM,)),), **facts)
    sealed = {"order_line_id": order.lines[0], "account_id": order.account_id, "sealed": b"sealed"}
    body = {"channel": "WEB", "person": "CHILD", "unit": "CM"}
    await transaction.execute(insert(OrderMeasurement).values(sealed | body))
    noted = update(Alteration).where(Alteration.order_id == order.id)
    await transaction.execute(noted.values(workshop_note="one shoulder is lower"))
    return order


async def kept_of(transaction: AsyncConnection, order: Ordered) -> set[str]:
    """What is still told of a body."""
    copy = select(OrderMeasurement.__table__).where(OrderMeasurement.order_line_id == order.lines[0])
    stored = (await transaction.execute(copy)).one()
    assert (stored.sealed is None) == (stored.deleted_at is not None)
    work = (await transaction.execute(select(Alteration.__table__).where(Alteration.order_id == order.id))).all()
    assert [(row.ticket is not None, row.due_on is not None) for row in work] == [(True, True)] * 2
    notes = {note for row in work for note in (row.note, row.workshop_note) if note is not None}
    return notes | ({"measurements"} if stored.sealed is not None else set())


ALL = {"measurements", "two fingers at the left", "one shoulder is lower"}


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days, minutes=1)


@pytest.mark.parametrize(
    ("status", "delivered", "shipped", "kept"),
    [
        ("PLACED", None, None, True),
        ("FULFILLED", None, 119, True),
        ("FULFILLED", None, 120, False),
        ("PARTIALLY_FULFILLED", None, 120, True),
        ("DELIVERED", 89, 95, True),
        ("DELIVERED", 90, 95, False),
        ("DELIVERED", 89, 300, True),
        ("CANCELLED", None, None, False),
    ],
)
async def test_measurements_and_notes_go_ninety_days_after_delivery(
    database: RolledBackDatabase, status: str, delivered: int | None, shipped: int | None, kept: bool
):
    transaction = database.connection
    at = None if delivered is None else days_ago(delivered)
    order = await measured(transaction, status=status, delivered_at=at, placed_at=days_ago(400))
    for days in (shipped, 400) if shipped is not None else ():
        shipment = {"id": new_id(), "order_id": order.id, "channel": "WEB", "shipped_at": days_ago(days)}
        await transaction.execute(insert(Fulfillment).values(shipment))
    counts = await sweep(database)
    assert await kept_of(transaction, order) == (ALL if kept else set())
    assert (counts["order_measurement"], counts["alteration"]) == ((0, 0) if kept else (1, 2))
    assert (await sweep(database))["order_measurement"] == 0


async def test_measurements_go_by_the_clock_after_a_real_delivery(database: RolledBackDatabase):
    """The order goes all its way; then every moment of it lies ninety days further back."""
    transaction = database.connection
    order = await measured(transaction)
    for key in order.work:
        for step in ("IN_PROGRESS", "READY"):
            await alteration.change(transaction, key, {"status": AlterationStatus(step)})
    await fulfillment.fulfill(transaction, order.id, Shipment(), Channel.WEB)
    await fulfillment.deliver(transaction, order.id)
    travelled = 0
    for days, kept in ((89, ALL), (90, set())):
        back = timedelta(days=days - travelled, seconds=days - 89)
        moved = update(Order).values(placed_at=Order.placed_at - back, delivered_at=Order.delivered_at - back)
        await transaction.execute(moved.where(Order.id == order.id))
        await sweep(database)
        assert await kept_of(transaction, order) == kept, days
        travelled = days


async def test_set_goes_when_it_was_not_to_be_kept_and_its_time_is_over(database: RolledBackDatabase):
    transaction = database.connection
    owner = await account(transaction)
    await measurement_set(transaction, owner, keep=False, keep_until=NOW - timedelta(minutes=1))
    kept = {
        await measurement_set(transaction, owner, keep=False, keep_until=NOW + timedelta(days=1)),
        await measurement_set(transaction, owner, created_at=NOW - timedelta(days=3000)),
    }
    assert (await sweep(database))["measurement_set"] == 1
    assert set(await transaction.scalars(select(MeasurementSet.id))) == kept


async def test_clearing_goes_on_beyond_a_batch(database: RolledBackDatabase, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("privacy.retention.BATCH", 2)
    orders = [await measured(database.connection, status="CANCELLED") for _ in range(3)]
    counts = await sweep(database)
    assert (counts["order_measurement"], counts["alteration"]) == (3, 6)
    assert [await kept_of(database.connection, order) for order in orders] == [set()] * 3
