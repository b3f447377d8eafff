"""What was bought, by whom, on which terms; and its price, as the shop reckons it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from commerce.alteration import MAKING_DAYS
from commerce.postal import AddressDraft
from commerce.pricing import BasketLine, DiscountTerms, Price, discount, price
from commerce.tax import Place, rates_at
from models.catalogue import AlterationKind, CurrencyCode, MeasurementName, TaxCategory
from models.classification import Channel
from models.measurement import LengthUnit, MeasuredPerson
from models.order import OrderStatus, PaymentStatus
from seeds.people import Person
from seeds.prices import Prices
from seeds.terms import PICKUP, STANDARD, Methods

USUAL_PAYMENT = {
    OrderStatus.PENDING_PAYMENT: PaymentStatus.PENDING,
    OrderStatus.PLACED: PaymentStatus.CAPTURED,
    OrderStatus.IN_ALTERATION: PaymentStatus.CAPTURED,
    OrderStatus.PARTIALLY_FULFILLED: PaymentStatus.CAPTURED,
    OrderStatus.FULFILLED: PaymentStatus.CAPTURED,
    OrderStatus.DELIVERED: PaymentStatus.CAPTURED,
    OrderStatus.CANCELLED: PaymentStatus.REFUNDED,
}

# Crockford's base 32: no letter that is read as a digit.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Item:
    """A variant as an order line copies it; prices are minor units. `can_restock`: it may be sold again."""

    id: UUID
    sku: str
    product_id: UUID
    product_name: str
    size: str | None
    color: str | None
    prices: Prices
    custom_made: bool = False
    tax_category: TaxCategory = TaxCategory.STANDARD
    weight_grams: int = 0
    category_ids: frozenset[UUID] = frozenset()
    can_restock: bool = True


@dataclass(frozen=True, slots=True)
class Service:
    """What the tailor is to do with each piece, in which time and for how much."""

    kind: AlterationKind
    note: str | None
    days: int
    prices: Prices


@dataclass(frozen=True, slots=True)
class Measured:
    """Whose measurements a line is made to."""

    person: MeasuredPerson
    unit: LengthUnit
    values: Mapping[MeasurementName, Decimal] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bought:
    """A line of a purchase."""

    item: Item
    quantity: int
    services: tuple[Service, ...] = ()
    measured: Measured | None = None
    gift_message: str | None = None

    @property
    def has_work(self) -> bool:
        """Whether it goes to the tailor's."""
        return self.item.custom_made or bool(self.services)

    @property
    def work_days(self) -> int:
        made = MAKING_DAYS if self.item.custom_made else 0
        return made + max((service.days for service in self.services), default=0)


@dataclass(frozen=True, slots=True)
class Card:
    """What is kept of a payment card (P4)."""

    brand: str
    last4: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order before it is counted up. Without a buyer it was a sale at the till, without an address a pickup.

    `card` is None where it was paid in cash; `method` is the code of what an address is shipped to by. `unwanted`: why
    the customer asks to send the first line back, and nobody has answered yet.
    """

    number: str
    placed_at: datetime
    channel: Channel
    status: OrderStatus
    payment: PaymentStatus
    currency: CurrencyCode
    lines: Sequence[Bought]
    card: Card | None
    buyer: Person | None = None
    shipping: AddressDraft | None = None
    billing: AddressDraft | None = None
    method: str = STANDARD
    codes: tuple[DiscountTerms, ...] = ()
    unwanted: str | None = None


def order_number(index: int) -> str:
    """A number that tells nothing of how many came before: the index, scrambled one to one. Unique below 2^40."""
    scrambled = index
    for factor in (0x9E_3779_B97F, 0xBF_5847_6D1D, 0x94_D049_BB13):
        scrambled = (scrambled ^ scrambled >> 21) * factor % 2**40
    letters = "".join(_ALPHABET[scrambled >> shift & 31] for shift in range(35, -5, -5))
    return f"LL-{letters[:4]}-{letters[4:]}"


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What a purchase comes to, how it gets to the customer, and where it is taxed."""

    price: Price
    method: str
    place: Place


def reckon(purchase: Purchase, methods: Methods, store: Place) -> Reckoned:
    """As a quote at that time: codes first, then shipping by what is left, then tax at the place."""
    goods = [_basket_line(line, purchase.currency) for line in purchase.lines]
    signed_in = purchase.buyer is not None
    discounted = discount(goods, purchase.codes, purchase.placed_at, signed_in=signed_in)
    method = methods[purchase.method if purchase.shipping else PICKUP]
    address, place = purchase.shipping, store
    if address is not None:
        place = Place(address.country_code or "", address.region, address.postal_code)
    shipping = method.price(discounted.total, purchase.currency)
    return Reckoned(price(discounted, purchase.currency, shipping=shipping, rates=rates_at(place)), method.code, place)


def _basket_line(line: Bought, currency: CurrencyCode) -> BasketLine:
    item = line.item
    return BasketLine(
        None,
        item.id,
        item.product_id,
        line.quantity,
        item.prices[currency],
        tuple(service.prices[currency] for service in line.services),
        item.category_ids,
        item.tax_category,
        item.weight_grams,
    )
