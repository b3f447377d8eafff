"""Writes what differs between products as they were and as they are to be: by few statements, however many there are.

The products are locked or new. What filters and sorts read, `product_price`, and what searches do is made anew in the
same transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import catalogue_search
from commerce.product_state import COLUMNS, ProductState, VariantState, among
from models.catalogue import (
    AlterationPrice,
    AlterationService,
    Product,
    ProductCategory,
    ProductMedia,
    ProductPrice,
    Variant,
    VariantPrice,
)
from models.ids import new_id
from models.statement import connection_of

Edit = tuple[ProductState | None, ProductState]
"""A product as it was, None for a new one, and as it is to be."""

VARIANT_COLUMNS = ("sku", "size", "color", "weight_grams", "archived_at")


async def write(transaction: AsyncConnection, edits: Sequence[Edit]) -> None:
    """Makes the products what they are to be, and counts each as one edit. Raises IntegrityError: slug or SKU taken."""
    await _many(transaction, insert(Product), [_columns(after) for before, after in edits if before is None])
    changed = [{f"new_{name}": found for name, found in _columns(after).items()} for before, after in edits if before]
    row = update(Product).where(Product.id == bindparam("new_id"))
    row = row.values(version=Product.version + 1, **{name: bindparam(f"new_{name}") for name in COLUMNS})
    await _many(transaction, row, changed)
    await _write_categories(transaction, _differing(edits, lambda one: one.categories))
    await _write_alterations(transaction, _differing(edits, lambda one: one.alterations))
    await _write_media(transaction, _differing(edits, lambda one: one.media))
    offered = _differing(edits, lambda one: (one.variants, one.archived_at))
    await _write_variants(transaction, offered)
    await _sum_up_prices(transaction, _keys(offered))
    await catalogue_search.index(connection_of(transaction), _keys(_differing(edits, _found_by)))


def _found_by(one: ProductState) -> tuple[Any, ...]:
    return one.name, one.description, one.brand_id, one.audience, one.categories


def _columns(product: ProductState) -> dict[str, Any]:
    sets = {"audience": list(product.audience), "required_measurements": list(product.required_measurements)}
    return {name: getattr(product, name) for name in ("id", *COLUMNS)} | sets


def _differing(edits: Iterable[Edit], part: Callable[[ProductState], Any]) -> list[Edit]:
    return [(before, after) for before, after in edits if before is None or part(before) != part(after)]


def _keys(edits: Iterable[Edit]) -> list[UUID]:
    return [after.id for _, after in edits]


async def _many(transaction: AsyncConnection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await transaction.execute(statement, rows)


async def _write_categories(transaction: AsyncConnection, edits: list[Edit]) -> None:
    if edits:
        await transaction.execute(delete(ProductCategory).where(among(ProductCategory.product_id, _keys(edits))))
    rows = [{"product_id": after.id, "category_id": key} for _, after in edits for key in sorted(after.categories)]
    await _many(transaction, insert(ProductCategory), rows)


async def _write_alterations(transaction: AsyncConnection, edits: list[Edit]) -> None:
    if edits:
        await transaction.execute(delete(AlterationService).where(among(AlterationService.product_id, _keys(edits))))
    offers = [(after.id, new_id(), offer) for _, after in edits for offer in after.alterations]
    services = [{"id": key, "product_id": of, "kind": offer.kind, "days": offer.days} for of, key, offer in offers]
    await _many(transaction, insert(AlterationService), services)
    prices = [
        {"service_id": key, "currency": currency, "price": price}
        for _, key, offer in offers
        for currency, price in offer.prices.items()
    ]
    await _many(transaction, insert(AlterationPrice), prices)


async def _write_media(transaction: AsyncConnection, edits: list[Edit]) -> None:
    """Pictures that are taken off are unused from now on, and are swept a day later."""
    kept = {one.id for _, after in edits for one in after.media}
    removed = [one.id for before, _ in edits if before for one in before.media if one.id not in kept]
    if removed:
        off = update(ProductMedia).where(among(ProductMedia.id, removed))
        await transaction.execute(off.values(product_id=None, position=0, unused_since=func.now()))
    await _clear_positions(transaction, ProductMedia, _keys(edits))
    row = update(ProductMedia).where(ProductMedia.id == bindparam("key"))
    row = row.values(
        product_id=bindparam("of"), position=bindparam("at"), alt=bindparam("says"), unused_since=bindparam("unused")
    )
    placed = [
        {"key": one.id, "of": after.id, "at": at, "says": one.alt, "unused": None}
        for _, after in edits
        for at, one in enumerate(after.media)
    ]
    await _many(transaction, row, placed)


async def _write_variants(transaction: AsyncConnection, edits: list[Edit]) -> None:
    before = {one.id: one for earlier, _ in edits if earlier for one in earlier.variants}
    moved = [(earlier, after) for earlier, after in edits if _order(earlier) != _order(after)]
    await _clear_positions(transaction, Variant, _keys(moved))
    old = [one for _, after in edits for one in after.variants if one.id in before]
    row = update(Variant).where(Variant.id == bindparam("key"))
    values = {name: bindparam(f"new_{name}") for name in VARIANT_COLUMNS}
    await _many(transaction, row.values(**values), [_changed(one) for one in old if _differs(one, before[one.id])])
    places = [
        {"key": one.id, "at": at} for _, after in moved for at, one in enumerate(after.variants) if one.id in before
    ]
    await _many(transaction, row.values(position=bindparam("at")), places)
    new = [
        {"id": one.id, "product_id": after.id, "position": at, **{name: getattr(one, name) for name in VARIANT_COLUMNS}}
        for _, after in edits
        for at, one in enumerate(after.variants)
        if one.id not in before
    ]
    await _many(transaction, insert(Variant), new)
    await _write_prices(transaction, edits, before)


def _order(product: ProductState | None) -> list[UUID]:
    return [one.id for one in product.variants] if product else []


def _differs(one: VariantState, other: VariantState) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in VARIANT_COLUMNS)


def _changed(variant: VariantState) -> dict[str, Any]:
    return {"key": variant.id, **{f"new_{name}": getattr(variant, name) for name in VARIANT_COLUMNS}}


async def _write_prices(transaction: AsyncConnection, edits: list[Edit], before: Mapping[UUID, VariantState]) -> None:
    priced = [
        one
        for _, after in edits
        for one in after.variants
        if one.id not in before or one.prices != before[one.id].prices
    ]
    if known := [one.id for one in priced if one.id in before]:
        await transaction.execute(delete(VariantPrice).where(among(VariantPrice.variant_id, known)))
    rows = [
        {"variant_id": one.id, "currency": currency, "price": found.price, "compare_at": found.compare_at}
        for one in priced
        for currency, found in one.prices.items()
    ]
    await _many(transaction, insert(VariantPrice), rows)


async def _clear_positions(transaction: AsyncConnection, model: Any, product_ids: Sequence[UUID]) -> None:
    """Moves all of the products' rows out of the way: two may not have one place, not even between statements."""
    if product_ids:
        rows = update(model).where(among(model.product_id, product_ids))
        await transaction.execute(rows.values(position=-1 - model.position))


async def _sum_up_prices(transaction: AsyncConnection, product_ids: Sequence[UUID]) -> None:
    if not product_ids:
        return
    await transaction.execute(delete(ProductPrice).where(among(ProductPrice.product_id, product_ids)))
    ranges = (
        select(Variant.product_id, VariantPrice.currency, func.min(VariantPrice.price), func.max(VariantPrice.price))
        .join(VariantPrice, VariantPrice.variant_id == Variant.id)
        .join(Product, Product.id == Variant.product_id)
        .where(among(Variant.product_id, product_ids), Variant.archived_at.is_not_distinct_from(Product.archived_at))
        .group_by(Variant.product_id, VariantPrice.currency)
    )
    columns = ["product_id", "currency", "minimum", "maximum"]
    await transaction.execute(insert(ProductPrice).from_select(columns, ranges, include_defaults=False))
