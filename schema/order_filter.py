"""How orders are filtered and sorted."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import strawberry
from sqlalchemy import ARRAY, BigInteger, ColumnElement, DateTime, Text, Uuid, any_, select

from auth.permissions import staff
from models.classification import Channel
from models.ids import read_id
from models.order import OrderLine, OrderPayment, OrderStatus, PaymentStatus
from reads.declare import Columns, Filter, FilterField, Key


@strawberry.enum
class OrderSort(StrEnum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"
    TOTAL_DESCENDING = "TOTAL_DESCENDING"
    TOTAL_ASCENDING = "TOTAL_ASCENDING"


@strawberry.input(
    description="What an order has to match; a field that is left out or null restricts nothing. `sku` is one of its "
    "lines'. `placedFrom` is the first moment that counts, `placedBefore` the first that does not. `customerId` needs "
    "what reading an order's customer needs."
)
class OrderFilter:
    number: str | None = strawberry.UNSET
    status: list[OrderStatus] | None = strawberry.UNSET
    payment_status: list[PaymentStatus] | None = strawberry.UNSET
    channel: Channel | None = strawberry.UNSET
    customer_id: strawberry.ID | None = strawberry.UNSET
    sku: str | None = strawberry.UNSET
    placed_from: datetime | None = strawberry.UNSET
    placed_before: datetime | None = strawberry.UNSET


def has_line(order: Columns, sku: ColumnElement[str], given: Any) -> ColumnElement[bool]:
    return select(OrderLine.id).where(OrderLine.order_id == order.id, OrderLine.sku == sku).exists()


def is_paid(order: Columns, wanted: ColumnElement[Any], given: Any) -> ColumnElement[bool]:
    payment = select(OrderPayment.order_id).where(OrderPayment.order_id == order.id)
    return payment.where(OrderPayment.status == any_(wanted)).exists()


ORDER_FILTER = Filter(
    OrderFilter | None,
    fields={
        "number": FilterField(Text(), lambda order, number, given: order.number == number),
        "status": FilterField(ARRAY(Text()), lambda order, wanted, given: order.status == any_(wanted)),
        "payment_status": FilterField(ARRAY(Text()), is_paid),
        "channel": FilterField(Text(), lambda order, channel, given: order.channel == channel),
        "customer_id": FilterField(
            Uuid(),
            lambda order, customer, given: order.account_id == customer,
            lambda shown: read_id("cus", shown),
            staff("customer:read"),
        ),
        "sku": FilterField(Text(), has_line),
        "placed_from": FilterField(DateTime(timezone=True), lambda order, first, given: order.placed_at >= first),
        "placed_before": FilterField(DateTime(timezone=True), lambda order, end, given: order.placed_at < end),
    },
)

NEWEST_FIRST = (
    Key(lambda order, given: order.placed_at, DateTime(timezone=True), descending=True),
    Key(lambda order, given: order.id, Uuid(), descending=True),
)

ORDER_SORTS = {
    OrderSort.NEWEST: NEWEST_FIRST,
    OrderSort.OLDEST: (
        Key(lambda order, given: order.placed_at, DateTime(timezone=True)),
        Key(lambda order, given: order.id, Uuid()),
    ),
    OrderSort.TOTAL_DESCENDING: (
        Key(lambda order, given: order.total, BigInteger(), descending=True),
        Key(lambda order, given: order.id, Uuid(), descending=True),
    ),
    OrderSort.TOTAL_ASCENDING: (
        Key(lambda order, given: order.total, BigInteger()),
        Key(lambda order, given: order.id, Uuid()),
    ),
}
