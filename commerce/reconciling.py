"""The reconciler: asks the gateway about every order that is not settled, and for money that belongs to no order."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Text, literal_column, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import checkout
from commerce.checkout import Fate, Settlement
from commerce.releasing import give_up
from commerce.tools import Tools
from gateways.jobs import Periodic
from gateways.payments import Charged, GatewayTimeout, PaymentGateway
from models.cart import Cart
from models.database import Database
from models.order import Order, OrderStatus
from models.payment import Charge, ChargeStatus

log = structlog.get_logger("payments")

AGE = timedelta(seconds=30)
"""An order that nobody was told of may still be in the hands of whoever places it, so long."""

LOOKING_BACK = timedelta(days=1)
"""How far back the worker looks into the gateway's book each minute."""

BATCH = 200


@dataclass(slots=True)
class Reconciled:
    """What came of it; `unreached` counts what the gateway did not answer about."""

    placed: int = 0
    cancelled: int = 0
    undone: int = 0
    waiting: int = 0
    given_back: int = 0
    unreached: int = 0

    def count(self, fate: Fate) -> None:
        match fate:
            case Fate.PLACED:
                self.placed += 1
            case Fate.CANCELLED:
                self.cancelled += 1
            case Fate.UNDONE:
                self.undone += 1
            case Fate.WAITING:
                self.waiting += 1


async def reconcile(
    database: Database, payments: PaymentGateway, *, age: timedelta = timedelta(0), since: datetime | None = None
) -> Reconciled:
    """Settles every order that waits for its payment, and gives back each charge that has neither order nor gift.

    Orders that nobody was told of are left alone until they are of this `age`; the gateway's book is read from `since`
    on. Done by several at once, it does nothing twice.
    """
    done = Reconciled()
    async for row in _unsettled(database, age):
        try:
            done.count((await look(database, payments, row.id, gateway_key=row.gateway_key)).fate)
        except GatewayTimeout:
            done.unreached += 1
    try:
        await _give_back_strays(database, payments, since, done)
    except GatewayTimeout:
        done.unreached += 1
    if done != Reconciled(waiting=done.waiting):
        for outcome, count in asdict(done).items():
            if count:
                log.info("payments.reconciled", outcome=outcome.replace("_", " "), count=count)
    return done


async def look(
    database: Database, payments: PaymentGateway, charge_id: UUID, *, gateway_key: str | None = None
) -> Settlement:
    """Asks the gateway what became of a charge, and settles its order by that. Raises GatewayTimeout."""
    charged = await payments.find(charge_id, gateway_key=gateway_key)
    if charged is not None and charged.status is ChargeStatus.AUTHORIZED:
        charged = await payments.capture(charge_id, charged.amount, gateway_key=charged.gateway_key)
    elif charged is not None and _has_expired(charged):
        charged = await payments.void(charge_id, gateway_key=charged.gateway_key)
    return await database.transact(lambda t: checkout.settle(t, charge_id, charged))


def _has_expired(charged: Charged) -> bool:
    return (
        charged.status is ChargeStatus.ACTION
        and charged.action is not None
        and charged.action.expires_at <= datetime.now(UTC)
    )


async def _unsettled(database: Database, age: timedelta) -> AsyncIterator[Any]:
    """The charges of orders that wait, the oldest orders first."""
    after: tuple[datetime, UUID] | None = None
    while rows := await database.transact(partial(_batch, age=age, after=after)):
        for row in rows:
            yield row
        after = (rows[-1].placed_at, rows[-1].id)


# Written into the statement, for PostgreSQL to see that the partial index covers it.
_WAITING = literal_column(f"'{OrderStatus.PENDING_PAYMENT.value}'", Text)


async def _batch(transaction: AsyncConnection, age: timedelta, after: tuple[datetime, UUID] | None) -> Sequence[Any]:
    untold = select(Cart.id).where(Cart.placing_id == Order.id).exists()
    charges = (
        select(Charge.id, Charge.gateway_key, Order.placed_at)
        .join(Order, Order.id == Charge.order_id)
        .where(Order.status == _WAITING)
        .where(or_(~untold, Order.placed_at <= datetime.now(UTC) - age))
        .order_by(Order.placed_at, Charge.id)
        .limit(BATCH)
    )
    if after is not None:
        charges = charges.where(tuple_(Order.placed_at, Charge.id) > after)
    return (await transaction.execute(charges)).all()


async def _give_back_strays(
    database: Database, payments: PaymentGateway, since: datetime | None, done: Reconciled
) -> None:
    """A charge's row is there before the gateway hears of it: what has none is of an order that is no more."""
    async for batch in _held(payments, since):
        known = await database.transact(partial(_known, charge_ids=[*batch]))
        for charge_id in batch.keys() - known:
            await give_up(payments, charge_id)
            done.given_back += 1


async def _held(payments: PaymentGateway, since: datetime | None) -> AsyncIterator[dict[UUID, Charged]]:
    """What the gateway has of customers' money under our keys, some at a time."""
    batch: dict[UUID, Charged] = {}
    async for charged in payments.book(since):
        if charged.charge_id is not None and charged.held > 0:
            batch[charged.charge_id] = charged
        if len(batch) == BATCH:
            yield batch
            batch = {}
    yield batch


async def _known(transaction: AsyncConnection, charge_ids: Sequence[UUID]) -> set[UUID]:
    return set(await transaction.scalars(select(Charge.id).where(Charge.id.in_(charge_ids))))


async def reconcile_regularly(tools: Tools) -> None:
    """What the worker does each minute."""
    await reconcile(tools.database, tools.payments, age=AGE, since=datetime.now(UTC) - LOOKING_BACK)


PERIODIC = (Periodic("payments.reconcile", timedelta(minutes=1), reconcile_regularly),)
