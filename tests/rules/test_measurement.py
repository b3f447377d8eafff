"""Measurement sets, and the copies that orders are made to (P6)."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal
from auth.sealing import Unsealable
from commerce import measurement
from commerce.measurement import MOST_SETS, SetDraft, copies, sealer_of, unseal
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.measurement import LengthUnit, MeasuredPerson, MeasurementName, MeasurementSet, OrderMeasurement
from tests.support.address import account
from tests.support.database import RolledBackDatabase
from tests.support.statements import statements
from tests.support.workshop import ordered

SEALER = sealer_of(b"a secret of the tests, 32 or longer")
Name = MeasurementName
WAIST, HEIGHT = (Name.WAIST, Decimal("71.50")), (Name.HEIGHT, Decimal(168))
HUGE_FOOT = (Name.FOOT, Decimal(31))
MINE = SetDraft("Me, in spring", MeasuredPerson.ADULT, LengthUnit.CM, (HEIGHT, WAIST))


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection) -> UUID:
    return await account(transaction)


async def saved(transaction: AsyncConnection, owner: UUID, draft: SetDraft = MINE) -> UUID:
    outcome = await measurement.save(transaction, owner, draft, SEALER, Channel.WEB)
    assert isinstance(outcome, UUID), outcome
    return outcome


async def row(transaction: AsyncConnection, key: UUID) -> Any:
    return (await transaction.execute(select(MeasurementSet.__table__).where(MeasurementSet.id == key))).one_or_none()


def codes(outcome: UUID | list[Refusal]) -> list[tuple[str, ...]]:
    assert isinstance(outcome, list), outcome
    return [(refusal.code, *refusal.field) for refusal in outcome]


# ---- sets


async def test_set_is_kept_sealed_and_exact(transaction: AsyncConnection, owner: UUID):
    stored = await row(transaction, await saved(transaction, owner))
    assert (stored.label, stored.person, stored.unit, stored.version) == ("Me, in spring", "ADULT", "CM", 1)
    assert (stored.keep, stored.keep_until, stored.channel) == (True, None, "WEB")
    assert b"71.5" not in stored.sealed
    assert b"WAIST" not in stored.sealed
    opened = unseal(SEALER, stored.sealed, stored.id)
    assert [(name, str(value)) for name, value in opened.items()] == [(Name.WAIST, "71.50"), (Name.HEIGHT, "168")]


async def test_seal_of_one_row_does_not_open_in_another(transaction: AsyncConnection, owner: UUID):
    stored = await row(transaction, await saved(transaction, owner))
    with pytest.raises(Unsealable):
        unseal(SEALER, stored.sealed, new_id())


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"label": " "}, [("REQUIRED", "label")]),
        ({"label": "x" * 51}, [("TOO_LONG", "label")]),
        ({"label": "4111 1111 1111 1111"}, [("CARD_NUMBER_REFUSED", "label")]),
        ({"values": ()}, [("REQUIRED", "values")]),
        ({"values": (HEIGHT, (Name.WAIST, Decimal(715)))}, [("INVALID", "values", "1", "value")]),
        ({"values": (HEIGHT, WAIST, HEIGHT)}, [("INVALID", "values", "2", "name")]),
        ({"unit": LengthUnit.IN}, [("INVALID", "values", "0", "value"), ("INVALID", "values", "1", "value")]),
        ({"values": ((Name.WAIST, Decimal("71.50001")),)}, [("INVALID", "values", "0", "value")]),
        (
            {"person": MeasuredPerson.CHILD, "values": ((Name.FOOT, Decimal(31)),)},
            [("INVALID", "values", "0", "value")],
        ),
    ],
)
async def test_what_is_not_plausible_is_refused_by_its_place(
    transaction: AsyncConnection, owner: UUID, changes: dict[str, Any], refused: list[tuple[str, ...]]
):
    draft = replace(MINE, **changes)
    assert codes(await measurement.save(transaction, owner, draft, SEALER, Channel.WEB)) == refused
    key = await saved(transaction, owner)
    assert codes(await measurement.change(transaction, owner, key, draft, SEALER)) == refused
    assert (await row(transaction, key)).version == 1


async def test_refusal_tells_what_would_be_plausible(transaction: AsyncConnection, owner: UUID):
    draft = replace(MINE, unit=LengthUnit.IN, values=(WAIST,))
    refused = await measurement.save(transaction, owner, draft, SEALER, Channel.WEB)
    assert isinstance(refused, list)
    assert refused[0].message == "Waist of an adult is from 17.7 to 70.9 in, with at most 4 decimals."


async def test_change_replaces_the_whole_set(transaction: AsyncConnection, owner: UUID):
    key = await saved(transaction, owner)
    draft = SetDraft("Mia", MeasuredPerson.CHILD, LengthUnit.IN, ((Name.HEIGHT, Decimal("38.0625")),), keep=False)
    assert await measurement.change(transaction, owner, key, draft, SEALER, expected_version=1) == key
    stored = await row(transaction, key)
    assert (stored.label, stored.person, stored.unit, stored.version) == ("Mia", "CHILD", "IN", 2)
    assert unseal(SEALER, stored.sealed, key) == {Name.HEIGHT: Decimal("38.0625")}
    assert stored.keep_until is not None


async def test_second_of_two_editors_is_told(transaction: AsyncConnection, owner: UUID):
    key = await saved(transaction, owner)
    await measurement.change(transaction, owner, key, MINE, SEALER, expected_version=1)
    late = await measurement.change(transaction, owner, key, replace(MINE, label="Late"), SEALER, expected_version=1)
    assert codes(late) == [("VERSION_CONFLICT", "expectedVersion")]
    assert (await row(transaction, key)).label == MINE.label


async def test_set_of_another_is_not_found_before_anything_else(transaction: AsyncConnection, owner: UUID):
    key, stranger = await saved(transaction, owner), await account(transaction)
    wrong = replace(MINE, values=())
    outcome = await measurement.change(transaction, stranger, key, wrong, SEALER, expected_version=7)
    assert codes(outcome) == [("NOT_FOUND", "id")]
    assert codes(await measurement.change(transaction, owner, new_id(), wrong, SEALER)) == [("NOT_FOUND", "id")]
    assert codes(await measurement.remove(transaction, stranger, key)) == [("NOT_FOUND", "id")]
    assert (await row(transaction, key)).version == 1


async def test_set_is_deleted_once(transaction: AsyncConnection, owner: UUID):
    key = await saved(transaction, owner)
    assert await measurement.remove(transaction, owner, key) == key
    assert await row(transaction, key) is None
    assert codes(await measurement.remove(transaction, owner, key)) == [("NOT_FOUND", "id")]


async def test_twenty_sets_are_kept_however_many_are_sent_at_once(committed_database: Database):
    owner = await committed_database.transact(account)

    async def save(_: int) -> UUID | list[Refusal]:
        return await committed_database.transact(lambda t: measurement.save(t, owner, MINE, SEALER, Channel.WEB))

    outcomes = await asyncio.gather(*map(save, range(MOST_SETS + 5)))
    assert [codes(one) for one in outcomes if isinstance(one, list)] == [[("LIMIT_REACHED",)]] * 5
    kept = select(func.count()).where(MeasurementSet.account_id == owner)
    assert await committed_database.transact(lambda t: t.scalar(kept)) == MOST_SETS


# ---- copies


async def test_copy_is_the_sets_values_sealed_for_the_line(database: RolledBackDatabase, owner: UUID):
    transaction = database.connection
    key = await saved(transaction, owner)
    order = await ordered(transaction, owner)
    with statements(database) as sent:
        [copy] = await copies(transaction, owner, [(key, order.lines[0])], SEALER)
    assert len(sent) == 1
    assert copy.names == {Name.WAIST, Name.HEIGHT}
    await transaction.execute(insert(OrderMeasurement).values(copy.row))
    stored = (await transaction.execute(select(OrderMeasurement.__table__))).one()
    assert (stored.order_line_id, stored.account_id, stored.person, stored.unit) == (
        order.lines[0],
        owner,
        "ADULT",
        "CM",
    )
    assert unseal(SEALER, stored.sealed, order.lines[0]) == dict(MINE.values)
    with pytest.raises(Unsealable):
        unseal(SEALER, stored.sealed, key)


async def test_later_edits_of_the_set_do_not_reach_the_copy(transaction: AsyncConnection, owner: UUID):
    key, line = await saved(transaction, owner), new_id()
    [copy] = await copies(transaction, owner, [(key, line)], SEALER)
    await measurement.change(transaction, owner, key, replace(MINE, values=((Name.WAIST, Decimal(99)),)), SEALER)
    assert unseal(SEALER, copy.row["sealed"], line)[Name.WAIST] == Decimal("71.50")


async def test_set_of_another_is_never_copied(database: RolledBackDatabase, owner: UUID):
    transaction = database.connection
    key, stranger = await saved(transaction, owner), await account(transaction)
    assert await copies(transaction, stranger, [(key, new_id())], SEALER) == []
    with statements(database) as sent:
        assert await copies(transaction, None, [(key, new_id())], SEALER) == []
        assert await copies(transaction, owner, [], SEALER) == []
    assert sent == []


async def test_set_that_is_not_to_be_kept_goes_with_the_order(transaction: AsyncConnection, owner: UUID):
    kept, passing = await saved(transaction, owner), await saved(transaction, owner, replace(MINE, keep=False))
    await transaction.execute(measurement.used_up([kept, passing]))
    assert await row(transaction, kept) is not None
    assert await row(transaction, passing) is None


async def test_set_that_is_not_to_be_kept_and_not_used_ends_after_ninety_days(
    transaction: AsyncConnection, owner: UUID
):
    stored = await row(transaction, await saved(transaction, owner, replace(MINE, keep=False)))
    assert stored.keep_until == stored.created_at + timedelta(days=90)
