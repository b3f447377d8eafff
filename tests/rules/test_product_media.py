"""Uploaded pictures: kept before they are used, and gone a day after nothing uses them, file and all."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from obstore.store import MemoryStore
from sqlalchemy import func, select, update

from auth.refusal import Refusal
from commerce import product as products
from commerce import product_media
from commerce.pictures import PictureStudio
from commerce.product_draft import PictureDraft
from commerce.product_media import UNSUPPORTED, Gallery
from commerce.tools import Tools
from gateways.jobs import Jobs
from gateways.storage import ObjectStorage, StorageFailed
from models.catalogue import ProductMedia
from models.database import Database
from models.job import QueuedJob
from tests.support.goods import made, romper, variant
from tests.support.pictures import SVG, photograph

BASE = "https://shop.test/media"


class Shelf(ObjectStorage):
    """Storage that tells what lies in it, and breaks when it is told to."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), typed=True)
        self.names: set[str] = set()
        self.broken = False

    async def put(self, name: str, content: bytes, media_type: str) -> None:
        if self.broken:
            raise StorageFailed("away")
        await super().put(name, content, media_type)
        self.names.add(name)

    async def delete(self, name: str) -> None:
        if self.broken:
            raise StorageFailed("away")
        await super().delete(name)
        self.names.discard(name)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def gallery(shelf: Shelf) -> AsyncGenerator[Gallery]:
    studio = PictureStudio()
    yield Gallery(studio, shelf, BASE)
    studio.close()


@pytest.fixture
def tools(committed_database: Database, shelf: Shelf) -> Tools:
    unused: Any = None
    return Tools(committed_database, unused, unused, "Layette", "https://shop.test", unused, shelf)


async def rows(database: Database) -> dict[UUID, Any]:
    found = await database.transact(lambda t: t.execute(select(ProductMedia.__table__)))
    return {row.id: row for row in found}


async def uploaded(database: Database, gallery: Gallery) -> UUID:
    outcome = await gallery.add(database, photograph())
    assert isinstance(outcome, UUID)
    return outcome


async def age(database: Database, *keys: UUID, hours: int = 25) -> None:
    aged = update(ProductMedia).where(ProductMedia.id.in_(keys))
    await database.transact(lambda t: t.execute(aged.values(unused_since=func.now() - timedelta(hours=hours))))


async def sweep(tools: Tools) -> None:
    await product_media.sweep_unused(tools)
    await Jobs(tools.database, tools, product_media.HANDLERS).drain()


async def test_picture_is_kept_under_a_name_that_nobody_guesses(
    committed_database: Database, gallery: Gallery, shelf: Shelf
):
    keys = [await uploaded(committed_database, gallery) for _ in range(2)]
    found = await rows(committed_database)
    assert {row.object_key for row in found.values()} == shelf.names
    for key in keys:
        row = found[key]
        assert (row.url, row.width, row.height, row.product_id) == (f"{BASE}/{row.object_key}", 64, 32, None)
        assert key.hex not in row.url
        content = await shelf.get(row.object_key)
        assert content is not None
        assert content.startswith(b"\xff\xd8\xff")
        assert b"canary" not in content


async def test_what_is_no_picture_leaves_nothing(committed_database: Database, gallery: Gallery, shelf: Shelf):
    outcome = await gallery.add(committed_database, SVG)
    assert isinstance(outcome, Refusal)
    assert outcome == UNSUPPORTED
    assert (await rows(committed_database), shelf.names) == ({}, set())


async def test_upload_that_fails_half_way_is_swept_too(
    committed_database: Database, gallery: Gallery, shelf: Shelf, tools: Tools
):
    shelf.broken = True
    with pytest.raises(StorageFailed):
        await gallery.add(committed_database, photograph())
    shelf.broken = False
    assert len(await rows(committed_database)) == 1
    await age(committed_database, *await rows(committed_database))
    await sweep(tools)
    assert (await rows(committed_database), shelf.names) == ({}, set())


async def test_picture_that_no_product_takes_for_a_day_is_deleted_and_others_stay(
    committed_database: Database, gallery: Gallery, shelf: Shelf, tools: Tools
):
    old, fresh, used, taken_off = [await uploaded(committed_database, gallery) for _ in range(4)]
    key = await committed_database.transact(lambda t: made(t, media=[PictureDraft(one) for one in (used, taken_off)]))
    await age(committed_database, old)
    await committed_database.transact(lambda t: products.save(t, key, {"media": [PictureDraft(used)]}))
    await sweep(tools)
    found = await rows(committed_database)
    assert found.keys() == {fresh, used, taken_off}
    assert shelf.names == {row.object_key for row in found.values()}
    await age(committed_database, taken_off, hours=23)
    await sweep(tools)
    assert taken_off in await rows(committed_database)
    await age(committed_database, taken_off)
    await sweep(tools)
    assert (await rows(committed_database)).keys() == {fresh, used}
    assert len(shelf.names) == 2


async def test_file_that_cannot_be_deleted_now_is_deleted_later(
    committed_database: Database, gallery: Gallery, shelf: Shelf, tools: Tools
):
    await age(committed_database, await uploaded(committed_database, gallery))
    shelf.broken = True
    await sweep(tools)
    waiting = select(func.count()).select_from(QueuedJob).where(QueuedJob.kind == product_media.FILE_DELETE)
    assert await committed_database.transact(lambda t: t.scalar(waiting)) == 1
    assert len(shelf.names) == 1
    shelf.broken = False
    due = update(QueuedJob).where(QueuedJob.kind == product_media.FILE_DELETE).values(due_at=func.now())
    await committed_database.transact(lambda t: t.execute(due))
    await sweep(tools)
    assert shelf.names == set()


async def test_picture_that_is_put_on_a_product_while_it_is_swept_is_on_it_or_gone(
    committed_database: Database, gallery: Gallery, tools: Tools
):
    keys = [await uploaded(committed_database, gallery) for _ in range(8)]
    await age(committed_database, *keys)
    new = [made_with(committed_database, at, key) for at, key in enumerate(keys)]
    _, *outcomes = await asyncio.gather(product_media.sweep_unused(tools), *new)
    found = await rows(committed_database)
    for key, outcome in zip(keys, outcomes, strict=True):
        on_it = isinstance(outcome, UUID)
        assert (key in found) == on_it
        assert not on_it or (found[key].product_id, found[key].unused_since) == (outcome, None)


async def made_with(database: Database, at: int, key: UUID) -> Any:
    changes = romper(slug=f"p-{at}", variants=[variant(f"P-{at}")], media=[PictureDraft(key)])
    return await database.transact(lambda t: products.save(t, None, changes))
