"""What staff say to refund an order."""

import strawberry

from auth.permissions import staff
from models.payment import RefundReason, TenderKind
from reads.declare import referenced, value
from schema.errors import UserError
from schema.fulfillment import OrderLineQuantityInput
from schema.money import MoneyInput
from schema.order import Order
from schema.refund import Refund

REFUNDERS = staff("order:refund")


@strawberry.input(
    description="Exactly one of what was received of a return, lines by their worth, and an amount of goodwill. "
    "`shipping`: that too, whatever the rules say. It is paid back as it was paid, or at the till by `tender`."
)
class OrderRefundInput:
    id: strawberry.ID
    reason: RefundReason
    idempotency_key: str
    expected_version: int | None = strawberry.UNSET
    return_request_id: strawberry.ID | None = strawberry.UNSET
    lines: list[OrderLineQuantityInput] | None = strawberry.UNSET
    amount: MoneyInput | None = strawberry.UNSET
    shipping: bool | None = False
    tender: TenderKind | None = strawberry.UNSET


@value(readers=REFUNDERS)
class OrderRefundPayload:
    order: Order | None = referenced()
    refund: Refund | None = referenced()
    user_errors: list[UserError]
