"""Order queries."""

from auth.permissions import ANYONE, staff
from reads.declare import one, page, value
from schema.common import by_id
from schema.order import Order, OrderConnection
from schema.order_filter import ORDER_FILTER, ORDER_SORTS, OrderSort


@value(readers=ANYONE)
class OrderQuery:
    order: Order | None = one(arguments={"id": by_id("ord", required=True)})
    orders: OrderConnection = page(
        sorts=ORDER_SORTS, sort=OrderSort.NEWEST, filter=ORDER_FILTER, readers=staff("order:read")
    )
