"""Goods and codes for tests of selling: few, each with what the test names."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.catalogue import (
    AlterationKind,
    AlterationPrice,
    AlterationService,
    Category,
    CurrencyCode,
    Product,
    ProductCategory,
    Variant,
    VariantPrice,
)
from models.classification import Channel
from models.discount import Discount, DiscountAmount, DiscountCategory, DiscountKind, DiscountProduct
from models.ids import new_id
from models.measurement import LengthUnit, MeasuredPerson, MeasurementSet
from models.order import Order, OrderStatus

Prices = Mapping[CurrencyCode, int]

USD, EUR = CurrencyCode.USD, CurrencyCode.EUR


async def category(transaction: AsyncConnection, parent_id: UUID | None = None) -> UUID:
    key = new_id()
    await transaction.execute(insert(Category).values(id=key, slug=f"c{key.hex}", name="Shelf", parent_id=parent_id))
    return key


async def product(
    transaction: AsyncConnection,
    *,
    categories: Sequence[UUID] = (),
    services: Mapping[AlterationKind, int] | None = None,
    **values: Any,
) -> UUID:
    """A product; `services` are alterations with the price of each in dollars' cents, done in three days."""
    key = new_id()
    given = {"id": key, "slug": f"p{key.hex}", "name": "Linen romper", "audience": []} | values
    await transaction.execute(insert(Product).values(given))
    for shelf in categories:
        await transaction.execute(insert(ProductCategory).values(product_id=key, category_id=shelf))
    for kind, price in (services or {}).items():
        service = new_id()
        await transaction.execute(insert(AlterationService).values(id=service, product_id=key, kind=kind, days=3))
        values = {"service_id": service, "currency": USD, "price": price}
        await transaction.execute(insert(AlterationPrice).values(values))
    return key


async def variant(
    transaction: AsyncConnection,
    product_id: UUID | None = None,
    *,
    prices: Prices | None = None,
    on_hand: int = 10,
    position: int = 0,
    **values: Any,
) -> UUID:
    """A variant, of a product of its own if none is given, at 20.00 USD and 18.00 EUR."""
    key = new_id()
    owner = product_id or await product(transaction)
    given = {"id": key, "product_id": owner, "position": position, "sku": f"SKU-{key.hex}", "on_hand": on_hand}
    await transaction.execute(insert(Variant).values(given | values))
    for currency, price in (prices if prices is not None else {USD: 2000, EUR: 1800}).items():
        await transaction.execute(insert(VariantPrice).values(variant_id=key, currency=currency, price=price))
    return key


async def discount(
    transaction: AsyncConnection,
    code: str,
    kind: DiscountKind = DiscountKind.PERCENT,
    *,
    amounts: Mapping[CurrencyCode, tuple[int | None, int | None]] | None = None,
    products: Sequence[UUID] = (),
    categories: Sequence[UUID] = (),
    **values: Any,
) -> UUID:
    """A code, ten percent off unless told otherwise; `amounts` are what it takes off and its minimum, by currency."""
    key = new_id()
    percent = 10 if kind is DiscountKind.PERCENT else None
    given = {"id": key, "code": code, "kind": kind, "percent": percent} | values
    await transaction.execute(insert(Discount).values(given))
    for currency, (amount, minimum) in (amounts or {}).items():
        row = {"discount_id": key, "currency": currency, "amount": amount, "minimum": minimum}
        await transaction.execute(insert(DiscountAmount).values(row))
    for one in products:
        await transaction.execute(insert(DiscountProduct).values(discount_id=key, product_id=one))
    for one in categories:
        await transaction.execute(insert(DiscountCategory).values(discount_id=key, category_id=one))
    return key


async def measurement_set(transaction: AsyncConnection, account_id: UUID, **values: Any) -> UUID:
    """A set of somebody's measurements, sealed with nobody's key."""
    key = new_id()
    given = {
        "id": key,
        "account_id": account_id,
        "channel": Channel.WEB,
        "label": "Me",
        "person": MeasuredPerson.ADULT,
        "unit": LengthUnit.CM,
        "sealed": b"sealed",
    }
    await transaction.execute(insert(MeasurementSet).values(given | values))
    return key


async def reprice(transaction: AsyncConnection, variant_id: UUID, price: int, currency: CurrencyCode = USD) -> None:
    """Sets another price."""
    priced = update(VariantPrice).where(VariantPrice.variant_id == variant_id, VariantPrice.currency == currency)
    await transaction.execute(priced.values(price=price))


async def order(transaction: AsyncConnection, account_id: UUID | None = None, **values: Any) -> UUID:
    """An order of nothing, just placed."""
    key = new_id()
    given = {
        "id": key,
        "account_id": account_id,
        "number": f"LL-{key.hex.upper()}",
        "status": OrderStatus.PLACED,
        "channel": Channel.WEB,
        "currency": USD,
        "placed_at": datetime.now(UTC),
    }
    amounts = dict.fromkeys(("subtotal", "discount_total", "shipping_total", "tax_total", "total"), 0)
    await transaction.execute(insert(Order).values(given | amounts | values))
    return key
