"""What happened to an order, for its timeline: no free text, and nobody's name."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import ColumnElement

from auth.permissions import OWNER, staff
from models import order as tables
from models.order import OrderEventKind
from reads.declare import column, entity
from schema.common import shown_key
from schema.refund import PREFIX as REFUND
from schema.return_request import PREFIX as RETURN_REQUEST

FULFILLMENT = "ful"

strawberry.enum(OrderEventKind)


def key_of(prefix: str, name: str) -> Any:
    """The public id of another row, or null."""

    def shown(event: Any) -> ColumnElement[Any]:
        return shown_key(prefix, event[name])

    return column(shown, nullable=True)


@entity(tables.OrderEvent, prefix="oev", readers=OWNER + staff("order:read"))
class OrderEvent:
    """Something that happened, and what it was about."""

    id: strawberry.ID
    kind: OrderEventKind
    at: datetime
    fulfillment_id: strawberry.ID | None = key_of(FULFILLMENT, "fulfillment_id")
    return_request_id: strawberry.ID | None = key_of(RETURN_REQUEST, "return_request_id")
    refund_id: strawberry.ID | None = key_of(REFUND, "refund_id")
