"""What is said at a till to sell something."""

import strawberry

from auth.permissions import staff
from models.catalogue import CurrencyCode
from models.payment import TenderKind
from reads.declare import referenced, value
from schema.cart import CartLineInput
from schema.common import Money
from schema.errors import UserError
from schema.money import MoneyInput
from schema.order import Order
from schema.quote import Quote

SELLERS = staff("order:write")


@strawberry.input(description="`gatewayToken`: from the terminal. A card pays the total at most; cash may exceed it.")
class TenderInput:
    kind: TenderKind
    amount: MoneyInput
    gateway_token: str | None = strawberry.UNSET


@strawberry.input(
    description="Without a customer there is no contact and nothing is made to measure. What is not handed over is "
    "collected later, as is what the tailor works on. `dryRun`: what it would cost, and nothing is written."
)
class OrderPlaceInStoreInput:
    currency_code: CurrencyCode
    lines: list[CartLineInput]
    idempotency_key: str
    tenders: list[TenderInput] | None = strawberry.UNSET
    customer_id: strawberry.ID | None = strawberry.UNSET
    discount_codes: list[str] | None = strawberry.UNSET
    handed_over: bool | None = True
    dry_run: bool | None = False


@value(readers=SELLERS)
class OrderPlaceInStorePayload:
    """`change` is what is given back in cash."""

    order: Order | None = referenced()
    quote: Quote | None
    change: Money | None
    user_errors: list[UserError]
