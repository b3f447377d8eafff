"""Saved ways to pay, as their owner recognises them."""

import strawberry

from auth.permissions import OWNER
from models import payment as tables
from reads.declare import entity, to
from schema.common import Node

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
