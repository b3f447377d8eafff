"""What may come back, until when, and who decides: the shop's rules of returns in one place.

WINDOW: goods may come back until so long after the order's last delivery.
WITHDRAWAL: whoever sends all of it back within this time gets the shipping back too (Directive 2011/83/EU, art. 9, 13).
What is made to measure or altered does not come back (the same, art. 16 c).
AT_FAULT: reasons for which the shop pays the shipping, and looks at the request first.
TRUSTED_…: what is asked for within these bounds is approved at once; staff may still decline it until it is received.

What is eligible is an expression over an order line's columns: the API shows it, and the mutation asks it again under
the order's lock, so that the two never differ.
"""

from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Interval,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
    not_,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import array

from models.alteration import Alteration, AlterationStatus
from models.catalogue import AlterationKind
from models.fulfillment import Fulfillment, FulfillmentLine
from models.order import Order, OrderStatus
from models.payment import Refund, RefundLine, RefundStatus
from models.return_request import ReturnLine, ReturnReason, ReturnRequest, ReturnStatus

WINDOW = timedelta(days=30)
WITHDRAWAL = timedelta(days=14)
AT_FAULT = frozenset({ReturnReason.NOT_AS_DESCRIBED, ReturnReason.DAMAGED, ReturnReason.WRONG_ITEM})

TRUSTED_WORTH = 250_00
"""Minor units of any currency."""
TRUSTED_REQUESTS = 3
TRUSTED_SPAN = timedelta(days=90)

Columns = Any
"""The columns of a row's table, by attribute."""


class ReturnIneligibility(StrEnum):
    """Why nothing of a line may be sent back."""

    NOT_DELIVERED = "NOT_DELIVERED"
    WINDOW_CLOSED = "WINDOW_CLOSED"
    MADE_TO_MEASURE = "MADE_TO_MEASURE"
    ALTERED = "ALTERED"
    ALREADY_RETURNED = "ALREADY_RETURNED"
    ORDER_CANCELLED = "ORDER_CANCELLED"


def approves_itself(reasons: set[ReturnReason], worth: int, recent: int) -> bool:
    """Whether a request is approved without anybody's looking at it: of little worth, by somebody who seldom returns,
    and for a reason that is nobody's fault. `recent`: earlier requests of the same customer within TRUSTED_SPAN.
    """
    blameless = not reasons & (AT_FAULT | {ReturnReason.OTHER})
    return blameless and worth <= TRUSTED_WORTH and recent < TRUSTED_REQUESTS


# ---- what of a line is where, as numbers


@cache
def _own(rule: str, *models: Any) -> tuple[Any, ...]:
    """The models' tables by other names, for one rule's subqueries. Kept, as the columns of one take long to make."""
    return tuple(model.__table__.alias() for model in models)


def delivered(line: Columns) -> ColumnElement[int]:
    """Units that arrived: of a delivered order all that were shipped, else those of the shipments that arrived."""
    order, shipment, part = _own("delivered", Order, Fulfillment, FulfillmentLine)
    arrived = (
        select(func.coalesce(func.sum(part.c.quantity), _number(0)))
        .select_from(part.join(shipment, shipment.c.id == part.c.fulfillment_id))
        .where(part.c.order_line_id == line.id, shipment.c.delivered_at.is_not(None))
        .correlate_except(part, shipment)
    )
    whole = select(order.c.delivered_at.is_not(None)).where(order.c.id == line.order_id).correlate_except(order)
    return cast(case((whole.scalar_subquery(), line.fulfilled_quantity), else_=arrived.scalar_subquery()), Integer)


def asked_for(line: Columns) -> ColumnElement[int]:
    """Units in requests that nothing has come of yet."""
    request, part = _own("asked for", ReturnRequest, ReturnLine)
    waiting = (_word(ReturnStatus.REQUESTED), _word(ReturnStatus.APPROVED))
    units = (
        select(func.coalesce(func.sum(part.c.quantity), _number(0)))
        .select_from(part.join(request, request.c.id == part.c.return_request_id))
        .where(part.c.order_line_id == line.id, request.c.status.in_(waiting))
        .correlate_except(part, request)
    )
    return cast(units.scalar_subquery(), Integer)


def refunded(line: Columns) -> ColumnElement[int]:
    """Units whose worth was paid back, or is about to be."""
    return cast(_of_refunds(line, "quantity"), Integer)


def refunded_amount(line: Columns) -> ColumnElement[int]:
    """What was paid back for them, or is about to be, in minor units."""
    return cast(_of_refunds(line, "amount"), BigInteger)


def _of_refunds(line: Columns, name: str) -> ColumnElement[Any]:
    refund, part = _own("refunds", Refund, RefundLine)
    units = (
        select(func.coalesce(func.sum(part.c[name]), _number(0)))
        .select_from(part.join(refund, refund.c.id == part.c.refund_id))
        .where(part.c.order_line_id == line.id, refund.c.status != _word(RefundStatus.FAILED))
        .correlate_except(part, refund)
    )
    return units.scalar_subquery()


def exchanged(line: Columns) -> ColumnElement[int]:
    """Units that came back for another size or colour, which is not cancelled: they are not refunded."""
    request, part, other = _own("exchanged", ReturnRequest, ReturnLine, Order)
    of_request = part.join(request, request.c.id == part.c.return_request_id)
    units = (
        select(func.coalesce(func.sum(part.c.received_quantity), _number(0)))
        .select_from(of_request.join(other, other.c.id == request.c.exchange_order_id))
        .where(
            part.c.order_line_id == line.id,
            part.c.exchange_variant_id.is_not(None),
            other.c.status != _word(OrderStatus.CANCELLED),
        )
        .correlate_except(part, request, other)
    )
    return cast(units.scalar_subquery(), Integer)


# ---- what may come back


def until(order: Columns) -> ColumnElement[Any]:
    """When an order's window closes; null before anything was delivered."""
    [shipment] = _own("until", Fulfillment)
    latest = select(func.max(shipment.c.delivered_at)).where(shipment.c.order_id == order.id).correlate_except(shipment)
    window = literal_column(f"INTERVAL '{WINDOW.days} days'", Interval)
    return cast(func.coalesce(order.delivered_at, latest.scalar_subquery()) + window, DateTime(timezone=True))


def until_of_line(line: Columns) -> ColumnElement[Any]:
    """When the line's order's window closes; null before anything was delivered."""
    [order] = _own("until of line", Order)
    found = select(until(order.c)).where(order.c.id == line.order_id).correlate_except(order)
    return found.scalar_subquery()


def returnable(line: Columns) -> ColumnElement[int]:
    """How many units may be sent back now."""
    some = func.cardinality(reasons(line)) == _number(0)
    return cast(case((some, _left(line)), else_=_number(0)), Integer)


def reasons(line: Columns) -> ColumnElement[Any]:
    """Why no unit may be sent back, words of ReturnIneligibility; empty where some may."""
    words: list[Any] = [case((condition, _word(word))) for word, condition in _bars(line).items()]
    return func.array_remove(array(words, type_=Text), null(), type_=ARRAY(Text))


def _bars(line: Columns) -> dict[ReturnIneligibility, ColumnElement[bool]]:
    order, work = _own("bars", Order, Alteration)
    of_line = (
        select(order.c.status == _word(OrderStatus.CANCELLED))
        .where(order.c.id == line.order_id)
        .correlate_except(order)
    )
    cancelled = of_line.scalar_subquery() | (line.cancelled_quantity == line.quantity)
    altered = (
        select(work.c.id)
        .where(
            work.c.order_line_id == line.id,
            work.c.status != _word(AlterationStatus.CANCELLED),
            work.c.kind != _word(AlterationKind.MADE_TO_MEASURE),
        )
        .correlate_except(work)
    )
    arrived = delivered(line) > _number(0)
    return {
        ReturnIneligibility.ORDER_CANCELLED: cancelled,
        ReturnIneligibility.NOT_DELIVERED: and_(not_(cancelled), not_(arrived)),
        ReturnIneligibility.MADE_TO_MEASURE: line.custom_made.is_(True),
        ReturnIneligibility.ALTERED: altered.exists(),
        ReturnIneligibility.WINDOW_CLOSED: and_(arrived, until_of_line(line) <= func.now()),
        ReturnIneligibility.ALREADY_RETURNED: and_(arrived, _left(line) <= _number(0)),
    }


def _left(line: Columns) -> ColumnElement[int]:
    return delivered(line) - line.returned_quantity - asked_for(line)


def _number(of: int) -> ColumnElement[int]:
    return literal_column(str(of), Integer)


def _word(member: StrEnum) -> ColumnElement[str]:
    """A constant of the statement."""
    return literal_column(f"'{member.value}'", Text)
