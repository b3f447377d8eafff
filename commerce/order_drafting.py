"""From a customer's cart to the draft of an order: all that can keep it from being placed, while nothing is taken.

Refusals are raised as `Refused`, so that the transaction that they end leaves nothing behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from auth.refusal import Refusal, RefusalCode
from auth.sealing import Sealer
from auth.viewer import Viewer
from commerce import cart, idempotency, measurement
from commerce.alteration import Work
from commerce.basket import Basket, GoodsLine, of_loaded
from commerce.cart_access import holding, is_held
from commerce.goods import NOBODYS, Wanted, parameters
from commerce.goods import read as read_goods
from commerce.goods_statement import columns as goods_columns
from commerce.idempotency import Digests, Outcome
from commerce.money import Amount, minor_units
from commerce.order_writing import ADDRESS_COLUMNS, Contact, NewCharge, NewLine, OrderDraft
from commerce.postal import AddressDraft
from commerce.pricing import DiscountRefusal, PricedLine
from commerce.quote import Quoted, reckon
from commerce.shipping import listed as listed_methods
from commerce.shipping import read as read_methods
from commerce.tax import Place
from models.account import Account
from models.address import Address
from models.cart import Cart
from models.classification import Channel
from models.idempotency import Idempotency
from models.order import OrderEventKind, OrderStatus, PaymentStatus
from models.payment import PaymentMethod
from models.statement import Statement

MOST_TOKEN = 500


@dataclass(frozen=True, slots=True)
class Named:
    """A row that the client named; without a key it is one that nobody has."""

    key: UUID | None


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a customer asks for. `saved_method` or `gateway_token` pays for it."""

    cart: Named
    expected: Amount
    billing_address: Named
    shipping_method: str
    idempotency_key: str = field(repr=False)
    shipping_address: Named | None = None
    saved_method: Named | None = None
    gateway_token: str | None = field(default=None, repr=False)

    @property
    def given(self) -> dict[str, Any]:
        """The whole input, by which a repetition is known again."""
        return {
            "cart": {"key": self.cart.key},
            "expected": {"amount": self.expected.amount, "currency": self.expected.currency},
            "billing_address": {"key": self.billing_address.key},
            "shipping_method": self.shipping_method,
            "idempotency_key": self.idempotency_key,
            "shipping_address": self.shipping_address and {"key": self.shipping_address.key},
            "saved_method": self.saved_method and {"key": self.saved_method.key},
            "gateway_token": self.gateway_token,
        }


@dataclass(frozen=True, slots=True)
class Means:
    """How the customer pays: the gateway's token, of a saved method or the client's own."""

    token: str = field(repr=False)
    saved: bool


class Refused(Exception):
    """The order is not placed: why, and with a price that is another one also the price."""

    def __init__(self, refusals: Sequence[Refusal], quoted: Quoted | None = None) -> None:
        super().__init__()
        self.refusals = list(refusals)
        self.quoted = quoted


@dataclass(frozen=True, slots=True)
class Found:
    """What there is of a purchase before it is looked at: the row of `look_up`."""

    row: Any = field(repr=False)

    @property
    def was_begun(self) -> bool:
        """Whether the client's key was used before."""
        return self.row is not None and self.row.input_digest is not None

    def earlier(self, key: Digests) -> Outcome:
        """What came of that."""
        return idempotency.answer(key, self.row.input_digest, self.row.result_id)


async def look_up(transaction: AsyncConnection, viewer: Viewer, purchase: Purchase, key: Digests) -> Found:
    """The customer with what they name, the cart, the client's key, and ways to ship. One statement, no lock."""
    row = await _FACTS.first(
        transaction,
        account=viewer.account_id,
        billing=purchase.billing_address.key,
        shipping=purchase.shipping_address and purchase.shipping_address.key,
        method=purchase.saved_method and purchase.saved_method.key,
        key_digest=key.key,
        **holding(viewer),
        **parameters(purchase.cart.key or NOBODYS, _CART_ALONE),
    )
    return Found(row)


async def draft(  # noqa: PLR0913  # what an order is made of
    transaction: AsyncConnection,
    viewer: Viewer,
    purchase: Purchase,
    facts: Found,
    *,
    order_id: UUID,
    channel: Channel,
    gateway: str,
    store: Place,
    sealer: Sealer,
) -> tuple[OrderDraft, Means | None]:
    """The order as it would be, and how it is paid; None: it costs nothing. A statement for measurements, else none.

    Raises Refused.
    """
    row = facts.row
    _check(purchase, row)
    shipping = _address(row, "shipping") if purchase.shipping_address is not None else None
    given = _means(purchase, row.gateway_token)
    loaded = read_goods(row, row.cart_id, _CART_ALONE)
    found = of_loaded(loaded, row.cart_id, loaded.lines)
    if obstacles := found.obstacles():
        raise Refused(obstacles)
    methods = read_methods(row.methods)
    quoted = reckon(methods, found, _place(shipping), purchase.shipping_method, datetime.now(UTC), store=store)
    if quoted.refusals:
        raise Refused(quoted.refusals, quoted)
    _compare(purchase.expected, quoted)
    means = given if quoted.price.total else None
    if quoted.price.total and means is None:
        raise Refused([_no_means(purchase)])
    lines = tuple(copied(*pair) for pair in zip(found.lines, quoted.price.lines, strict=True))
    free = not quoted.price.total
    assert found.version is not None
    order = OrderDraft(
        viewer.account_id,
        channel,
        OrderStatus.PLACED if free else OrderStatus.PENDING_PAYMENT,
        found.currency,
        quoted.price,
        lines,
        purchase.shipping_method,
        tax_place=(quoted.taxed_at.country_code, quoted.taxed_at.region) if quoted.taxed_at else (None, None),
        contact=Contact(row.name, row.email, row.phone),
        shipping_address=None if quoted.method and quoted.method.pickup else shipping,
        billing_address=_address(row, "billing"),
        payment=PaymentStatus.CAPTURED if free else PaymentStatus.PENDING,
        charges=() if free else (NewCharge(gateway, quoted.price.total),),
        measurements=await measured(transaction, viewer.account_id, found, lines, sealer),
        events=(OrderEventKind.PLACED, OrderEventKind.PAYMENT_SETTLED) if free else (OrderEventKind.PLACED,),
        order_id=order_id,
        cart=(row.cart_id, found.version),
    )
    return order, means


# ---- who, where to, and how it is paid


def _check(purchase: Purchase, row: Any) -> None:
    """Raises Refused where something that was named is not theirs."""
    if row is None or row.cart_id is None:
        raise Refused([cart.NOT_FOUND])
    missing = [
        Refusal(RefusalCode.NOT_FOUND, message, (field,))
        for named, key, message, field in (
            (purchase.billing_address, row.billing_id, _NO_ADDRESS, "billingAddressId"),
            (purchase.shipping_address, row.shipping_id, _NO_ADDRESS, "shippingAddressId"),
            (purchase.saved_method, row.gateway_token, _NO_METHOD, "paymentMethodId"),
        )
        if named is not None and key is None
    ]
    if missing:
        raise Refused(missing)


_NO_ADDRESS = "There is no such address in your address book."
_NO_METHOD = "There is no such card among those you saved."


def _facts() -> Select[Any]:
    billing, shipping = aliased(Address), aliased(Address)
    return (
        select(
            Cart.id.label("cart_id"),
            *(getattr(Account, name) for name in ("name", "email", "phone")),
            *_labelled(billing, "billing"),
            *_labelled(shipping, "shipping"),
            PaymentMethod.gateway_token,
            Idempotency.input_digest,
            Idempotency.result_id,
            listed_methods().label("methods"),
            *goods_columns(is_held()),
        )
        .select_from(Account)
        .outerjoin(Cart, and_(Cart.id == _key("cart_id"), is_held()))
        .outerjoin(billing, and_(billing.id == _key("billing"), billing.account_id == Account.id))
        .outerjoin(shipping, and_(shipping.id == _key("shipping"), shipping.account_id == Account.id))
        .outerjoin(PaymentMethod, and_(PaymentMethod.id == _key("method"), PaymentMethod.account_id == Account.id))
        .outerjoin(Idempotency, Idempotency.key_digest == idempotency.KEY_DIGEST)
        .where(Account.id == _key("account"))
    )


def _key(name: str) -> Any:
    return bindparam(name, type_=Uuid)


def _labelled(address: Any, prefix: str) -> list[Any]:
    return [address.id.label(f"{prefix}_id"), *(getattr(address, name).label(as_) for name, as_ in _LABELS[prefix])]


def _address(row: Any, prefix: str) -> AddressDraft:
    return AddressDraft(**{name: row[label] for name, label in _LABELS[prefix]})


_LABELS = {prefix: [(name, f"{prefix}_{name}") for name in ADDRESS_COLUMNS] for prefix in ("billing", "shipping")}


_CART_ALONE = Wanted()
_FACTS = Statement(_facts)


def _place(address: AddressDraft | None) -> Place | None:
    if address is None or address.country_code is None:
        return None
    return Place(address.country_code, address.region, address.postal_code)


def _means(purchase: Purchase, saved: str | None) -> Means | None:
    if purchase.saved_method is not None and purchase.gateway_token is not None:
        message = "Pay with a saved card or with another one, not with both."
        raise Refused([Refusal(RefusalCode.INVALID, message, ("gatewayToken",))])
    if saved is not None:
        return Means(saved, saved=True)
    token = purchase.gateway_token
    return Means(token, saved=False) if token and len(token) <= MOST_TOKEN else None


def _no_means(purchase: Purchase) -> Refusal:
    if purchase.gateway_token:
        return Refusal(RefusalCode.INVALID, "The payment provider does not know this card.", ("gatewayToken",))
    return Refusal(RefusalCode.REQUIRED, "Say how you pay.", ("gatewayToken",))


# ---- what it costs


def _compare(expected: Amount, quoted: Quoted) -> None:
    """Raises Refused where the price is not the one that the customer saw."""
    if expected.currency == quoted.basket.currency and minor_units(expected.amount) == quoted.price.total:
        return
    fewer = [
        Refusal(RefusalCode.OUT_OF_STOCK, f"Of {line.product_name} there are only {line.priced.quantity} left.")
        for line in quoted.basket.lines
        if line.priced.quantity < line.draft.quantity
    ]
    used_up = [
        Refusal(RefusalCode.LIMIT_REACHED, f"The code {one.terms.code} is used up.")
        for one in quoted.price.codes
        if one.refusal is DiscountRefusal.LIMIT_REACHED
    ]
    changed = Refusal(RefusalCode.PRICE_CHANGED, "It costs something else than expected.", ("expectedTotal",))
    raise Refused([*fewer, *used_up, changed], quoted)


# ---- what is copied


def copied(goods: GoodsLine, priced: PricedLine) -> NewLine:
    """The line as the order will have it."""
    return NewLine(
        goods.variant_id,
        goods.sku,
        goods.product_name,
        goods.size,
        goods.color,
        priced.line.unit_price,
        goods.custom_made,
        priced,
        tuple(Work(one.kind, one.note, one.price or 0, one.days) for one in goods.alterations),
        goods.draft.gift_message,
    )


async def measured(
    transaction: AsyncConnection, account_id: UUID | None, found: Basket, lines: Sequence[NewLine], sealer: Sealer
) -> tuple[dict[str, Any], ...]:
    """Rows of what is made to measure: copies of the account's own measurements. One statement, or none.

    Raises Refused where some that are needed are missing.
    """
    chosen = [
        (goods, line.id, goods.draft.measurement_set_id)
        for goods, line in zip(found.lines, lines, strict=True)
        if goods.draft.measurement_set_id is not None
    ]
    wanted = [(set_id, line_id) for _, line_id, set_id in chosen]
    copies = {one.order_line_id: one for one in await measurement.copies(transaction, account_id, wanted, sealer)}
    lacking = [
        Refusal(RefusalCode.MEASUREMENTS_REQUIRED, f"{goods.product_name} is made to measure: some are missing.")
        for goods, line_id, _ in chosen
        if line_id not in copies or not copies[line_id].names.issuperset(goods.required_measurements)
    ]
    if lacking:
        raise Refused(lacking)
    return tuple(dict(copy.row) for copy in copies.values())
