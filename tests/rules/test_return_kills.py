"""Killed with -9 at any step, whoever sells or refunds leaves what the gateway did, and the shop knows of it."""

import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from commerce.placing import Desk
from commerce.reconciling import reconcile
from models.database import Database
from models.job import JobState, QueuedJob
from models.order import Order, OrderStatus
from models.payment import Refund
from tests.support.account import Post
from tests.support.login_session import account_with
from tests.support.mortal import Errand, Nursery, nursery
from tests.support.ordering import at_gateway, books, desk_of, ledger_holds, open_counter
from tests.support.selling import variant

KILLED = -signal.SIGKILL
STOCK = 50
PRICE = 2080
"""With the tax of the store."""


@pytest.fixture
async def desk(committed_database: Database, tmp_path: Path) -> Desk:
    await committed_database.transact(open_counter)
    await committed_database.transact(lambda t: account_with(t, None))
    await committed_database.transact(lambda t: variant(t, on_hand=STOCK))
    return desk_of(committed_database, tmp_path)


@pytest.fixture
def mortals(desk: Desk, tmp_path: Path) -> Generator[Nursery]:
    with nursery(desk.database.url, tmp_path) as found:
        yield found


async def recover(desk: Desk) -> None:
    """What the shop does by itself in time; jobs whose worker died are due again."""
    stuck = update(QueuedJob).where(QueuedJob.state == JobState.RUNNING).values(due_at=func.now())
    await desk.database.transact(lambda t: t.execute(stuck))
    await reconcile(desk.database, desk.payments)
    await Post(desk.database, payments=desk.payments).deliver()


async def paid_as_sold(desk: Desk) -> int:
    """Asserts that each sale is paid once, and nothing else; answers how many there are."""
    found = await books(desk.database)
    kept = [one for one in found.orders if one != OrderStatus.CANCELLED]
    assert set(kept) <= {OrderStatus.PLACED, OrderStatus.DELIVERED}
    assert found.on_hand == STOCK - len(kept)
    assert await ledger_holds(desk.database, STOCK)
    money = [captured - refunded for _, captured, refunded in await at_gateway(desk)]
    assert [one for one in money if one] == [PRICE] * len(kept)
    return len(kept)


SELLING = {
    "before anything is committed": ("IN", 1, 0),
    "when the order is written": ("AFTER", 1, 0),
    "when the money is taken": ("GATEWAY", 1, 1),
    "before the settlement is committed": ("IN", 2, 1),
    "when all is done but the answer": ("AFTER", 2, 1),
}


async def test_till_killed_at_each_step_leaves_sale_and_money_or_neither(desk: Desk, mortals: Nursery):
    before = 0
    for step, (dies, at, left) in SELLING.items():
        mortals.send(Errand("sell", dies, at, total=PRICE, key=step))
        assert mortals.ended() == KILLED, step
        await recover(desk)
        before += left
        assert await paid_as_sold(desk) == before, step


async def test_till_that_asks_again_goes_on_where_it_was(desk: Desk, mortals: Nursery):
    for before, (step, (dies, at, _)) in enumerate(SELLING.items()):
        for errand in (Errand("sell", dies, at, total=PRICE, key=step), Errand("sell", total=PRICE, key=step)):
            mortals.send(errand)
            mortals.ended()
        assert await paid_as_sold(desk) == before + 1, step
    delivered = select(func.count()).select_from(Order).where(Order.status == OrderStatus.DELIVERED)
    assert await desk.database.transact(lambda t: t.scalar(delivered)) == len(SELLING)


async def test_refund_killed_at_each_step_is_paid_once_or_was_never_begun(desk: Desk, mortals: Nursery):
    mortals.send(Errand("sell", total=PRICE, key="the sale"))
    assert mortals.ended() == 0
    begun = 0
    for dies, at in (("IN", 1), ("AFTER", 1), ("GATEWAY", 1), ("IN", 3)):
        mortals.send(Errand("refund", dies, at))
        assert mortals.ended() == KILLED, (dies, at)
        begun += (dies, at) != ("IN", 1)
        await recover(desk)
        statuses = await desk.database.transact(lambda t: t.scalars(select(Refund.status)))
        assert [*statuses] == ["SUCCEEDED"] * begun, (dies, at)
        order = await desk.database.transact(lambda t: t.scalar(select(Order.refunded_total)))
        [(_, _, refunded)] = await at_gateway(desk)
        assert order == refunded == 100 * begun, (dies, at)
