"""Editors of products who meet: one of them wins, and what filters see follows."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from commerce import product as products
from models.catalogue import Product, VariantPrice
from models.database import Database
from tests.support.goods import count, made, ranges, romper, row, variant, variants_of


def refusals(outcome: Any) -> list[tuple[str, tuple[str, ...]]]:
    assert isinstance(outcome, list), outcome
    return [(one.code.value, one.field) for one in outcome]


async def save(database: Any, key: UUID | None, *, expected_version: int | None = None, **changes: Any) -> Any:
    return await database.transact(lambda t: products.save(t, key, changes, expected_version=expected_version))


async def archive(database: Any, key: UUID, *, archived: bool = True, expected_version: int | None = None) -> Any:
    return await database.transact(
        lambda t: products.archive(t, key, archived=archived, expected_version=expected_version)
    )


async def test_one_slug_and_one_sku_are_given_once_of_ten(committed_database: Database):
    outcomes = await asyncio.gather(*(save(committed_database, None, **romper()) for _ in range(10)))
    assert [isinstance(one, UUID) for one in outcomes].count(True) == 1
    assert all(refusals(one)[0][0] == "TAKEN" for one in outcomes if isinstance(one, list))
    skus = [romper(slug=f"p-{at}", variants=[variant("S-1")]) for at in range(10)]
    outcomes = await asyncio.gather(*(save(committed_database, None, **one) for one in skus))
    assert [isinstance(one, UUID) for one in outcomes].count(True) == 1
    assert await committed_database.transact(lambda t: count(t, Product)) == 2


async def test_editors_of_one_version_do_not_overwrite_each_other(committed_database: Database):
    key = await committed_database.transact(made)
    edits = [
        save(committed_database, key, expected_version=1, variants=[variant("R-1", str(Decimal(at + 1)))])
        for at in range(10)
    ]
    outcomes = await asyncio.gather(*edits)
    won = [at for at, one in enumerate(outcomes) if one == key]
    assert len(won) == 1
    assert await committed_database.transact(lambda t: ranges(t, key)) == {"USD": (100 * (won[0] + 1),) * 2}


async def test_prices_that_filters_see_follow_from_edits_that_meet(committed_database: Database):
    key = await committed_database.transact(made)
    prices = [[variant("R-1", f"{at}.00"), variant("R-2", f"{at}.50")] for at in range(9)]
    await asyncio.gather(
        *(save(committed_database, key, variants=one) for one in prices),
        *(archive(committed_database, key, archived=bool(at % 2)) for at in range(9)),
    )

    async def check(transaction: Any) -> None:
        product = await row(transaction, key)
        lineup = [one.id for one in await variants_of(transaction, key) if one.archived_at == product.archived_at]
        prices = list(await transaction.scalars(select(VariantPrice.price).where(VariantPrice.variant_id.in_(lineup))))
        assert len(prices) == 2
        assert await ranges(transaction, key) == {"USD": (min(prices), max(prices))}

    await committed_database.transact(check)
