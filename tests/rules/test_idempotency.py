"""Operations with a key are done once, whatever is repeated, and whenever."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce.idempotency import CONFLICT, Outcome, once
from models.database import Database
from models.idempotency import Idempotency
from models.ids import new_id
from tests.support.database import RolledBackDatabase
from tests.support.login_session import account_with

NO = Refusal(RefusalCode.TAKEN, "Somebody has it.", ("name",))


class Maker:
    """Makes something each time it is called, and counts."""

    def __init__(self, *refusals: Refusal) -> None:
        self.made: list[UUID] = []
        self.refusals = list(refusals)

    async def __call__(self) -> Outcome:
        if self.refusals:
            return [self.refusals.pop(0)]
        self.made.append(new_id())
        return self.made[-1]


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection) -> UUID:
    return await account_with(transaction, None)


Ask = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def ask(transaction: AsyncConnection, owner: UUID) -> Ask:
    async def ask(
        work: Maker, key: str = "key", operation: str = "make", account: UUID = owner, **given: Any
    ) -> Outcome:
        return await once(transaction, account, operation, {"idempotency_key": key, **given}, work)

    return ask


async def kept(transaction: AsyncConnection) -> int:
    return await transaction.scalar(select(func.count()).select_from(Idempotency)) or 0


async def test_repetition_gives_the_first_answer_and_does_nothing(ask: Ask):
    work = Maker()
    first = await ask(work, name="Acme", scopes=["a", "b"])
    assert await ask(work, scopes=["a", "b"], name="Acme") == first
    assert work.made == [first]


async def test_another_input_with_the_key_is_a_conflict(ask: Ask):
    work = Maker()
    await ask(work, name="Acme")
    for given in ({"name": "acme"}, {}, {"name": "Acme", "networks": None}, {"name": None}):
        assert await ask(work, **given) == [CONFLICT]
    assert len(work.made) == 1


async def test_keys_belong_to_an_account_and_an_operation(ask: Ask, transaction: AsyncConnection):
    work = Maker()
    other = await account_with(transaction, None)
    made = [
        await ask(work),
        await ask(work, key="Key"),
        await ask(work, operation="mend"),
        await ask(work, account=other),
    ]
    assert len(set(map(str, made))) == len(work.made) == 4


async def test_refusal_is_not_remembered(ask: Ask, transaction: AsyncConnection):
    work = Maker(NO)
    assert await ask(work, name="Acme") == [NO]
    assert await kept(transaction) == 0
    assert await ask(work, name="Acme") == work.made[0]


@pytest.mark.parametrize(("key", "code"), [("", "REQUIRED"), (" \t", "REQUIRED"), ("x" * 201, "TOO_LONG")])
async def test_key_that_is_none_is_refused_before_anything_is_done(ask: Ask, key: str, code: str):
    work = Maker()
    outcome = await ask(work, key=key)
    assert isinstance(outcome, list)
    assert [(one.code.value, one.field) for one in outcome] == [(code, ("idempotencyKey",))]
    assert work.made == []


async def test_neither_key_nor_input_is_kept(ask: Ask, transaction: AsyncConnection):
    await ask(Maker(), key="a key of mine \ud800", name="Ana Ruiz")
    row = (await transaction.execute(select(Idempotency.__table__))).one()
    assert b"Ana Ruiz" not in row.input_digest
    assert "Ana Ruiz" not in str(row)
    assert "a key of mine" not in str(row)


async def test_repetitions_at_once_do_it_once(committed_database: Database):
    owner = await committed_database.transact(lambda t: account_with(t, None))
    work = Maker(NO)

    async def attempt() -> Outcome:
        given = {"idempotency_key": "key", "name": "Acme"}
        return await committed_database.transact(lambda t: once(t, owner, "make", given, work))

    outcomes = await asyncio.gather(*(attempt() for _ in range(10)))
    assert len(work.made) == 1
    assert outcomes.count([NO]) == 1
    assert outcomes.count(work.made[0]) == 9
