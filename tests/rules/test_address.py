"""Address books on the database (P3, P51)."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import address as address_book
from models.address import Address, AddressKind
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from tests.support.address import account, entry
from tests.support.database import RolledBackDatabase

SHIPPING, BILLING, MAILING = AddressKind.SHIPPING, AddressKind.BILLING, AddressKind.MAILING


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
async def owner(transaction: AsyncConnection) -> UUID:
    return await account(transaction)


async def created(transaction: AsyncConnection, owner: UUID, *kinds: AddressKind, **typed: Any) -> UUID:
    outcome = await address_book.create(transaction, owner, entry(kinds=frozenset(kinds), **typed), Channel.WEB)
    assert isinstance(outcome, UUID), outcome
    return outcome


async def row(transaction: AsyncConnection, key: UUID) -> Row[Any]:
    return (await transaction.execute(select(Address.__table__).where(Address.id == key))).one()


async def book(transaction: AsyncConnection, owner: UUID) -> list[Row[Any]]:
    rows = select(Address.__table__).where(Address.account_id == owner).order_by(Address.id)
    return list((await transaction.execute(rows)).all())


async def defaults(transaction: AsyncConnection, owner: UUID) -> dict[AddressKind, set[UUID]]:
    rows = await book(transaction, owner)
    return {
        SHIPPING: {found.id for found in rows if found.is_default_shipping},
        BILLING: {found.id for found in rows if found.is_default_billing},
    }


def codes(outcome: UUID | list[Refusal]) -> set[tuple[str, ...]]:
    assert isinstance(outcome, list), outcome
    return {(refusal.code, *refusal.field) for refusal in outcome}


async def test_created_address_is_kept_as_its_country_writes_it(transaction: AsyncConnection, owner: UUID):
    draft = entry(label="  Home ", phone="(202) 555-0143", company=" ", kinds=frozenset({SHIPPING, MAILING}))
    key = await address_book.create(transaction, owner, draft, Channel.MOBILE)
    assert isinstance(key, UUID)
    kept = await row(transaction, key)
    assert (kept.account_id, kept.channel, kept.version) == (owner, "MOBILE", 1)
    assert (kept.label, kept.recipient_name, kept.company, kept.line2) == ("Home", "Ana Ruiz", None, None)
    assert (kept.city, kept.region, kept.postal_code, kept.country_code) == ("PORTLAND", "OR", "97201", "US")
    assert (kept.phone, kept.kinds) == ("+12025550143", ["SHIPPING", "MAILING"])


async def test_what_is_wrong_is_told_and_nothing_is_written(transaction: AsyncConnection, owner: UUID):
    draft = entry(label="x" * 51, region="Atlantis", phone="1")
    outcome = await address_book.create(transaction, owner, draft, Channel.WEB)
    assert codes(outcome) == {("TOO_LONG", "label"), ("INVALID", "region"), ("INVALID", "phone")}
    outcome = await address_book.create(transaction, owner, entry(label="x" * 51), Channel.WEB)
    assert codes(outcome) == {("TOO_LONG", "label")}
    assert await book(transaction, owner) == []


async def test_address_of_an_account_that_is_gone_is_refused(transaction: AsyncConnection):
    assert codes(await address_book.create(transaction, new_id(), entry(), Channel.WEB)) == {("NOT_FOUND",)}


async def test_first_address_of_a_kind_becomes_its_default(transaction: AsyncConnection, owner: UUID):
    await created(transaction, owner, MAILING)
    shipping = await created(transaction, owner, SHIPPING)
    assert await defaults(transaction, owner) == {SHIPPING: {shipping}, BILLING: set()}
    both = await created(transaction, owner, SHIPPING, BILLING)
    assert await defaults(transaction, owner) == {SHIPPING: {shipping}, BILLING: {both}}


async def test_books_of_others_do_not_count(transaction: AsyncConnection, owner: UUID):
    await created(transaction, await account(transaction), SHIPPING)
    mine = await created(transaction, owner, SHIPPING)
    assert (await defaults(transaction, owner))[SHIPPING] == {mine}


async def test_book_is_full_at_fifty(transaction: AsyncConnection, owner: UUID):
    keys = [await created(transaction, owner) for _ in range(50)]
    assert codes(await address_book.create(transaction, owner, entry(), Channel.WEB)) == {("LIMIT_REACHED",)}
    assert len(await book(transaction, owner)) == 50
    await address_book.remove(transaction, owner, keys[0])
    await created(transaction, owner)


async def test_book_is_full_at_fifty_for_callers_at_once(committed_database: Database):
    owner = await committed_database.transact(account)

    async def fill(transaction: AsyncConnection) -> UUID | list[Refusal]:
        kinds = frozenset({SHIPPING, BILLING})
        return await address_book.create(transaction, owner, entry(kinds=kinds), Channel.WEB)

    for _ in range(30):
        await committed_database.transact(fill)
    outcomes = await asyncio.gather(*(committed_database.transact(fill) for _ in range(50)))
    refusals = [outcome for outcome in outcomes if isinstance(outcome, list)]
    assert len(refusals) == 30
    assert all(codes(refused) == {("LIMIT_REACHED",)} for refused in refusals)
    rows = await committed_database.transact(lambda transaction: book(transaction, owner))
    assert len(rows) == 50
    assert [sum(found.is_default_shipping for found in rows), sum(found.is_default_billing for found in rows)] == [1, 1]


async def test_default_is_one_for_callers_at_once(committed_database: Database):
    owner = await committed_database.transact(account)
    keys = [await committed_database.transact(lambda t: created(t, owner, SHIPPING)) for _ in range(8)]

    async def prefer(key: UUID) -> UUID | list[Refusal]:
        return await committed_database.transact(lambda t: address_book.set_default(t, owner, key, SHIPPING))

    assert await asyncio.gather(*map(prefer, keys * 3)) == keys * 3
    found = await committed_database.transact(lambda t: defaults(t, owner))
    assert len(found[SHIPPING]) == 1


async def test_database_itself_refuses_a_second_default(transaction: AsyncConnection, owner: UUID):
    await created(transaction, owner, SHIPPING)
    second = await created(transaction, owner, SHIPPING)
    with pytest.raises(IntegrityError, match="uq_address_default_shipping"):
        await transaction.execute(update(Address).where(Address.id == second).values(is_default_shipping=True))


async def test_database_itself_refuses_a_default_of_another_kind(transaction: AsyncConnection, owner: UUID):
    key = await created(transaction, owner, MAILING)
    with pytest.raises(IntegrityError, match="default_billing"):
        await transaction.execute(update(Address).where(Address.id == key).values(is_default_billing=True))


async def test_change_keeps_what_is_left_out_and_clears_what_is_none(transaction: AsyncConnection, owner: UUID):
    key = await created(transaction, owner, SHIPPING, label="Home", line2="Apt 2", phone="202 555 0143")
    before = await row(transaction, key)
    changes = {"line1": "9 Oak Ave", "line2": None, "label": ""}
    assert await address_book.change(transaction, owner, key, changes) == key
    after = await row(transaction, key)
    changed = {name for name, value in after._mapping.items() if value != before._mapping[name]}
    assert changed <= {"line1", "line2", "label", "version", "updated_at"}
    assert (after.line1, after.line2, after.label, after.version) == ("9 Oak Ave", None, None, 2)


async def test_change_to_what_is_there_already_writes_nothing(transaction: AsyncConnection, owner: UUID):
    key = await created(transaction, owner, SHIPPING, label="Home")
    before = await row(transaction, key)
    for changes in ({}, {"label": " Home ", "country_code": "us"}, {"kinds": frozenset({SHIPPING})}):
        assert await address_book.change(transaction, owner, key, changes, expected_version=1) == key
    assert await row(transaction, key) == before


async def test_changed_address_is_checked_as_a_whole(transaction: AsyncConnection, owner: UUID):
    key = await created(transaction, owner)
    before = await row(transaction, key)
    outcome = await address_book.change(transaction, owner, key, {"country_code": "DE"})
    assert outcome == key, "five digits are a German code too, and Germany has no regions in its addresses"
    assert (await row(transaction, key)).region is None
    outcome = await address_book.change(transaction, owner, key, {"country_code": "GB", "line1": None})
    assert codes(outcome) == {("INVALID", "postalCode"), ("REQUIRED", "line1")}
    after = await row(transaction, key)
    assert (after.country_code, after.line1, after.version) == ("DE", before.line1, 2)


@pytest.mark.parametrize("name", ["recipient_name", "line1", "city", "country_code"])
async def test_what_an_address_needs_cannot_be_cleared(transaction: AsyncConnection, owner: UUID, name: str):
    key = await created(transaction, owner)
    outcome = await address_book.change(transaction, owner, key, {name: None})
    assert isinstance(outcome, list)
    assert {refusal.code for refusal in outcome} == {RefusalCode.REQUIRED}
    assert (await row(transaction, key)).version == 1


async def test_change_of_an_older_version_is_refused_and_writes_nothing(transaction: AsyncConnection, owner: UUID):
    key = await created(transaction, owner)
    assert await address_book.change(transaction, owner, key, {"label": "Home"}, expected_version=1) == key
    outcome = await address_book.change(transaction, owner, key, {"label": "Work", "line1": ""}, expected_version=1)
    assert codes(outcome) == {("VERSION_CONFLICT", "expectedVersion")}
    assert (await row(transaction, key)).label == "Home"


async def test_of_two_changes_at_once_one_is_refused(committed_database: Database):
    owner = await committed_database.transact(account)
    key = await committed_database.transact(lambda t: created(t, owner))

    async def rename(label: str) -> UUID | list[Refusal]:
        return await committed_database.transact(
            lambda t: address_book.change(t, owner, key, {"label": label}, expected_version=1)
        )

    outcomes = await asyncio.gather(*map(rename, ["Home", "Work", "Beach", "Farm"]))
    assert sum(outcome == key for outcome in outcomes) == 1
    assert (await committed_database.transact(lambda t: row(t, key))).version == 2


async def test_default_follows_the_kinds_of_an_address(transaction: AsyncConnection, owner: UUID):
    first = await created(transaction, owner, SHIPPING, BILLING)
    second = await created(transaction, owner, SHIPPING)
    await address_book.change(transaction, owner, first, {"kinds": [BILLING]})
    assert await defaults(transaction, owner) == {SHIPPING: set(), BILLING: {first}}
    await address_book.change(transaction, owner, second, {"label": "Work"})
    assert (await defaults(transaction, owner))[SHIPPING] == set(), "it was of the kind before, and not chosen"
    await address_book.change(transaction, owner, first, {"kinds": [BILLING, SHIPPING]})
    assert (await defaults(transaction, owner))[SHIPPING] == {first}
    await address_book.change(transaction, owner, first, {"kinds": None})
    assert await defaults(transaction, owner) == {SHIPPING: set(), BILLING: set()}


async def test_chosen_default_takes_the_place_of_the_other(transaction: AsyncConnection, owner: UUID):
    first = await created(transaction, owner, SHIPPING, BILLING)
    second = await created(transaction, owner, SHIPPING)
    assert await address_book.set_default(transaction, owner, second, SHIPPING) == second
    assert await address_book.set_default(transaction, owner, second, SHIPPING) == second
    assert await defaults(transaction, owner) == {SHIPPING: {second}, BILLING: {first}}
    assert (await row(transaction, second)).version == 1


async def test_chosen_default_is_of_the_kind_from_then_on(transaction: AsyncConnection, owner: UUID):
    key = await created(transaction, owner, MAILING)
    assert await address_book.set_default(transaction, owner, key, BILLING) == key
    kept = await row(transaction, key)
    assert (kept.kinds, kept.is_default_billing, kept.version) == (["BILLING", "MAILING"], True, 2)


async def test_mailing_has_no_default(transaction: AsyncConnection, owner: UUID):
    key = await created(transaction, owner, MAILING)
    assert codes(await address_book.set_default(transaction, owner, key, MAILING)) == {("INVALID", "kind")}


async def test_removed_address_is_gone_and_leaves_its_place_empty(transaction: AsyncConnection, owner: UUID):
    first = await created(transaction, owner, SHIPPING)
    second = await created(transaction, owner, SHIPPING)
    assert await address_book.remove(transaction, owner, first) == first
    assert [found.id for found in await book(transaction, owner)] == [second]
    assert (await defaults(transaction, owner))[SHIPPING] == set()
    assert codes(await address_book.remove(transaction, owner, first)) == {("NOT_FOUND", "id")}


async def test_address_of_another_is_not_found_before_any_other_refusal(transaction: AsyncConnection, owner: UUID):
    stranger = await account(transaction)
    key = await created(transaction, stranger, SHIPPING)
    before = await book(transaction, stranger)
    changes = {"country_code": "XX", "line1": None}
    for outcome in (
        await address_book.change(transaction, owner, key, changes, expected_version=7),
        await address_book.change(transaction, owner, key, {"label": "mine"}),
        await address_book.remove(transaction, owner, key),
        await address_book.set_default(transaction, owner, key, SHIPPING),
        await address_book.set_default(transaction, owner, key, MAILING),
    ):
        assert codes(outcome) == {("NOT_FOUND", "id")}
    assert await book(transaction, stranger) == before
    assert await book(transaction, owner) == []
