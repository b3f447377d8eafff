"""Categories, the shop's shelves: made, renamed and moved by staff."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import catalogue_search, product_draft
from commerce.unique import written
from models.catalogue import Category
from models.ids import new_id

DEEPEST = 6
"""Levels of shelves, the top included."""

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such category.", ("id",))
NO_PARENT = Refusal(RefusalCode.NOT_FOUND, "There is no such category.", ("parent",))
TAKEN = Refusal(RefusalCode.TAKEN, "Another category has this slug.", ("slug",))
CIRCLE = Refusal(RefusalCode.INVALID, "A category cannot lie within itself.", ("parent",))
TOO_DEEP = Refusal(RefusalCode.INVALID, f"Categories lie at most {DEEPEST} deep in each other.", ("parent",))


async def save(
    transaction: AsyncConnection, category_id: UUID | None, changes: Mapping[str, Any]
) -> UUID | list[Refusal]:
    """Makes a category, last on its shelf, or changes one: its slug and name, and its `parent`, a slug, if given.

    TAKEN where another has the slug, INVALID where a category would lie within itself or too deep.
    """
    shelves = await _shelves(transaction)
    if category_id is not None and category_id not in shelves:
        return [NOT_FOUND]
    key = category_id or new_id()
    values: dict[str, Any] = {"slug": product_draft.slug(changes["slug"]), "name": product_draft.name(changes["name"])}
    if "parent" in changes or category_id is None:
        parent = _parent(shelves, key, changes.get("parent"))
        if parent is NO_PARENT:
            return [NO_PARENT]
        values["parent_id"] = parent
        if not isinstance(parent, Refusal) and (category_id is None or shelves[key].parent_id != parent):
            values["position"] = 1 + max(_places(shelves, parent), default=-1)
    if refusals := [one for one in values.values() if isinstance(one, Refusal)]:
        return refusals
    row = insert(Category).values(id=key, **values)
    if category_id is not None:
        row = update(Category).where(Category.id == key).values(**values)
    if not await written(transaction, row, "uq_category_slug"):
        return [TAKEN]
    await catalogue_search.index_category(transaction, key)
    return key


async def _shelves(transaction: AsyncConnection) -> dict[UUID, Any]:
    """All of them, locked: of two that are moved at once, neither may come to lie within the other."""
    rows = select(Category.id, Category.slug, Category.parent_id, Category.position).order_by(Category.id)
    return {row.id: row for row in await transaction.execute(rows.with_for_update(key_share=True))}


def _parent(shelves: Mapping[UUID, Any], key: UUID, slug: str | None) -> UUID | Refusal | None:
    if slug is None:
        return None
    parent = next((row for row in shelves.values() if row.slug == slug), None)
    if parent is None:
        return NO_PARENT
    above = list(_above(shelves, parent.id))
    if key in above:
        return CIRCLE
    return parent.id if len(above) + _height(shelves, key) <= DEEPEST else TOO_DEEP


def _above(shelves: Mapping[UUID, Any], key: UUID | None) -> Iterator[UUID]:
    """The category, the one that it lies in, and so on."""
    while key is not None:
        yield key
        key = shelves[key].parent_id


def _height(shelves: Mapping[UUID, Any], key: UUID) -> int:
    """Levels from the category down, itself included."""
    below = [row.id for row in shelves.values() if row.parent_id == key]
    return 1 + max((_height(shelves, one) for one in below), default=0)


def _places(shelves: Mapping[UUID, Any], parent_id: UUID | None) -> Iterator[int]:
    return (row.position for row in shelves.values() if row.parent_id == parent_id)
