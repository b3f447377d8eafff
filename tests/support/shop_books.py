"""The whole truth about a shop that customers ordered at: its rows, the gateway's book, and what they were told."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update

from app.worker import HANDLERS
from commerce import reconciling
from gateways.payments import Charged
from gateways.payments.local import LocalGateway
from models.cart import Cart, CartLine
from models.database import Database
from models.idempotency import Idempotency
from models.ids import show_id
from models.job import JobState, QueuedJob
from models.order import Order, OrderLine, OrderStatus
from models.payment import Charge, ChargeStatus
from tests.support.invariants_of_orders import OF_ORDERS
from tests.support.shoppers import Shopper

KEPT = (
    "an order's lines add up to its subtotal, with what is altered",
    "an order's amounts add up to its total",
    "a code was used as often as it says, and within its limits",
    "on hand is the sum of the ledger, and never was below zero",
    "an order took what it sold, and gave back what was cancelled or can be sold again",
    "an order is as far as its lines and shipments",
    "a refund is as large as the payment says, and as its parts, lines and shipping",
)
"""The rules about rows that hold of these orders; the others are about what is seeded."""

WORK = (*HANDLERS, *(task.name for task in reconciling.PERIODIC))
NOTHING_LEFT = {"PAYMENT_DECLINED", "OUT_OF_STOCK", "LIMIT_REACHED", "PRICE_CHANGED"}
SOON = 60.0


@dataclass(frozen=True, slots=True)
class Books:
    """The database and the gateway's book of a home."""

    database: Database
    gateway: LocalGateway

    async def settled(self) -> None:
        """Waits until the shop's own worker has settled all that it can, with time passing quickly."""
        deadline = time.monotonic() + SOON
        while what := await self._unsettled():
            assert time.monotonic() < deadline, what
            await self.let_time_pass()
            await asyncio.sleep(0.1)

    async def promised(self, *kinds: str) -> None:
        """Waits until there is a job of each of these kinds."""
        waiting, deadline = select(QueuedJob.kind).where(QueuedJob.kind.in_(kinds)), time.monotonic() + SOON
        while set(await self.database.transact(lambda t: t.scalars(waiting))) != set(kinds):
            assert time.monotonic() < deadline, kinds
            await asyncio.sleep(0.02)

    async def let_time_pass(self, *, dead: bool = False) -> None:
        """A minute, for what waits for it: orders, jobs, and leases of workers if all of those are `dead`."""
        open_still = update(Order).where(Order.status == OrderStatus.PENDING_PAYMENT)
        open_still = open_still.where(Order.placed_at > func.now() - timedelta(minutes=1))
        states = [JobState.WAITING, JobState.RUNNING] if dead else [JobState.WAITING]
        due = update(QueuedJob).where(QueuedJob.kind.in_(WORK), QueuedJob.state.in_(states))
        for statement in (
            open_still.values(placed_at=Order.placed_at - timedelta(minutes=1)),
            due.values(due_at=func.now()),
        ):
            await self.database.transact(lambda t, one=statement: t.execute(one))

    async def _unsettled(self) -> list[Any]:
        """Orders that wait for anything but their customer, jobs that are to be done, money of no order."""
        charges = select(Charge.id, Charge.status, Order.status.label("order"))
        charges = charges.join(Order, Order.id == Charge.order_id)
        jobs = select(QueuedJob.kind, QueuedJob.state, QueuedJob.fault).where(QueuedJob.kind.in_(HANDLERS))
        known = {row.id: row for row in await self.database.transact(lambda t: t.execute(charges))}
        todo = (await self.database.transact(lambda t: t.execute(jobs))).all()
        assert not [one for one in todo if one.state == JobState.DEAD], todo
        book = {one.charge_id: one async for one in self.gateway.book()}
        acting = {key for key, one in book.items() if one.status == ChargeStatus.ACTION}
        waiting = [row for row in known.values() if row.order == OrderStatus.PENDING_PAYMENT]
        waiting = [row for row in waiting if row.status != ChargeStatus.ACTION or row.id not in acting]
        return [*waiting, *todo, *(one for key, one in book.items() if key not in known and one.held)]

    async def look(self) -> "Truth":
        """All that is so now."""
        orders = (
            select(Order.id, Order.account_id, Order.status, Order.total, Order.refunded_total)
            .add_columns(Charge.id.label("charge_id"), Charge.status.label("charged"), Charge.refunded)
            .add_columns(
                func.array_agg(OrderLine.variant_id).label("variants"), func.sum(OrderLine.quantity).label("pieces")
            )
            .outerjoin(Charge, Charge.order_id == Order.id)
            .join(OrderLine, OrderLine.order_id == Order.id)
            .group_by(Order.id, Charge.id)
        )
        carts = select(Cart.id, Cart.placing_id, func.count(CartLine.id).label("lines"))
        carts = carts.outerjoin(CartLine, CartLine.cart_id == Cart.id).group_by(Cart.id)
        return Truth(
            list((await self.database.transact(lambda t: t.execute(orders))).all()),
            {row.id: row for row in await self.database.transact(lambda t: t.execute(carts))},
            list(await self.database.transact(lambda t: t.scalars(select(Idempotency.result_id)))),
            {one.charge_id: one async for one in self.gateway.book()},
            {rule for rule in KEPT if await self._broken(rule)},
        )

    async def _broken(self, rule: str) -> Sequence[Any]:
        return (await self.database.transact(lambda t: t.execute(text(OF_ORDERS[rule].wrong)))).all()


@dataclass(frozen=True, slots=True)
class Truth:
    """Orders with their charges, carts, what keys were used for, the gateway's charges, and rules that are broken."""

    orders: list[Any] = field(repr=False)
    carts: dict[UUID, Any] = field(repr=False)
    made: list[UUID | None] = field(repr=False)
    book: dict[UUID | None, Charged] = field(repr=False)
    broken: set[str] = field(repr=False)

    def of(self, who: Shopper) -> Any:
        """The customer's order, or None. Nobody ever has two."""
        found = [row for row in self.orders if row.account_id == who.who.account_id]
        assert len(found) <= 1, found
        return found[0] if found else None

    def holds(self, shoppers: Collection[Shopper]) -> None:
        """Fails where an order has no charge, a charge no order, or a customer was told something else."""
        assert not self.broken
        for order in self.orders:
            self._is_paid_as_it_says(order)
        known = {order.charge_id for order in self.orders}
        assert not [one for key, one in self.book.items() if key not in known and one.held]
        ids = {order.id for order in self.orders}
        assert set(self.made) <= ids, "a key is used up for nothing"
        for one in shoppers:
            order = self.of(one)
            self._was_told(one, order)
            self._has_a_cart_or_an_order(one, order)
        assert len(self.orders) == sum(self.of(one) is not None for one in shoppers)

    def _is_paid_as_it_says(self, order: Any) -> None:
        charged = self.book.get(order.charge_id)
        kept = charged.captured - charged.refunded if charged else 0
        if order.status == OrderStatus.PLACED:
            assert charged is not None
            assert (charged.status, order.charged) == (ChargeStatus.CAPTURED, ChargeStatus.CAPTURED), order
            assert (kept, order.refunded_total) == (order.total, 0), order
        elif order.status == OrderStatus.PENDING_PAYMENT:
            assert charged is not None
            assert (charged.status, order.charged) == (ChargeStatus.ACTION, ChargeStatus.ACTION), order
        else:
            assert order.status == OrderStatus.CANCELLED
            assert charged is None or (charged.held, charged.status) == (0, order.charged), order
            assert order.refunded_total == order.refunded == (charged.refunded if charged else 0), order

    @staticmethod
    def _was_told(one: Shopper, order: Any) -> None:
        """Of whatever was acknowledged, it is still so."""
        if one.order_id is not None:
            assert order is not None, one
            assert {answer.order_id for answer in one.answers if answer.order_id} == {show_id("ord", order.id)}
        for answer in one.answers:
            if answer.order is None:
                assert set(answer.codes) <= NOTHING_LEFT, answer
                continue
            assert Decimal(answer.order["total"]["amount"]) * 100 == one.total
            if answer.order["status"] == OrderStatus.PLACED and not one.cancelling:
                assert order.status == OrderStatus.PLACED, one
        if one.told is not None and one.told.order is None:
            assert order is None, one
        if one.cancelled is not None:
            assert one.cancelled.codes == (), one
            assert order.status == OrderStatus.CANCELLED, one

    def _has_a_cart_or_an_order(self, one: Shopper, order: Any) -> None:
        cart = self.carts.get(one.cart_id)
        if order is None:
            assert cart is not None, one
            assert (cart.placing_id, cart.lines) == (None, 1), one
            return
        assert cart is None, one
        assert (order.total, order.pieces, order.variants) == (one.total, 1, [one.variant_id]), one

    def everybody_is_served(self, shoppers: Collection[Shopper]) -> None:
        """Fails where somebody who asked until they were answered got less, or more, than they can pay for."""
        for one in shoppers:
            order = self.of(one)
            assert one.told is not None, one
            if one.cancelling:
                assert order.status == OrderStatus.CANCELLED, one
            elif one.may_pay and not set(one.told.codes) & (NOTHING_LEFT - {"PAYMENT_DECLINED"}):
                assert order is not None, one
                assert order.status == OrderStatus.PLACED, one
            else:
                assert order is None or order.status == OrderStatus.CANCELLED, one
