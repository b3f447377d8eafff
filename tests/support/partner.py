"""Partners and keys, for tests."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.partner_keys import IssuedKey
from commerce import partner as partners
from commerce.partner import KeyDraft
from models.database import Database
from models.ids import new_id
from models.partner import Partner, PartnerKey, PartnerUsage

READS_REVIEWS = ("reviews:read",)


async def partner_with(
    transaction: AsyncConnection, scopes: tuple[str, ...] = READS_REVIEWS, networks: tuple[str, ...] = ()
) -> UUID:
    """A partner, with a name of its own."""
    made = await partners.create(transaction, f"Partner {new_id().hex}", scopes, networks)
    assert isinstance(made, UUID), made
    return made


async def key_of(transaction: AsyncConnection, partner_id: UUID, **draft: Any) -> IssuedKey:
    """A new key of the partner."""
    made = await partners.issue_key(transaction, partner_id, KeyDraft(**draft))
    assert isinstance(made, IssuedKey), made
    return made


async def partner_and_key(database: Database, **given: Any) -> tuple[UUID, IssuedKey]:
    """A partner with one key."""

    async def make(transaction: AsyncConnection) -> tuple[UUID, IssuedKey]:
        partner_id = await partner_with(transaction, **given)
        return partner_id, await key_of(transaction, partner_id)

    return await database.transact(make)


async def changed(database: Database, partner_id: UUID, **changes: Any) -> None:
    """Changes the partner; it has to succeed."""
    assert await database.transact(lambda t: partners.change(t, partner_id, changes)) == partner_id


async def written_usage(database: Database, partner_id: UUID) -> tuple[int, int]:
    """Requests and refused ones of all days, as they are in the database."""
    rows = select(PartnerUsage.requests, PartnerUsage.refused).where(PartnerUsage.partner_id == partner_id)
    found = (await database.transact(lambda t: t.execute(rows))).all()
    return sum(row.requests for row in found), sum(row.refused for row in found)


async def last_used(database: Database, key_id: UUID) -> datetime | None:
    return await database.transact(lambda t: t.scalar(select(PartnerKey.last_used_at).where(PartnerKey.id == key_id)))


async def change_key(database: Database, key_id: UUID, **values: Any) -> None:
    """Writes columns of a key past all rules."""
    await database.transact(lambda t: t.execute(update(PartnerKey).where(PartnerKey.id == key_id).values(**values)))


async def stored(database: Database, partner_id: UUID) -> Partner:
    """The partner's row."""
    row = select(Partner.__table__).where(Partner.id == partner_id)
    return (await database.transact(lambda t: t.execute(row))).one()
