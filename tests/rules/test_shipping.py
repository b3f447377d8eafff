"""Shipping methods as staff set them, and quotes that read them: what is refused, and how many statements it takes."""

from asyncio import gather
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from auth.refusal import RefusalCode
from commerce import address, basket, shipping, shipping_saving
from commerce.basket import Basket, LineDraft
from commerce.money import Amount
from commerce.quote import Destination, Quoted, quote_to
from commerce.shipping_saving import MethodDraft
from commerce.tax import Place
from models.address import AddressKind
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.shipping import ShippingMethod, ShippingPrice
from tests.support import selling
from tests.support.address import account, entry
from tests.support.database import RolledBackDatabase
from tests.support.statements import statements

Code = RefusalCode
USD, EUR = CurrencyCode.USD, CurrencyCode.EUR
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
STORE = Place("US", "NY")


def usd(amount: str) -> Amount:
    return Amount(Decimal(amount), USD)


STANDARD = MethodDraft(
    "standard",
    "Standard",
    ["us", "DE "],
    [usd("6.95"), Amount(Decimal("5.90"), EUR)],
    [usd("75")],
    min_days=3,
    max_days=7,
)
PICKUP = MethodDraft("pickup", "In the store", [], [usd("0")], pickup=True)


async def saved(database: RolledBackDatabase, draft: MethodDraft, key: UUID | None = None, **options: Any) -> UUID:
    outcome = await shipping_saving.save(database.connection, draft, key, **options)
    assert isinstance(outcome, UUID), outcome
    return outcome


async def refused(
    database: RolledBackDatabase, draft: MethodDraft, key: UUID | None = None, **options: Any
) -> list[Any]:
    before = await kept(database)
    outcome = await shipping_saving.save(database.connection, draft, key, **options)
    assert isinstance(outcome, list), outcome
    assert await kept(database) == before
    return [(one.code, ".".join(one.field)) for one in outcome]


async def kept(database: RolledBackDatabase) -> list[Any]:
    rows = select(ShippingMethod.__table__, ShippingPrice.__table__).outerjoin(ShippingPrice.__table__)
    return sorted(map(str, await database.connection.execute(rows)))


async def test_method_is_kept_as_it_was_set(database: RolledBackDatabase):
    key = await saved(database, STANDARD)
    [found] = await shipping.methods(database.connection)
    assert (found.id, found.version, found.code, found.name, found.pickup) == (key, 1, "standard", "Standard", False)
    assert found.countries == ("DE", "US")
    assert (found.min_days, found.max_days, found.max_weight_grams) == (3, 7, None)
    assert (found.prices, found.free_from) == ({USD: 695, EUR: 590}, {USD: 7500})


async def test_method_is_set_anew_as_a_whole(database: RolledBackDatabase):
    key = await saved(database, STANDARD)
    other = MethodDraft("slow", "Slow", ["FR"], [Amount(Decimal(4), EUR)], max_weight_grams=900)
    assert await saved(database, other, key, expected_version=1) == key
    [found] = await shipping.methods(database.connection)
    assert (found.version, found.code, found.countries, found.max_weight_grams) == (2, "slow", ("FR",), 900)
    assert (found.min_days, found.prices, found.free_from) == (None, {EUR: 400}, {})


async def test_method_that_is_off_is_not_offered(database: RolledBackDatabase):
    key = await saved(database, STANDARD)
    await saved(database, replace(STANDARD, active=False), key)
    assert await shipping.methods(database.connection) == ()
    await saved(database, STANDARD, key)
    assert [one.version for one in await shipping.methods(database.connection)] == [3]


async def test_unknown_method_is_not_found_before_anything_else_is_said(database: RolledBackDatabase):
    nonsense = MethodDraft("", "", [], [])
    assert await refused(database, nonsense, new_id(), expected_version=7) == [(Code.NOT_FOUND, "id")]


async def test_of_two_editors_the_second_is_told(database: RolledBackDatabase):
    key = await saved(database, STANDARD)
    await saved(database, replace(STANDARD, name="Post"), key, expected_version=1)
    found = await refused(database, replace(STANDARD, name="Parcel"), key, expected_version=1)
    assert found == [(Code.VERSION_CONFLICT, "expectedVersion")]


async def test_code_is_of_one_method(database: RolledBackDatabase):
    await saved(database, STANDARD)
    other = await saved(database, PICKUP)
    assert await refused(database, STANDARD) == [(Code.TAKEN, "code")]
    assert await refused(database, STANDARD, other) == [(Code.TAKEN, "code")]
    assert await database.connection.scalar(select(func.count()).select_from(ShippingMethod)) == 2


async def test_of_editors_and_makers_at_once_one_wins(committed_database: Database):
    """On connections of their own: nobody's edit is lost unseen, and a code is taken once."""

    def attempt(draft: MethodDraft, key: UUID | None, version: int | None) -> Any:
        return committed_database.transact(lambda t: shipping_saving.save(t, draft, key, expected_version=version))

    made = await gather(*(attempt(replace(STANDARD, name=f"Maker {n}"), None, None) for n in range(8)))
    [key] = [one for one in made if isinstance(one, UUID)]
    assert [one for one in made if one != key] == [[shipping_saving.TAKEN]] * 7
    edited = await gather(*(attempt(replace(STANDARD, name=f"Editor {n}"), key, 1) for n in range(8)))
    assert [one for one in edited if one != key] == [[shipping_saving.VERSION_CONFLICT]] * 7
    [found] = await committed_database.transact(shipping.methods)
    assert (found.version, found.name[:6], found.prices) == (2, "Editor", {USD: 695, EUR: 590})


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"code": " "}, Code.REQUIRED, "code"),
        ({"code": "Over Night"}, Code.INVALID, "code"),
        ({"code": "x" * 51}, Code.TOO_LONG, "code"),
        ({"name": ""}, Code.REQUIRED, "name"),
        ({"name": "x" * 101}, Code.TOO_LONG, "name"),
        ({"countries": []}, Code.REQUIRED, "countries"),
        ({"countries": ["US", "Oz"]}, Code.INVALID, "countries"),
        ({"min_days": -1}, Code.INVALID, "minDays"),
        ({"min_days": 5, "max_days": 4}, Code.INVALID, "maxDays"),
        ({"min_days": None, "max_days": 366}, Code.INVALID, "maxDays"),
        ({"max_weight_grams": 0}, Code.INVALID, "maxWeightGrams"),
        ({"prices": [], "free_from": []}, Code.REQUIRED, "prices"),
        ({"prices": [usd("-1")]}, Code.INVALID, "prices.0.amount"),
        ({"prices": [usd("1.005")]}, Code.INVALID, "prices.0.amount"),
        ({"prices": [usd("1"), usd("2")]}, Code.INVALID, "prices.1.currencyCode"),
        ({"free_from": [Amount(Decimal(1), CurrencyCode.GBP)]}, Code.INVALID, "freeFrom"),
    ],
)
async def test_terms_that_make_no_sense_are_refused(
    database: RolledBackDatabase, changes: dict[str, Any], code: RefusalCode, field: str
):
    assert await refused(database, replace(STANDARD, **changes)) == [(code, field)]


async def test_everything_that_is_wrong_is_told_at_once(database: RolledBackDatabase):
    found = await refused(database, MethodDraft("", "", [], [], min_days=-1))
    assert found == [
        (Code.REQUIRED, "code"), (Code.REQUIRED, "name"), (Code.REQUIRED, "countries"), (Code.INVALID, "minDays"),
        (Code.REQUIRED, "prices"),
    ]  # fmt: skip


# ---- quotes that read them


async def at_the_till(database: RolledBackDatabase) -> Basket:
    key = await selling.variant(database.connection)
    found = await basket.of_lines(database.connection, USD, [LineDraft(key, 2)], [], None)
    assert isinstance(found, Basket), found
    return found


async def quoted(
    database: RolledBackDatabase, found: Basket, asked: Destination, account_id: UUID | None = None
) -> Quoted:
    return await quote_to(database.connection, found, account_id, asked, "standard", NOW, store=STORE)


async def test_quote_reads_methods_and_an_address_by_one_statement_each(database: RolledBackDatabase):
    await saved(database, STANDARD)
    owner = await account(database.connection)
    both = frozenset(AddressKind) - {AddressKind.MAILING}
    key = await address.create(database.connection, owner, entry(kinds=both), Channel.WEB)
    assert isinstance(key, UUID)
    found = await at_the_till(database)
    with statements(database) as sent:
        there = await quoted(database, found, Destination(True, key), owner)
    assert len(sent) == 2, sent
    assert (there.refusals, there.price.shipping_total) == ([], 695)
    assert there.taxed_at is not None
    with statements(database) as sent:
        bare = await quoted(database, found, Destination(False, None, "US", there.taxed_at.region))
    assert len(sent) == 1, sent
    assert bare.price == there.price


async def test_address_of_somebody_else_is_not_found(database: RolledBackDatabase):
    await saved(database, STANDARD)
    owner, other = await account(database.connection), await account(database.connection)
    key = await address.create(database.connection, owner, entry(), Channel.WEB)
    assert isinstance(key, UUID)
    found = await at_the_till(database)
    for account_id, asked in ((other, key), (None, key), (owner, new_id()), (owner, None)):
        there = await quoted(database, found, Destination(True, asked), account_id)
        assert [(one.code, one.field) for one in there.refusals] == [(Code.NOT_FOUND, ("shippingAddressId",))]
        assert (there.taxed_at, there.price.total) == (None, there.price.subtotal)


async def test_place_that_is_none_is_told_and_prices_are_without_tax(database: RolledBackDatabase):
    await saved(database, STANDARD)
    there = await quoted(database, await at_the_till(database), Destination(False, None, "US", "Atlantis"))
    assert [(one.code, one.field) for one in there.refusals] == [(Code.INVALID, ("region",))]
    assert (there.taxed_at, there.price.tax_total, there.price.total) == (None, 0, 4000)
