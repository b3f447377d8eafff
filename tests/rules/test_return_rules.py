"""What may be sent back: as the API shows it and as the mutation asks, which is one expression."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update

from commerce import order_balance, return_rules
from commerce.alteration import Work
from commerce.order_balance import LineBalance
from commerce.return_rules import ReturnIneligibility, approves_itself
from models.alteration import Alteration, AlterationStatus
from models.catalogue import AlterationKind
from models.classification import Channel
from models.fulfillment import Fulfillment, FulfillmentLine
from models.ids import new_id
from models.order import Order, OrderLine, OrderStatus
from models.return_request import ReturnReason
from tests.support.database import RolledBackDatabase
from tests.support.login_session import account_with
from tests.support.returns import LONG_AGO, Bought, Sold, sold

HEM = Work(AlterationKind.HEM, None, 500, 3)
Why = ReturnIneligibility


@pytest.fixture
async def owner(database: RolledBackDatabase) -> UUID:
    return await account_with(database.connection, None)


async def balances(database: RolledBackDatabase, order: Sold) -> list[LineBalance]:
    found = await order_balance.load(database.connection, order.id)
    return list(found.lines.values())


async def test_delivered_goods_are_returnable(database: RolledBackDatabase, owner: UUID):
    [line] = await balances(database, await sold(database.connection, owner, [Bought(3)]))
    assert (line.returnable, line.reasons) == (3, ())


@pytest.mark.parametrize(("ago", "why"), [(LONG_AGO, (Why.WINDOW_CLOSED,)), (None, (Why.NOT_DELIVERED,))])
async def test_what_is_not_delivered_or_was_long_ago_is_not(
    database: RolledBackDatabase, owner: UUID, ago: timedelta | None, why: tuple[ReturnIneligibility, ...]
):
    [line] = await balances(database, await sold(database.connection, owner, delivered_ago=ago))
    assert (line.returnable, line.reasons) == (0, why)


async def test_window_is_open_to_its_last_moment(database: RolledBackDatabase, owner: UUID):
    barely = return_rules.WINDOW - timedelta(seconds=1)
    [line] = await balances(database, await sold(database.connection, owner, delivered_ago=barely))
    assert line.returnable == 1
    [line] = await balances(database, await sold(database.connection, owner, delivered_ago=return_rules.WINDOW))
    assert line.returnable == 0


async def test_what_is_made_to_measure_or_altered_is_not(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(custom_made=True), Bought(work=(HEM,)), Bought()])
    custom, altered, plain = await balances(database, order)
    assert custom.reasons == (Why.MADE_TO_MEASURE,)
    assert altered.reasons == (Why.ALTERED,)
    assert (custom.returnable, altered.returnable, plain.returnable) == (0, 0, 1)


async def test_alteration_that_was_cancelled_does_not_count(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(work=(HEM,))])
    await database.connection.execute(update(Alteration).values(status=AlterationStatus.CANCELLED))
    [line] = await balances(database, order)
    assert line.returnable == 1


async def test_cancelled_order_is_not(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, delivered_ago=None)
    await database.connection.execute(update(Order).values(status=OrderStatus.CANCELLED))
    [line] = await balances(database, order)
    assert line.reasons == (Why.ORDER_CANCELLED,)


async def test_what_came_back_is_not(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(2)])
    await database.connection.execute(update(OrderLine).values(returned_quantity=1))
    [line] = await balances(database, order)
    assert (line.returnable, line.reasons) == (1, ())
    await database.connection.execute(update(OrderLine).values(returned_quantity=2))
    [line] = await balances(database, order)
    assert (line.returnable, line.reasons) == (0, (Why.ALREADY_RETURNED,))


async def test_of_an_order_that_came_in_part_that_part_is(database: RolledBackDatabase, owner: UUID):
    order = await sold(database.connection, owner, [Bought(3), Bought(1)], delivered_ago=None)
    for delivered_at in (None, func.now() - timedelta(days=2)):
        shipment = new_id()
        values = {"id": shipment, "order_id": order.id, "channel": Channel.WEB, "delivered_at": delivered_at}
        await database.connection.execute(insert(Fulfillment).values(values))
        row = insert(FulfillmentLine).values(fulfillment_id=shipment, order_line_id=order.lines[0], quantity=1)
        await database.connection.execute(row)
    await database.connection.execute(
        update(OrderLine).where(OrderLine.id == order.lines[0]).values(fulfilled_quantity=2)
    )
    first, second = await balances(database, order)
    assert (first.returnable, second.reasons) == (1, (Why.NOT_DELIVERED,))
    until = select(return_rules.until(Order.__table__.c) - func.now()).where(Order.id == order.id)
    assert await database.connection.scalar(until) == return_rules.WINDOW - timedelta(days=2)


# ---- who decides


def test_what_is_worth_little_and_nobodys_fault_approves_itself():
    assert approves_itself({ReturnReason.TOO_SMALL, ReturnReason.UNWANTED_GIFT}, return_rules.TRUSTED_WORTH, 2)


@pytest.mark.parametrize(
    ("reason", "worth", "recent"),
    [
        (ReturnReason.DAMAGED, 100, 0),
        (ReturnReason.WRONG_ITEM, 100, 0),
        (ReturnReason.NOT_AS_DESCRIBED, 100, 0),
        (ReturnReason.OTHER, 100, 0),
        (ReturnReason.TOO_LARGE, return_rules.TRUSTED_WORTH + 1, 0),
        (ReturnReason.TOO_LARGE, 100, return_rules.TRUSTED_REQUESTS),
    ],
)
def test_all_else_waits_for_staff(reason: ReturnReason, worth: int, recent: int):
    assert not approves_itself({ReturnReason.TOO_SMALL, reason}, worth, recent)
