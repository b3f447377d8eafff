"""Keys of partners: known by their digest, and good for what key and partner may both do when they are used.

A key's own scopes never grow, and what its partner may do no more, it may not either: turning keys over never adds a
right, and taking one from a partner takes it from all its keys (GHSA-37xp-mjp8-6f9x).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ColumnElement, LargeBinary, Select, Uuid, and_, bindparam, func, insert, select, update
from sqlalchemy import literal_column as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.networks import is_within
from auth.scopes import SCOPES
from auth.tokens import Kind, new_token
from auth.viewer import Viewer, ViewerKind
from models.database import Database
from models.ids import new_id
from models.partner import Partner, PartnerKey
from models.statement import Statement

SHOWN = 10
"""Characters of a key that are kept to tell keys apart: `lyp_` and six of the 33 random ones."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. `text` is for the one answer that shows it."""

    text: str = field(repr=False)
    key_id: UUID


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a key is. `viewer` is None where the key is no good: revoked, expired, of a disabled partner or from a
    network that the partner does not send from.
    """

    partner_id: UUID
    key_id: UUID
    viewer: Viewer | None


# ---- which keys are good


def is_live() -> ColumnElement[bool]:
    """Neither revoked nor expired."""
    return and_(PartnerKey.revoked_at.is_(None), PartnerKey.expires_at.is_(None) | (PartnerKey.expires_at > func.now()))


def viewer_key(parameter: Callable[..., ColumnElement[Any]]) -> Select[UUID, bool]:
    """The viewer's partner. Whether the key is good is found out anew by the first statement of every request."""
    partner = parameter(Uuid(), lambda variables, viewer: viewer.partner_id)
    return select(partner.label("partner_id"), sql("false").label("stale"))


# ---- who has a key


def _identification() -> Select[*tuple[Any, ...]]:
    found = select(
        PartnerKey.id,
        PartnerKey.partner_id,
        PartnerKey.scopes,
        Partner.scopes.label("partner_scopes"),
        Partner.networks,
        and_(is_live(), Partner.status == sql("'ACTIVE'")).label("good"),
    ).join(Partner, Partner.id == PartnerKey.partner_id)
    return found.where(PartnerKey.key_digest == bindparam("digest", type_=LargeBinary))


_IDENTIFICATION = Statement(_identification)


async def identify(database: Database, digest: bytes, address: str) -> Holder | None:
    """Whose key has this digest, used from this address; None for no partner's. One statement."""
    row = await database.read_row(_IDENTIFICATION.sql, digest)
    if row is None:
        return None
    good = row["good"] and _is_admitted(address, row["networks"])
    return Holder(row["partner_id"], row["id"], _viewer(row) if good else None)


def _viewer(row: asyncpg.Record) -> Viewer:
    scopes = frozenset(row["scopes"]).intersection(row["partner_scopes"], SCOPES)
    return Viewer(ViewerKind.PARTNER, permissions=scopes, partner_id=row["partner_id"])


def _is_admitted(address: str, networks: Sequence[str]) -> bool:
    """Whether the address lies in one of the networks; without any, every address is admitted."""
    return not networks or is_within(address, [ip_network(network) for network in networks])


# ---- issuing and revoking


async def issue(
    transaction: AsyncConnection,
    partner_id: UUID,
    scopes: Sequence[str],
    label: str | None,
    expires_at: datetime | None,
) -> IssuedKey:
    """Makes a key of the partner for these scopes."""
    token, key_id = new_token(Kind.PARTNER_KEY), new_id()
    row = insert(PartnerKey).values(
        id=key_id,
        partner_id=partner_id,
        key_digest=token.digest,
        prefix=token.text[:SHOWN],
        label=label,
        scopes=sorted(scopes),
        expires_at=expires_at,
    )
    await transaction.execute(row)
    return IssuedKey(token.text, key_id)


async def revoke(transaction: AsyncConnection, key_id: UUID) -> bool:
    """Ends a key; one that was revoked before keeps its time. False: there is no such key."""
    revoked_at = func.coalesce(PartnerKey.revoked_at, func.now())
    ended = update(PartnerKey).where(PartnerKey.id == key_id).values(revoked_at=revoked_at)
    return await transaction.scalar(ended.returning(PartnerKey.id)) is not None
