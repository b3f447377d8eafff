"""Refunds, as the order's owner and staff read them."""

from datetime import datetime
from typing import Any

import strawberry

from auth.permissions import OWNER, staff
from models import payment as tables
from models.payment import RefundReason, RefundStatus, TenderKind
from reads.declare import Value, embed, entity, many, to, value
from schema.common import Money, embedded_money, money, shown_key

strawberry.enum(RefundReason)
strawberry.enum(RefundStatus)
strawberry.enum(TenderKind)

PREFIX = "rfd"
LINE_PREFIX = "orl"
READERS = OWNER + staff("order:read")


@value(readers=READERS)
class RefundLine:
    """So many units of an order line, and what is paid back for them."""

    order_line_id: strawberry.ID
    quantity: int
    amount: Money


def refund_money(name: str) -> Any:
    fields: dict[str, Any] = {**money(name)}
    return embed(**fields)


CONTENTS = {
    "order_line_id": Value(lambda line: shown_key(LINE_PREFIX, line.order_line_id), False),
    "quantity": Value(lambda line: line.quantity, False),
    "amount": embedded_money("amount"),
}


@entity(tables.Refund, prefix=PREFIX, readers=READERS, visible=(to(staff("order:read")),))
class Refund:
    """What is paid back of an order; `amount` is the whole, of which `shippingAmount` is for shipping.

    One that FAILED was not paid back, and does not count.
    """

    id: strawberry.ID
    amount: Money = refund_money("amount")
    status: RefundStatus
    reason: RefundReason
    created_at: datetime
    lines: list[RefundLine] = many(
        lambda refund, line: line.refund_id == refund.id,
        order=lambda line: (line.order_line_id,),
        model=tables.RefundLine,
        fields=CONTENTS,
    )
    shipping_amount: Money = refund_money("shipping_amount")
