"""Killed with -9 at any step, whoever places or settles orders leaves both order and charge, or neither."""

import asyncio
import os
import random
import signal
from collections.abc import Generator
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import order_cancelling
from commerce.basket import LineDraft
from commerce.placing import Desk
from commerce.reconciling import reconcile
from models.database import Database
from models.job import JobState, QueuedJob
from models.order import Order, OrderStatus
from tests.support.account import Post
from tests.support.mortal import Errand, Nursery, nursery
from tests.support.ordering import (
    PRICE,
    SHIPPING,
    Buyer,
    at_gateway,
    books,
    buyer,
    desk_of,
    in_cart,
    ledger_holds,
    open_counter,
)
from tests.support.selling import variant

ONE = PRICE + SHIPPING
KILLED = -signal.SIGKILL
STOCK = 200


@pytest.fixture
async def desk(committed_database: Database, tmp_path: Path) -> Desk:
    await committed_database.transact(open_counter)
    return desk_of(committed_database, tmp_path)


@pytest.fixture
async def romper(desk: Desk) -> UUID:
    return await desk.database.transact(lambda t: variant(t, on_hand=STOCK))


@pytest.fixture
def mortals(desk: Desk, tmp_path: Path) -> Generator[Nursery]:
    with nursery(desk.database.url, tmp_path) as found:
        yield found


async def fill_carts(desk: Desk, romper: UUID, count: int = 1) -> list[Buyer]:
    """So many customers, each with one piece in the cart."""

    async def fill(transaction: AsyncConnection) -> list[Buyer]:
        people = [await buyer(transaction) for _ in range(count)]
        for one in people:
            await in_cart(transaction, one, LineDraft(romper, 1), total=ONE)
        return people

    return await desk.database.transact(fill)


async def recover(desk: Desk) -> None:
    """What the shop does by itself in time."""
    await until_quiet(desk)
    await lapse(desk)
    await reconcile(desk.database, desk.payments)
    await Post(desk.database, payments=desk.payments).deliver()


async def until_quiet(desk: Desk) -> None:
    """Waits until PostgreSQL has ended what the dead had begun: a statement that it was sent is done, and committed."""
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'"
    )
    for _ in range(1000):
        if not await desk.database.transact(lambda t: t.scalar(others)):
            return
        await asyncio.sleep(0.005)
    raise AssertionError("something is never done")


async def lapse(desk: Desk) -> None:
    """Jobs whose worker died are due again, which takes half a minute otherwise."""
    stuck = update(QueuedJob).where(QueuedJob.state == JobState.RUNNING).values(due_at=func.now())
    await desk.database.transact(lambda t: t.execute(stuck))


async def both_or_neither(desk: Desk, carts: int) -> int:
    """Asserts that each order is paid once, and nothing else; answers how many are placed."""
    found = await books(desk.database)
    placed = found.orders.count(OrderStatus.PLACED)
    assert set(found.orders) <= {OrderStatus.PLACED, OrderStatus.CANCELLED}
    assert (found.on_hand, found.carts, found.hidden) == (STOCK - placed, carts - len(found.orders), 0)
    assert await ledger_holds(desk.database, STOCK)
    kept = [captured - refunded for _, captured, refunded in await at_gateway(desk)]
    assert sorted(one for one in kept if one) == [ONE] * placed
    return placed


# Where whoever places an order dies, and how many orders are left of it. It takes two transactions to place one.
STEPS = {
    "before anything is committed": (Errand("place", "IN", 1), 0),
    "when the order is written": (Errand("place", "AFTER", 1), 0),
    "when the money is taken": (Errand("place", "GATEWAY", 1), 1),
    "before the settlement is committed": (Errand("place", "IN", 2), 1),
    "when all is done but the answer": (Errand("place", "AFTER", 2), 1),
}


async def test_killed_at_each_step_of_placing_leaves_both_or_neither(desk: Desk, romper: UUID, mortals: Nursery):
    """And the customer who tries again with the same key has one order in the end."""
    for before, (step, (errand, left)) in enumerate(STEPS.items()):
        await fill_carts(desk, romper)
        mortals.send(errand)
        assert mortals.ended() == KILLED, step
        await recover(desk)
        assert await both_or_neither(desk, before + 1) == before + left, step
        mortals.send(Errand("place"))
        assert mortals.ended() == 0
        assert await both_or_neither(desk, before + 1) == before + 1, step


async def test_killed_at_any_moment_of_placing_many_leaves_both_or_neither(desk: Desk, romper: UUID, mortals: Nursery):
    for count in range(1, 7):
        await fill_carts(desk, romper, 4)
        victim = mortals.send(Errand("place"))
        await asyncio.sleep(random.uniform(0.02, 0.3))
        kill(victim)
        mortals.ended()
        await recover(desk)
        await both_or_neither(desk, 4 * count)


def kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


async def test_worker_killed_at_each_step_of_settling_leaves_both_or_neither(
    desk: Desk, romper: UUID, mortals: Nursery
):
    """Of an answer that never came, a request that never arrived, and an order that is cancelled when it is paid."""
    for count, dies in enumerate(("IN", "AFTER", "GATEWAY"), start=1):
        cancelled = await fill_carts(desk, romper)
        await errands(mortals, Errand("place"))
        for token in ("tok_timeout", "tok_timeout_lost"):
            await fill_carts(desk, romper)
            await errands(mortals, Errand("place", token=token))
        await cancel_all(desk, cancelled)
        assert await deaths(desk, mortals, dies) >= 1
        await recover(desk)
        assert await both_or_neither(desk, 3 * count) == count
        book = [(captured, refunded) for _, captured, refunded in await at_gateway(desk)]
        assert sorted(book) == [(ONE, 0)] * count + [(ONE, ONE)] * count


async def deaths(desk: Desk, mortals: Nursery, dies: str) -> int:
    """Has a worker killed at its first step, another at its second, until one outlives what there is to do."""
    for step in range(1, 40):
        mortals.send(Errand("work", dies, step))
        if mortals.ended() == 0:
            return step - 1
        await lapse(desk)
    raise AssertionError("there is always more to do")


async def errands(mortals: Nursery, errand: Errand) -> None:
    mortals.send(errand)
    assert mortals.ended() == 0


async def cancel_all(desk: Desk, people: list[Buyer]) -> None:
    for one in people:
        [order_id] = await desk.database.transact(
            lambda t, owner=one.account_id: t.scalars(select(Order.id).where(Order.account_id == owner))
        )
        given = {"id": str(order_id), "idempotency_key": "k"}
        work = partial(order_cancelling.cancel, viewer=one.viewer, order_id=order_id, given=given)
        assert await desk.database.transact(work) == order_id
