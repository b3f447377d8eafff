"""Saved ways to pay, as their owner recognises them."""

import strawberry

from auth.permissions import OWNER
from models import payment as tables
from reads.declare import entity, referenced, to, value
from schema.common import Node
from schema.errors import UserError
from schema.payment_action import PaymentAction

PREFIX = "pmt"


@entity(
    tables.PaymentMethod,
    prefix=PREFIX,
    readers=OWNER,
    visible=(to(OWNER, lambda viewer, method: method.account_id == viewer.account_id),),
)
class PaymentMethod(Node):
    """A saved card: what a person recognises it by, never its number (P4)."""

    id: strawberry.ID
    brand: str | None
    last4: str | None
    expiry_month: int | None
    expiry_year: int | None
    is_default: bool | None


@strawberry.input(description="`gatewayToken` comes from the payment provider's own library; it is no card number.")
class PaymentMethodAddInput:
    gateway_token: str
    make_default: bool | None = False
    idempotency_key: str


@strawberry.input
class PaymentMethodRemoveInput:
    id: strawberry.ID


@value(
    readers=OWNER,
    description="With a `paymentAction` the card is saved, PAYMENT_ACTION_REQUIRED is among the errors, and it may be "
    "charged once its owner has done that.",
)
class PaymentMethodAddPayload:
    payment_method: PaymentMethod | None = referenced()
    payment_action: PaymentAction | None
    user_errors: list[UserError]


@value(readers=OWNER)
class PaymentMethodRemovePayload:
    removed_id: strawberry.ID | None
    user_errors: list[UserError]
