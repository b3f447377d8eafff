"""Products: made, changed and archived by staff. Nothing is deleted: orders go on showing what was sold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import product_draft
from commerce.product_draft import Checked, PictureDraft, VariantDraft
from commerce.product_rows import Edit, write
from commerce.product_state import Picture, ProductState, VariantState, among, load
from models.catalogue import Brand, Category, Product, ProductMedia, Variant
from models.database import violated
from models.ids import new_id

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such product.", ("id",))
VERSION_CONFLICT = Refusal(RefusalCode.VERSION_CONFLICT, "The product was changed meanwhile.", ("expectedVersion",))
SLUG_TAKEN = Refusal(RefusalCode.TAKEN, "Another product has this slug.", ("slug",))
SKU_TAKEN = Refusal(RefusalCode.TAKEN, "Another variant has this SKU.", ("variants",))

REQUIRED_AT_FIRST = ("slug", "name", "variants")
LISTS = ("categories", "alterations", "media")
"""Lists that may be empty: null empties one."""

Outcome = UUID | list[Refusal]
Changes = Mapping[str, Any]
"""ProductSaveInput's fields that were given, by Python name: lists of drafts, brand and categories by slug."""


@dataclass(frozen=True, slots=True)
class _References:
    """What a change refers to, found: keys of brand and categories, None for what there is not."""

    brand_id: UUID | None
    categories: dict[str, UUID]
    media: frozenset[UUID]


async def save(
    transaction: AsyncConnection, product_id: UUID | None, changes: Changes, *, expected_version: int | None = None
) -> Outcome:
    """Makes a product, or changes what is given of one: a list replaces the old, and variants left out are archived.

    NOT_FOUND for what it refers to, VERSION_CONFLICT, TAKEN for slug and SKU. What is so already is no change.
    """
    before = None
    if product_id is not None:
        before = (await load(transaction, [product_id])).get(product_id)
        if before is None:
            return [NOT_FOUND]
    references = await _references(transaction, changes)
    if absent := _absent(before, changes, references):
        return absent
    if before is not None and expected_version not in {None, before.version}:
        return [VERSION_CONFLICT]
    after = _edited(before, changes, references)
    if isinstance(after, list):
        return after
    if taken := await _taken(transaction, after, changes):
        return taken
    if after != before and (collision := await write_all(transaction, [(before, after)])):
        return [collision]
    return after.id


async def archive(
    transaction: AsyncConnection, product_id: UUID, *, archived: bool, expected_version: int | None = None
) -> Outcome:
    """Takes a product off sale with all its variants, or puts it back with those it was taken off with."""
    before = (await load(transaction, [product_id])).get(product_id)
    if before is None:
        return [NOT_FOUND]
    if expected_version not in {None, before.version}:
        return [VERSION_CONFLICT]
    if archived != (before.archived_at is not None):
        await write(transaction, [(before, shelved(before, datetime.now(UTC) if archived else None))])
    return product_id


def shelved(product: ProductState, archived_at: datetime | None) -> ProductState:
    """The product archived at the moment, or on sale: its lineup goes with it."""
    lineup = {one.id for one in product.lineup}
    variants = (replace(one, archived_at=archived_at) if one.id in lineup else one for one in product.variants)
    return replace(product, archived_at=archived_at, variants=tuple(variants))


async def write_all(transaction: AsyncConnection, edits: Sequence[Edit]) -> Refusal | None:
    """Writes all of the edits, or none: TAKEN where another transaction took a slug or a SKU meanwhile."""
    try:
        async with transaction.begin_nested():
            await write(transaction, edits)
    except IntegrityError as error:
        refusal = {"uq_product_slug": SLUG_TAKEN, "uq_variant_sku": SKU_TAKEN}.get(violated(error) or "")
        if refusal is None:
            raise
        return refusal
    return None


# ---- what a change refers to


async def _references(transaction: AsyncConnection, changes: Changes) -> _References:
    brand, slugs = changes.get("brand"), changes.get("categories") or ()
    brand_id = await transaction.scalar(select(Brand.id).where(Brand.slug == brand)) if brand else None
    categories: dict[str, UUID] = {}
    if slugs:
        rows = await transaction.execute(select(Category.slug, Category.id).where(Category.slug.in_(set(slugs))))
        categories = {row.slug: row.id for row in rows}
    media: frozenset[UUID] = frozenset()
    if ids := [one.id for one in changes.get("media") or () if one.id is not None]:
        # Locked: a picture that is swept while it is being put on a product would be gone from it.
        rows = select(ProductMedia.id).where(among(ProductMedia.id, ids), ProductMedia.product_id.is_(None))
        media = frozenset(await transaction.scalars(rows.with_for_update(key_share=True)))
    return _References(brand_id, categories, media)


def _absent(before: ProductState | None, changes: Changes, references: _References) -> list[Refusal]:
    """NOT_FOUND for everything that is named and that there is not, or that belongs to another product."""
    own_media = {one.id for one in before.media} if before else set()
    own_variants = {one.id for one in before.variants} if before else set()
    paths: list[tuple[str, ...]] = []
    if changes.get("brand") and references.brand_id is None:
        paths.append(("brand",))
    for at, slug in enumerate(changes.get("categories") or ()):
        if slug not in references.categories:
            paths.append(("categories", str(at)))
    for at, one in enumerate(changes.get("media") or ()):
        if one.id not in references.media | own_media:
            paths.append(("media", str(at), "id"))
    for at, one in enumerate(changes.get("variants") or ()):
        if one.unknown or (one.id is not None and one.id not in own_variants):
            paths.append(("variants", str(at), "id"))
    return [Refusal(RefusalCode.NOT_FOUND, "There is none.", path) for path in paths]


# ---- the product as it is to be


def _edited(before: ProductState | None, changes: Changes, references: _References) -> ProductState | list[Refusal]:
    wanted = {**dict.fromkeys(REQUIRED_AT_FIRST if before is None else ()), **changes}
    given = {name: wanted[name] or () for name in LISTS if name in wanted}
    values, refusals = product_draft.fields(wanted)
    refusals += product_draft.too_many(wanted)
    base = before or ProductState(id=new_id(), slug="", name="")
    if "brand" in wanted:
        values["brand_id"] = references.brand_id
    if "categories" in given:
        values["categories"] = frozenset(references.categories[slug] for slug in given["categories"])
    for name, make in (("alterations", product_draft.offers), ("media", _pictures)):
        if name in given:
            made: Any = make(given[name])
            values[name] = made
            refusals += made if isinstance(made, list) else []
    if "variants" in wanted:
        variants = _lineup(base, wanted["variants"] or ())
        values["variants"] = variants
        refusals += variants if isinstance(variants, list) else []
    return refusals or replace(base, **values)


def _pictures(given: Sequence[PictureDraft]) -> tuple[Picture, ...] | list[Refusal]:
    found: dict[UUID, Picture] = {}
    refusals: list[Refusal] = []
    for at, one in enumerate(given):
        path, alt = ("media", str(at)), product_draft.alt(one, ("media", str(at)))
        if isinstance(alt, Refusal):
            refusals.append(alt)
        elif one.id in found:
            refusals.append(Refusal(RefusalCode.INVALID, "This is there twice.", (*path, "id")))
        elif one.id is not None:
            found[one.id] = Picture(one.id, alt)
    return refusals or tuple(found.values())


def _lineup(product: ProductState, given: Sequence[VariantDraft]) -> tuple[VariantState, ...] | list[Refusal]:
    """The variants as they are given, and after them those that are not, archived."""
    if not given:
        return [Refusal(RefusalCode.REQUIRED, "A product has one variant at least.", ("variants",))]
    checked = [product_draft.variant(one, ("variants", str(at))) for at, one in enumerate(given)]
    if refusals := [refusal for one in checked if isinstance(one, list) for refusal in one]:
        return refusals
    known = _recognised(product, given)
    if refusals := _repeated(product, given, known):
        return refusals
    offered = tuple(
        _state(key or new_id(), one, product.archived_at)
        for key, one in zip(known, checked, strict=True)
        if isinstance(one, Checked)
    )
    kept = {one.id for one in offered}
    now = datetime.now(UTC)
    lineup = {one.id for one in product.lineup}
    left_out = (
        replace(one, archived_at=now) if one.id in lineup else one for one in product.variants if one.id not in kept
    )
    return (*offered, *left_out)


def _recognised(product: ProductState, given: Sequence[VariantDraft]) -> list[UUID | None]:
    """Which variant each is: named by its key, or by the SKU that it has; None for a new one."""
    named = {one.id for one in given if one.id is not None}
    by_sku = {one.sku: one.id for one in product.variants if one.id not in named}
    return [one.id or by_sku.get(one.sku) for one in given]


def _repeated(product: ProductState, given: Sequence[VariantDraft], known: Sequence[UUID | None]) -> list[Refusal]:
    """Variants that are named twice, and SKUs that are there twice, also of variants that are left out."""
    refusals, skus = [], {one.sku for one in product.variants if one.id not in known}
    seen: set[UUID] = set()
    for at, (draft, key) in enumerate(zip(given, known, strict=True)):
        path = ("variants", str(at))
        if key is not None and key in seen:
            refusals.append(Refusal(RefusalCode.INVALID, "This is there twice.", (*path, "id")))
        elif draft.sku in skus:
            refusals.append(replace(SKU_TAKEN, field=(*path, "sku")))
        skus.add(draft.sku)
        seen |= {key} if key is not None else set()
    return refusals


def _state(key: UUID, one: Checked, archived_at: datetime | None) -> VariantState:
    return VariantState(key, one.sku, one.size, one.color, one.weight_grams, one.prices, archived_at)


async def _taken(transaction: AsyncConnection, product: ProductState, changes: Changes) -> list[Refusal]:
    refusals = []
    if "slug" in changes:
        other = select(Product.id).where(Product.slug == product.slug, Product.id != product.id)
        if await transaction.scalar(other) is not None:
            refusals.append(SLUG_TAKEN)
    if "variants" in changes:
        skus = [draft.sku for draft in changes["variants"]]
        others = select(Variant.sku).where(Variant.sku.in_(skus), Variant.product_id != product.id)
        taken = set(await transaction.scalars(others))
        refusals += [
            replace(SKU_TAKEN, field=("variants", str(at), "sku")) for at, sku in enumerate(skus) if sku in taken
        ]
    return refusals
