"""What of an order was delivered, came back and was paid back: what returns and refunds are reckoned from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import return_rules
from commerce.return_rules import ReturnIneligibility
from models.catalogue import CurrencyCode, Variant
from models.order import Order, OrderLine
from models.payment import Refund, RefundStatus


@dataclass(frozen=True, slots=True)
class LineBalance:
    """`worth` is what the customer paid for all units, `refunded_amount` what was paid back of that, in minor units.

    The rest are units of the line.
    """

    id: UUID
    variant_id: UUID | None
    product_id: UUID | None
    product_name: str
    unit_price: int
    worth: int
    quantity: int
    returned: int
    asked_for: int
    exchanged: int
    refunded: int
    refunded_amount: int
    returnable: int
    reasons: tuple[ReturnIneligibility, ...]

    @property
    def refundable(self) -> int:
        """Units whose worth may still be paid back."""
        return self.quantity - self.refunded - self.exchanged


@dataclass(frozen=True, slots=True)
class Balance:
    """`left` is what of the order's total is not paid back, `shipping_left` what of the shipping; tax included."""

    order_id: UUID
    currency: CurrencyCode
    left: int
    shipping_left: int
    delivered_at: datetime | None
    lines: Mapping[UUID, LineBalance]


async def load(transaction: AsyncConnection, order_id: UUID) -> Balance:
    """The order's balance, which holds as long as the order is locked. Raises NoResultFound for an unknown order."""
    paid_back = (
        select(func.coalesce(func.sum(Refund.shipping_amount), 0))
        .where(Refund.order_id == Order.id, Refund.status != RefundStatus.FAILED)
        .correlate(Order)
        .scalar_subquery()
    )
    order = select(Order.__table__, paid_back.label("shipping_back")).where(Order.id == order_id)
    row = (await transaction.execute(order)).one()
    shipping = row.shipping_total + (0 if row.prices_include_tax else row.shipping_tax_total)
    lines = (await transaction.execute(_lines().where(OrderLine.order_id == order_id))).all()
    return Balance(
        row.id,
        CurrencyCode(row.currency),
        row.total - row.refunded_total,
        shipping - int(row.shipping_back),
        row.delivered_at,
        {line.id: _line(line, tax_included=row.prices_include_tax) for line in lines},
    )


def _lines() -> Any:
    line = OrderLine.__table__.c
    return (
        select(
            OrderLine.__table__,
            Variant.product_id,
            return_rules.asked_for(line).label("asked_for"),
            return_rules.exchanged(line).label("exchanged"),
            return_rules.refunded(line).label("refunded"),
            return_rules.refunded_amount(line).label("refunded_amount"),
            return_rules.returnable(line).label("returnable"),
            return_rules.reasons(line).label("reasons"),
        )
        .join_from(OrderLine, Variant, Variant.id == OrderLine.variant_id, isouter=True)
        .order_by(OrderLine.position)
    )


def _line(row: Any, *, tax_included: bool) -> LineBalance:
    return LineBalance(
        row.id,
        row.variant_id,
        row.product_id,
        row.product_name,
        row.unit_price,
        row.total - row.discount_total + (0 if tax_included else row.tax_total),
        row.quantity,
        row.returned_quantity,
        row.asked_for,
        row.exchanged,
        row.refunded,
        row.refunded_amount,
        row.returnable,
        tuple(ReturnIneligibility(word) for word in row.reasons),
    )
