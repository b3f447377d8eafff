"""Whose a key is: good for what key and partner may both do, from where the partner sends, until it ends."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import partner_keys
from auth.partner_keys import IssuedKey
from auth.permissions import ANYONE, MEMBER, OWNER, PARTNER, denial, partner, staff
from auth.scopes import SCOPES
from auth.tokens import Kind, digest, new_token
from auth.viewer import Access, Viewer, ViewerKind
from commerce import partner as partners
from models.database import Database
from tests.support.database import RolledBackDatabase
from tests.support.partner import change_key, changed, key_of, partner_and_key, partner_with

ADDRESS = "203.0.113.7"
WRITES_REVIEWS = "reviews:write"
BOTH = ("reviews:read", WRITES_REVIEWS)


@pytest.fixture
def transaction(database: RolledBackDatabase) -> AsyncConnection:
    return database.connection


@pytest.fixture
def two_scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCOPES, WRITES_REVIEWS, "of these tests alone")


async def holder_of(database: Database, key: IssuedKey, address: str = ADDRESS) -> Viewer | None:
    """Who the key is good for."""
    found = await partner_keys.identify(database, digest(key.text), address)
    assert found is not None
    assert found.key_id == key.key_id
    return found.viewer


async def scopes_of(database: Database, key: IssuedKey) -> set[str]:
    viewer = await holder_of(database, key)
    assert viewer is not None
    return set(viewer.permissions)


async def test_key_is_its_partners(database: RolledBackDatabase):
    partner_id, key = await partner_and_key(database)
    viewer = Viewer(ViewerKind.PARTNER, permissions=frozenset({"reviews:read"}), partner_id=partner_id)
    assert await holder_of(database, key) == viewer


async def test_unknown_key_is_nobodys(database: RolledBackDatabase):
    await partner_and_key(database)
    assert await partner_keys.identify(database, new_token(Kind.PARTNER_KEY).digest, ADDRESS) is None


async def test_several_keys_are_good_at_a_time_and_each_ends_alone(database: RolledBackDatabase):
    partner_id, old = await partner_and_key(database)
    new = await database.transact(lambda t: key_of(t, partner_id))
    assert await holder_of(database, old) == await holder_of(database, new)
    await database.transact(lambda t: partners.revoke_key(t, old.key_id))
    assert await holder_of(database, old) is None
    assert await holder_of(database, new) is not None


async def test_key_is_good_until_it_expires(database: RolledBackDatabase):
    partner_id, lasting = await partner_and_key(database)
    expires_at = datetime.now(UTC) + timedelta(days=1)
    key = await database.transact(lambda t: key_of(t, partner_id, expires_at=expires_at))
    assert await holder_of(database, key) is not None
    await change_key(database, key.key_id, expires_at=datetime.now(UTC) - timedelta(minutes=1))
    assert await holder_of(database, key) is None
    assert await holder_of(database, lasting) is not None


async def test_keys_of_a_disabled_partner_are_no_good_until_it_is_enabled(database: RolledBackDatabase):
    partner_id, key = await partner_and_key(database)
    _, other = await partner_and_key(database)
    await changed(database, partner_id, disabled=True)
    assert await holder_of(database, key) is None
    assert await holder_of(database, other) is not None
    await changed(database, partner_id, disabled=False)
    assert await holder_of(database, key) is not None


async def test_scope_that_a_partner_loses_is_lost_to_older_keys_too(database: RolledBackDatabase, two_scopes: None):
    partner_id = await database.transact(lambda t: partner_with(t, BOTH))
    old = await database.transact(lambda t: key_of(t, partner_id))
    await changed(database, partner_id, scopes=["reviews:read"])
    new = await database.transact(lambda t: key_of(t, partner_id))
    assert await scopes_of(database, old) == await scopes_of(database, new) == {"reviews:read"}
    await changed(database, partner_id, scopes=[])
    assert await scopes_of(database, old) == await scopes_of(database, new) == set()


async def test_scope_that_a_partner_gains_is_no_older_keys(database: RolledBackDatabase, two_scopes: None):
    partner_id, old = await partner_and_key(database)
    await changed(database, partner_id, scopes=BOTH)
    new = await database.transact(lambda t: key_of(t, partner_id))
    assert await scopes_of(database, old) == {"reviews:read"}
    assert await scopes_of(database, new) == set(BOTH)


async def test_scope_that_is_declared_no_more_is_nobodys(
    database: RolledBackDatabase, two_scopes: None, monkeypatch: pytest.MonkeyPatch
):
    partner_id = await database.transact(lambda t: partner_with(t, BOTH))
    key = await database.transact(lambda t: key_of(t, partner_id))
    monkeypatch.delitem(SCOPES, WRITES_REVIEWS)
    assert await scopes_of(database, key) == {"reviews:read"}
    assert await scopes_of(database, await database.transact(lambda t: key_of(t, partner_id))) == {"reviews:read"}


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("203.0.113.7", True),
        ("203.0.113.255", True),
        ("::ffff:203.0.113.7", True),
        ("203.0.114.0", False),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("2001:db8:1::5", True),
        ("2001:db8:2::5", False),
        ("::1", False),
        ("", False),
        ("testclient", False),
    ],
)
async def test_key_is_good_from_the_partners_networks_alone(database: RolledBackDatabase, address: str, admitted: bool):
    networks = ("203.0.113.0/24", "198.51.100.7", "2001:db8:1::/48")
    _, key = await partner_and_key(database, networks=networks)
    assert (await holder_of(database, key, address) is not None) is admitted


async def test_networks_hold_from_the_next_use_on(database: RolledBackDatabase):
    partner_id, key = await partner_and_key(database)
    assert await holder_of(database, key, "") is not None
    await changed(database, partner_id, networks=["198.51.100.0/24"])
    assert await holder_of(database, key) is None
    await changed(database, partner_id, networks=["198.51.100.0/24", "203.0.113.0/24"])
    assert await holder_of(database, key) is not None
    await changed(database, partner_id, networks=None)
    assert await holder_of(database, key, "192.0.2.1") is not None


async def test_key_is_never_good_again_once_its_revocation_is_answered(committed_database: Database):
    """Uses meet the revocation from all sides; none that begins after it ends sees a good key."""
    database = committed_database
    for _ in range(5):
        _, key = await partner_and_key(database)
        revoked = asyncio.Event()
        late: list[bool] = []

        async def use(key: IssuedKey = key, revoked: asyncio.Event = revoked, late: list[bool] = late) -> None:
            while len(late) < 20:
                over = revoked.is_set()
                good = await holder_of(database, key) is not None
                if over:
                    late.append(good)

        async def revoke(key: IssuedKey = key, revoked: asyncio.Event = revoked) -> None:
            await asyncio.sleep(0.01)
            assert isinstance(await database.transact(lambda t: partners.revoke_key(t, key.key_id)), UUID)
            revoked.set()

        await asyncio.gather(revoke(), *(use() for _ in range(4)))
        assert late
        assert not any(late)


def test_partner_is_admitted_by_its_scopes_and_by_nothing_else():
    access = Access(ViewerKind.PARTNER, frozenset({"reviews:read"}))
    assert denial(partner("reviews:read"), access) is None
    assert denial(PARTNER, Access(ViewerKind.PARTNER)) is None
    assert denial(ANYONE, Access(ViewerKind.PARTNER)) is None
    for readers in (OWNER, MEMBER, staff("partner:read"), staff("reviews:read"), ()):
        assert denial(readers, access) is not None
    assert denial(partner("reviews:read"), Access(ViewerKind.PARTNER)) is not None
    for kind in (ViewerKind.ANONYMOUS, ViewerKind.CUSTOMER, ViewerKind.STAFF):
        assert denial(partner("reviews:read") + PARTNER, Access(kind, frozenset({"reviews:read"}))) is not None


def test_scope_of_a_reader_has_to_be_declared():
    with pytest.raises(ValueError, match="no declared scope"):
        partner("reviews:raed")
