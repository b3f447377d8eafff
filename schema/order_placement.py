"""Placing, paying and cancelling orders: inputs and payloads."""

import strawberry

from auth.permissions import ANYONE, OWNER, staff
from models.order import OrderCancelReason
from reads.declare import referenced, value
from schema.errors import UserError
from schema.money import MoneyInput
from schema.order import Order
from schema.payment_action import PaymentAction
from schema.quote import Quote

strawberry.enum(OrderCancelReason)


@strawberry.input(
    description="`expectedTotal` is the total of a quote with this method and address. It is paid with a saved method "
    "or with the gateway's own token, where it costs anything. A pickup needs no shipping address."
)
class OrderPlaceInput:
    cart_id: strawberry.ID
    expected_total: MoneyInput
    billing_address_id: strawberry.ID
    shipping_method: str
    idempotency_key: str
    shipping_address_id: strawberry.ID | None = strawberry.UNSET
    payment_method_id: strawberry.ID | None = strawberry.UNSET
    gateway_token: str | None = strawberry.UNSET


@strawberry.input(description="`id` is the order's, whose paymentAction the customer has done.")
class OrderPaymentContinueInput:
    id: strawberry.ID
    idempotency_key: str


@strawberry.input
class OrderCancelInput:
    id: strawberry.ID
    idempotency_key: str
    expected_version: int | None = strawberry.UNSET
    reason: OrderCancelReason | None = OrderCancelReason.CHANGED_MIND


@value(readers=ANYONE)
class OrderPlacePayload:
    """`quote` is the price as it is now, where it is another one than expected."""

    order: Order | None = referenced()
    payment_action: PaymentAction | None
    quote: Quote | None
    user_errors: list[UserError]


@value(readers=OWNER)
class OrderPaymentContinuePayload:
    order: Order | None = referenced()
    payment_action: PaymentAction | None
    user_errors: list[UserError]


@value(readers=OWNER + staff("order:write"))
class OrderCancelPayload:
    order: Order | None = referenced()
    user_errors: list[UserError]
