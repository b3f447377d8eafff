"""Goods for tests that write the catalogue, made by its own rules."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import product as products
from commerce.money import Amount
from commerce.product_draft import VariantDraft
from models.catalogue import CurrencyCode, Product, ProductPrice, Variant
from models.ids import new_id
from models.stock import StockEntry

USD = CurrencyCode.USD


def amount(text: str, currency: CurrencyCode = USD) -> Amount:
    return Amount(Decimal(text), currency)


def variant(sku: str, *prices: str, **more: Any) -> VariantDraft:
    """A variant as it is written; its prices are in dollars, euros, pounds, as many as are given."""
    found = [amount(text, currency) for text, currency in zip(prices or ("19.90",), CurrencyCode, strict=False)]
    return VariantDraft(sku, found, **more)


def romper(**changes: Any) -> dict[str, Any]:
    """What is needed for a new product."""
    return {"slug": "romper", "name": "Romper", "variants": [variant("R-1"), variant("R-2", "24.90")]} | changes


async def made(transaction: AsyncConnection, **changes: Any) -> UUID:
    """A new product."""
    outcome = await products.save(transaction, None, romper(**changes))
    assert isinstance(outcome, UUID), outcome
    return outcome


async def row(transaction: AsyncConnection, product_id: UUID) -> Any:
    return (await transaction.execute(select(Product.__table__).where(Product.id == product_id))).one()


async def variants_of(transaction: AsyncConnection, product_id: UUID) -> list[Any]:
    found = select(Variant.__table__).where(Variant.product_id == product_id).order_by(Variant.position)
    return list((await transaction.execute(found)).all())


async def ranges(transaction: AsyncConnection, product_id: UUID) -> dict[str, tuple[int, int]]:
    """The least and the greatest price by currency, as filters see them."""
    found = select(ProductPrice.__table__).where(ProductPrice.product_id == product_id)
    return {one.currency: (one.minimum, one.maximum) for one in await transaction.execute(found)}


async def ledger(transaction: AsyncConnection, variant_id: UUID) -> list[Any]:
    """The entries, in their order."""
    entries = select(StockEntry.__table__).where(StockEntry.variant_id == variant_id)
    return list((await transaction.execute(entries.order_by(StockEntry.at, StockEntry.id))).all())


async def on_hand(transaction: AsyncConnection, variant_id: UUID) -> int:
    return (await transaction.execute(select(Variant.on_hand).where(Variant.id == variant_id))).scalar_one()


async def count(transaction: AsyncConnection, model: Any) -> int:
    return (await transaction.execute(select(func.count()).select_from(model))).scalar_one()


NOBODY = new_id()
"""A key of nothing."""
