"""Writes a new order with all that hangs on it: for the web, the till and exchanges alike.

An order copies what it needs, so that no later edit of a product, an address or a person changes it: what was bought
as accounting facts, who and where to in tables of their own (P5).
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import alteration, discount_use, idempotency, stock
from commerce.alteration import Commission, Piece, Work
from commerce.numbers import new_number
from commerce.order_rows import ManyTables, Row
from commerce.order_statement import CART, ORDER, VERSION, Parts, statement
from commerce.postal import AddressDraft
from commerce.pricing import DiscountTerms, Price, PricedLine
from models.alteration import Alteration
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.database import Overtaken, violated
from models.ids import new_id
from models.measurement import OrderMeasurement
from models.order import (
    Order,
    OrderAddress,
    OrderAddressKind,
    OrderContact,
    OrderEvent,
    OrderEventKind,
    OrderGift,
    OrderLine,
    OrderPayment,
    OrderStatus,
    PaymentStatus,
)
from models.payment import Charge, ChargeStatus, Tender, TenderKind

T = TypeVar("T")

NUMBER_PREFIX = "LL"


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line as it is copied. `unit_price` is of one piece without its alterations; the sums are of `priced`."""

    variant_id: UUID
    sku: str
    product_name: str
    size: str | None
    color: str | None
    unit_price: int
    custom_made: bool
    priced: PricedLine
    work: tuple[Work, ...] = ()
    gift_message: str | None = field(default=None, repr=False)
    id: UUID = field(default_factory=new_id)

    @property
    def quantity(self) -> int:
        return self.priced.line.quantity


@dataclass(frozen=True, slots=True)
class Contact:
    """Who ordered."""

    name: str | None = field(repr=False)
    email: str | None = field(repr=False)
    phone: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NewCharge:
    """What a gateway will be asked for: its row is there before the gateway hears of it."""

    gateway: str
    amount: int
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class NewTender:
    """How a sale at the till is paid; `charge_id` is one of the order's charges, None for cash."""

    kind: TenderKind
    amount: int
    charge_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """A new order. Without an account it has no contact and no addresses. `tax_place`: country and region.

    `measurements` are rows of order_measurement (`commerce.measurement.copies`); `events` begin its timeline. `cart` is
    the one that it is made of, and its version: it is hidden while the order is placed.
    """

    account_id: UUID | None
    channel: Channel
    status: OrderStatus
    currency: CurrencyCode
    price: Price
    lines: tuple[NewLine, ...]
    shipping_method: str
    tax_place: tuple[str | None, str | None] = (None, None)
    contact: Contact | None = None
    shipping_address: AddressDraft | None = field(default=None, repr=False)
    billing_address: AddressDraft | None = field(default=None, repr=False)
    payment: PaymentStatus = PaymentStatus.PENDING
    charges: tuple[NewCharge, ...] = ()
    tenders: tuple[NewTender, ...] = ()
    measurements: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    events: tuple[OrderEventKind, ...] = (OrderEventKind.PLACED,)
    cart: tuple[UUID, int] | None = None
    order_id: UUID = field(default_factory=new_id)
    number: str = field(default_factory=lambda: new_number(NUMBER_PREFIX))
    placed_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def pieces(self) -> dict[UUID, int]:
        """How many of which variant it takes."""
        pieces: Counter[UUID] = Counter()
        for line in self.lines:
            pieces[line.variant_id] += line.quantity
        return pieces

    @property
    def codes(self) -> list[DiscountTerms]:
        """The codes that take something off."""
        return [one.terms for one in self.price.codes if one.refusal is None]


@dataclass(frozen=True, slots=True)
class ClientKey:
    """Whose key the client's is, by which the order is found again."""

    account_id: UUID
    digests: idempotency.Digests


class KeyTaken(Exception):
    """Somebody has done something with the client's key meanwhile."""


class CodesUsedUp(Exception):
    """Others have used a code as often as it may be."""


ADDRESS_COLUMNS = (
    "recipient_name",
    "company",
    "line1",
    "line2",
    "city",
    "region",
    "postal_code",
    "country_code",
    "phone",
)
_LINE = ("sku", "product_name", "size", "color", "unit_price", "custom_made")
_PRICED = ("total", "discount_total", "tax_rate", "tax_total")
_PRICE = (
    "subtotal",
    "discount_total",
    "shipping_total",
    "shipping_tax_rate",
    "shipping_tax_total",
    "tax_total",
    "total",
    "prices_include_tax",
)

_ORDER_TABLES: dict[Any, tuple[str, ...]] = {
    Order: (
        *("id", "account_id", "number", "placed_at", "channel", "status", "currency", "shipping_method"),
        *("tax_country", "tax_region"),
        *_PRICE,
    ),
    OrderLine: ("id", "order_id", "position", "variant_id", "quantity", "currency", *_LINE, *_PRICED),
    OrderGift: ("order_line_id", "account_id", "channel", "message"),
    OrderMeasurement: ("order_line_id", "account_id", "channel", "person", "unit", "sealed"),
    Alteration: (
        *("id", "order_id", "order_line_id", "account_id", "channel", "ticket", "kind", "status"),
        *("price", "currency", "quantity", "due_on", "note"),
    ),
    OrderContact: ("order_id", "account_id", "channel", "name", "email", "phone"),
    OrderAddress: ("order_id", "kind", "account_id", "channel", *ADDRESS_COLUMNS),
    OrderPayment: ("order_id", "account_id", "channel", "status"),
    Charge: ("id", "order_id", "gateway", "status", "currency", "amount"),
    Tender: ("id", "order_id", "kind", "amount", "charge_id"),
    OrderEvent: ("id", "order_id", "kind", "at"),
}
_TABLES = ManyTables(_ORDER_TABLES)
_NUMBERS = frozenset({"uq_orders_number", "uq_alteration_ticket"})
_DRAWS = 5
_REFUSED: dict[str | None, type[Exception]] = {
    stock.NEVER_BELOW_ZERO: stock.TooFew,
    discount_use.WITHIN_LIMIT: CodesUsedUp,
    idempotency.TAKEN: KeyTaken,
}


async def write(transaction: AsyncConnection, draft: OrderDraft) -> None:
    """Writes the order and hides its cart; what it needs of stock and codes is not taken. One statement.

    Raises Overtaken where the cart is another by now. A number that is taken already is a UniqueViolationError: see
    `drawing_numbers`.
    """
    await _run(transaction, draft, {})


async def place(transaction: AsyncConnection, draft: OrderDraft, key: ClientKey | None = None) -> None:
    """As `write`, and takes stock and codes, and keeps the client's key. One statement, which does all or nothing.

    Raises stock.TooFew, CodesUsedUp and KeyTaken: then too the transaction, if there is one, has to be rolled back.
    """
    given = stock.taken(draft.pieces, draft.order_id)
    codes = [terms.id for terms in draft.codes]
    if codes:
        given |= discount_use.used(draft.order_id, draft.account_id, codes)
    if key is not None:
        given |= idempotency.keys(key.digests, key.account_id, draft.order_id)
    try:
        await _run(transaction, draft, given, takes=True, uses=bool(codes), keeps=key is not None)
    except (asyncpg.CheckViolationError, asyncpg.UniqueViolationError) as error:
        refused = _REFUSED.get(violated(error))
        if refused is None:
            raise
        raise refused from error


async def _run(transaction: AsyncConnection, draft: OrderDraft, more: dict[str, Any], **parts: bool) -> None:
    shape, given = _TABLES.given(rows(draft))
    if draft.cart is not None:
        given[CART], given[VERSION] = draft.cart
        given[ORDER] = draft.order_id
    written = statement(_TABLES, Parts(shape, hides=draft.cart is not None, **parts))
    if await written.value(transaction, **given, **more) is None:
        raise Overtaken


async def drawing_numbers(work: Callable[[], Awaitable[T]]) -> T:
    """What `work`, a whole transaction, answers; all of it again where a random number was taken already."""
    for _ in range(_DRAWS):
        try:
            return await work()
        except asyncpg.UniqueViolationError as error:
            if violated(error) not in _NUMBERS:
                raise
    return await work()


def _picking(names: Sequence[str]) -> Callable[[Any], dict[str, Any]]:
    """What picks these attributes."""
    values = attrgetter(*names)
    return lambda whole: dict(zip(names, values(whole), strict=True))


_price_of, _line_of, _priced_of = map(_picking, (_PRICE, _LINE, _PRICED))
_address_of, _contact_of = map(_picking, (ADDRESS_COLUMNS, ("name", "email", "phone")))


def rows(draft: OrderDraft) -> dict[Any, Sequence[Row]]:
    """The rows of an order by table."""
    whose: dict[str, Any] = {"account_id": draft.account_id, "channel": draft.channel}
    return {
        Order: [_order(draft)],
        OrderLine: [_line(draft, position, line) for position, line in enumerate(draft.lines)],
        OrderGift: [whose | {"order_line_id": one.id, "message": one.gift_message} for one in _gifts(draft)],
        OrderMeasurement: list(draft.measurements),
        Alteration: _alterations(draft),
        OrderContact: [whose | {"order_id": draft.order_id} | _contact_of(draft.contact)] if draft.contact else [],
        OrderAddress: [{**whose, **row} for row in _addresses(draft)],
        OrderPayment: [whose | {"order_id": draft.order_id, "status": draft.payment}],
        Charge: [_charge(draft, one) for one in draft.charges],
        Tender: [{"id": new_id(), "order_id": draft.order_id} | asdict(one) for one in draft.tenders],
        OrderEvent: [
            {"id": new_id(), "order_id": draft.order_id, "kind": kind, "at": draft.placed_at} for kind in draft.events
        ],
    }


def _order(draft: OrderDraft) -> Row:
    country, region = draft.tax_place
    return _price_of(draft.price) | {
        "id": draft.order_id,
        "account_id": draft.account_id,
        "number": draft.number,
        "placed_at": draft.placed_at,
        "channel": draft.channel,
        "status": draft.status,
        "currency": draft.currency,
        "shipping_method": draft.shipping_method,
        "tax_country": country,
        "tax_region": region,
    }


def _line(draft: OrderDraft, position: int, line: NewLine) -> Row:
    whose = {
        "id": line.id,
        "order_id": draft.order_id,
        "position": position,
        "variant_id": line.variant_id,
        "quantity": line.quantity,
        "currency": draft.currency,
    }
    return _line_of(line) | _priced_of(line.priced) | whose


def _gifts(draft: OrderDraft) -> list[NewLine]:
    return [line for line in draft.lines if line.gift_message is not None]


def _alterations(draft: OrderDraft) -> list[Row]:
    placed_on = draft.placed_at.date()
    commission = Commission(draft.order_id, draft.account_id, draft.channel, draft.currency, placed_on)
    pieces = (Piece(line.id, line.quantity, line.custom_made, line.work) for line in draft.lines)
    return list(alteration.rows(commission, pieces))


def _addresses(draft: OrderDraft) -> list[Row]:
    kinds = {OrderAddressKind.SHIPPING: draft.shipping_address, OrderAddressKind.BILLING: draft.billing_address}
    return [
        _address_of(address) | {"order_id": draft.order_id, "kind": kind}
        for kind, address in kinds.items()
        if address is not None
    ]


def _charge(draft: OrderDraft, charge: NewCharge) -> Row:
    return {
        "id": charge.id,
        "order_id": draft.order_id,
        "gateway": charge.gateway,
        "status": ChargeStatus.PENDING,
        "currency": draft.currency,
        "amount": charge.amount,
    }
