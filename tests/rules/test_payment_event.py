"""Webhooks come twice, in any order, and may say anything: orders follow what the gateway says when it is asked."""

import random
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from commerce import payment_event
from commerce.basket import LineDraft
from commerce.placing import Desk
from gateways.jobs import Jobs
from gateways.payments import Charged, GatewayEvent, GatewayTimeout
from gateways.payments.local import LocalGateway
from models.ids import new_id
from models.order import OrderEventKind
from models.payment import Charge
from models.payment import GatewayEvent as Row
from tests.support import ordering, selling
from tests.support.account import Post
from tests.support.database import RolledBackDatabase
from tests.support.ordering import books, buyer, desk_of, in_cart, open_counter, timeline

PRICE = ordering.PRICE + ordering.SHIPPING


class Asked(LocalGateway):
    """A gateway that counts how often it is asked, and may not answer."""

    def __init__(self, folder: Path, *, delay: float) -> None:
        super().__init__(folder, b"", delay=delay, durable=False)
        self.asked: list[UUID] = []
        self.away = False

    async def find(self, charge_id: UUID, *, gateway_key: str | None = None) -> Charged | None:
        self.asked.append(charge_id)
        if self.away:
            raise GatewayTimeout
        return await super().find(charge_id, gateway_key=gateway_key)


async def placed_late(database: RolledBackDatabase, desk: Desk, token: str) -> tuple[UUID, UUID]:
    """An order whose payment is decided later, and its charge."""
    await open_counter(database.connection)
    who = await buyer(database.connection)
    piece = await selling.variant(database.connection, on_hand=1)
    purchase = await in_cart(database.connection, who, LineDraft(piece, 1), total=PRICE, token=token)
    placed = await ordering.place(desk, who, purchase)
    assert placed.order_id is not None
    charge_id = await database.transact(lambda t: t.scalar(select(Charge.id).where(Charge.order_id == placed.order_id)))
    assert charge_id is not None
    return placed.order_id, charge_id


async def told(database: RolledBackDatabase, *events: GatewayEvent) -> None:
    for event in events:
        await database.transact(lambda t, event=event: payment_event.note(t, "local", event))


async def work(database: RolledBackDatabase, desk: Desk) -> int:
    """Does what the events have promised. Answers how many jobs that were."""
    return await Jobs(database, Post(database, payments=desk.payments).tools, payment_event.HANDLERS).drain()


@pytest.mark.parametrize(
    ("token", "order", "charge", "last"),
    [
        ("tok_late", "PLACED", "CAPTURED", OrderEventKind.PAYMENT_SETTLED),
        ("tok_late_declined", "CANCELLED", "FAILED", OrderEventKind.CANCELLED),
    ],
)
async def test_events_in_any_order_and_number_settle_to_one_truth(
    database: RolledBackDatabase, tmp_path: Path, token: str, order: str, charge: str, last: OrderEventKind
):
    desk = desk_of(database, tmp_path, delay=0)
    order_id, charge_id = await placed_late(database, desk, token)
    events = [GatewayEvent(f"evt_{number}", charge_id) for number in range(4)] * 3
    random.shuffle(events)
    for event in events:
        await told(database, event)
        await work(database, desk)
    kept = await books(database)
    assert (kept.orders, kept.charges, kept.on_hand) == ([order], [charge], int(order == "CANCELLED"))
    happened = await timeline(database, order_id)
    assert happened[-1] is last
    assert len(happened) == len(set(happened)), "nothing happened twice"
    await desk.payments.close()


async def test_what_an_event_says_is_not_believed(database: RolledBackDatabase, tmp_path: Path):
    """It may be signed and still be wrong, or old: as long as the gateway says pending, the order waits."""
    desk = desk_of(database, tmp_path, delay=60)
    _, charge_id = await placed_late(database, desk, "tok_late")
    await told(database, GatewayEvent(f"levt_{charge_id.hex}_decided", charge_id))
    assert await work(database, desk) == 1
    assert ((await books(database)).orders, (await books(database)).charges) == (["PENDING_PAYMENT"], ["PENDING"])
    await desk.payments.close()


async def test_event_that_is_known_asks_nothing_more(database: RolledBackDatabase, tmp_path: Path):
    gateway = Asked(tmp_path, delay=60)
    desk = Desk(database, gateway, ordering.STORE, ordering.SEALER)
    _, charge_id = await placed_late(database, desk, "tok_late")
    first, second = GatewayEvent("evt_1", charge_id), GatewayEvent("evt_2", charge_id)
    await told(database, first, second, first, second)
    await work(database, desk)
    assert gateway.asked == [charge_id], "two that wait are one question"
    await told(database, first, second)
    assert await work(database, desk) == 0
    await told(database, GatewayEvent("evt_1", None), GatewayEvent("evt_3", None))
    assert await work(database, desk) == 0
    assert await database.transact(lambda t: t.scalar(select(func.count(Row.id)))) == 3
    await gateway.close()


async def test_charge_that_is_not_ours_is_not_asked_about(database: RolledBackDatabase, tmp_path: Path):
    gateway = Asked(tmp_path, delay=60)
    desk = Desk(database, gateway, ordering.STORE, ordering.SEALER)
    await told(database, GatewayEvent("evt_1", new_id()))
    assert await work(database, desk) == 1
    assert gateway.asked == []


async def test_charge_that_the_gateway_says_nothing_of_is_left_to_the_reconciler(
    database: RolledBackDatabase, tmp_path: Path
):
    """The event may be quicker than the request that makes the charge."""
    desk = desk_of(database, tmp_path, delay=0)
    _, charge_id = await placed_late(database, desk, "tok_timeout_lost")
    await told(database, GatewayEvent("evt_1", charge_id))
    assert await work(database, desk) == 1
    assert (await books(database)).orders == ["PENDING_PAYMENT"]
    await desk.payments.close()


async def test_gateway_that_does_not_answer_is_asked_again(database: RolledBackDatabase, tmp_path: Path):
    gateway = Asked(tmp_path, delay=0)
    desk = Desk(database, gateway, ordering.STORE, ordering.SEALER)
    _, charge_id = await placed_late(database, desk, "tok_late")
    await told(database, GatewayEvent("evt_1", charge_id))
    gateway.away = True
    await work(database, desk)
    assert (await books(database)).orders == ["PENDING_PAYMENT"]
    gateway.away = False
    tools = Post(database, payments=gateway).tools
    for _ in range(2):
        await payment_event.settle(tools, charge_id)
    assert (await books(database)).orders == ["PLACED"]
    await gateway.close()


async def test_events_are_forgotten_after_a_month(database: RolledBackDatabase):
    await told(database, GatewayEvent("evt_old", None), GatewayEvent("evt_new", None))
    old = update(Row).where(Row.event_key == "evt_old")
    ago = func.now() - payment_event.KEPT - timedelta(seconds=1)
    await database.transact(lambda t: t.execute(old.values(received_at=ago)))
    await payment_event.forget(Post(database).tools)
    assert await database.transact(lambda t: t.scalar(select(Row.event_key))) == "evt_new"
