"""Cancelling an order: who may, until when, and that everything goes back."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from auth.refusal import Refusal
from auth.viewer import ANONYMOUS, Viewer, ViewerKind
from commerce import order_cancelling, refund
from commerce.order import cancellable
from commerce.order_drafting import Purchase
from commerce.placing import Desk
from commerce.reconciling import Reconciled, reconcile
from models.alteration import Alteration, AlterationStatus
from models.ids import new_id
from models.measurement import OrderMeasurement
from models.order import (
    Order,
    OrderCancelReason,
    OrderEventKind,
    OrderLine,
    OrderPayment,
    OrderStatus,
    PaymentStatus,
)
from models.payment import ChargeStatus, Refund, RefundLine, RefundReason
from models.stock import StockEntry, StockEntryKind
from tests.support.account import Post
from tests.support.address import account
from tests.support.database import RolledBackDatabase
from tests.support.ordering import (
    ON_HAND,
    PRICE,
    SHIPPING,
    TOTAL,
    Books,
    Buyer,
    Trousseau,
    at_gateway,
    books,
    ledger_holds,
    place,
    timeline,
    uses,
)
from tests.support.returns import clerk

Outcome = UUID | list[Refusal]
CANCELLED = Books([OrderStatus.CANCELLED], [ChargeStatus.CAPTURED], on_hand=ON_HAND)


async def ordered(desk: Desk, who: Buyer, purchase: Purchase, token: str = "tok_visa") -> UUID:
    placed = await place(desk, who, replace(purchase, gateway_token=token))
    assert placed.order_id is not None
    return placed.order_id


async def cancel(
    database: RolledBackDatabase, viewer: Viewer, order_id: UUID, key: str = "k", **more: Any
) -> list[str] | None:
    """Codes of the refusal; None where it is cancelled."""
    given = {"id": str(order_id), "idempotency_key": key}
    outcome = await database.transact(
        lambda t: order_cancelling.cancel(t, viewer, order_id, given | {"more": sorted(more)}, **more)
    )
    return [one.code.value for one in outcome] if isinstance(outcome, list) else None


async def test_owner_cancels_and_everything_goes_back(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    order_id = await ordered(desk, ana, purchase)
    assert await cancel(database, ana.viewer, order_id) is None
    assert await books(database) == CANCELLED
    entries = await database.connection.execute(
        select(StockEntry.kind, StockEntry.change, StockEntry.order_id).order_by(StockEntry.id)
    )
    assert entries.all() == [(StockEntryKind.SALE, -2, order_id), (StockEntryKind.CANCELLATION, 2, order_id)]
    assert await ledger_holds(database)
    assert await database.connection.scalar(select(OrderLine.cancelled_quantity)) == 2
    order = (await database.connection.execute(select(Order.__table__))).one()
    assert (order.cancel_reason, order.refunded_total) == (OrderCancelReason.CHANGED_MIND, TOTAL)


async def test_money_is_refunded_by_line_and_shipping(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    order_id = await ordered(desk, ana, purchase)
    await cancel(database, ana.viewer, order_id)
    refund = (await database.connection.execute(select(Refund.__table__))).one()
    assert (refund.amount, refund.shipping_amount, refund.reason) == (TOTAL, SHIPPING, "CANCELLATION")
    line = (await database.connection.execute(select(RefundLine.__table__))).one()
    assert (line.quantity, line.amount) == (2, 2 * PRICE)
    sent = await Post(database, payments=desk.payments).deliver()
    assert await at_gateway(desk) == [("CAPTURED", TOTAL, TOTAL)]
    assert await database.connection.scalar(select(OrderPayment.status)) == PaymentStatus.REFUNDED
    kinds = await timeline(database, order_id)
    assert kinds[2:] == [OrderEventKind.CANCELLED, OrderEventKind.REFUNDED]
    assert {message.subject.split(" LL-")[0] for message in sent} == {
        "Your order",
        "Layette has refunded 45.00 USD",
    }


async def test_code_and_tailors_work_are_given_up(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, trousseau: Trousseau
):
    order_id = await ordered(desk, ana, trousseau.purchase)
    await cancel(database, ana.viewer, order_id)
    assert await uses(database, trousseau.discount_id) == (0, 0)
    assert set(await database.connection.scalars(select(Alteration.status))) == {AlterationStatus.CANCELLED}
    assert await database.connection.scalar(select(OrderMeasurement.order_line_id)) is not None


async def test_staff_who_write_orders_cancel_for_a_reason(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    order_id = await ordered(desk, ana, purchase)
    other = await clerk_of(database, "order:write")
    assert await cancel(database, other, order_id, reason=OrderCancelReason.FRAUD) is None
    assert await database.connection.scalar(select(Order.cancel_reason)) == OrderCancelReason.FRAUD


async def clerk_of(database: RolledBackDatabase, *permissions: str) -> Viewer:
    """A member of staff; what matters of their account is that there is one."""
    return clerk(*permissions, account_id=await account(database.connection))


@pytest.mark.parametrize("who", ["anonymous", "another customer", "staff who only read", "a partner"])
async def test_to_everybody_else_there_is_no_order(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, who: str
):
    order_id = await ordered(desk, ana, purchase)
    callers = {
        "anonymous": ANONYMOUS,
        "another customer": Viewer(ViewerKind.CUSTOMER, new_id()),
        "staff who only read": await clerk_of(database, "order:read"),
        "a partner": Viewer(ViewerKind.PARTNER, permissions=frozenset({"reviews:read"})),
    }
    before = await books(database)
    assert await cancel(database, callers[who], order_id) == ["NOT_FOUND"]
    assert await cancel(database, callers[who], order_id, expected_version=99) == ["NOT_FOUND"]
    assert await books(database) == before


async def test_order_that_was_changed_meanwhile_is_not_cancelled(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    order_id = await ordered(desk, ana, purchase)
    assert await cancel(database, ana.viewer, order_id, expected_version=1) == ["VERSION_CONFLICT"]
    assert await cancel(database, ana.viewer, order_id, expected_version=2) is None


async def test_repetition_cancels_nothing_twice(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    order_id = await ordered(desk, ana, purchase)
    for _ in range(2):
        assert await cancel(database, ana.viewer, order_id) is None
    assert await cancel(database, ana.viewer, order_id, expected_version=2) == ["IDEMPOTENCY_CONFLICT"]
    assert await cancel(database, ana.viewer, order_id, key="another") == ["NOT_CANCELLABLE"]
    assert await books(database) == CANCELLED
    assert len((await database.connection.execute(select(Refund.id))).all()) == 1


@pytest.mark.parametrize("status", [AlterationStatus.IN_PROGRESS, AlterationStatus.READY, AlterationStatus.DONE])
async def test_what_is_cut_is_not_cancelled(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, trousseau: Trousseau, status: AlterationStatus
):
    order_id = await ordered(desk, ana, trousseau.purchase)
    work = select(Alteration.id).limit(1).scalar_subquery()
    await database.connection.execute(update(Alteration).where(Alteration.id == work).values(status=status))
    await refuses(database, ana, order_id)


async def test_what_is_shipped_in_part_is_not_cancelled(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    order_id = await ordered(desk, ana, purchase)
    await database.connection.execute(update(OrderLine).values(fulfilled_quantity=1))
    await refuses(database, ana, order_id)


@pytest.mark.parametrize("status", [one for one in OrderStatus if one not in {"PENDING_PAYMENT", "PLACED"}])
async def test_order_on_its_way_is_not_cancelled(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, status: OrderStatus
):
    order_id = await ordered(desk, ana, purchase)
    await database.connection.execute(update(Order).values(status=status))
    await refuses(database, ana, order_id)


async def refuses(database: RolledBackDatabase, ana: Buyer, order_id: UUID) -> None:
    """Whoever asks: it is cancelled for neither, and the order says so itself."""
    before = await books(database)
    staff = await clerk_of(database, "order:write")
    assert await cancel(database, ana.viewer, order_id) == ["NOT_CANCELLABLE"]
    assert await cancel(database, staff, order_id) == ["NOT_CANCELLABLE"]
    assert await books(database) == before
    assert await database.connection.scalar(select(cancellable(Order))) is False


@pytest.mark.parametrize(
    ("token", "book"),
    [
        ("tok_action", ("VOIDED", 0, 0)),
        ("tok_timeout", ("CAPTURED", TOTAL, TOTAL)),
        ("tok_timeout_lost", None),
    ],
)
async def test_order_that_waits_for_its_payment_is_cancelled_and_nothing_is_kept(
    desk: Desk,
    database: RolledBackDatabase,
    ana: Buyer,
    purchase: Purchase,
    token: str,
    book: tuple[object, ...] | None,
):
    order_id = await ordered(desk, ana, purchase, token)
    assert await database.connection.scalar(select(cancellable(Order))) is True
    assert await cancel(database, ana.viewer, order_id) is None
    await Post(database, payments=desk.payments).deliver()
    assert await at_gateway(desk) == ([book] if book else [])
    found = await books(database)
    assert (found.orders, found.on_hand) == ([OrderStatus.CANCELLED], ON_HAND)
    assert await reconcile(database, desk.payments) == Reconciled()


async def test_goodwill_that_was_paid_before_is_not_paid_twice(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    order_id = await ordered(desk, ana, purchase)
    await database.transact(lambda t: refund.begin(t, order_id, amount=1000, reason=RefundReason.GOODWILL))
    assert await cancel(database, ana.viewer, order_id) is None
    await Post(database, payments=desk.payments).deliver()
    assert await at_gateway(desk) == [("CAPTURED", TOTAL, TOTAL)]
