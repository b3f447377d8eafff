"""Partners: companies that read from the shop by machine, and the keys they do it with."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Network, ip_network
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import partner_keys
from auth.networks import Network
from auth.partner_keys import IssuedKey, is_live
from auth.refusal import Refusal, RefusalCode
from auth.scopes import SCOPES
from commerce import text
from commerce.unique import written
from models.ids import new_id
from models.partner import Partner, PartnerKey, PartnerStatus

NAME_LIMIT = 100
LABEL_LIMIT = 60
MOST_NETWORKS = 50
MOST_KEYS = 10
"""Keys of one partner that are good at a time: enough to turn them over machine by machine."""

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such partner.", ("id",))
NO_PARTNER = Refusal(RefusalCode.NOT_FOUND, "There is no such partner.", ("partnerId",))
NO_KEY = Refusal(RefusalCode.NOT_FOUND, "There is no such key.", ("id",))
NAME = "uq_partner_name"
"""The index that refuses a name that another partner has."""

TAKEN = Refusal(RefusalCode.TAKEN, "Another partner has this name.", ("name",))
VERSION_CONFLICT = Refusal(RefusalCode.VERSION_CONFLICT, "The partner was changed meanwhile.", ("expectedVersion",))

Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KeyDraft:
    """A key to be made. `scopes` are some of its partner's, None all of them; without `expires_at` it lasts."""

    label: str | None = None
    scopes: Sequence[str] | None = None
    expires_at: datetime | None = None


async def create(
    transaction: AsyncConnection, name: str, scopes: Sequence[str], networks: Sequence[str] | None = None
) -> UUID | list[Refusal]:
    """Makes a partner whose keys may have these scopes and be used from these networks, CIDR; none means any.

    TAKEN where another has the name.
    """
    checked = _checked({"name": name, "scopes": scopes, "networks": networks})
    if isinstance(checked, list):
        return checked
    partner_id = new_id()
    row = insert(Partner).values(id=partner_id, status=PartnerStatus.ACTIVE, **checked)
    return partner_id if await written(transaction, row, NAME) else [TAKEN]


async def change(
    transaction: AsyncConnection, partner_id: UUID, changes: Mapping[str, Any], *, expected_version: int | None = None
) -> UUID | list[Refusal]:
    """Changes name, scopes, networks and `disabled`, as far as they are named; it holds from the next request on.

    VERSION_CONFLICT where the partner has another version than the expected one, and nothing is written.
    """
    found = select(Partner.version).where(Partner.id == partner_id).with_for_update(key_share=True)
    version = await transaction.scalar(found)
    if version is None:
        return [NOT_FOUND]
    if expected_version not in {None, version}:
        return [VERSION_CONFLICT]
    checked = _checked(changes)
    if isinstance(checked, list):
        return checked
    row = update(Partner).where(Partner.id == partner_id).values(**checked, version=version + 1)
    return partner_id if await written(transaction, row, NAME) else [TAKEN]


async def issue_key(transaction: AsyncConnection, partner_id: UUID, draft: KeyDraft) -> IssuedKey | list[Refusal]:
    """Makes a key. NOT_GRANTABLE for a scope that the partner has not, LIMIT_REACHED beyond ten good keys."""
    # Locked, so that of two keys made at once the second counts the first.
    found = select(Partner.scopes).where(Partner.id == partner_id).with_for_update(key_share=True)
    held = await transaction.scalar(found)
    if held is None:
        return [NO_PARTNER]
    checked = _checked_key(draft, held)
    if isinstance(checked, list):
        return checked
    if await _good_keys(transaction, partner_id) >= MOST_KEYS:
        return [Refusal(RefusalCode.LIMIT_REACHED, f"A partner has {MOST_KEYS} good keys at most. Revoke one first.")]
    return await partner_keys.issue(transaction, partner_id, **checked)


async def revoke_key(transaction: AsyncConnection, key_id: UUID) -> UUID | list[Refusal]:
    """Ends a key at once: the next request with it is an anonymous one. A key that is over stays over."""
    return key_id if await partner_keys.revoke(transaction, key_id) else [NO_KEY]


async def find(transaction: AsyncConnection, name: str) -> Any:
    """The row of the partner of this name: id, scopes and status."""
    kept = _name(name)
    if isinstance(kept, Refusal):
        return None
    found = select(Partner.id, Partner.scopes, Partner.status).where(Partner.name == kept)
    return (await transaction.execute(found.with_for_update(key_share=True))).one_or_none()


# ---- what a partner is made of


def _checked(given: Mapping[str, Any]) -> Columns | list[Refusal]:
    """The columns for what is given, by name."""
    found = {column: check(given[name]) for name, (column, check) in _CHECKS.items() if name in given}
    refused = [one for one in found.values() if isinstance(one, Refusal)]
    return refused or found


def _checked_key(draft: KeyDraft, held: Sequence[str]) -> Columns | list[Refusal]:
    """The columns of a key of a partner that has these scopes."""
    label = text.line(draft.label, field=("label",), limit=LABEL_LIMIT)
    scopes = _scopes([scope for scope in held if scope in SCOPES] if draft.scopes is None else draft.scopes)
    refused = [one for one in (label, scopes) if isinstance(one, Refusal)]
    if draft.expires_at is not None and draft.expires_at <= datetime.now(UTC):
        refused.append(Refusal(RefusalCode.INVALID, "The key would be over already.", ("expiresAt",)))
    if not isinstance(scopes, Refusal) and (beyond := sorted(set(scopes) - set(held))):
        message = f"The partner itself has not: {', '.join(beyond)}."
        refused.append(Refusal(RefusalCode.NOT_GRANTABLE, message, ("scopes",)))
    return refused or {"label": label or None, "scopes": scopes, "expires_at": draft.expires_at}


def _name(typed: str | None) -> str | Refusal:
    return text.line(typed, field=("name",), limit=NAME_LIMIT, required=True)


def _scopes(given: Iterable[str] | None) -> list[str] | Refusal:
    scopes = sorted(set(given or ()))
    if all(scope in SCOPES for scope in scopes):
        return scopes
    return Refusal(RefusalCode.INVALID, f"A scope is one of: {', '.join(SCOPES)}.", ("scopes",))


def _networks(given: Sequence[str] | None) -> list[str] | Refusal:
    if given and len(given) > MOST_NETWORKS:
        return Refusal(RefusalCode.LIMIT_REACHED, f"A partner has {MOST_NETWORKS} networks at most.", ("networks",))
    networks = [_network(typed) for typed in given or ()]
    if None in networks:
        message = "A network is written like 203.0.113.0/24 or 2001:db8::/32, with no bits set beyond its length."
        return Refusal(RefusalCode.INVALID, message, ("networks",))
    return list(dict.fromkeys(map(str, networks)))


def _network(typed: str) -> Network | None:
    """A CIDR block, not of one link alone; IPv4 written as IPv6 is IPv4, as an address is that comes in."""
    try:
        network = ip_network(typed.strip())
    except ValueError:
        return None
    if "%" in typed:
        return None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < 96:
        return network
    return ip_network((mapped, network.prefixlen - 96))


def _status(disabled: bool | None) -> PartnerStatus | Refusal:
    if disabled is None:
        return Refusal(RefusalCode.REQUIRED, "Say whether the partner is disabled.", ("disabled",))
    return PartnerStatus.DISABLED if disabled else PartnerStatus.ACTIVE


_CHECKS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", _name),
    "scopes": ("scopes", _scopes),
    "networks": ("networks", _networks),
    "disabled": ("status", _status),
}


async def _good_keys(transaction: AsyncConnection, partner_id: UUID) -> int:
    good = select(func.count()).select_from(PartnerKey).where(PartnerKey.partner_id == partner_id, is_live())
    return await transaction.scalar(good) or 0
