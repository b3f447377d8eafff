"""Stock: on hand is the sum of the ledger, whoever takes, gives back and corrects at once, and never below zero."""

import asyncio
from collections.abc import AsyncGenerator
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import stock
from commerce.idempotency import once
from commerce.stock import Adjustment
from models.database import Database, violated
from models.stock import StockEntryKind
from tests.support.database import RolledBackDatabase
from tests.support.goods import NOBODY, ledger, made, on_hand, variants_of
from tests.support.login_session import account_with
from tests.support.selling import order
from tests.support.taking import take

RECEIVED, LOST, COUNTED = StockEntryKind.RECEIVED, StockEntryKind.LOST, StockEntryKind.COUNTED
AT_ONCE = 50


async def shelf(database: Any, *pieces: int) -> list[UUID]:
    """New variants with so many pieces on hand."""

    async def fill(transaction: AsyncConnection) -> list[UUID]:
        product_id = await made(transaction)
        keys = [one.id for one in await variants_of(transaction, product_id)][: len(pieces)]
        for key, number in zip(keys, pieces, strict=True):
            if number:
                assert isinstance(await stock.adjust(transaction, Adjustment(key, number, RECEIVED)), UUID)
        return keys

    return await database.transact(fill)


async def balanced(database: Any, key: UUID) -> int:
    """What is on hand, which the ledger adds up to, entry by entry."""
    entries = await database.transact(lambda t: ledger(t, key))
    hand = await database.transact(lambda t: on_hand(t, key))
    assert sum(one.change for one in entries) == hand
    assert [one.balance for one in entries[:1]] == [one.change for one in entries[:1]]
    assert all(later.balance == earlier.balance + later.change for earlier, later in pairwise(entries))
    assert all(one.balance >= 0 for one in entries)
    return hand


def codes(outcome: Any) -> list[tuple[RefusalCode, tuple[str, ...]]]:
    assert isinstance(outcome, list), outcome
    return [(one.code, one.field) for one in outcome]


# ---- correcting


async def test_correction_changes_what_is_on_hand_and_is_written_down(database: RolledBackDatabase):
    (key,) = await shelf(database, 5)
    entry_id = await database.transact(lambda t: stock.adjust(t, Adjustment(key, -2, LOST, "  fell off \n the van ")))
    last = (await database.transact(lambda t: ledger(t, key)))[-1]
    assert (last.id, last.change, last.balance, last.kind, last.note, last.order_id) == (
        entry_id, -2, 3, "LOST", "fell off the van", None,
    )  # fmt: skip
    assert await balanced(database, key) == 3


REFUSED = [
    ({"change": -6, "kind": COUNTED}, (RefusalCode.OUT_OF_STOCK, ("change",))),
    ({"change": 0, "kind": COUNTED}, (RefusalCode.INVALID, ("change",))),
    ({"change": 1_000_001, "kind": RECEIVED}, (RefusalCode.INVALID, ("change",))),
    ({"change": -1, "kind": RECEIVED}, (RefusalCode.INVALID, ("change",))),
    ({"change": 1, "kind": LOST}, (RefusalCode.INVALID, ("change",))),
    ({"change": 1, "kind": StockEntryKind.DAMAGED}, (RefusalCode.INVALID, ("change",))),
    ({"change": 1, "kind": StockEntryKind.SALE}, (RefusalCode.INVALID, ("kind",))),
    ({"change": 1, "kind": StockEntryKind.CANCELLATION}, (RefusalCode.INVALID, ("kind",))),
    ({"change": 1, "kind": StockEntryKind.RETURN}, (RefusalCode.INVALID, ("kind",))),
    ({"change": 1, "kind": RECEIVED, "expected_on_hand": 4}, (RefusalCode.VERSION_CONFLICT, ("expectedOnHand",))),
    ({"change": 1, "kind": RECEIVED, "note": "n" * 301}, (RefusalCode.TOO_LONG, ("note",))),
]


@pytest.mark.parametrize(("given", "refusal"), REFUSED)
async def test_correction_that_cannot_be_is_refused_and_nothing_is_written(
    database: RolledBackDatabase, given: dict[str, Any], refusal: Any
):
    (key,) = await shelf(database, 5)
    assert codes(await database.transact(lambda t: stock.adjust(t, Adjustment(key, **given)))) == [refusal]
    assert len(await database.transact(lambda t: ledger(t, key))) == 1
    assert await balanced(database, key) == 5


async def test_unknown_variant_is_not_found_before_anything_else(database: RolledBackDatabase):
    wrong = Adjustment(NOBODY, 0, StockEntryKind.SALE, "n" * 999, expected_on_hand=7)
    outcome = await database.transact(lambda t: stock.adjust(t, wrong))
    assert codes(outcome) == [(RefusalCode.NOT_FOUND, ("variantId",))]


async def test_expected_number_is_compared_with_what_is_there(database: RolledBackDatabase):
    (key,) = await shelf(database, 5)
    counted = Adjustment(key, 2, COUNTED, expected_on_hand=5)
    assert isinstance(await database.transact(lambda t: stock.adjust(t, counted)), UUID)
    assert codes(await database.transact(lambda t: stock.adjust(t, counted))) == [
        (RefusalCode.VERSION_CONFLICT, ("expectedOnHand",))
    ]
    assert await balanced(database, key) == 7


# ---- orders


async def test_order_takes_all_its_pieces_and_gives_them_back(database: RolledBackDatabase):
    one, two = await shelf(database, 3, 1)

    async def work(transaction: AsyncConnection) -> None:
        order_id = await order(transaction)
        assert await take(transaction, {one: 2, two: 1}, order_id) == {one, two}
        await stock.give_back(transaction, {one: 2}, StockEntryKind.CANCELLATION, order_id)
        kinds = [(entry.kind, entry.change, entry.order_id) for entry in await ledger(transaction, one)][1:]
        assert kinds == [("SALE", -2, order_id), ("CANCELLATION", 2, order_id)]

    await database.transact(work)
    assert (await balanced(database, one), await balanced(database, two)) == (3, 0)


async def test_order_takes_nothing_where_there_is_too_little_of_one(database: RolledBackDatabase):
    one, two = await shelf(database, 3, 1)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await database.transact(lambda t: taken(t, {one: 2, two: 2}))
    assert violated(refused.value) == stock.NEVER_BELOW_ZERO
    assert (await balanced(database, one), await balanced(database, two)) == (3, 1)


async def test_what_is_not_there_is_not_taken(database: RolledBackDatabase):
    (one,) = await shelf(database, 3)
    assert await database.transact(lambda t: taken(t, {one: 2, NOBODY: 1})) == {one}


async def taken(transaction: AsyncConnection, pieces: dict[UUID, int]) -> set[UUID]:
    return await take(transaction, pieces, await order(transaction))


# ---- at once


@pytest_asyncio.fixture(loop_scope="session")
async def crowd(committed_database: Database) -> AsyncGenerator[Database]:
    """A database with as many connections as there are people."""
    wide = Database(committed_database.url, readers=1, writers=AT_ONCE)
    yield wide
    await wide.close()


async def buy(database: Database, pieces: dict[UUID, int]) -> bool:
    try:
        await database.transact(lambda t: taken(t, pieces))
    except asyncpg.CheckViolationError:
        return False
    return True


async def test_last_piece_is_bought_once_of_fifty(crowd: Database):
    (key,) = await shelf(crowd, 1)
    assert (await asyncio.gather(*(buy(crowd, {key: 1}) for _ in range(AT_ONCE)))).count(True) == 1
    assert await balanced(crowd, key) == 0


async def test_orders_for_the_same_things_in_any_order_sell_them_out_and_no_further(crowd: Database):
    one, two = await shelf(crowd, 20, 20)
    baskets = [{one: 1, two: 1} if at % 2 else {two: 1, one: 1} for at in range(AT_ONCE)]
    assert (await asyncio.gather(*(buy(crowd, basket) for basket in baskets))).count(True) == 20
    assert (await balanced(crowd, one), await balanced(crowd, two)) == (0, 0)


async def test_sales_returns_and_corrections_at_once_leave_a_ledger_that_adds_up(crowd: Database):
    keys = await shelf(crowd, 6, 0)
    random = Random(4)

    async def give_back(key: UUID) -> bool:
        async def work(transaction: AsyncConnection) -> None:
            await stock.give_back(transaction, {key: 1}, StockEntryKind.RETURN, await order(transaction))

        await crowd.transact(work)
        return True

    async def correct(key: UUID, change: int) -> Any:
        return await crowd.transact(lambda t: stock.adjust(t, Adjustment(key, change, COUNTED)))

    def anything(key: UUID) -> Any:
        makers = (lambda: buy(crowd, {key: 1}), lambda: give_back(key), lambda: correct(key, random.choice((-2, 1))))
        return random.choice(makers)()

    done = await asyncio.gather(*(anything(random.choice(keys)) for _ in range(AT_ONCE)))
    assert sum(await asyncio.gather(*(balanced(crowd, key) for key in keys))) >= 0
    entries = sum([len(await crowd.transact(lambda t, key=key: ledger(t, key))) for key in keys])
    assert entries == 1 + sum(one is True or isinstance(one, UUID) for one in done)


async def test_correction_with_one_key_is_done_once_of_twenty(crowd: Database):
    (key,) = await shelf(crowd, 1)
    account = await crowd.transact(lambda t: account_with(t, None))
    given = {"variant_id": str(key), "change": 3, "idempotency_key": "k-1"}

    async def correct() -> Any:
        return await crowd.transact(
            lambda t: once(t, account, "stockAdjust", given, lambda: stock.adjust(t, Adjustment(key, 3, RECEIVED)))
        )

    outcomes = await asyncio.gather(*(correct() for _ in range(20)))
    assert len(set(outcomes)) == 1
    assert await balanced(crowd, key) == 4


async def test_expected_number_lets_one_of_fifty_through(crowd: Database):
    (key,) = await shelf(crowd, 9)
    counted = Adjustment(key, -1, COUNTED, expected_on_hand=9)
    outcomes = await asyncio.gather(*(crowd.transact(lambda t: stock.adjust(t, counted)) for _ in range(AT_ONCE)))
    assert [isinstance(one, UUID) for one in outcomes].count(True) == 1
    assert all(isinstance(refusal, Refusal) for one in outcomes if isinstance(one, list) for refusal in one)
    assert await balanced(crowd, key) == 8
