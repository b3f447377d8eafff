"""Shipments, as the order's owner and staff read them."""

from datetime import datetime

import strawberry

from auth.permissions import OWNER, staff
from models import fulfillment as tables
from models.order import OrderAddressKind
from reads.declare import Value, entity, many, one, referenced, to, value
from schema.common import Node, shown_key, word
from schema.errors import UserError
from schema.order import Order, OrderAddress

PREFIX = "ful"
ORDER_PREFIX = "ord"
LINE_PREFIX = "orl"
READERS = OWNER + staff("order:read")
WRITERS = staff("order:write")


@value(readers=READERS)
class FulfillmentLine:
    """How many pieces of an order line went out."""

    order_line_id: strawberry.ID
    quantity: int


CONTENTS = {
    "order_line_id": Value(lambda line: shown_key(LINE_PREFIX, line.order_line_id), False),
    "quantity": Value(lambda line: line.quantity, False),
}


@entity(
    tables.Fulfillment,
    prefix=PREFIX,
    readers=READERS,
    visible=(to(OWNER, lambda viewer, shipment: shipment.account_id == viewer.account_id), to(staff("order:read"))),
)
class Fulfillment(Node):
    """What went out together, or waits in the store to be collected. `shippingLabel`: all a carrier is told (P42)."""

    id: strawberry.ID
    lines: list[FulfillmentLine] = many(
        lambda shipment, line: line.fulfillment_id == shipment.id,
        order=lambda line: (line.order_line_id,),
        model=tables.FulfillmentLine,
        fields=CONTENTS,
    )
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    shipped_at: datetime
    delivered_at: datetime | None
    shipping_label: OrderAddress | None = one(
        lambda shipment, address: (
            (address.order_id == shipment.order_id) & (address.kind == word(OrderAddressKind.SHIPPING))
        ),
        readers=WRITERS,
    )


@strawberry.input
class OrderLineQuantityInput:
    line_id: strawberry.ID
    quantity: int


@strawberry.input(
    description="Without lines all that is left is shipped. The address of tracking begins with https://."
)
class OrderFulfillInput:
    id: strawberry.ID
    idempotency_key: str
    expected_version: int | None = strawberry.UNSET
    lines: list[OrderLineQuantityInput] | None = strawberry.UNSET
    carrier: str | None = strawberry.UNSET
    tracking_number: str | None = strawberry.UNSET
    tracking_url: str | None = strawberry.UNSET


@strawberry.input(description="Without a shipment all that is on its way is delivered.")
class OrderMarkDeliveredInput:
    id: strawberry.ID
    idempotency_key: str
    fulfillment_id: strawberry.ID | None = strawberry.UNSET
    expected_version: int | None = strawberry.UNSET


@value(readers=WRITERS)
class OrderFulfillPayload:
    order: Order | None = referenced()
    fulfillment: Fulfillment | None = referenced()
    user_errors: list[UserError]


@value(readers=WRITERS)
class OrderMarkDeliveredPayload:
    order: Order | None = referenced()
    user_errors: list[UserError]
