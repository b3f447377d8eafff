"""Returns, as the order's owner and staff read them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
from sqlalchemy import Text, Uuid

from auth.permissions import ANYONE, OWNER, staff
from models import return_request as tables
from models.payment import RefundStatus
from models.return_request import ReturnReason, ReturnStatus
from reads.declare import Argument, Key, entity, many, one, referenced, to, value
from schema.catalogue import Variant
from schema.common import Node, PageInfo, word
from schema.errors import UserError
from schema.refund import Refund

if TYPE_CHECKING:
    from schema.order import Order, OrderLine

strawberry.enum(ReturnReason)
strawberry.enum(ReturnStatus)

PREFIX = "ret"
LINE_PREFIX = "rtl"
ORDER_PREFIX = "ord"
ORDER_LINE_PREFIX = "orl"
VARIANT_PREFIX = "var"
READERS = OWNER + staff("return:read")
WRITERS = staff("return:write")

LazyOrder = Annotated["Order", strawberry.lazy("schema.order")]
LazyOrderLine = Annotated["OrderLine", strawberry.lazy("schema.order")]


@entity(tables.ReturnLine, prefix=LINE_PREFIX, readers=READERS)
class ReturnLine:
    """So many pieces of an order line, why, and what came: `restocked` can be sold again."""

    id: strawberry.ID
    order_line: LazyOrderLine = one(lambda line, bought: bought.id == line.order_line_id)
    quantity: int
    received_quantity: int
    restocked: int
    reason: ReturnReason
    exchange_variant: Variant | None = one(lambda line, variant: variant.id == line.exchange_variant_id)


@entity(
    tables.ReturnRequest,
    prefix=PREFIX,
    readers=READERS,
    visible=(to(OWNER, lambda viewer, asked: asked.account_id == viewer.account_id), to(staff("return:read"))),
)
class ReturnRequest(Node):
    """What a customer wants to send back. `rma` is what is written on the parcel, `message` the shop's answer."""

    id: strawberry.ID
    version: int
    rma: str
    status: ReturnStatus
    created_at: datetime
    note: str | None
    message: str | None
    order: LazyOrder | None = one(lambda asked, order: order.id == asked.order_id)
    lines: list[ReturnLine] = many(
        lambda asked, line: line.return_request_id == asked.id, order=lambda line: (line.id,)
    )
    refund: Refund | None = one(
        lambda asked, refund: (refund.return_request_id == asked.id) & (refund.status != word(RefundStatus.FAILED))
    )
    exchange_order: LazyOrder | None = one(lambda asked, order: order.id == asked.exchange_order_id)


@value(readers=ANYONE)
class ReturnRequestEdge:
    cursor: str
    node: ReturnRequest


@value(readers=ANYONE)
class ReturnRequestConnection:
    edges: list[ReturnRequestEdge]
    page_info: PageInfo


NEWEST_FIRST = (Key(lambda asked, given: asked.id, Uuid(), descending=True),)
"""Keys grow with time."""

STATUS = Argument(ReturnStatus | None, Text(), where=lambda asked, status: asked.status == status)


@strawberry.input(
    description="So many pieces of an order line; `exchangeVariantId`: another variant of the same product, at the "
    "same price, in their place."
)
class ReturnLineInput:
    order_line_id: strawberry.ID
    quantity: int
    reason: ReturnReason
    exchange_variant_id: strawberry.ID | None = strawberry.UNSET


@strawberry.input(description="A note has up to 1000 characters.")
class ReturnRequestCreateInput:
    order_id: strawberry.ID
    lines: list[ReturnLineInput]
    idempotency_key: str
    note: str | None = strawberry.UNSET


@strawberry.input
class ReturnRequestCancelInput:
    id: strawberry.ID
    idempotency_key: str
    expected_version: int | None = strawberry.UNSET


@strawberry.input(description="The message, up to 1000 characters, is mailed to the customer.")
class ReturnRequestDecideInput:
    id: strawberry.ID
    approve: bool
    idempotency_key: str
    expected_version: int | None = strawberry.UNSET
    message: str | None = strawberry.UNSET


@strawberry.input(description="How many pieces came, and whether they can be sold again.")
class ReturnReceiptInput:
    return_line_id: strawberry.ID
    quantity: int
    restock: bool


@strawberry.input
class ReturnRequestReceiveInput:
    id: strawberry.ID
    lines: list[ReturnReceiptInput]
    idempotency_key: str
    expected_version: int | None = strawberry.UNSET


@value(readers=OWNER + WRITERS)
class ReturnRequestCreatePayload:
    return_request: ReturnRequest | None = referenced()
    user_errors: list[UserError]


@value(readers=OWNER)
class ReturnRequestCancelPayload:
    return_request: ReturnRequest | None = referenced()
    user_errors: list[UserError]


@value(readers=WRITERS)
class ReturnRequestDecidePayload:
    return_request: ReturnRequest | None = referenced()
    user_errors: list[UserError]


@value(readers=WRITERS)
class ReturnRequestReceivePayload:
    return_request: ReturnRequest | None = referenced()
    user_errors: list[UserError]
