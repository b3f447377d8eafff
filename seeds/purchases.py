"""Orders with everything that hangs on them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from commerce.postal import AddressDraft
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.ids import new_id
from models.order import (
    Order,
    OrderAddress,
    OrderAddressKind,
    OrderContact,
    OrderLine,
    OrderPayment,
    OrderStatus,
    PaymentStatus,
)
from seeds.people import Person
from seeds.prices import Prices
from seeds.rows import Rows
from seeds.totals import Totals, tax_rate, totals

USUAL_PAYMENT = {
    OrderStatus.PENDING_PAYMENT: PaymentStatus.PENDING,
    OrderStatus.PLACED: PaymentStatus.AUTHORIZED,
    OrderStatus.IN_ALTERATION: PaymentStatus.CAPTURED,
    OrderStatus.PARTIALLY_FULFILLED: PaymentStatus.CAPTURED,
    OrderStatus.FULFILLED: PaymentStatus.CAPTURED,
    OrderStatus.DELIVERED: PaymentStatus.CAPTURED,
    OrderStatus.CANCELLED: PaymentStatus.REFUNDED,
}
STORE = ("US", "NY")

# Crockford's base 32: no letter that is read as a digit.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Item:
    """A variant as an order line copies it; prices are minor units."""

    id: UUID
    sku: str
    product_id: UUID
    product_name: str
    size: str | None
    color: str | None
    prices: Prices
    custom_made: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """What is kept of a payment card (P4)."""

    brand: str
    last4: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order before it is counted up. Without a buyer it was a sale at the till, without an address a pickup."""

    number: str
    placed_at: datetime
    channel: Channel
    status: OrderStatus
    payment: PaymentStatus
    currency: CurrencyCode
    lines: Sequence[tuple[Item, int]]
    card: Card
    buyer: Person | None = None
    shipping: AddressDraft | None = None
    billing: AddressDraft | None = None
    discount_percent: int = 0


def order_number(index: int) -> str:
    """A number that tells nothing of how many came before: the index, scrambled one to one. Unique below 2^40."""
    scrambled = index
    for factor in (0x9E_3779_B97F, 0xBF_5847_6D1D, 0x94_D049_BB13):
        scrambled = (scrambled ^ scrambled >> 21) * factor % 2**40
    letters = "".join(_ALPHABET[scrambled >> shift & 31] for shift in range(35, -5, -5))
    return f"LL-{letters[:4]}-{letters[4:]}"


def add_order(rows: Rows, purchase: Purchase) -> None:
    """Adds the order, its lines, and where there is a buyer the contact and addresses as they were then."""
    order_id = new_id()
    amounts = _amounts(purchase)
    rows.add(
        Order,
        id=order_id,
        account_id=purchase.buyer and purchase.buyer.id,
        number=purchase.number,
        placed_at=purchase.placed_at,
        channel=purchase.channel,
        status=purchase.status,
        currency=purchase.currency,
        subtotal=amounts.subtotal,
        discount_total=amounts.discount,
        shipping_total=amounts.shipping,
        tax_total=amounts.tax,
        total=amounts.total,
        refunded_total=_refunded(purchase, amounts),
    )
    _add_lines(rows, order_id, purchase)
    _add_person(rows, order_id, purchase)


def _amounts(purchase: Purchase) -> Totals:
    place = purchase.shipping
    return totals(
        [item.prices[purchase.currency] * quantity for item, quantity in purchase.lines],
        purchase.currency,
        tax_rate(place.country_code or "", place.region) if place else tax_rate(*STORE),
        discount_percent=purchase.discount_percent,
        pickup=place is None,
    )


def _refunded(purchase: Purchase, amounts: Totals) -> int:
    """All of it, or what the first line was worth."""
    if purchase.payment is PaymentStatus.REFUNDED:
        return amounts.total
    return amounts.worth[0] if purchase.payment is PaymentStatus.PARTIALLY_REFUNDED else 0


def _add_lines(rows: Rows, order_id: UUID, purchase: Purchase) -> None:
    for position, (item, quantity) in enumerate(purchase.lines):
        price = item.prices[purchase.currency]
        rows.add(
            OrderLine,
            id=new_id(),
            order_id=order_id,
            position=position,
            variant_id=item.id,
            sku=item.sku,
            product_name=item.product_name,
            size=item.size,
            color=item.color,
            quantity=quantity,
            unit_price=price,
            total=price * quantity,
            currency=purchase.currency,
            custom_made=item.custom_made,
        )


def _add_person(rows: Rows, order_id: UUID, purchase: Purchase) -> None:
    buyer = purchase.buyer
    of_order = {"order_id": order_id, "account_id": buyer and buyer.id, "channel": purchase.channel}
    card = None if purchase.payment is PaymentStatus.PENDING else purchase.card
    rows.add(OrderPayment, **of_order, status=purchase.payment, brand=card and card.brand, last4=card and card.last4)
    if buyer is not None:
        rows.add(OrderContact, **of_order, name=buyer.name, email=buyer.email, phone=buyer.phone)
    for kind, place in ((OrderAddressKind.SHIPPING, purchase.shipping), (OrderAddressKind.BILLING, purchase.billing)):
        if place is not None:
            rows.add(OrderAddress, **of_order, kind=kind, **asdict(place))
