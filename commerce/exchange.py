"""Exchanges: another size or colour in the place of what came back, as an order of its own that costs nothing.

What was paid stays with the first order, and so does what may be paid back: of the new order, everything is taken off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import order_writing, stock
from commerce.goods import Goods, Wanted, load
from commerce.order_writing import Contact, NewLine, OrderDraft
from commerce.postal import AddressDraft
from commerce.pricing import BasketLine, Price, PricedLine
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.order import Order, OrderAddress, OrderAddressKind, OrderContact, OrderStatus, PaymentStatus

OUT_OF_STOCK = Refusal(RefusalCode.OUT_OF_STOCK, "What was wanted in exchange is out of stock.", ("lines",))


@dataclass(frozen=True, slots=True)
class Wish:
    """So many pieces of another variant, at the price that was paid for a piece."""

    variant_id: UUID
    quantity: int
    unit_price: int


async def place(
    transaction: AsyncConnection, order_id: UUID, wishes: Sequence[Wish], channel: Channel
) -> UUID | Refusal:
    """Orders what is wanted, to where the first order went. OUT_OF_STOCK: nothing is written."""
    first = (await transaction.execute(select(Order.__table__).where(Order.id == order_id))).one()
    ids = [wish.variant_id for wish in wishes]
    goods = (await load(transaction, None, Wanted(ids, currency=CurrencyCode(first.currency)))).goods
    if not goods.keys() >= {*ids}:
        return OUT_OF_STOCK
    lines = tuple(_line(wish, goods[wish.variant_id]) for wish in wishes)
    draft = await _draft(transaction, first, lines, channel)
    try:
        async with transaction.begin_nested():
            await order_writing.place(transaction, draft)
    except stock.TooFew:
        return OUT_OF_STOCK
    return draft.order_id


async def _draft(transaction: AsyncConnection, first: Any, lines: tuple[NewLine, ...], channel: Channel) -> OrderDraft:
    contact = select(OrderContact.name, OrderContact.email, OrderContact.phone).where(OrderContact.order_id == first.id)
    who = (await transaction.execute(contact)).one_or_none()
    places = select(OrderAddress.__table__).where(OrderAddress.order_id == first.id)
    where = {row.kind: _address(row) for row in await transaction.execute(places)}
    return OrderDraft(
        account_id=first.account_id,
        channel=channel,
        status=OrderStatus.PLACED,
        currency=CurrencyCode(first.currency),
        price=_nothing_to_pay(lines, tax_included=first.prices_include_tax),
        lines=lines,
        shipping_method=first.shipping_method,
        tax_place=(first.tax_country, first.tax_region),
        contact=Contact(*who) if who is not None else None,
        shipping_address=where.get(OrderAddressKind.SHIPPING),
        billing_address=where.get(OrderAddressKind.BILLING),
        payment=PaymentStatus.CAPTURED,
    )


def _line(wish: Wish, goods: Goods) -> NewLine:
    sold = BasketLine(
        None,
        goods.variant_id,
        goods.product_id,
        wish.quantity,
        wish.unit_price,
        category_ids=goods.category_ids,
        tax_category=goods.tax_category,
        weight_grams=goods.weight_grams,
    )
    return NewLine(
        variant_id=goods.variant_id,
        sku=goods.sku,
        product_name=goods.product_name,
        size=goods.size,
        color=goods.color,
        unit_price=wish.unit_price,
        custom_made=goods.custom_made,
        priced=PricedLine(sold, sold.total, sold.total, Decimal(0), 0, 0),
    )


def _nothing_to_pay(lines: Sequence[NewLine], *, tax_included: bool) -> Price:
    subtotal = sum(line.priced.total for line in lines)
    priced = tuple(line.priced for line in lines)
    return Price(priced, (), subtotal, subtotal, 0, Decimal(0), 0, 0, 0, tax_included)


def _address(row: Any) -> AddressDraft:
    return AddressDraft(**{name: getattr(row, name) for name in AddressDraft.__dataclass_fields__})
