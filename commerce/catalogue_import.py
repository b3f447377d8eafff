"""Brings a table of the catalogue into the database: all of it or nothing, and only what it changes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce.catalogue_csv import COMPARE_AT, PRICE, Mistake, ProductRows, VariantRow
from commerce.product import shelved, write_all
from commerce.product_draft import MOST_CATEGORIES, MOST_VARIANTS
from commerce.product_rows import Edit
from commerce.product_state import Price, ProductState, VariantState, load
from models.catalogue import DEFAULT_CURRENCY, Brand, Category, CurrencyCode, Product, Variant
from models.ids import new_id

WRITTEN_AT_ONCE = 200

OWN_COLUMNS = (
    "name", "audience", "tax_category", "custom_made", "required_measurements", "description", "care_instructions",
)  # fmt: skip

Told = Callable[[int], None]
"""Hears how many products more were dealt with."""


@dataclass(frozen=True, slots=True)
class Result:
    """How many products were new, changed, and as they were."""

    new: int
    changed: int
    unchanged: int


@dataclass(slots=True)
class _Known:
    """What there is already: products by slug, brands and categories by slug, and whose each SKU is."""

    products: dict[str, ProductState]
    brands: dict[str, UUID]
    categories: dict[str, UUID]
    owners: dict[str, tuple[UUID, str]]


async def bring_in(
    transaction: AsyncConnection, products: Sequence[ProductRows], told: Told = lambda _: None
) -> Result | list[Mistake]:
    """Makes the catalogue what the rows say. With mistakes nothing is written: neither the good rows nor a part."""
    known = await _look_up(transaction, products)
    planning = _Planning(known, datetime.now(UTC))
    edits = [planning.edit(rows) for rows in products]
    if planning.mistakes:
        return sorted(planning.mistakes, key=lambda one: one.line)
    changes = [(before, after) for before, after in edits if before != after]
    told(len(edits) - len(changes))
    for at in range(0, len(changes), WRITTEN_AT_ONCE):
        part = changes[at : at + WRITTEN_AT_ONCE]
        if collision := await write_all(transaction, part):
            return [Mistake(products[0].line, f"{collision.message} It was made just now: import again.")]
        told(len(part))
    new = sum(before is None for before, _ in changes)
    return Result(new, len(changes) - new, len(edits) - len(changes))


async def _look_up(transaction: AsyncConnection, products: Sequence[ProductRows]) -> _Known:
    slugs = [one.slug for one in products]
    ids = select(Product.id).where(_in(Product.slug, slugs))
    states = await load(transaction, list(await transaction.scalars(ids)))
    brands = {one.values["brand"] for one in products if one.values.get("brand")}
    shelves = {slug for one in products for slug in one.values.get("categories", ())}
    skus = [row.sku for one in products for row in one.variants]
    owners = select(Variant.sku, Product.id, Product.slug).join(Product, Product.id == Variant.product_id)
    return _Known(
        {state.slug: state for state in states.values()},
        await _by_slug(transaction, Brand, brands),
        await _by_slug(transaction, Category, shelves),
        {row.sku: (row.id, row.slug) for row in await transaction.execute(owners.where(_in(Variant.sku, skus)))},
    )


def _in(column: Any, texts: Iterable[str]) -> Any:
    return column == any_(bindparam("texts", list(texts), type_=ARRAY(Text), unique=True))


async def _by_slug(transaction: AsyncConnection, model: Any, slugs: Iterable[str]) -> dict[str, UUID]:
    rows = await transaction.execute(select(model.slug, model.id).where(_in(model.slug, slugs)))
    return {row.slug: row.id for row in rows}


@dataclass(slots=True)
class _Planning:
    known: _Known
    now: datetime
    mistakes: list[Mistake] = field(default_factory=list)

    def edit(self, rows: ProductRows) -> Edit:
        """The product as it was and as the rows want it; worth nothing where there are mistakes."""
        before = self.known.products.get(rows.slug)
        if before is None and "name" not in rows.values:
            self._note(rows.line, "A new product needs a name.", "name")
        base = before or ProductState(id=new_id(), slug=rows.slug, name="")
        archived = rows.values.get("archived")
        if archived is not None and archived != (base.archived_at is not None):
            base = shelved(base, self.now if archived else None)
        values = {name: rows.values[name] for name in OWN_COLUMNS if name in rows.values}
        if "brand" in rows.values:
            values["brand_id"] = self._brand(rows)
        if "categories" in rows.values:
            values["categories"] = self._categories(rows)
        return before, replace(base, **values, variants=self._variants(base, rows))

    def _brand(self, rows: ProductRows) -> UUID | None:
        slug = rows.values["brand"]
        if slug is not None and slug not in self.known.brands:
            self._note(rows.line, f"There is no brand {slug!r}.", "brand")
        return self.known.brands.get(slug)

    def _categories(self, rows: ProductRows) -> frozenset[UUID]:
        slugs = rows.values["categories"]
        for slug in slugs:
            if slug not in self.known.categories:
                self._note(rows.line, f"There is no category {slug!r}.", "categories")
        if len(slugs) > MOST_CATEGORIES:
            self._note(rows.line, f"A product is in at most {MOST_CATEGORIES} categories.", "categories")
        return frozenset(self.known.categories[slug] for slug in slugs if slug in self.known.categories)

    def _variants(self, base: ProductState, rows: ProductRows) -> tuple[VariantState, ...]:
        """The variants in their order, new ones behind those on sale; those that no row names as they are."""
        by_sku, before = {one.sku: one for one in base.variants}, len(self.mistakes)
        for row in rows.variants:
            owner = self.known.owners.get(row.sku)
            if owner is not None and owner[0] != base.id:
                self._note(row.line, f"This is the SKU of a variant of {owner[1]!r}.", "sku")
                continue
            by_sku[row.sku] = self._variant(base, by_sku.get(row.sku), row)
        on_sale = [one for one in by_sku.values() if one.archived_at == base.archived_at]
        given_up = [one for one in by_sku.values() if one.archived_at != base.archived_at]
        if not on_sale and len(self.mistakes) == before:
            self._note(rows.line, "A product has one variant at least: archive the product.", "variant_archived")
        if len(on_sale) > MOST_VARIANTS:
            self._note(rows.line, f"A product has at most {MOST_VARIANTS} variants.", "slug")
        return (*on_sale, *given_up)

    def _variant(self, base: ProductState, known: VariantState | None, row: VariantRow) -> VariantState:
        values = {name: value for name, value in row.values.items() if name != "variant_archived"}
        one = known or VariantState(new_id(), row.sku, None, None, None, {}, base.archived_at)
        return replace(one, **values, prices=self._prices(one, row), archived_at=self._archived_at(base, one, row))

    def _archived_at(self, base: ProductState, one: VariantState, row: VariantRow) -> datetime | None:
        archived = row.values.get("variant_archived")
        if archived is None or archived == (one.archived_at != base.archived_at):
            return one.archived_at
        # Not the product's own moment, at which variants go that come back with it.
        return self.now - timedelta(microseconds=1) if archived else base.archived_at

    def _prices(self, one: VariantState, row: VariantRow) -> dict[CurrencyCode, Price]:
        prices = {currency: kept.price for currency, kept in one.prices.items()} | row.prices
        compare_at = {currency: kept.compare_at for currency, kept in one.prices.items()} | row.compare_at
        if prices.get(DEFAULT_CURRENCY) is None:
            self._note(row.line, "A price is needed.", f"{PRICE}{DEFAULT_CURRENCY}")
        for currency, before in compare_at.items():
            price = prices.get(currency)
            if before is not None and (price is None or before < price):
                message = "A price to compare with is one in the same currency that is no lower."
                self._note(row.line, message, f"{COMPARE_AT}{currency}")
        return {
            currency: Price(price, compare_at.get(currency)) for currency, price in prices.items() if price is not None
        }

    def _note(self, line: int, message: str, column: str) -> None:
        self.mistakes.append(Mistake(line, message, column))
