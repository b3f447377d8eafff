"""Partners: what they are made of, what changes, and keys that never have more than their partner."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import partner_keys
from auth.partner_keys import IssuedKey
from auth.refusal import Refusal
from auth.scopes import SCOPES
from auth.tokens import digest
from commerce import partner as partners
from commerce.partner import KeyDraft
from models.database import Database
from models.ids import new_id
from models.partner import Partner, PartnerKey
from tests.support.database import RolledBackDatabase
from tests.support.partner import READS_REVIEWS, change_key, key_of, partner_with, stored

WRITES_REVIEWS = "reviews:write"


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
def two_scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCOPES, WRITES_REVIEWS, "of these tests alone")


def refused(outcome: Any) -> set[tuple[str, ...]]:
    """The codes of refusals with their fields."""
    assert isinstance(outcome, list), outcome
    assert all(isinstance(one, Refusal) for one in outcome)
    return {(one.code.value, *one.field) for one in outcome}


async def count(transaction: AsyncConnection, table: Any) -> int:
    return await transaction.scalar(select(func.count()).select_from(table)) or 0


async def row_of(transaction: AsyncConnection, key_id: UUID) -> Any:
    return (await transaction.execute(select(PartnerKey.__table__).where(PartnerKey.id == key_id))).one()


# ---- partners


async def test_partner_is_kept_as_it_was_given(database: RolledBackDatabase, transaction: AsyncConnection):
    networks = ["203.0.113.0/24", " 2001:DB8::/32 ", "198.51.100.7", "203.0.113.0/24", "::ffff:192.0.2.0/120"]
    made = await partners.create(transaction, "  Acme   Reviews ", [*READS_REVIEWS, *READS_REVIEWS], networks)
    assert isinstance(made, UUID)
    row = await stored(database, made)
    assert (row.name, row.status, row.version, row.scopes) == ("Acme Reviews", "ACTIVE", 1, ["reviews:read"])
    assert row.networks == ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7/32", "192.0.2.0/24"]


@pytest.mark.parametrize(
    ("given", "codes"),
    [
        ({"name": " \u200b "}, {("REQUIRED", "name")}),
        ({"name": "x" * 101}, {("TOO_LONG", "name")}),
        ({"name": "A\x00B"}, {("INVALID", "name")}),
        ({"scopes": ["reviews:read", "everything"]}, {("INVALID", "scopes")}),
        ({"scopes": ["staff:manage"]}, {("INVALID", "scopes")}),
        ({"networks": ["203.0.113.7/24"]}, {("INVALID", "networks")}),
        ({"networks": ["203.0.113.0/24", "home"]}, {("INVALID", "networks")}),
        ({"networks": ["fe80::1%eth0"]}, {("INVALID", "networks")}),
        ({"networks": [""]}, {("INVALID", "networks")}),
        ({"networks": [f"10.0.{n}.0/24" for n in range(51)]}, {("LIMIT_REACHED", "networks")}),
        ({"name": "", "scopes": ["x"]}, {("REQUIRED", "name"), ("INVALID", "scopes")}),
    ],
)
async def test_partner_that_makes_no_sense_is_refused(
    transaction: AsyncConnection, given: dict[str, Any], codes: set[tuple[str, ...]]
):
    sensible: dict[str, Any] = {"name": "Acme", "scopes": READS_REVIEWS}
    outcome = await partners.create(transaction, **sensible | given)
    assert refused(outcome) == codes
    assert await count(transaction, Partner) == 0


async def test_name_belongs_to_one_partner(database: RolledBackDatabase, transaction: AsyncConnection):
    first = await partners.create(transaction, "Acme", READS_REVIEWS)
    assert isinstance(first, UUID)
    assert refused(await partners.create(transaction, "Acme", READS_REVIEWS)) == {("TAKEN", "name")}
    other = await partner_with(transaction)
    assert refused(await partners.change(transaction, other, {"name": "Acme"})) == {("TAKEN", "name")}
    assert (await stored(database, other)).version == 1
    assert await partners.change(transaction, first, {"name": "Acme"}) == first


async def test_change_leaves_what_is_not_named(database: RolledBackDatabase, transaction: AsyncConnection):
    key = await partner_with(transaction, networks=("203.0.113.0/24",))
    before = await stored(database, key)
    assert await partners.change(transaction, key, {"disabled": True}, expected_version=1) == key
    after = await stored(database, key)
    assert (after.status, after.version) == ("DISABLED", 2)
    assert (after.name, after.scopes, after.networks) == (before.name, before.scopes, before.networks)
    assert await partners.change(transaction, key, {"disabled": False, "networks": None, "scopes": None}) == key
    cleared = await stored(database, key)
    assert (cleared.status, cleared.networks, cleared.scopes, cleared.version) == ("ACTIVE", [], [], 3)


async def test_change_of_another_version_is_refused(database: RolledBackDatabase, transaction: AsyncConnection):
    key = await partner_with(transaction)
    outcome = await partners.change(transaction, key, {"name": "Later"}, expected_version=2)
    assert refused(outcome) == {("VERSION_CONFLICT", "expectedVersion")}
    assert (await stored(database, key)).name != "Later"


async def test_what_may_not_be_cleared_is_required(transaction: AsyncConnection):
    key = await partner_with(transaction)
    outcome = await partners.change(transaction, key, {"name": None, "disabled": None})
    assert refused(outcome) == {("REQUIRED", "name"), ("REQUIRED", "disabled")}


async def test_partner_that_is_not_there_is_not_found_before_anything_else(transaction: AsyncConnection):
    assert refused(await partners.change(transaction, new_id(), {"name": ""}, expected_version=7)) == {
        ("NOT_FOUND", "id")
    }
    outcome = await partners.issue_key(transaction, new_id(), KeyDraft(scopes=["nonsense"]))
    assert refused(outcome) == {("NOT_FOUND", "partnerId")}
    assert refused(await partners.revoke_key(transaction, new_id())) == {("NOT_FOUND", "id")}


# ---- keys


async def test_of_a_key_its_hash_and_its_beginning_are_kept(transaction: AsyncConnection):
    partner_id = await partner_with(transaction)
    key = await key_of(transaction, partner_id, label="  machine   one ")
    row = await row_of(transaction, key.key_id)
    assert (row.prefix, row.key_digest, row.label) == (key.text[:10], digest(key.text), "machine one")
    assert (row.scopes, row.expires_at, row.revoked_at) == (["reviews:read"], None, None)
    assert key.text not in repr(key)
    assert key.text not in str(row)


async def test_key_has_all_scopes_of_its_partner_unless_told_otherwise(transaction: AsyncConnection, two_scopes: None):
    partner_id = await partner_with(transaction, ("reviews:read", WRITES_REVIEWS))
    for asked, given in ((None, ["reviews:read", WRITES_REVIEWS]), ([WRITES_REVIEWS], [WRITES_REVIEWS]), ([], [])):
        key = await key_of(transaction, partner_id, scopes=asked)
        assert (await row_of(transaction, key.key_id)).scopes == given


async def test_key_never_has_a_scope_that_its_partner_has_not(transaction: AsyncConnection, two_scopes: None):
    partner_id = await partner_with(transaction)
    outcome = await partners.issue_key(transaction, partner_id, KeyDraft(scopes=["reviews:read", WRITES_REVIEWS]))
    assert refused(outcome) == {("NOT_GRANTABLE", "scopes")}
    assert refused(await partners.issue_key(transaction, partner_id, KeyDraft(scopes=["partner:manage"]))) == {
        ("INVALID", "scopes")
    }
    assert await count(transaction, PartnerKey) == 0


async def test_key_that_is_made_after_a_scope_was_taken_has_it_no_more(transaction: AsyncConnection, two_scopes: None):
    partner_id = await partner_with(transaction, ("reviews:read", WRITES_REVIEWS))
    await key_of(transaction, partner_id)
    assert await partners.change(transaction, partner_id, {"scopes": ["reviews:read"]}) == partner_id
    again = KeyDraft(scopes=["reviews:read", WRITES_REVIEWS])
    assert refused(await partners.issue_key(transaction, partner_id, again)) == {("NOT_GRANTABLE", "scopes")}
    assert (await row_of(transaction, (await key_of(transaction, partner_id)).key_id)).scopes == ["reviews:read"]


async def test_key_that_would_be_over_or_is_badly_named_is_refused(transaction: AsyncConnection):
    partner_id = await partner_with(transaction)
    draft = KeyDraft(label="a\u202eb", expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert refused(await partners.issue_key(transaction, partner_id, draft)) == {
        ("INVALID", "label"),
        ("INVALID", "expiresAt"),
    }
    assert await count(transaction, PartnerKey) == 0


async def test_ten_keys_are_good_at_a_time(database: RolledBackDatabase, transaction: AsyncConnection):
    partner_id = await partner_with(transaction)
    keys = [await key_of(transaction, partner_id) for _ in range(10)]
    assert refused(await partners.issue_key(transaction, partner_id, KeyDraft())) == {("LIMIT_REACHED",)}
    await partners.revoke_key(transaction, keys[0].key_id)
    await key_of(transaction, partner_id)
    await change_key(database, keys[1].key_id, expires_at=datetime.now(UTC) - timedelta(days=1))
    await key_of(transaction, partner_id)
    assert refused(await partners.issue_key(transaction, partner_id, KeyDraft())) == {("LIMIT_REACHED",)}
    assert isinstance(await partners.issue_key(transaction, await partner_with(transaction), KeyDraft()), IssuedKey)


async def test_keys_made_at_once_do_not_pass_the_limit(committed_database: Database):
    partner_id = await committed_database.transact(partner_with)

    async def issue() -> Any:
        return await committed_database.transact(lambda t: partners.issue_key(t, partner_id, KeyDraft()))

    outcomes = await asyncio.gather(*(issue() for _ in range(14)))
    assert sum(isinstance(one, IssuedKey) for one in outcomes) == 10


async def test_revoked_key_keeps_the_time_of_its_end(database: RolledBackDatabase, transaction: AsyncConnection):
    key = await key_of(transaction, await partner_with(transaction))
    assert await partners.revoke_key(transaction, key.key_id) == key.key_id
    assert (await row_of(transaction, key.key_id)).revoked_at is not None
    earlier = datetime(2026, 1, 2, tzinfo=UTC)
    await change_key(database, key.key_id, revoked_at=earlier)
    assert await partners.revoke_key(transaction, key.key_id) == key.key_id
    assert (await row_of(transaction, key.key_id)).revoked_at == earlier
    assert await partner_keys.identify(database, digest(key.text), "203.0.113.7") is not None
