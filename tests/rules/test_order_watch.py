"""Following an order: what changed it does not matter, and neither does Redis; the session does (P55)."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import Update, func, insert, text, update

from app.embedded import Services
from auth import sessions
from auth.sessions import Issued
from commerce import order_status, order_watch
from commerce.order_watch import End, Following, OrderWatch
from gateways.notices import CHANNEL, Notices, of_order
from models.account import Account, AccountKind
from models.alteration import Alteration
from models.classification import Channel
from models.database import Database, DatabaseAway, note_change
from models.fulfillment import Fulfillment
from models.ids import new_id
from models.login_session import LoginSession
from models.order import Order, OrderEvent, OrderEventKind, OrderLine, OrderPayment, OrderStatus, PaymentStatus
from models.payment import Refund
from models.return_request import ReturnRequest
from tests.support import selling
from tests.support.address import account
from tests.support.database import copy_of
from tests.support.log import written_log
from tests.support.login_session import LAPTOP, ago, change
from tests.support.notices import until_heard
from tests.support.waiting import until

SECRET = b"a secret of these tests, 32 or more"
SOON = 0.1
"""Seconds between questions here, so that tests do not take long."""


@dataclass
class World:
    """A customer with a session and an order, and the watch of a process."""

    database: Database
    watch: OrderWatch
    owner: UUID
    order: UUID
    issued: Issued

    async def follow(self) -> Following:
        found = await self.watch.follow(self.order, self.issued.digest)
        assert isinstance(found, Following)
        return found

    async def do(self, statement: Any) -> None:
        await self.database.transact(lambda transaction: transaction.execute(statement))

    @property
    def orders(self) -> Update:
        """An update of the order, and so on."""
        return update(Order).where(Order.id == self.order)

    @property
    def sessions(self) -> Update:
        return update(LoginSession).where(LoginSession.id == self.issued.session_id)

    @property
    def accounts(self) -> Update:
        return update(Account).where(Account.id == self.owner)

    async def edit(self) -> None:
        await self.do(self.orders.values(version=Order.version + 1))


def nowhere() -> Notices:
    """Notices of a Redis that is not there."""
    return Notices(Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.1), SECRET)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_database(template: str, running: Services) -> AsyncGenerator[Database]:
    """One for all tests here: each has its own customer in it."""
    async with copy_of(template, running.database_url) as url:
        own = Database(url)
        yield own
        await own.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_world(own_database: Database) -> AsyncGenerator[Callable[[Notices], Awaitable[World]]]:
    watches: list[OrderWatch] = []

    async def open_with(notices: Notices) -> World:
        watches.append(OrderWatch(own_database, notices))
        owner = await own_database.transact(account)
        issued = await own_database.transact(lambda t: sessions.issue(t, owner, LAPTOP))
        order = await own_database.transact(lambda t: selling.order(t, owner))
        return World(own_database, watches[-1], owner, order, issued)

    yield open_with
    for watch in watches:
        await watch.close()


@pytest_asyncio.fixture(loop_scope="session")
async def world(open_world: Callable[[Notices], Awaitable[World]], monkeypatch: pytest.MonkeyPatch) -> World:
    """Without Redis."""
    monkeypatch.setattr(order_watch, "ASK_EVERY", SOON)
    return await open_world(nowhere())


async def news(following: Following, within: float = 5.0) -> End | None:
    """Waits for news: None for a change, else why there will be no more."""
    async with asyncio.timeout(within):
        async for _ in following:
            return None
    return following.end


async def quiet(following: Following) -> bool:
    """Whether there is nothing new."""
    try:
        await news(following, 3 * SOON)
    except TimeoutError:
        return True
    return False


# ---- what is told


async def test_change_that_nobody_told_of_is_found(world: World):
    following = await world.follow()
    assert await quiet(following)
    await world.do(world.orders.values(cancel_reason="OTHER"))
    assert await news(following) is None
    assert await quiet(following)


async def test_change_of_another_order_is_none(world: World):
    following = await world.follow()
    await world.database.transact(lambda t: selling.order(t, world.owner))
    await world.do(update(Order).where(Order.id != world.order).values(cancel_reason="OTHER"))
    assert await quiet(following)


async def test_changes_since_the_last_turn_are_one(world: World):
    following = await world.follow()
    for _ in range(5):
        await world.edit()
        await asyncio.sleep(1.5 * SOON)
    assert await news(following) is None
    assert await quiet(following)


async def test_all_that_belongs_to_an_order_counts(world: World):
    following = await world.follow()
    line, name, owner = new_id(), new_id().hex.upper(), {"account_id": world.owner, "channel": Channel.WEB}
    rows: dict[type, dict[str, Any]] = {
        OrderLine: {
            "id": line, "position": 0, "sku": "S-1", "product_name": "Romper",
            "quantity": 1, "unit_price": 100, "total": 100, "currency": "USD",
        },
        OrderEvent: {"id": new_id(), "kind": OrderEventKind.PLACED},
        OrderPayment: {"status": PaymentStatus.CAPTURED, **owner},
        Refund: {"id": new_id(), "status": "PENDING", "reason": "GOODWILL", "currency": "USD", "amount": 1},
        Fulfillment: {"id": new_id(), **owner},
        Alteration: {
            "id": new_id(), "order_line_id": line, "ticket": name, "kind": "HEM", "status": "REQUESTED",
            "price": 0, "currency": "USD", "quantity": 1, "due_on": date(2026, 12, 1), **owner,
        },
        ReturnRequest: {"id": new_id(), "rma": name, "status": "REQUESTED", **owner},
    }  # fmt: skip
    assert set(rows) == set(order_watch.PARTS)
    for table, values in rows.items():
        await world.do(insert(table).values(order_id=world.order, **values))
        assert await news(following) is None, table
    paid = update(OrderPayment).where(OrderPayment.order_id == world.order)
    await world.do(paid.values(status=PaymentStatus.REFUNDED))
    assert await news(following) is None


async def test_more_are_followed_than_one_statement_asks_about(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(order_watch, "AT_A_TIME", 2)
    others = [await world.database.transact(lambda t: sessions.issue(t, world.owner, LAPTOP)) for _ in range(4)]
    found = [await world.follow(), *[await world.watch.follow(world.order, one.digest) for one in others]]
    await world.database.transact(lambda t: sessions.revoke(t, world.owner, others[0].session_id))
    await world.edit()
    ends = [await news(one) for one in found if isinstance(one, Following)]
    assert ends == [None, End.SESSION, None, None, None]


async def test_both_of_two_sessions_hear(world: World):
    other = await world.database.transact(lambda t: sessions.issue(t, world.owner, LAPTOP))
    here, there = await world.follow(), await world.watch.follow(world.order, other.digest)
    assert isinstance(there, Following)
    await world.edit()
    assert [await news(here), await news(there)] == [None, None]


# ---- whom


async def test_order_of_another_or_of_nobody_is_not_there(world: World):
    digest = world.issued.digest
    stranger = await world.database.transact(account)
    foreign = await world.database.transact(lambda t: selling.order(t, stranger))
    guest = await world.database.transact(selling.order)
    for order in (foreign, guest, new_id()):
        assert await world.watch.follow(order, digest) is End.ORDER
    assert await world.watch.follow(world.order, b"no session's") is End.SESSION


ENDS: dict[str, Callable[[World], Any]] = {
    "revoked": lambda world: world.sessions.values(revoked_at=func.now()),
    "expired": lambda world: world.sessions.values(expires_at=ago(seconds=1)),
    "idle": lambda world: world.sessions.values(last_used_at=ago(days=15)),
    "disabled": lambda world: world.accounts.values(disabled_at=func.now()),
    "employed": lambda world: world.accounts.values(kind=AccountKind.STAFF),
}


@pytest.mark.parametrize("end", ENDS)
async def test_session_that_ends_is_told_so_and_nothing_else(world: World, end: str):
    following = await world.follow()
    await world.do(ENDS[end](world))
    assert await news(following, 10 * SOON) is End.SESSION
    assert await world.watch.follow(world.order, world.issued.digest) is End.SESSION
    await world.edit()
    assert await news(following) is End.SESSION


async def test_change_with_which_the_session_ends_is_not_told(world: World):
    following = await world.follow()

    async def both(transaction: Any) -> None:
        await change(transaction, world.issued.session_id, revoked_at=func.now())
        await transaction.execute(world.orders.values(version=Order.version + 1))

    await world.database.transact(both)
    assert await news(following) is End.SESSION


async def test_order_that_is_cut_off_from_its_owner_ends(world: World):
    following = await world.follow()
    await world.do(world.orders.values(account_id=None))
    assert await news(following) is End.ORDER


async def test_other_sessions_go_on(world: World):
    other = await world.database.transact(lambda t: sessions.issue(t, world.owner, LAPTOP))
    there = await world.watch.follow(world.order, other.digest)
    assert isinstance(there, Following)
    await world.database.transact(lambda t: sessions.revoke(t, world.owner, world.issued.session_id))
    assert await quiet(there)
    assert there.end is None


# ---- when


async def test_nobody_is_asked_for_when_nobody_follows(world: World):
    following = await world.follow()
    assert world.watch.busy
    del following
    await until(lambda: not world.watch.busy)
    again = await world.follow()
    await world.edit()
    assert await news(again) is None


async def test_database_that_was_away_is_asked_again(world: World, monkeypatch: pytest.MonkeyPatch):
    following, reading = await world.follow(), world.database.reading
    missed: list[None] = []

    def away() -> Any:
        missed.append(None)
        raise DatabaseAway

    with written_log() as log:
        monkeypatch.setattr(world.database, "reading", away)
        await world.edit()
        await until(lambda: len(missed) > 2)
        monkeypatch.setattr(world.database, "reading", reading)
        assert await news(following) is None
    assert {line["event"] for line in log} <= {"orders.not_watched", "notices.not_heard"}


@pytest_asyncio.fixture(loop_scope="session")
async def told(
    open_world: Callable[[Notices], Awaitable[World]], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> World:
    """With Redis, and so long between questions that only hints tell."""
    monkeypatch.setattr(order_watch, "ASK_EVERY", 60.0)
    world = await open_world(Notices(redis, SECRET))
    await world.follow()
    return world


async def test_hint_of_another_process_tells_at_once(told: World, running: Services):
    following = await told.follow()
    elsewhere, line = Database(told.database.url), Redis.from_url(running.redis_url)
    notices = Notices(line, SECRET)
    elsewhere.on_change = notices.tell
    try:
        await until_heard(line)
        await elsewhere.transact(lambda t: order_status.move(t, told.order, OrderStatus.CANCELLED))
        assert await news(following, 2) is None
        await elsewhere.transact(lambda t: order_status.tell(t, told.order, OrderEventKind.CANCELLED))
        assert await news(following, 2) is None
    finally:
        await notices.close()
        await elsewhere.close()
        await line.aclose()


async def test_transaction_that_is_rolled_back_tells_nothing(own_database: Database, monkeypatch: pytest.MonkeyPatch):
    told: list[Any] = []
    monkeypatch.setattr(own_database, "on_change", told.append)
    key = new_id()

    async def fail(transaction: Any) -> None:
        note_change(transaction, *of_order(key))
        raise LookupError

    with pytest.raises(LookupError):
        await own_database.transact(fail)
    await own_database.transact(lambda t: t.execute(text("SELECT 1")))
    assert told == []

    async def succeed(transaction: Any) -> None:
        for _ in range(2):
            note_change(transaction, *of_order(key))

    await own_database.transact(succeed)
    assert told == [{("order", key)}]


async def test_flood_of_hints_does_not_put_off_the_question_about_all(
    open_world: Callable[[Notices], Awaitable[World]], redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(order_watch, "ASK_EVERY", 0.3)
    notices = Notices(redis, SECRET)
    world = await open_world(notices)
    other = await world.database.transact(lambda t: sessions.issue(t, world.owner, LAPTOP))
    second = await world.database.transact(lambda t: selling.order(t, world.owner))
    hinted, revoked = await world.follow(), await world.watch.follow(second, other.digest)
    assert isinstance(revoked, Following)

    async def flood() -> None:
        while hinted.end is None:
            notices.tell([of_order(world.order)])
            await asyncio.sleep(0.005)

    flooding = asyncio.create_task(flood())
    try:
        await world.database.transact(lambda t: sessions.revoke(t, world.owner, other.session_id))
        assert await news(revoked, 2) is End.SESSION
    finally:
        flooding.cancel()
        await notices.close()


async def test_hints_of_the_same_moment_go_together(running: Services):
    line = Redis.from_url(running.redis_url)
    notices, orders = Notices(line, SECRET), [of_order(new_id()) for _ in range(3)]
    async with line.pubsub(ignore_subscribe_messages=True) as subscribed:
        await subscribed.subscribe(CHANNEL)
        await until_heard(line)
        for order in orders:
            notices.tell([order])
        await notices.close()
        found = [await subscribed.get_message(timeout=0.2) for _ in range(5)]
    await line.aclose()
    assert [message["data"] for message in found if message] == [b"".join(map(notices.name, orders))]


async def test_hints_that_came_together_are_each_heard(told: World, redis: Redis):
    following, other = await told.follow(), of_order(new_id())
    names = map(Notices(redis, SECRET).name, (other, of_order(told.order)))
    await told.database.transact(lambda t: order_status.move(t, told.order, OrderStatus.CANCELLED))
    await redis.publish(CHANNEL, b"".join(names))
    assert await news(following, 2) is None


def test_what_is_sent_names_no_order():
    key = new_id()
    here, there = Notices(Redis(), SECRET), Notices(Redis(), b"another secret of the tests, 32+")
    assert here.name(of_order(key)) == here.name(of_order(key))
    assert len({here.name(of_order(key)), there.name(of_order(key)), here.name(of_order(new_id())), key.bytes}) == 4
