"""Orders, as their owner and staff read them."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy import Numeric, func

from auth.permissions import ANYONE, OWNER, staff
from commerce import order as orders
from commerce import return_rules
from models import order as tables
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.order import OrderStatus, PaymentStatus
from reads.declare import column, embed, entity, many, one, to, value, value_beside
from schema.alteration import Alteration
from schema.catalogue import Variant
from schema.common import Money, Node, PageInfo, money, word
from schema.measurement import READERS as MEASURERS
from schema.measurement import SealedMeasurements
from schema.order_event import OrderEvent
from schema.refund import Refund
from schema.return_eligibility import ReturnEligibility, return_eligibility
from schema.return_quote import ReturnQuote, return_quote
from schema.return_request import READERS as RETURNERS
from schema.return_request import ReturnRequest

if TYPE_CHECKING:
    from schema.account import Customer
    from schema.fulfillment import Fulfillment

strawberry.enum(Channel, name="OrderChannel")
strawberry.enum(OrderStatus)
strawberry.enum(PaymentStatus)

PREFIX = "ord"
READERS = OWNER + staff("order:read")


def order_address(kind: tables.OrderAddressKind) -> Any:
    return one(lambda order, address: (address.order_id == order.id) & (address.kind == word(kind)))


def order_money(name: str) -> Any:
    fields: dict[str, Any] = {**money(name)}
    return embed(**fields)


def fraction(name: str) -> Any:
    """A rate: "0.19" is 19 %."""
    return column(lambda row: func.trim_scale(row[name], type_=Numeric), nullable=False)


@entity(tables.OrderContact, readers=READERS)
class OrderContact:
    """Who ordered, as given with the order; null once the person is gone."""

    name: str | None
    email: str | None
    phone: str | None


@entity(tables.OrderAddress, readers=READERS)
class OrderAddress:
    """Where to, as given with the order; null once the person is gone."""

    recipient_name: str | None
    company: str | None
    line1: str | None
    line2: str | None
    city: str | None
    region: str | None
    postal_code: str | None
    country_code: str | None
    phone: str | None


@entity(tables.OrderPayment, readers=READERS)
class OrderPayment:
    """How it was paid; of a card, what a person recognises it by (P4)."""

    status: PaymentStatus
    brand: str | None
    last4: str | None


@entity(tables.OrderLine, prefix="orl", readers=READERS)
class OrderLine:
    """What was bought, as it was then; `variant` is what it is now, if it still is."""

    id: strawberry.ID
    sku: str
    product_name: str
    size: str | None
    color: str | None
    variant: Variant | None = one(lambda line, variant: variant.id == line.variant_id)
    quantity: int
    unit_price: Money = order_money("unit_price")
    total: Money = order_money("total")
    discount_total: Money = order_money("discount_total")
    tax_rate: Decimal = fraction("tax_rate")
    tax_total: Money = order_money("tax_total")
    custom_made: bool
    gift_message: str | None = value_beside(
        lambda line, gift: gift.order_line_id == line.id, tables.OrderGift, lambda gift: gift.message
    )
    fulfilled_quantity: int
    returned_quantity: int
    cancelled_quantity: int
    return_eligibility: ReturnEligibility = return_eligibility()
    returnable_quantity: int = column(return_rules.returnable, nullable=False)
    alterations: list[Alteration] = many(
        lambda line, alteration: alteration.order_line_id == line.id,
        order=lambda alteration: (alteration.id,),
        readers=MEASURERS,
    )
    measurements: SealedMeasurements | None = one(
        lambda line, measured: measured.order_line_id == line.id, readers=MEASURERS
    )


@entity(
    tables.Order,
    prefix=PREFIX,
    readers=READERS,
    visible=(to(OWNER, lambda viewer, order: order.account_id == viewer.account_id), to(staff("order:read"))),
)
class Order(Node):
    """A purchase. total = subtotal - discountTotal + shippingTotal (+ taxTotal where prices exclude tax)."""

    id: strawberry.ID
    version: int
    number: str
    placed_at: datetime
    channel: Channel
    status: OrderStatus
    currency_code: CurrencyCode = column(lambda order: order.currency, nullable=False)
    lines: list[OrderLine] = many(lambda order, line: line.order_id == order.id, order=lambda line: (line.position,))
    subtotal: Money = order_money("subtotal")
    discount_total: Money = order_money("discount_total")
    shipping_method: str
    shipping_total: Money = order_money("shipping_total")
    shipping_tax_rate: Decimal = fraction("shipping_tax_rate")
    shipping_tax_total: Money = order_money("shipping_tax_total")
    tax_total: Money = order_money("tax_total")
    total: Money = order_money("total")
    prices_include_tax: bool
    refunded_total: Money = order_money("refunded_total")
    contact: OrderContact | None = one(lambda order, contact: contact.order_id == order.id)
    shipping_address: OrderAddress | None = order_address(tables.OrderAddressKind.SHIPPING)
    billing_address: OrderAddress | None = order_address(tables.OrderAddressKind.BILLING)
    payment: OrderPayment | None = one(lambda order, payment: payment.order_id == order.id)
    fulfillments: list[Annotated["Fulfillment", strawberry.lazy("schema.fulfillment")]] = many(
        lambda order, shipment: shipment.order_id == order.id, order=lambda shipment: (shipment.id,)
    )
    refunds: list[Refund] = many(lambda order, refund: refund.order_id == order.id, order=lambda refund: (refund.id,))
    return_requests: list[ReturnRequest] = many(
        lambda order, asked: asked.order_id == order.id, order=lambda asked: (asked.id,), readers=RETURNERS
    )
    timeline: list[OrderEvent] = many(lambda order, event: event.order_id == order.id, order=lambda event: (event.id,))
    cancellable: bool = column(orders.cancellable, nullable=False)
    returnable_until: datetime | None = column(return_rules.until, nullable=True)
    return_quote: ReturnQuote = return_quote()
    customer: Annotated["Customer", strawberry.lazy("schema.account")] | None = one(
        lambda order, account: account.id == order.account_id, readers=OWNER + staff("customer:read")
    )


@value(readers=ANYONE)
class OrderEdge:
    cursor: str
    node: Order


@value(readers=ANYONE)
class OrderConnection:
    edges: list[OrderEdge]
    page_info: PageInfo
