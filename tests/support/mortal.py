"""Programs that place orders and do jobs, and are killed with -9 at a step, or whenever somebody does.

Run as `python -m tests.support.mortal DATABASE_URL FOLDER`, it reads one errand a line as JSON, does each in a process
of its own, and tells its number and how it ended. They are forked, as importing everything would take longer than they
live.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.settings import ROOT
from app.worker import HANDLERS
from auth.viewer import Viewer, ViewerKind
from commerce import placing
from commerce.basket import LineDraft
from commerce.money import Amount
from commerce.order_drafting import Named, Purchase
from commerce.reconciling import reconcile
from commerce.refund_request import Asked, refund_order
from commerce.refund_settling import settle_soon
from commerce.till_drafting import Sale, Tendered
from commerce.till_sale import sell
from gateways.jobs import Jobs
from gateways.payments import Charged, ChargeRequest
from gateways.payments.local import LocalGateway
from models.account import Account
from models.address import Address
from models.cart import Cart
from models.catalogue import Variant
from models.classification import Channel
from models.database import Database
from models.order import Order
from models.payment import RefundReason, TenderKind
from tests.support.account import Post
from tests.support.ordering import SEALER, SECRET, STORE, USD

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Errand:
    """What to do, `place`, `sell`, `refund` or `work`, and where to die: IN or AFTER the transaction `at`, the first
    being 1, or when the GATEWAY has done so many things, before it says so.
    """

    does: str
    dies: str | None = None
    at: int = 0
    token: str = "tok_visa"
    total: int = 2500
    key: str = ""
    """Of a sale."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class MortalDatabase(Database):
    """Dies in or after one of its transactions."""

    def __init__(self, url: str, errand: Errand) -> None:
        super().__init__(url, writers=4)
        self._errand = errand
        self._begun = 0

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        return await self._mortal(super().transact, work)

    async def at_once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Who dies in the statement that writes dies before it is committed."""
        dies_in = self._begun + 1 == self._errand.at and self._errand.dies == "IN"
        return await self._mortal(super().transact if dies_in else super().at_once, work)

    async def _mortal(self, run: Callable[..., Awaitable[T]], work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        self._begun += 1
        fatal = self._begun == self._errand.at

        async def until_the_commit(transaction: AsyncConnection) -> T:
            outcome = await work(transaction)
            if fatal and self._errand.dies == "IN":
                die()
            return outcome

        outcome = await run(until_the_commit)
        if fatal and self._errand.dies == "AFTER":
            die()
        return outcome


class MortalGateway(LocalGateway):
    """Dies when it has done something, before it says so."""

    def __init__(self, folder: Path, errand: Errand) -> None:
        super().__init__(folder, SECRET, delay=0.01)
        self._errand = errand
        self._asked = 0

    async def charge(self, request: ChargeRequest) -> Charged:
        return self._done(await super().charge(request))

    async def void(self, charge_id: Any, **more: Any) -> Any:
        return self._done(await super().void(charge_id, **more))

    async def refund(self, *given: Any, **more: Any) -> Any:
        return self._done(await super().refund(*given, **more))

    def _done(self, answer: T) -> T:
        self._asked += 1
        if self._errand.dies == "GATEWAY" and self._asked == self._errand.at:
            die()
        return answer


async def run(url: str, folder: Path, errand: Errand) -> None:
    """Does the errand, if it is not killed."""
    database = MortalDatabase(url, errand)
    payments = MortalGateway(folder, errand)
    try:
        if errand.does == "place":
            await _place(database, payments, errand)
        elif errand.does == "sell":
            await _sell(database, payments, errand)
        elif errand.does == "refund":
            await _refund(database, payments, errand)
        else:
            await reconcile(database, payments)
            await Jobs(database, Post(database, payments=payments).tools, HANDLERS).drain()
    finally:
        await payments.close()
        await database.close()


async def _place(database: MortalDatabase, payments: MortalGateway, errand: Errand) -> None:
    """Orders what is in every cart, all at once, each under the cart's own key."""
    desk = placing.Desk(database, payments, STORE, SEALER)
    carts = select(Cart.id, Cart.account_id, Address.id.label("address_id"))
    carts = carts.join(Address, Address.account_id == Cart.account_id).order_by(Cart.id)
    async with database.begun() as connection:
        rows = (await connection.execute(carts)).all()
    await asyncio.gather(
        *(
            placing.place(desk, Viewer(ViewerKind.CUSTOMER, row.account_id), purchase_of(row, errand), Channel.WEB)
            for row in rows
        )
    )


async def _sell(database: MortalDatabase, payments: MortalGateway, errand: Errand) -> None:
    """Sells a piece of the one variant in the store, for a card, under the errand's key."""
    async with database.begun() as connection:
        variant_id = (await connection.execute(select(Variant.id))).scalar_one()
        member_id = (await connection.execute(select(Account.id).limit(1))).scalar_one()
    money = Amount(Decimal(errand.total).scaleb(-2), USD)
    card = Tendered(TenderKind.CARD_TERMINAL, money, errand.token)
    sale = Sale([LineDraft(variant_id, 1)], USD, [card], errand.key)
    await sell(placing.Desk(database, payments, STORE, SEALER), member_id, sale)


async def _refund(database: MortalDatabase, payments: MortalGateway, errand: Errand) -> None:
    """Pays back a dollar of the newest order, as whoever asks for it over HTTP."""
    async with database.begun() as connection:
        order_id = (await connection.execute(select(Order.id).order_by(Order.id.desc()).limit(1))).scalar_one()
    dollar = Asked([Amount(Decimal(1), USD)], RefundReason.GOODWILL)
    made = await database.transact(lambda t: refund_order(t, order_id, dollar))
    assert isinstance(made, UUID), made
    await settle_soon(database, payments, made)


def purchase_of(row: Any, errand: Errand) -> Purchase:
    home = Named(row.address_id)
    expected = Amount(Decimal(errand.total).scaleb(-2), USD)
    key = f"the one of {row.id.hex}"
    return Purchase(Named(row.id), expected, home, "standard", key, home, gateway_token=errand.token)


# ---- the processes


@dataclass(frozen=True, slots=True)
class Nursery:
    """Starts errands in processes of their own."""

    process: "subprocess.Popen[str]"

    def send(self, errand: Errand) -> int:
        """Begins the errand, and answers the number of its process."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asdict(errand)) + "\n")
        self.process.stdin.flush()
        return self._number()

    def ended(self) -> int:
        """Waits for the errand to end: 0, or minus the number of the signal that killed it."""
        return self._number()

    def _number(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@contextmanager
def nursery(url: str, folder: Path) -> Generator[Nursery]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.mortal", url, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


def _main(url: str, folder: Path) -> None:
    with os.fdopen(os.dup(1), "w") as answers, Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # what is logged is not an answer
        for line in sys.stdin:
            child = os.fork()
            if child == 0:
                asyncio.run(run(url, folder, Errand(**json.loads(line))))
                os._exit(0)
            print(child, file=answers, flush=True)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
