"""From a customer's cart to the draft of an order: all that can keep it from being placed, while nothing is taken.

Refusals are raised as `Refused`, so that the transaction that they end leaves nothing behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Select, Uuid, and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from auth.refusal import Refusal, RefusalCode
from auth.sealing import Sealer
from auth.viewer import Viewer
from commerce import basket, cart, measurement
from commerce.alteration import Work
from commerce.basket import Basket, GoodsLine
from commerce.cart_access import is_open
from commerce.money import Amount, minor_units
from commerce.order_writing import ADDRESS_COLUMNS, Contact, NewCharge, NewLine, OrderDraft
from commerce.postal import AddressDraft
from commerce.pricing import DiscountRefusal, PricedLine
from commerce.quote import Quoted, quote
from commerce.tax import Place
from models.account import Account
from models.address import Address
from models.cart import Cart
from models.classification import Channel
from models.order import OrderEventKind, OrderStatus, PaymentStatus
from models.payment import PaymentMethod

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
class _Facts:
    """What is copied of the customer, locked with their cart."""

    cart_id: UUID
    contact: Contact
    billing: AddressDraft
    shipping: AddressDraft | None
    means: Means | None


async def draft(  # noqa: PLR0913  # what an order is made of
    transaction: AsyncConnection,
    viewer: Viewer,
    purchase: Purchase,
    *,
    order_id: UUID,
    channel: Channel,
    gateway: str,
    store: Place,
    sealer: Sealer,
) -> tuple[OrderDraft, Means | None]:
    """The order as it would be, and how it is paid; None: it costs nothing. Cart and account stay locked.

    Raises Refused.
    """
    facts = await _facts(transaction, viewer, purchase)
    found = await basket.of_cart(transaction, facts.cart_id)
    if obstacles := found.obstacles():
        raise Refused(obstacles)
    place = _place(facts.shipping)
    quoted = await quote(transaction, found, place, purchase.shipping_method, datetime.now(UTC), store=store)
    if quoted.refusals:
        raise Refused(quoted.refusals, quoted)
    _compare(purchase.expected, quoted)
    means = facts.means if quoted.price.total else None
    if quoted.price.total and means is None:
        raise Refused([_no_means(purchase)])
    lines = tuple(copied(*pair) for pair in zip(found.lines, quoted.price.lines, strict=True))
    free = not quoted.price.total
    order = OrderDraft(
        viewer.account_id,
        channel,
        OrderStatus.PLACED if free else OrderStatus.PENDING_PAYMENT,
        found.currency,
        quoted.price,
        lines,
        purchase.shipping_method,
        tax_place=(quoted.taxed_at.country_code, quoted.taxed_at.region) if quoted.taxed_at else (None, None),
        contact=facts.contact,
        shipping_address=None if quoted.method and quoted.method.pickup else facts.shipping,
        billing_address=facts.billing,
        payment=PaymentStatus.CAPTURED if free else PaymentStatus.PENDING,
        charges=() if free else (NewCharge(gateway, quoted.price.total),),
        measurements=await measured(transaction, viewer.account_id, found, lines, sealer),
        events=(OrderEventKind.PLACED, OrderEventKind.PAYMENT_SETTLED) if free else (OrderEventKind.PLACED,),
        order_id=order_id,
        cart_id=facts.cart_id,
    )
    return order, means


# ---- who, where to, and how it is paid


async def _facts(transaction: AsyncConnection, viewer: Viewer, purchase: Purchase) -> _Facts:
    """One statement. Orders of one account wait for each other, so that its limits of codes hold."""
    given = {
        "account": viewer.account_id,
        "digest": viewer.cart_digest,
        "cart": purchase.cart.key,
        "billing": purchase.billing_address.key,
        "shipping": purchase.shipping_address and purchase.shipping_address.key,
        "method": purchase.saved_method and purchase.saved_method.key,
    }
    row = (await transaction.execute(_locking(), given)).one_or_none()
    if row is None:
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
    return _Facts(
        row.id,
        Contact(row.name, row.email, row.phone),
        _address(row, "billing"),
        _address(row, "shipping") if purchase.shipping_address is not None else None,
        _means(purchase, row.gateway_token),
    )


_NO_ADDRESS = "There is no such address in your address book."
_NO_METHOD = "There is no such card among those you saved."


@cache
def _locking() -> Select[Any]:
    billing, shipping = aliased(Address), aliased(Address)
    theirs = or_(Cart.account_id == Account.id, Cart.token_digest == bindparam("digest", type_=LargeBinary))
    return (
        select(
            Cart.id,
            *(getattr(Account, name) for name in ("name", "email", "phone")),
            *_labelled(billing, "billing"),
            *_labelled(shipping, "shipping"),
            PaymentMethod.gateway_token,
        )
        .select_from(Account)
        .join(Cart, and_(Cart.id == _key("cart"), is_open(Cart), theirs))
        .outerjoin(billing, and_(billing.id == _key("billing"), billing.account_id == Account.id))
        .outerjoin(shipping, and_(shipping.id == _key("shipping"), shipping.account_id == Account.id))
        .outerjoin(PaymentMethod, and_(PaymentMethod.id == _key("method"), PaymentMethod.account_id == Account.id))
        .where(Account.id == _key("account"))
        .with_for_update(of=(Cart, Account), key_share=True)
    )


def _key(name: str) -> Any:
    return bindparam(name, type_=Uuid)


def _labelled(address: Any, prefix: str) -> list[Any]:
    return [getattr(address, name).label(f"{prefix}_{name}") for name in ("id", *ADDRESS_COLUMNS)]


def _address(row: Any, prefix: str) -> AddressDraft:
    return AddressDraft(**{name: getattr(row, f"{prefix}_{name}") for name in ADDRESS_COLUMNS})


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
