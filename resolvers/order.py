"""Order queries."""

from auth.permissions import ANYONE
from reads.declare import one, value
from schema.common import by_id
from schema.order import Order


@value(readers=ANYONE)
class OrderQuery:
    order: Order | None = one(arguments={"id": by_id("ord", required=True)})
