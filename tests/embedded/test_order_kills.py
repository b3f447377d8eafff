"""Whole shops killed with -9 while customers order at them leave order and charge, or neither, and sell on."""

import asyncio
import random
import re
import subprocess
import time
from collections.abc import AsyncGenerator, Awaitable, Generator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.embedded import addresses, services
from app.settings import ROOT, Settings
from gateways.payments.local import LocalGateway
from models.database import Database
from tests.embedded import programs
from tests.embedded.commands import COMMAND, OPENED, environment, said
from tests.support import ordering
from tests.support.mortal_shop import (
    CANCELLING,
    CONTINUING,
    KILLED,
    PLACING,
    POSTMASTER,
    SELF,
    Death,
    Mortals,
    fated,
    mortals,
)
from tests.support.shop_books import Books
from tests.support.shoppers import Shopper, crowd, rush

READY = 30.0
EARLY = ("tok_visa", "tok_action", "tok_mastercard")
"""Of those who cancel, are back from the bank, and order when the shop is open again."""
WORKING = re.compile("working; Ctrl-C stops")


@asynccontextmanager
async def books_of(own: Settings) -> AsyncGenerator[Books]:
    database = Database(addresses(own).database_url, readers=1, writers=2)
    gateway = LocalGateway(own.gateway, own.server_secret)
    yield Books(database, gateway)
    await gateway.close()
    await database.close()


def at(address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=address, timeout=20, trust_env=False)


async def is_ready(shop: httpx.AsyncClient) -> None:
    """Waits until the shop and its servers are up."""
    deadline = time.monotonic() + READY
    while (await shop.get("/health/ready")).status_code != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def unanswered(shoppers: Iterable[Shopper]) -> list[Shopper]:
    return [one for one in shoppers if one.told is None]


async def repeat(shop: httpx.AsyncClient, shoppers: Iterable[Shopper]) -> None:
    """Some of those who were not answered ask again at once; the others come back later."""
    await rush(shop, [one for one in unanswered(shoppers) if random.random() < 0.5])


async def end_of_day(books: Books, shop: httpx.AsyncClient, shoppers: list[Shopper]) -> None:
    """Everybody has asked until they were answered, has been at their bank, and asks once more."""
    for _ in range(2):
        await rush(shop, shoppers)
        cancelling = [one for one in shoppers if one.cancelling and one.order_id]
        acting = [one for one in shoppers if "PAYMENT_ACTION_REQUIRED" in codes_of(one)]
        await asyncio.gather(*(one.cancels(shop) for one in cancelling), *(one.continues(shop) for one in acting))
        await books.settled()
        truth = await books.look()
        truth.holds(shoppers)
    truth.everybody_is_served(shoppers)


def codes_of(one: Shopper) -> set[str]:
    return {code for answer in one.answers for code in answer.codes}


# ---- at each step

STEPS = (
    ("before anything is committed", Death(PLACING, "IN", 1, 3), Death(CANCELLING, "AFTER", 1)),
    ("when the order is written", Death(PLACING, "AFTER", 1, 3), Death(PLACING, "GATEWAY", 1, victim=POSTMASTER)),
    ("when the money is taken", Death(PLACING, "GATEWAY", 1, 3), Death(CONTINUING, "GATEWAY", 1)),
    ("before the settlement is committed", Death(PLACING, "IN", 2, 3), Death(PLACING, "IN", 2, victim=POSTMASTER)),
    ("when all is done but the answer", Death(PLACING, "AFTER", 2, 3), Death(CONTINUING, "IN", 2)),
)
"""Where the server dies while a crowd orders; and who dies where when it is open again, and they go on."""


class Server:
    """The shop's server on a home, opened again after each death."""

    def __init__(self, own: Settings, started: Mortals) -> None:
        self._own, self._started = own, started
        self._pid = 0
        self._client: httpx.AsyncClient | None = None

    async def open(self, *more: str) -> httpx.AsyncClient:
        await self.close()
        fated(self._own.home, None)
        self._pid = self._started.start("serve", *more)
        self._client = at(await asyncio.to_thread(self._started.address, self._pid))
        return self._client

    async def survives(self, death: Death, trade: Awaitable[Any], step: str) -> httpx.AsyncClient:
        """Has it, or its database, die while customers trade; answers the shop that is open again after that."""
        postmaster = programs.postmaster_of(self._own.home)
        fated(self._own.home, death)
        await trade
        if death.victim == SELF:
            assert await asyncio.to_thread(self._started.ended, self._pid) == KILLED, (step, death)
            return await self.open()
        fated(self._own.home, None)
        assert self._client is not None
        await is_ready(self._client)
        assert programs.postmaster_of(self._own.home) != postmaster, (step, death)
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


@pytest.fixture
def started(own: Settings) -> Generator[Mortals]:
    with services(own, durable=False), mortals(own.home) as found:
        yield found


@pytest.fixture
async def server(own: Settings, started: Mortals) -> AsyncGenerator[Server]:
    """Not open yet."""
    found = Server(own, started)
    yield found
    await found.close()


async def test_server_killed_at_each_step_leaves_order_and_charge_or_neither(own: Settings, server: Server):
    everybody: list[Shopper] = []
    shop = await server.open()
    async with books_of(own) as books:
        await books.database.transact(ordering.open_counter)
        for step, first, second in STEPS:
            early = await books.database.transact(lambda t: crowd(t, EARLY, scarce=False))
            shoppers = await books.database.transact(crowd)
            everybody += early + shoppers
            await rush(shop, early[:2])
            shop = await server.survives(first, rush(shop, shoppers), step)
            cancelling, acting, coming = early
            going_on = (cancelling.cancels(shop), acting.continues(shop), coming.places(shop), repeat(shop, shoppers))
            shop = await server.survives(second, asyncio.gather(*going_on), step)
            await books.let_time_pass(dead=True)
            await books.settled()
            (await books.look()).holds(everybody)
        await end_of_day(books, shop, everybody)


# ---- at each step of a worker

JOB_STEPS = [
    *(Death("payment.settle", moment, 2) for moment in ("IN", "AFTER")),
    *(Death("payments.reconcile", moment, 2) for moment in ("IN", "AFTER")),
    *(Death("charge.release", moment) for moment in ("GATEWAY", "IN", "AFTER")),
    *(Death("refund.settle", moment, number) for moment, number in (("GATEWAY", 1), ("IN", 2), ("AFTER", 2))),
]
"""Of a job, the transactions in which it settles something."""


async def leave_work(books: Books, shop: httpx.AsyncClient) -> list[Shopper]:
    """Has orders that a webhook, the reconciler, a refund and a release each have to settle."""
    tokens = ("tok_visa", "tok_action", "tok_late", "tok_timeout", "tok_timeout_lost")
    shoppers = await books.database.transact(lambda t: crowd(t, tokens, scarce=False))
    await rush(shop, shoppers)
    await asyncio.gather(*(one.cancels(shop) for one in shoppers[:2]))
    await books.promised("payment.settle", "refund.settle", "charge.release")
    await books.let_time_pass(dead=True)
    return shoppers


async def test_worker_killed_at_each_step_leaves_order_and_charge_or_neither(
    own: Settings, started: Mortals, server: Server
):
    everybody: list[Shopper] = []
    shop = await server.open("--no-worker")
    async with books_of(own) as books:
        await books.database.transact(ordering.open_counter)
        for death in JOB_STEPS:
            everybody += await leave_work(books, shop)
            fated(own.home, death)
            worker = started.start("worker")
            assert await asyncio.to_thread(started.ended, worker) == KILLED, death
        await books.let_time_pass(dead=True)
        fated(own.home, None)
        started.start("worker")
        await books.settled()
        truth = await books.look()
        truth.holds(everybody)
        truth.everybody_is_served(everybody)


# ---- at any moment

ROUNDS = (("server",), ("worker",), ("postmaster",), ("server", "worker", "keeper", "postmaster"))


class House:
    """The shop as it is run at home: a server that also works, and a worker; what died is started again."""

    def __init__(self, own: Settings) -> None:
        self._home = own.home
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._starts = 0
        self.shop = at("http://nowhere")

    async def open(self) -> None:
        """Opens it, or what is not running of it."""
        for name, command, words in (("server", "serve", OPENED), ("worker", "worker", WORKING)):
            if name not in self._running:
                self._starts += 1
                log = self._home.parent / f"{name}-{self._starts}.log"
                self._running[name] = _start(self._home, command, log)
                found = await asyncio.to_thread(said, log, words)
                if name == "server":
                    await self.shop.aclose()
                    self.shop = at(found[1])
        await is_ready(self.shop)

    def kill(self, victims: Iterable[str]) -> None:
        numbers = {name: process.pid for name, process in self._running.items()}
        numbers |= {"keeper": programs.keeper_of(self._home), "postmaster": programs.postmaster_of(self._home)}
        dying = [*victims]
        random.shuffle(dying)
        for name in dying:
            programs.kill(numbers[name])
        for name in self._running.keys() & set(dying):
            assert self._running.pop(name).wait(5) == KILLED

    async def close(self) -> None:
        await self.shop.aclose()
        self.kill([*self._running])


def _start(home: Path, command: str, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as sink:
        return subprocess.Popen(
            [*COMMAND, command],
            cwd=ROOT,
            env=environment(home, LAYETTE_PORT="0", LAYETTE_RATE_SCALE="1000"),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )


@pytest.fixture
async def house(own: Settings) -> AsyncGenerator[House]:
    opened = House(own)
    await opened.open()
    yield opened
    await opened.close()


async def test_shop_killed_at_any_moment_leaves_order_and_charge_or_neither(own: Settings, house: House):
    everybody: list[Shopper] = []
    early: list[Shopper] = []
    for victims in ROUNDS:
        async with books_of(own) as books:
            if not everybody:
                await books.database.transact(ordering.open_counter)
            shoppers = await books.database.transact(crowd)
            everybody += shoppers
            trade = asyncio.create_task(_trade(house.shop, shoppers, early))
            await asyncio.sleep(random.uniform(0.05, 0.6))
            house.kill(victims)
            await trade
            await house.open()
            await repeat(house.shop, shoppers)
        async with books_of(own) as books:
            await books.let_time_pass(dead=True)
            await books.settled()
            (await books.look()).holds(everybody)
        early = [one for one in shoppers if one.order_id]
    async with books_of(own) as books:
        await end_of_day(books, house.shop, everybody)


async def _trade(shop: httpx.AsyncClient, shoppers: list[Shopper], early: list[Shopper]) -> None:
    """A crowd orders; of those who did before, some cancel, and some are back from the bank."""
    cancelling = [one for one in early if one.token == "tok_visa"]
    acting = [one for one in early if one.token.startswith("tok_action")]
    await asyncio.gather(
        rush(shop, shoppers, 0.4), *(one.cancels(shop) for one in cancelling), *(one.continues(shop) for one in acting)
    )
