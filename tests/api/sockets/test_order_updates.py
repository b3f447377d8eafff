"""orderUpdated over a socket to the shop: its owner's alone, and no longer than the session lives (P55)."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import func, insert, update

from app.asgi import create_app
from app.connections import tools
from app.embedded import Services
from app.settings import Settings
from auth import sessions
from auth.permissions import operation_denial
from auth.viewer import Access, ViewerKind
from commerce import order_status, order_watch
from commerce.order_watch import OrderWatch
from models.account import Account
from models.classification import Channel
from models.database import Database
from models.ids import new_id, show_id
from models.order import OrderContact, OrderEventKind, OrderStatus
from reads.declare import field_readers
from reads.entities import strawberry_field
from resolvers.issued_session import COOKIE
from resolvers.root import core_schema
from tests.support import selling
from tests.support.address import account
from tests.support.database import copy_of
from tests.support.log import written_log
from tests.support.login_session import LAPTOP
from tests.support.matrix_checks import least
from tests.support.notices import until_heard
from tests.support.partner import partner_and_key
from tests.support.redis_line import redis_line
from tests.support.server_process import server_process
from tests.support.shop import Shop, engine
from tests.support.sign_in import SIGN_OUT, asked
from tests.support.sockets import Socket, connect, serving
from tests.support.staff import at_work, employed

FOLLOW = "subscription ($id: ID!) { orderUpdated(orderId: $id) { id version status contact { name } } }"
FOLLOW_FROM_NOW = "subscription ($id: ID!) { orderUpdated(orderId: $id, current: true) { version status } }"
REFUNDED = OrderEventKind.REFUNDED
NOT_FOUND, UNAUTHENTICATED = ["NOT_FOUND"], ["UNAUTHENTICATED"]


@dataclass
class World:
    """Shops over HTTP and sockets, a customer of theirs, and an order of hers."""

    database: Database
    urls: list[str]
    owner: UUID
    order: UUID
    token: str = field(repr=False)

    @property
    def order_id(self) -> str:
        return show_id("ord", self.order)

    async def move(self, status: OrderStatus = OrderStatus.CANCELLED) -> None:
        await self.database.transact(lambda t: order_status.move(t, self.order, status))

    async def session(self, account_id: UUID) -> str:
        return (await self.database.transact(lambda t: sessions.issue(t, account_id, LAPTOP))).token

    @asynccontextmanager
    async def following(self, token: str | None = None, *, at: int = 0, query: str = FOLLOW) -> AsyncGenerator[Socket]:
        """A socket that follows the order with the token, the owner's unless told otherwise."""
        async with connect(self.urls[at]) as socket:
            await socket.init(Authorization=f"Bearer {token or self.token}")
            await socket.subscribe(query, id=self.order_id)
            await socket.settled()
            yield socket


def order_in(message: dict[str, Any]) -> dict[str, Any]:
    """The order that a message tells."""
    assert message["type"] == "next", message
    assert "errors" not in message["payload"]
    return message["payload"]["data"]["orderUpdated"]


def codes_of(message: dict[str, Any]) -> list[str]:
    """The codes of a message of errors."""
    assert message["type"] == "error", message
    return [error["extensions"]["code"] for error in message["payload"]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_database(template: str, running: Services) -> AsyncGenerator[Database]:
    async with copy_of(template, running.database_url) as url:
        own = Database(url)
        yield own
        await own.close()


async def open_world(database: Database, *urls: str) -> World:
    owner = await database.transact(account)
    order = await database.transact(lambda t: selling.order(t, owner))
    contact = {"account_id": owner, "channel": Channel.WEB, "name": "Ana Ruiz"}
    await database.transact(lambda t: t.execute(insert(OrderContact).values(order_id=order, **contact)))
    world = World(database, list(urls), owner, order, "")
    world.token = await world.session(owner)
    return world


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def url(settings: Settings, own_database: Database, running: Services) -> AsyncGenerator[str]:
    services = Services(own_database.url, running.redis_url)
    app = create_app(settings, services, engine_of=lambda *_: engine())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order_watch, "ASK_EVERY", 0.2)  # so that tests do not take long
        async with serving(app) as opened:
            yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def world(own_database: Database, url: str) -> World:
    return await open_world(own_database, url)


# ---- the owner


async def test_owner_is_told_each_change_as_asked(world: World):
    async with world.following() as socket:
        assert await socket.quiet()
        for version, status in enumerate((OrderStatus.IN_ALTERATION, OrderStatus.PLACED, OrderStatus.CANCELLED), 2):
            await world.move(status)
            assert order_in(await socket.receive()) == {
                "id": world.order_id,
                "version": version,
                "status": status,
                "contact": {"name": "Ana Ruiz"},
            }
        assert await socket.quiet()


async def test_event_in_the_timeline_is_a_change(world: World):
    async with world.following() as socket:
        await world.database.transact(lambda t: order_status.tell(t, world.order, OrderEventKind.RETURN_REQUESTED))
        assert order_in(await socket.receive())["version"] == 1


async def test_order_as_it_is_comes_first_where_asked_for(world: World):
    async with world.following(query=FOLLOW_FROM_NOW) as socket:
        assert order_in(await socket.receive()) == {"version": 1, "status": "PLACED"}
        await world.move()
        assert order_in(await socket.receive()) == {"version": 2, "status": "CANCELLED"}


async def test_change_by_a_worker_or_a_command_is_told_at_once(
    settings: Settings, own_database: Database, running: Services, redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    """Where nothing else would tell of it for a minute."""
    monkeypatch.setattr(order_watch, "ASK_EVERY", 60.0)
    services = Services(own_database.url, running.redis_url)
    async with serving(create_app(settings, services, engine_of=lambda *_: engine())) as url:
        world = await open_world(own_database, url)
        async with world.following() as socket, tools(settings, services) as given:
            await until_heard(redis)
            await given.database.transact(lambda t: order_status.move(t, world.order, OrderStatus.CANCELLED))
            assert order_in(await socket.receive(3))["status"] == "CANCELLED"


async def test_cookie_of_the_shops_own_page_follows(world: World):
    headers = {"cookie": f"{COOKIE}={world.token}"}
    for origin, seen in ((world.urls[0], True), (None, False)):
        async with connect(world.urls[0], headers=headers, origin=origin) as socket:
            await socket.init()
            await socket.subscribe(FOLLOW_FROM_NOW, id=world.order_id)
            message = await socket.receive()
            assert (order_in(message)["version"] == 1) if seen else (codes_of(message) == UNAUTHENTICATED)


async def test_one_socket_follows_many_orders(world: World):
    other = await world.database.transact(lambda t: selling.order(t, world.owner))
    async with world.following() as socket:
        await socket.subscribe(FOLLOW, name="other", id=show_id("ord", other))
        await socket.settled()
        await world.database.transact(lambda t: order_status.move(t, other, OrderStatus.CANCELLED))
        assert (await socket.receive())["id"] == "other"
        await socket.send({"id": "other", "type": "complete"})
        await world.move()
        assert (await socket.receive())["id"] == "1"


# ---- others


async def test_order_that_is_not_ones_own_is_not_found(world: World):
    stranger = await world.session(await world.database.transact(account))
    async with connect(world.urls[0]) as socket:
        await socket.init(Authorization=f"Bearer {stranger}")
        answers = []
        for shown in (world.order_id, show_id("ord", new_id()), show_id("adr", world.order), "ord_", "", "💥"):
            await socket.subscribe(FOLLOW_FROM_NOW, id=shown)
            answers.append(await socket.receive())
        assert [codes_of(answer) for answer in answers] == [NOT_FOUND] * 6
        assert len({str(answer) for answer in answers}) == 1
        await world.move()
        assert await socket.quiet(0.5)


FOLLOWED = core_schema().subscription_type
assert FOLLOWED is not None


@pytest.mark.parametrize("name", FOLLOWED.fields)
async def test_subscription_is_refused_to_those_whom_it_does_not_admit(world: World, name: str):
    member = await at_work(world.database, await employed(world.database, "owner"))
    _, key = await partner_and_key(world.database)
    callers = {
        None: Access(ViewerKind.ANONYMOUS),
        f"{world.token}x": Access(ViewerKind.ANONYMOUS),
        member.token: Access(ViewerKind.STAFF),
        key.text: Access(ViewerKind.PARTNER),
    }
    assert FOLLOWED is not None
    field = FOLLOWED.fields[name]
    for token, access in callers.items():
        denied = operation_denial(field_readers(strawberry_field(FOLLOWED, name)), access)
        assert denied is not None  # there is none for everyone: it would want a test of its own
        async with connect(world.urls[0]) as socket:
            await socket.init(**({"Authorization": f"Bearer {token}", "X-Purpose": "ACCESS"} if token else {}))
            answer = await socket.ask(f"subscription {{ {name}{least(field.args)} {{ __typename }} }}")
            assert [error["extensions"]["code"] for error in answer["errors"]] == [denied.code], access


COOKIES = (
    'signIn(input: {identifier: "a", password: "b", transport: COOKIE}) { session { token } }',
    'accountVerify(input: {token: "a", password: "b", transport: COOKIE}) { session { token } }',
    'staffInviteAccept(input: {token: "a", password: "b", transport: COOKIE}) { session { token } }',
    'accountRegister(input: {name: "a", email: "a@b.test", ageBand: UNDER_13, acceptsPolicyVersion: "1"}) { status }',
)


@pytest.mark.parametrize("mutation", COOKIES, ids=lambda one: one.partition("(")[0])
async def test_what_sets_a_cookie_is_refused_through_a_socket(world: World, mutation: str):
    async with connect(world.urls[0]) as socket:
        await socket.init()
        answer = await socket.ask(f"mutation {{ {mutation} }}")
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


# ---- the end


@pytest.mark.parametrize("how", ["revoked", "disabled"])
async def test_subscription_ends_with_its_session(world: World, how: str):
    async with world.following() as socket:
        if how == "revoked":
            await world.database.transact(lambda t: sessions.revoke_all(t, world.owner))
        else:
            disabled = update(Account).where(Account.id == world.owner).values(disabled_at=func.now())
            await world.database.transact(lambda t: t.execute(disabled))
        assert codes_of(await socket.receive(3)) == UNAUTHENTICATED
        await world.move()
        assert await socket.quiet()
        assert await socket.ask("{ me { id } }") == {"data": {"me": None}}


async def test_nothing_is_told_after_the_session_even_where_the_watch_did_not_see_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    """The read itself asks whether the session is live."""

    async def blind(_: OrderWatch, keys: Iterable[Any]) -> dict[Any, str]:
        return {key: token_hex() for key in keys}

    async with world.following() as socket:
        assert await socket.quiet()
        with written_log() as log:
            await world.database.transact(lambda t: sessions.revoke_all(t, world.owner))
            monkeypatch.setattr(OrderWatch, "_states", blind)
            assert codes_of(await socket.receive()) == NOT_FOUND
        assert list(log) == []


async def test_sessions_end_in_every_process_whatever_redis_does(
    settings: Settings, own_database: Database, running: Services, redis: Redis
):
    async with redis_line(running.redis_url) as line:
        services = Services(own_database.url, line.url)
        with server_process(settings, services) as here, server_process(settings, services) as there:
            world = await open_world(own_database, here)
            async with httpx.AsyncClient(base_url=there) as client:
                shop = Shop(client, own_database)
                for happens in (redis.flushall, line.cut, line.mend):
                    token = await world.session(world.owner)
                    async with world.following(token, query=FOLLOW_FROM_NOW) as socket, world.following() as other:
                        assert order_in(await socket.receive())
                        await happens()
                        await world.database.transact(lambda t: order_status.tell(t, world.order, REFUNDED))
                        assert order_in(await socket.receive(3))
                        assert order_in(await other.receive(3))
                        assert (await asked(shop, SIGN_OUT, token))["signedOut"] is True
                        assert codes_of(await socket.receive(3)) == UNAUTHENTICATED
                        assert await other.quiet()
