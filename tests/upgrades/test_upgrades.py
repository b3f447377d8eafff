"""A shop that holds data and is upgraded loses nothing, and ends where a new shop begins."""

from itertools import pairwise

import pytest

from migrations import runner
from models.database import Database
from privacy.reflection import undeclared
from tests.upgrades.conftest import Shops, looking_into
from tests.upgrades.holdings import holdings, lost
from tests.upgrades.stocking import bare
from tests.upgrades.structure import structure, unproven

REVISIONS = runner.revisions()

ON_PURPOSE: dict[str, frozenset[str]] = {}
"""What a revision takes or changes on purpose, as `table` or `table.column`; what becomes of it is tested by itself."""


def _on_purpose(older: str, newer: str) -> set[str]:
    steps = REVISIONS[REVISIONS.index(older) + 1 : REVISIONS.index(newer) + 1]
    return {where for step in steps for where in ON_PURPOSE.get(step, ())}


@pytest.mark.parametrize("revision", REVISIONS)
async def test_shop_of_each_revision_is_stocked_in_every_column(shops: Shops, revision: str):
    assert bare((await shops(revision)).holdings) == []


@pytest.mark.parametrize(("older", "newer"), [*pairwise(REVISIONS), *((one, REVISIONS[-1]) for one in REVISIONS[:-2])])
async def test_upgraded_shop_has_all_it_held_and_is_built_like_a_new_one(shops: Shops, older: str, newer: str):
    shop, new = await shops(older), await shops(newer)
    async with shop.copy() as url:
        await runner.upgrade(url, to=newer)
        async with looking_into(url) as connection:
            found = lost(shop.holdings, await holdings(connection))
            assert {where: what for where, what in found.items() if where not in _on_purpose(older, newer)} == {}
            assert await unproven(connection) == []
            assert await structure(connection) == new.structure


@pytest.mark.parametrize("older", REVISIONS)
async def test_upgraded_shop_holds_only_what_is_declared(shops: Shops, older: str):
    shop = await shops(older)
    async with shop.copy() as url:
        await runner.upgrade(url)
        database = Database(url, readers=1, writers=1)
        try:
            async with database.begun() as connection:
                assert await undeclared(connection) == []
        finally:
            await database.close()
