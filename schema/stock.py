"""Stock, as staff read and correct it."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, DateTime, Uuid, func, select

from auth.permissions import staff
from models.catalogue import Variant
from models.order import Order, OrderLine, OrderStatus
from models.stock import StockEntry as StockEntryTable
from models.stock import StockEntryKind
from reads.declare import Columns, Key, column, entity, page, to, value
from schema.common import PageInfo, word

PREFIX = "ste"
READERS = staff("stock:read")

WAITING = (
    OrderStatus.PENDING_PAYMENT,
    OrderStatus.PLACED,
    OrderStatus.IN_ALTERATION,
    OrderStatus.PARTIALLY_FULFILLED,
)
"""Orders that something may be left to ship of."""

strawberry.enum(
    StockEntryKind, description="SALE, CANCELLATION and RETURN come from orders alone; the others are entered by staff."
)


def ordered(variant: Columns) -> ColumnElement[Any]:
    """Units of the variant that are ordered and not yet shipped."""
    left = OrderLine.quantity - OrderLine.fulfilled_quantity - OrderLine.cancelled_quantity
    lines = select(func.coalesce(func.sum(left), 0)).join(Order, Order.id == OrderLine.order_id)
    return lines.where(
        OrderLine.variant_id == variant.id, Order.status.in_([word(one) for one in WAITING])
    ).scalar_subquery()


def order_number(entry: Columns) -> ColumnElement[Any]:
    return select(Order.number).where(Order.id == entry.order_id).scalar_subquery()


@entity(StockEntryTable, prefix=PREFIX, readers=READERS, visible=(to(READERS),))
class StockEntry:
    """Pieces that came or went: `balance` is what was on hand afterwards. Entries are never changed."""

    id: strawberry.ID
    change: int
    balance: int
    kind: StockEntryKind
    note: str | None
    at: datetime
    order_number: str | None = column(order_number, nullable=True)


@value(readers=READERS)
class StockEntryEdge:
    cursor: str
    node: StockEntry


@value(readers=READERS)
class StockEntryConnection:
    """Entries, the newest first."""

    edges: list[StockEntryEdge]
    page_info: PageInfo


NEWEST_FIRST = (
    Key(lambda entry, given: entry.at, DateTime(timezone=True), descending=True),
    Key(lambda entry, given: entry.id, Uuid(), descending=True),
)


@entity(Variant, readers=READERS)
class Stock:
    """What is on the shelf: `sold` are units that are ordered and not yet shipped, already out of `onHand`."""

    on_hand: int
    sold: int = column(ordered, nullable=False)
    ledger: StockEntryConnection = page(lambda variant, entry: entry.variant_id == variant.id, sorts=NEWEST_FIRST)
