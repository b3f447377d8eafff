"""Brands, made and renamed by staff."""

from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import catalogue_search, product_draft
from commerce.unique import written
from models.catalogue import Brand
from models.ids import new_id

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such brand.", ("id",))
TAKEN = Refusal(RefusalCode.TAKEN, "Another brand has this slug.", ("slug",))


async def save(transaction: AsyncConnection, brand_id: UUID | None, slug: str, name: str) -> UUID | list[Refusal]:
    """Makes a brand, or changes one, and what its products are found by. TAKEN where another has the slug."""
    if brand_id is not None and not await _lock(transaction, brand_id):
        return [NOT_FOUND]
    values = {"slug": product_draft.slug(slug), "name": product_draft.name(name)}
    if refusals := [one for one in values.values() if isinstance(one, Refusal)]:
        return refusals
    key = brand_id or new_id()
    row = insert(Brand).values(id=key, **values)
    if brand_id is not None:
        row = update(Brand).where(Brand.id == key).values(**values)
    if not await written(transaction, row, "uq_brand_slug"):
        return [TAKEN]
    await catalogue_search.index_brand(transaction, key)
    return key


async def _lock(transaction: AsyncConnection, brand_id: UUID) -> bool:
    row = select(Brand.id).where(Brand.id == brand_id).with_for_update(key_share=True)
    return await transaction.scalar(row) is not None
