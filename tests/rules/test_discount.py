"""Discount codes by staff, and their uses, which no race takes beyond a limit."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import RefusalCode
from commerce import discount, discount_use
from commerce.discount import DiscountDraft
from commerce.money import Amount
from models.catalogue import Category
from models.database import Database, violated
from models.discount import Discount, DiscountAmount, DiscountCategory, DiscountKind, DiscountProduct, DiscountUse
from tests.support import account, selling
from tests.support.account import rows
from tests.support.cart import refused
from tests.support.database import RolledBackDatabase
from tests.support.selling import EUR, USD
from tests.support.taking import use

Code = RefusalCode
Kind = DiscountKind
NOW = datetime(2026, 11, 26, tzinfo=UTC)
TEN = DiscountDraft("ten", Kind.PERCENT, Decimal(10))
NOBODYS = UUID(int=0)


async def created(database: RolledBackDatabase, draft: DiscountDraft = TEN) -> UUID:
    outcome = await discount.create(database.connection, draft)
    assert isinstance(outcome, UUID), outcome
    return outcome


async def row_of(database: RolledBackDatabase, key: UUID) -> Any:
    return (await database.connection.execute(select(Discount.__table__).where(Discount.id == key))).one()


async def terms_of(database: RolledBackDatabase) -> tuple[Any, ...]:
    amounts = {(row.currency, row.amount, row.minimum) for row in await rows(database.connection, DiscountAmount)}
    products = {row.product_id for row in await rows(database.connection, DiscountProduct)}
    return amounts, products, {row.category_id for row in await rows(database.connection, DiscountCategory)}


# ---- by staff


async def test_code_is_kept_in_upper_case_with_all_its_terms(database: RolledBackDatabase):
    shelf = await selling.category(database.connection)
    slug = await database.connection.scalar(select(Category.slug).where(Category.id == shelf))
    garment = await selling.product(database.connection)
    draft = DiscountDraft(
        " spring_26-x ",
        Kind.AMOUNT,
        amounts=[Amount(Decimal(5), USD), Amount(Decimal("4.50"), EUR)],
        minimums=[Amount(Decimal(0), EUR)],
        starts_at=NOW,
        ends_at=NOW + timedelta(days=1),
        total_limit=3,
        per_customer_limit=1,
        product_ids=[garment, garment],
        categories=[slug or ""],
        combinable=True,
        active=False,
    )
    row = await row_of(database, await created(database, draft))
    assert (row.code, row.kind, row.percent, row.version, row.used) == ("SPRING_26-X", "AMOUNT", None, 1, 0)
    assert (row.starts_at, row.ends_at, row.total_limit, row.per_customer_limit) == (NOW, draft.ends_at, 3, 1)
    assert (row.combinable, row.active) == (True, False)
    assert await terms_of(database) == ({("USD", 500, None), ("EUR", 450, 0)}, {garment}, {shelf})


async def test_code_that_another_has_is_taken_whatever_its_case(database: RolledBackDatabase):
    first = await created(database)
    assert refused(await discount.create(database.connection, replace(TEN, code="TeN"))) == [(Code.TAKEN, "code")]
    second = await created(database, replace(TEN, code="OTHER"))
    outcome = await discount.change(database.connection, second, {"code": "Ten"})
    assert refused(outcome) == [(Code.TAKEN, "code")]
    assert await discount.change(database.connection, first, {"code": "ten"}) == first


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code": " "}, (Code.REQUIRED, "code")),
        ({"code": "x" * 41}, (Code.TOO_LONG, "code")),
        ({"code": "TEN OFF"}, (Code.INVALID, "code")),
        ({"code": "-TEN"}, (Code.INVALID, "code")),
        ({"percent": None}, (Code.REQUIRED, "percent")),
        ({"percent": Decimal(0)}, (Code.INVALID, "percent")),
        ({"percent": Decimal("100.001")}, (Code.INVALID, "percent")),
        ({"percent": Decimal("0.0001")}, (Code.INVALID, "percent")),
        ({"kind": Kind.AMOUNT, "percent": None}, (Code.REQUIRED, "amounts")),
        ({"kind": Kind.AMOUNT, "amounts": [Amount(Decimal(5), USD)]}, (Code.INVALID, "percent")),
        ({"kind": Kind.FREE_SHIPPING}, (Code.INVALID, "percent")),
        ({"kind": Kind.AMOUNT, "percent": None, "amounts": [Amount(Decimal(0), USD)]}, (Code.INVALID, "amounts")),
        ({"amounts": [Amount(Decimal(5), USD)]}, (Code.INVALID, "amounts")),
        ({"minimums": [Amount(Decimal(-1), USD)]}, (Code.INVALID, "minimums.0.amount")),
        ({"minimums": [Amount(Decimal(1), USD)] * 2}, (Code.INVALID, "minimums.1.currencyCode")),
        ({"starts_at": NOW, "ends_at": NOW}, (Code.INVALID, "endsAt")),
        ({"total_limit": 0}, (Code.INVALID, "totalLimit")),
        ({"per_customer_limit": -1}, (Code.INVALID, "perCustomerLimit")),
        ({"total_limit": 2**31}, (Code.INVALID, "totalLimit")),
        ({"product_ids": [NOBODYS]}, (Code.NOT_FOUND, "productIds.0")),
        ({"product_ids": [None], "percent": None}, (Code.NOT_FOUND, "productIds.0")),
        ({"categories": ["no-such\x00"], "code": ""}, (Code.NOT_FOUND, "categories.0")),
    ],
)
async def test_terms_without_sense_are_refused(
    database: RolledBackDatabase, changes: dict[str, Any], expected: tuple[str, str]
):
    assert refused(await discount.create(database.connection, replace(TEN, **changes))) == [expected]
    assert await rows(database.connection, Discount) == []


async def test_percentage_has_up_to_three_decimals(database: RolledBackDatabase):
    for at, percent in enumerate((Decimal("0.001"), Decimal("33.333"), Decimal(100), Decimal("12.5000"))):
        row = await row_of(database, await created(database, replace(TEN, code=f"P{at}", percent=percent)))
        assert row.percent == percent


async def test_change_keeps_what_is_not_named_and_clears_what_is_null(database: RolledBackDatabase):
    garment = await selling.product(database.connection)
    draft = replace(TEN, minimums=[Amount(Decimal(50), USD)], product_ids=[garment], ends_at=NOW, total_limit=5)
    key = await created(database, draft)
    assert await discount.change(database.connection, key, {"percent": Decimal(20)}) == key
    row = await row_of(database, key)
    assert (row.percent, row.ends_at, row.total_limit, row.version) == (20, NOW, 5, 2)
    assert await terms_of(database) == ({("USD", None, 5000)}, {garment}, set())
    cleared = {"ends_at": None, "total_limit": None, "minimums": [], "product_ids": []}
    assert await discount.change(database.connection, key, cleared) == key
    row = await row_of(database, key)
    assert (row.ends_at, row.total_limit) == (None, None)
    assert await terms_of(database) == (set(), set(), set())


async def test_what_another_kind_has_no_use_for_goes_with_the_kind(database: RolledBackDatabase):
    key = await created(database)
    changes = {"kind": Kind.AMOUNT, "amounts": [Amount(Decimal(5), USD)]}
    assert await discount.change(database.connection, key, changes) == key
    assert await discount.change(database.connection, key, {"kind": Kind.FREE_SHIPPING}) == key
    row = await row_of(database, key)
    assert (row.kind, row.percent) == ("FREE_SHIPPING", None)
    assert await terms_of(database) == (set(), set(), set())


async def test_change_of_another_version_or_of_none_is_refused(database: RolledBackDatabase):
    key = await created(database)
    outcome = await discount.change(database.connection, key, {"percent": Decimal(99)}, expected_version=2)
    assert refused(outcome) == [(Code.VERSION_CONFLICT, "expectedVersion")]
    assert (await row_of(database, key)).percent == 10
    assert await discount.change(database.connection, key, {}, expected_version=1) == key
    outcome = await discount.change(database.connection, NOBODYS, {"code": ""}, expected_version=7)
    assert refused(outcome) == [(Code.NOT_FOUND, "id")]


async def test_limit_is_not_set_below_what_was_used(database: RolledBackDatabase):
    key = await created(database)
    await database.connection.execute(update(Discount).values(used=3))
    outcome = await discount.change(database.connection, key, {"total_limit": 2})
    assert refused(outcome) == [(Code.INVALID, "totalLimit")]
    assert await discount.change(database.connection, key, {"total_limit": 3}) == key


# ---- uses


async def used(transaction: AsyncConnection) -> dict[str, tuple[int, int]]:
    """By code: what its row counts, and how many uses there are."""
    uses = select(func.count()).select_from(DiscountUse).where(DiscountUse.discount_id == Discount.id)
    counts = select(Discount.code, Discount.used, uses.scalar_subquery().label("uses"))
    return {row.code: (row.used, row.uses) for row in await transaction.execute(counts)}


async def test_use_is_counted_and_given_back_once(database: RolledBackDatabase):
    owner = await account.customer(database)
    keys = [await selling.discount(database.connection, word) for word in ("A", "B")]
    order, other = [await selling.order(database.connection, owner) for _ in range(2)]
    await use(database.connection, order, owner, keys)
    await use(database.connection, other, None, keys[:1])
    assert await used(database.connection) == {"A": (2, 2), "B": (1, 1)}
    for _ in range(2):
        await discount_use.give_back(database.connection, order)
        assert await used(database.connection) == {"A": (1, 1), "B": (0, 0)}


async def test_code_that_is_used_up_refuses_the_use_of_all(database: RolledBackDatabase):
    keys = [
        await selling.discount(database.connection, word, total_limit=limit) for word, limit in (("A", 1), ("B", 9))
    ]
    first, second = [await selling.order(database.connection) for _ in range(2)]
    await use(database.connection, first, None, keys)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await database.transact(lambda t: use(t, second, None, keys))
    assert violated(refused.value) == discount_use.WITHIN_LIMIT
    assert await used(database.connection) == {"A": (1, 1), "B": (1, 1)}


async def test_limit_holds_against_fifty_at_once(committed_database: Database):
    limit, tries = 7, 50
    key = await committed_database.transact(partial(selling.discount, code="FEW", total_limit=limit))
    orders = [await committed_database.transact(selling.order) for _ in range(tries)]
    wide = Database(committed_database.url, writers=tries)

    outcomes = await asyncio.gather(
        *(wide.transact(partial(use, order_id=order, account_id=None, codes=[key])) for order in orders),
        return_exceptions=True,
    )
    assert [
        outcome for outcome in outcomes if outcome is not None and not isinstance(outcome, asyncpg.CheckViolationError)
    ] == []
    assert outcomes.count(None) == limit
    assert await wide.transact(used) == {"FEW": (limit, limit)}
    # Each is given back twice at once: a cancellation and a webhook that meet.
    calls = [partial(discount_use.give_back, order_id=order) for order in orders]
    await asyncio.gather(*map(wide.transact, calls * 2))
    assert await wide.transact(used) == {"FEW": (0, 0)}
    await wide.close()


async def test_orders_with_the_same_codes_in_another_order_do_not_wait_for_ever(committed_database: Database):
    keys = [await committed_database.transact(partial(selling.discount, code=word)) for word in ("A", "B", "C")]
    orders = [await committed_database.transact(selling.order) for _ in range(16)]
    codes = [keys if at % 2 else keys[::-1] for at in range(len(orders))]
    calls = [
        partial(use, order_id=order, account_id=None, codes=some) for order, some in zip(orders, codes, strict=True)
    ]
    assert await asyncio.gather(*map(committed_database.transact, calls)) == [None] * len(orders)
    assert await committed_database.transact(used) == dict.fromkeys("ABC", (16, 16))
