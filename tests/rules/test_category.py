"""Categories and brands: unique slugs, and no shelf within itself."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from commerce import brand as brands
from commerce import category as categories
from models.catalogue import Brand, Category
from models.database import Database
from tests.support.database import RolledBackDatabase
from tests.support.goods import NOBODY


async def save(database: Any, slug: str, key: UUID | None = None, **changes: Any) -> Any:
    given = {"slug": slug, "name": slug.title()} | changes
    return await database.transact(lambda t: categories.save(t, key, given))


async def brand(database: Any, slug: str, name: str = "Loom", key: UUID | None = None) -> Any:
    return await database.transact(lambda t: brands.save(t, key, slug, name))


def refusals(outcome: Any) -> list[tuple[str, tuple[str, ...]]]:
    assert isinstance(outcome, list), outcome
    return [(one.code.value, one.field) for one in outcome]


async def shelves(database: Any) -> dict[str, tuple[str | None, int]]:
    """Parent and place of each."""
    rows = (await database.transact(lambda t: t.execute(select(Category.__table__)))).all()
    slugs = {row.id: row.slug for row in rows}
    return {row.slug: (slugs.get(row.parent_id), row.position) for row in rows}


async def test_categories_stand_in_the_order_they_were_made_in(database: RolledBackDatabase):
    for slug, parent in (("baby", None), ("girls", None), ("rompers", "baby"), ("hats", "baby")):
        assert isinstance(await save(database, slug, parent=parent), UUID)
    assert await shelves(database) == {
        "baby": (None, 0), "girls": (None, 1), "rompers": ("baby", 0), "hats": ("baby", 1),
    }  # fmt: skip


async def test_category_is_renamed_where_it_stands_and_moved_to_the_end(database: RolledBackDatabase):
    for slug in ("baby", "girls"):
        await save(database, slug)
    hats = await save(database, "hats", parent="baby")
    await save(database, "coats", parent="girls")
    assert await save(database, "caps", hats) == hats
    assert (await shelves(database))["caps"] == ("baby", 0)
    assert await save(database, "caps", hats, parent="baby") == hats
    assert (await shelves(database))["caps"] == ("baby", 0)
    assert await save(database, "caps", hats, parent="girls") == hats
    assert (await shelves(database))["caps"] == ("girls", 1)
    assert await save(database, "caps", hats, parent=None) == hats
    assert (await shelves(database))["caps"] == (None, 2)


async def test_category_never_lies_within_itself(database: RolledBackDatabase):
    top = await save(database, "a")
    await save(database, "b", parent="a")
    await save(database, "c", parent="b")
    for parent in ("a", "b", "c"):
        assert refusals(await save(database, "a", top, parent=parent)) == [("INVALID", ("parent",))]
    assert (await shelves(database))["a"] == (None, 0)


async def test_categories_are_six_deep_at_most(database: RolledBackDatabase):
    parent = None
    for slug in "abcdef":
        await save(database, slug, parent=parent)
        parent = slug
    assert refusals(await save(database, "g", parent="f")) == [("INVALID", ("parent",))]
    tall = await save(database, "x")
    await save(database, "y", parent="x")
    assert refusals(await save(database, "x", tall, parent="e")) == [("INVALID", ("parent",))]
    assert await save(database, "x", tall, parent="d") == tall


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"slug": "A"}, ("INVALID", ("slug",))),
        ({"slug": "", "name": "A"}, ("REQUIRED", ("slug",))),
        ({"name": " "}, ("REQUIRED", ("name",))),
        ({"name": "n" * 201}, ("TOO_LONG", ("name",))),
        ({"slug": "taken"}, ("TAKEN", ("slug",))),
        ({"parent": "none", "slug": "A"}, ("NOT_FOUND", ("parent",))),
    ],
)
async def test_category_that_cannot_be_is_refused(database: RolledBackDatabase, changes: dict[str, Any], refusal: Any):
    await save(database, "taken")
    given: dict[str, Any] = {"slug": "new"} | changes
    assert refusals(await save(database, **given)) == [refusal]
    assert await shelves(database) == {"taken": (None, 0)}


async def test_unknown_category_is_not_found_before_anything_else(database: RolledBackDatabase):
    assert refusals(await save(database, "A", NOBODY, parent="none")) == [("NOT_FOUND", ("id",))]


async def test_shelves_that_are_put_into_each_other_at_once_make_no_circle(committed_database: Database):
    """A circle would keep whoever looks for what lies below it looking for ever."""
    for at in range(5):
        left = await save(committed_database, f"left-{at}")
        right = await save(committed_database, f"right-{at}")
        outcomes = await asyncio.gather(
            save(committed_database, f"left-{at}", left, parent=f"right-{at}"),
            save(committed_database, f"right-{at}", right, parent=f"left-{at}"),
        )
        assert sorted(isinstance(one, list) for one in outcomes) == [False, True]


async def test_brand_is_made_renamed_and_alone_with_its_slug(database: RolledBackDatabase):
    key = await brand(database, "loom")
    assert isinstance(key, UUID)
    assert await brand(database, "loom", " Loom &  Sons ", key) == key
    rows = (await database.transact(lambda t: t.execute(select(Brand.slug, Brand.name)))).all()
    assert [tuple(row) for row in rows] == [("loom", "Loom & Sons")]
    assert refusals(await brand(database, "loom")) == [("TAKEN", ("slug",))]
    other = await brand(database, "other")
    assert refusals(await brand(database, "loom", key=other)) == [("TAKEN", ("slug",))]
    assert refusals(await brand(database, "No", "", NOBODY)) == [("NOT_FOUND", ("id",))]
    assert refusals(await brand(database, "No", "")) == [("INVALID", ("slug",)), ("REQUIRED", ("name",))]
