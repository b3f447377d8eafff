"""A product with all that belongs to it, as it is stored: what an edit begins with, and what it ends with."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce.money import Amounts
from models.catalogue import (
    AlterationKind,
    AlterationPrice,
    AlterationService,
    Audience,
    CurrencyCode,
    MeasurementName,
    Product,
    ProductCategory,
    ProductMedia,
    TaxCategory,
    Variant,
    VariantPrice,
)


@dataclass(frozen=True, slots=True)
class Price:
    """Minor units; `compare_at` is what it was before a reduction."""

    price: int
    compare_at: int | None = None


@dataclass(frozen=True, slots=True)
class VariantState:
    id: UUID
    sku: str
    size: str | None
    color: str | None
    weight_grams: int | None
    prices: Mapping[CurrencyCode, Price]
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlterationOffer:
    """What the tailor does, in how many days, for how much."""

    kind: AlterationKind
    days: int
    prices: Amounts


@dataclass(frozen=True, slots=True)
class Picture:
    id: UUID
    alt: str | None


@dataclass(frozen=True, slots=True)
class ProductState:
    """Variants are in their order, those that were given up last. Sets are kept in the order of their words."""

    id: UUID
    slug: str
    name: str
    description: str | None = None
    care_instructions: str | None = None
    brand_id: UUID | None = None
    audience: tuple[Audience, ...] = ()
    custom_made: bool = False
    required_measurements: tuple[MeasurementName, ...] = ()
    tax_category: TaxCategory = TaxCategory.STANDARD
    archived_at: datetime | None = None
    version: int = 1
    categories: frozenset[UUID] = frozenset()
    alterations: tuple[AlterationOffer, ...] = ()
    media: tuple[Picture, ...] = ()
    variants: tuple[VariantState, ...] = ()

    @property
    def lineup(self) -> tuple[VariantState, ...]:
        """The variants that are on sale while the product is: archived together with it, or not at all."""
        return tuple(one for one in self.variants if one.archived_at == self.archived_at)


COLUMNS = (
    "slug", "name", "description", "care_instructions", "brand_id", "audience", "custom_made",
    "required_measurements", "tax_category", "archived_at",
)  # fmt: skip
"""What of a ProductState is a column of its own row."""


def among(column: Any, keys: Iterable[UUID]) -> ColumnElement[bool]:
    """Whether the column is one of the keys, however many there are."""
    return column == any_(bindparam("keys", list(keys), type_=ARRAY(Uuid), unique=True))


async def load(
    transaction: AsyncConnection, product_ids: Collection[UUID], *, lock: bool = True
) -> dict[UUID, ProductState]:
    """The products that there are of these, locked until the transaction ends where they are to be written."""
    rows = select(Product.__table__).where(among(Product.id, product_ids)).order_by(Product.id)
    found = await transaction.execute(rows.with_for_update(key_share=True) if lock else rows)
    products = found.mappings().all()
    ids = [row["id"] for row in products]
    categories = await _categories(transaction, ids)
    alterations = await _alterations(transaction, ids)
    media = await _media(transaction, ids)
    variants = await _variants(transaction, ids)
    return {
        row["id"]: ProductState(
            **_values(row),
            categories=frozenset(categories.get(row["id"], ())),
            alterations=tuple(alterations.get(row["id"], ())),
            media=tuple(media.get(row["id"], ())),
            variants=tuple(variants.get(row["id"], ())),
        )
        for row in products
    }


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: row[name] for name in (*COLUMNS, "id", "version")}
    values["audience"] = in_order(Audience, row["audience"])
    values["required_measurements"] = in_order(MeasurementName, row["required_measurements"])
    values["tax_category"] = TaxCategory(row["tax_category"])
    return values


def in_order(words: type[Any], given: Iterable[Any]) -> tuple[Any, ...]:
    """The words of the enum that are given, in its order."""
    found = set(given)
    return tuple(word for word in words if word in found)


async def _categories(transaction: AsyncConnection, ids: list[UUID]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    rows = select(ProductCategory.product_id, ProductCategory.category_id)
    for row in await transaction.execute(rows.where(among(ProductCategory.product_id, ids))):
        found.setdefault(row.product_id, []).append(row.category_id)
    return found


async def _media(transaction: AsyncConnection, ids: list[UUID]) -> dict[UUID, list[Picture]]:
    found: dict[UUID, list[Picture]] = {}
    rows = select(ProductMedia.product_id, ProductMedia.id, ProductMedia.alt)
    rows = rows.where(among(ProductMedia.product_id, ids)).order_by(ProductMedia.product_id, ProductMedia.position)
    for row in await transaction.execute(rows):
        found.setdefault(row.product_id, []).append(Picture(row.id, row.alt))
    return found


async def _alterations(transaction: AsyncConnection, ids: list[UUID]) -> dict[UUID, list[AlterationOffer]]:
    found: dict[UUID, dict[str, AlterationOffer]] = {}
    service, price = AlterationService, AlterationPrice
    rows = select(service.product_id, service.kind, service.days, price.currency, price.price)
    rows = rows.outerjoin(price, price.service_id == service.id).where(among(service.product_id, ids))
    for row in await transaction.execute(rows.order_by(service.kind)):
        new = AlterationOffer(AlterationKind(row.kind), row.days, {})
        offer = found.setdefault(row.product_id, {}).setdefault(row.kind, new)
        if row.currency is not None:
            offer.prices[CurrencyCode(row.currency)] = row.price
    return {key: list(offers.values()) for key, offers in found.items()}


async def _variants(transaction: AsyncConnection, ids: list[UUID]) -> dict[UUID, list[VariantState]]:
    found: dict[UUID, dict[UUID, VariantState]] = {}
    prices: dict[UUID, dict[CurrencyCode, Price]] = {}
    columns = [getattr(Variant, name) for name in ("product_id", "id", "sku", "size", "color", "weight_grams")]
    rows = select(*columns, Variant.archived_at, VariantPrice.currency, VariantPrice.price, VariantPrice.compare_at)
    rows = rows.outerjoin(VariantPrice, VariantPrice.variant_id == Variant.id).where(among(Variant.product_id, ids))
    for row in await transaction.execute(rows.order_by(Variant.product_id, Variant.position)):
        kept = prices.setdefault(row.id, {})
        if row.currency is not None:
            kept[CurrencyCode(row.currency)] = Price(row.price, row.compare_at)
        found.setdefault(row.product_id, {})[row.id] = VariantState(
            row.id, row.sku, row.size, row.color, row.weight_grams, kept, row.archived_at
        )
    return {key: list(variants.values()) for key, variants in found.items()}
