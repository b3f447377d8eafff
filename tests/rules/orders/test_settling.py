"""Orders that wait for their payment come to one truth, whoever brings the news, and however often."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from commerce import checkout, placing
from commerce.checkout import Fate
from commerce.order_drafting import Purchase
from commerce.placing import Desk, Placed
from commerce.reconciling import AGE, Reconciled, reconcile
from gateways.payments import Charged, ChargeRequest, GatewayTimeout
from gateways.payments.local import LocalGateway
from models.ids import new_id
from models.job import QueuedJob
from models.order import Order, OrderEventKind, OrderPayment, OrderStatus, PaymentStatus
from models.payment import Charge, ChargeStatus, Refund
from tests.support.account import Post
from tests.support.database import RolledBackDatabase
from tests.support.ordering import (
    ON_HAND,
    TOTAL,
    Books,
    Buyer,
    Trousseau,
    at_gateway,
    books,
    codes_of,
    ledger_holds,
    place,
    timeline,
    uses,
)

Kind = OrderEventKind
EMPTY = Books(on_hand=ON_HAND, carts=1)


async def waiting(desk: Desk, who: Buyer, purchase: Purchase, token: str) -> Placed:
    placed = await place(desk, who, replace(purchase, gateway_token=token))
    assert placed.order_id is not None
    return placed


async def charge_of(database: RolledBackDatabase) -> UUID:
    return (await database.connection.scalars(select(Charge.id))).one()


async def payment_status(database: RolledBackDatabase) -> str | None:
    return await database.connection.scalar(select(OrderPayment.status))


async def jobs(database: RolledBackDatabase) -> list[str]:
    return list(await database.connection.scalars(select(QueuedJob.kind).order_by(QueuedJob.id)))


# ---- the reconciler


async def test_money_whose_answer_was_lost_makes_a_placed_order(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await waiting(desk, ana, purchase, "tok_timeout")
    assert await reconcile(database, desk.payments) == Reconciled(placed=1)
    assert await books(database) == Books([OrderStatus.PLACED], [ChargeStatus.CAPTURED], on_hand=ON_HAND - 2)
    assert await timeline(database, placed.order_id) == [Kind.PLACED, Kind.PAYMENT_PENDING, Kind.PAYMENT_SETTLED]
    assert await at_gateway(desk) == [("CAPTURED", TOTAL, 0)]


async def test_money_that_was_never_asked_for_cancels_the_order(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await waiting(desk, ana, purchase, "tok_timeout_lost")
    assert await reconcile(database, desk.payments) == Reconciled(cancelled=1)
    assert await books(database) == Books([OrderStatus.CANCELLED], [ChargeStatus.FAILED], on_hand=ON_HAND)
    assert await ledger_holds(database)
    assert (await timeline(database, placed.order_id))[2:] == [Kind.PAYMENT_FAILED, Kind.CANCELLED]
    assert await payment_status(database) == PaymentStatus.FAILED
    assert await jobs(database) == ["order.payment_failed"]


async def test_cancelled_order_gives_its_code_back(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, trousseau: Trousseau
):
    await waiting(desk, ana, trousseau.purchase, "tok_timeout_lost")
    assert await uses(database, trousseau.discount_id) == (1, 1)
    await reconcile(database, desk.payments)
    assert await uses(database, trousseau.discount_id) == (0, 0)


async def test_reconciling_twice_does_nothing_twice(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await waiting(desk, ana, purchase, "tok_timeout")
    await reconcile(database, desk.payments)
    before = await books(database), await timeline(database, placed.order_id), await jobs(database)
    assert await reconcile(database, desk.payments) == Reconciled()
    assert (await books(database), await timeline(database, placed.order_id), await jobs(database)) == before
    assert await jobs(database) == ["order.confirmation"]


async def test_order_that_still_waits_is_told_so_once(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await waiting(desk, ana, purchase, "tok_action")
    version = await database.connection.scalar(select(Order.version))
    assert await reconcile(database, desk.payments) == Reconciled(waiting=1)
    assert await timeline(database, placed.order_id) == [Kind.PLACED, Kind.PAYMENT_PENDING]
    assert await database.connection.scalar(select(Order.version)) == version


async def test_action_that_expired_cancels_the_order(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, monkeypatch: pytest.MonkeyPatch
):
    await waiting(desk, ana, purchase, "tok_action")
    charged = await desk.payments.find(await charge_of(database))
    assert charged is not None
    assert charged.action is not None
    over = replace(charged, action=replace(charged.action, expires_at=datetime.now(UTC) - timedelta(seconds=1)))

    async def find(charge_id: UUID, **more: Any) -> Charged:
        return over

    monkeypatch.setattr(desk.payments, "find", find)
    assert await reconcile(database, desk.payments) == Reconciled(cancelled=1)
    assert await books(database) == Books([OrderStatus.CANCELLED], [ChargeStatus.VOIDED], on_hand=ON_HAND)


async def test_gateway_that_is_away_leaves_orders_as_they_are(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, monkeypatch: pytest.MonkeyPatch
):
    await waiting(desk, ana, purchase, "tok_timeout")

    async def find(charge_id: UUID, **more: Any) -> Charged:
        raise GatewayTimeout

    monkeypatch.setattr(desk.payments, "find", find)
    before = await books(database)
    assert await reconcile(database, desk.payments) == Reconciled(unreached=1)
    assert await books(database) == before


# ---- whoever placed the order died meanwhile


class Killed(BaseException):
    """Stands for kill -9: nothing that comes after it is done."""


class Dying(LocalGateway):
    """A gateway whose caller dies before it is asked, or after it has done what it was asked."""

    def __init__(self, desk: Desk, *, after: bool) -> None:
        assert isinstance(desk.payments, LocalGateway)
        vars(self).update(vars(desk.payments))
        self._after = after

    async def charge(self, request: ChargeRequest) -> Charged:
        if self._after:
            await super().charge(request)
        raise Killed


async def killed(desk: Desk, who: Buyer, purchase: Purchase, *, after: bool) -> None:
    with pytest.raises(Killed):
        await place(replace(desk, payments=Dying(desk, after=after)), who, purchase)


async def test_order_that_nobody_was_told_of_and_nobody_paid_is_undone(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await killed(desk, ana, purchase, after=False)
    hidden = Books([OrderStatus.PENDING_PAYMENT], [ChargeStatus.PENDING], ON_HAND - 2, carts=1, hidden=1)
    assert await books(database) == hidden
    assert await reconcile(database, desk.payments) == Reconciled(undone=1)
    assert await books(database) == EMPTY
    assert await ledger_holds(database)
    assert await jobs(database) == []
    assert codes_of(await place(desk, ana, purchase)) == []


async def test_order_that_was_paid_though_nobody_was_told_is_placed(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await killed(desk, ana, purchase, after=True)
    assert await reconcile(database, desk.payments) == Reconciled(placed=1)
    assert await books(database) == Books([OrderStatus.PLACED], [ChargeStatus.CAPTURED], on_hand=ON_HAND - 2)


@pytest.mark.parametrize("after", [False, True])
async def test_repetition_goes_on_where_the_first_request_died(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, *, after: bool
):
    await killed(desk, ana, purchase, after=after)
    placed = await place(desk, ana, purchase)
    assert codes_of(placed) == []
    assert await books(database) == Books([OrderStatus.PLACED], [ChargeStatus.CAPTURED], on_hand=ON_HAND - 2)
    assert await at_gateway(desk) == [("CAPTURED", TOTAL, 0)]


async def test_worker_leaves_an_order_to_whoever_may_still_place_it(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await killed(desk, ana, purchase, after=False)
    assert await reconcile(database, desk.payments, age=AGE) == Reconciled()
    await database.connection.execute(update(Order).values(placed_at=datetime.now(UTC) - AGE))
    assert await reconcile(database, desk.payments, age=AGE) == Reconciled(undone=1)


async def test_whoever_comes_too_late_pays_back_what_the_gateway_took(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, monkeypatch: pytest.MonkeyPatch
):
    """The order is undone between the first transaction and the gateway's answer."""
    charge = desk.payments.charge

    async def slow(request: ChargeRequest) -> Charged:
        assert await reconcile(database, desk.payments) == Reconciled(undone=1)
        return await charge(request)

    monkeypatch.setattr(desk.payments, "charge", slow)
    assert codes_of(await place(desk, ana, purchase)) == ["PAYMENT_DECLINED"]
    assert await books(database) == EMPTY
    assert await at_gateway(desk) == [("CAPTURED", TOTAL, TOTAL)]


async def test_money_that_belongs_to_no_order_goes_back_once(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await place(desk, ana, purchase)
    await database.connection.execute(delete(Order))
    assert await reconcile(database, desk.payments) == Reconciled(given_back=1)
    assert await reconcile(database, desk.payments) == Reconciled()
    assert await at_gateway(desk) == [("CAPTURED", TOTAL, TOTAL)]


async def test_hold_that_belongs_to_no_order_is_voided(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await waiting(desk, ana, purchase, "tok_action")
    await database.connection.execute(delete(Order))
    await reconcile(database, desk.payments)
    assert await at_gateway(desk) == [("VOIDED", 0, 0)]


# ---- news that come twice, late, or in another order


async def settled(database: RolledBackDatabase, charged: Charged | None, charge_id: UUID) -> Fate:
    return (await database.transact(partial(checkout.settle, charge_id=charge_id, charged=charged))).fate


async def test_old_news_change_nothing_of_a_placed_order(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await waiting(desk, ana, purchase, "tok_timeout")
    charge_id = await charge_of(database)
    truth = await desk.payments.find(charge_id)
    assert truth is not None
    assert await settled(database, truth, charge_id) is Fate.PLACED
    before = await books(database), await timeline(database, placed.order_id)
    for status in (ChargeStatus.PENDING, ChargeStatus.FAILED, ChargeStatus.ACTION, ChargeStatus.CAPTURED):
        assert await settled(database, replace(truth, status=status), charge_id) is Fate.PLACED
    assert await settled(database, None, charge_id) is Fate.PLACED
    assert (await books(database), await timeline(database, placed.order_id)) == before


async def test_money_that_comes_for_a_cancelled_order_is_refunded_once(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await waiting(desk, ana, purchase, "tok_timeout")
    charge_id = await charge_of(database)
    truth = await desk.payments.find(charge_id)
    assert truth is not None
    assert await settled(database, replace(truth, status=ChargeStatus.FAILED, captured=0), charge_id) is Fate.CANCELLED
    for _ in range(3):
        assert await settled(database, truth, charge_id) is Fate.CANCELLED
    assert (await database.connection.execute(select(Refund.amount, Refund.reason))).all() == [(TOTAL, "CANCELLATION")]
    assert await database.connection.scalar(select(Order.refunded_total)) == TOTAL
    await Post(database, payments=desk.payments).deliver()
    assert await at_gateway(desk) == [("CAPTURED", TOTAL, TOTAL)]


async def test_hold_for_a_cancelled_order_is_let_go_of(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await waiting(desk, ana, purchase, "tok_action")
    charge_id = await charge_of(database)
    truth = await desk.payments.find(charge_id)
    assert truth is not None
    assert await settled(database, replace(truth, status=ChargeStatus.FAILED), charge_id) is Fate.CANCELLED
    assert await settled(database, truth, charge_id) is Fate.CANCELLED
    await Post(database, payments=desk.payments).deliver()
    assert await at_gateway(desk) == [("VOIDED", 0, 0)]
    assert await books(database) == Books([OrderStatus.CANCELLED], [ChargeStatus.VOIDED], on_hand=ON_HAND)


async def test_news_of_a_charge_that_nobody_knows_change_nothing(database: RolledBackDatabase):
    assert await settled(database, None, new_id()) is Fate.GONE


# ---- after the customer was at their bank


async def carried_on(desk: Desk, who: Buyer, order_id: UUID | None, key: str = "k") -> Placed:
    return await placing.carry_on(desk, who.viewer, order_id, {"id": str(order_id), "idempotency_key": key})


async def test_confirmed_payment_places_the_order(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await waiting(desk, ana, purchase, "tok_action")
    found = await carried_on(desk, ana, placed.order_id)
    assert (found.order_id, codes_of(found), found.action) == (placed.order_id, [], None)
    assert await books(database) == Books([OrderStatus.PLACED], [ChargeStatus.CAPTURED], on_hand=ON_HAND - 2)
    assert await carried_on(desk, ana, placed.order_id) == found
    assert (await place(desk, ana, replace(purchase, gateway_token="tok_action"))).order_id == placed.order_id


async def test_payment_that_the_bank_refuses_cancels_the_order(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await waiting(desk, ana, purchase, "tok_action_declined")
    found = await carried_on(desk, ana, placed.order_id)
    assert (found.order_id, codes_of(found)) == (placed.order_id, ["PAYMENT_DECLINED"])
    assert await books(database) == Books([OrderStatus.CANCELLED], [ChargeStatus.FAILED], on_hand=ON_HAND)
    assert await carried_on(desk, ana, placed.order_id) == found


async def test_only_the_owner_goes_on_with_a_payment(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await waiting(desk, ana, purchase, "tok_action")
    other = replace(ana, viewer=replace(ana.viewer, account_id=new_id()))
    for who, order_id in ((other, placed.order_id), (ana, new_id()), (ana, None)):
        assert codes_of(await carried_on(desk, who, order_id)) == ["NOT_FOUND"]
    assert (await books(database)).charges == [ChargeStatus.ACTION]


async def test_key_of_going_on_is_for_one_order(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    placed = await waiting(desk, ana, purchase, "tok_action")
    await carried_on(desk, ana, placed.order_id)
    given = {"id": "another", "idempotency_key": "k"}
    assert codes_of(await placing.carry_on(desk, ana.viewer, placed.order_id, given)) == ["IDEMPOTENCY_CONFLICT"]
