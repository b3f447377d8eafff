"""What products are found by is written with what it is made of, whoever else is writing."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from commerce import brand as brands
from commerce import category as categories
from commerce import product as products
from models.database import Database
from tests.support.database import RolledBackDatabase
from tests.support.goods import made

WORDS = text("SELECT tsvector_to_array(search) FROM product WHERE id = :key")
CUTS = text("SELECT cuts FROM search_word WHERE word = :word")


async def words(database: Any, key: UUID) -> set[str]:
    return set(await database.transact(lambda t: t.scalar(WORDS, {"key": key})))


async def save(database: Any, key: UUID, **changes: Any) -> None:
    assert await database.transact(lambda t: products.save(t, key, changes)) == key


async def test_each_change_of_a_product_is_found(database: RolledBackDatabase):
    key = await database.transact(made)
    assert await words(database, key) == {"romper"}
    await database.transact(lambda t: brands.save(t, None, "loom", "Loom"))
    await database.transact(lambda t: categories.save(t, None, {"slug": "hats", "name": "Hats"}))
    await save(database, key, brand="loom", categories=["hats"], audience=["GIRLS"], description="Of wool.")
    assert await words(database, key) == {"romper", "loom", "hat", "girl", "wool"}
    await save(database, key, name="Cap", brand=None, categories=[], audience=[], description=None)
    assert await words(database, key) == {"cap"}


async def test_words_are_remembered_with_what_is_left_without_a_letter(database: RolledBackDatabase):
    await database.transact(lambda t: made(t, name="Élan of 1920", description="Soft"))
    assert set(await database.transact(lambda t: t.scalar(CUTS, {"word": "elan"}))) == {
        "elan",
        "lan",
        "ean",
        "eln",
        "ela",
    }
    for word in ("of", "1920", "soft"):
        assert await database.transact(lambda t, word=word: t.scalar(CUTS, {"word": word})) is None


@pytest.mark.parametrize("renamed_first", [True, False])
async def test_product_that_gets_a_brand_while_it_is_renamed_has_the_new_name(
    committed_database: Database, renamed_first: bool
):
    database = committed_database
    key = await database.transact(made)
    brand = await database.transact(lambda t: brands.save(t, None, "loom", "Loom"))
    assert isinstance(brand, UUID)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def rename(transaction: Any) -> Any:
        return await brands.save(transaction, brand, "loom", "Spindle")

    async def put(transaction: Any) -> Any:
        return await products.save(transaction, key, {"brand": "loom"})

    async def held(transaction: Any) -> None:
        await (rename if renamed_first else put)(transaction)
        begun.set()
        await go_on.wait()

    first = asyncio.create_task(database.transact(held))
    await begun.wait()
    second = asyncio.create_task(database.transact(put if renamed_first else rename))
    done, _ = await asyncio.wait([second], timeout=0.2)
    assert not done, "the second waits for the first"
    go_on.set()
    await asyncio.gather(first, second)
    assert await words(database, key) == {"romper", "spindl"}
