"""Tills: registers in the store with a key of their own, and signing in at one by PIN.

The key is something the shop has and the PIN something the member knows: together they are two factors, good for what a
till is for (auth.staff_access.AT_THE_TILL) and for hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.account_events import ClientFacts
from auth.passwords import PasswordHasher
from auth.refusal import Refusal, RefusalCode
from auth.roles import permissions_of
from auth.sessions import Issued
from auth.tokens import Kind, new_token, parse
from commerce import email, text
from commerce.login_session import note_failure, open_session
from commerce.unique import written
from models.account import AccountKind
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.staff import StaffMember, StaffRole, StaffStatus
from models.till import StaffPin, Till

NAME_LIMIT = 60
SHOWN = 10
"""Characters of a key that are kept to tell keys apart: `lyt_` and six of the 33 random ones."""

SELLING = "order:write"
"""Whoever may use a till holds this."""

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such till.", ("id",))
NO_TILL = replace(NOT_FOUND, field=("tillId",))
NAME = "uq_till_name"
"""The index that refuses a name that another till has."""

TAKEN = Refusal(RefusalCode.TAKEN, "Another till has this name.", ("name",))
VERSION_CONFLICT = Refusal(RefusalCode.VERSION_CONFLICT, "The till was changed meanwhile.", ("expectedVersion",))
WRONG = Refusal(RefusalCode.INVALID_CREDENTIALS, "Key, address and PIN do not go together.")
"""The one answer to a key that is not good, an unknown member, a wrong PIN and one who may not use a till."""

Outcome = UUID | list[Refusal]


# ---- tills and their keys


async def create(transaction: AsyncConnection, changes: Mapping[str, Any]) -> Outcome:
    """Makes a till, which has no key yet. TAKEN where another has the name."""
    values = _checked({"name": None, **changes})
    if isinstance(values, Refusal):
        return [values]
    till_id = new_id()
    return till_id if await written(transaction, insert(Till).values(id=till_id, **values), NAME) else [TAKEN]


async def change(
    transaction: AsyncConnection, till_id: UUID, changes: Mapping[str, Any], *, expected_version: int | None = None
) -> Outcome:
    """Changes name and `disabled`, as far as they are given. Disabling ends every session at the till at once."""
    found = select(Till.version).where(Till.id == till_id).with_for_update(key_share=True)
    version = await transaction.scalar(found)
    if version is None:
        return [NOT_FOUND]
    if expected_version not in {None, version}:
        return [VERSION_CONFLICT]
    values = _checked(changes)
    if isinstance(values, Refusal):
        return [values]
    row = update(Till).where(Till.id == till_id).values(**values, version=Till.version + 1)
    if values and not await written(transaction, row, NAME):
        return [TAKEN]
    if values.get("disabled"):
        await sessions.revoke_of_till(transaction, till_id)
    return till_id


def _checked(changes: Mapping[str, Any]) -> dict[str, Any] | Refusal:
    values = {name: value for name, value in changes.items() if name != "disabled" or value is not None}
    if "name" in changes:
        values["name"] = text.line(changes["name"], field=("name",), limit=NAME_LIMIT, required=True)
        if isinstance(values["name"], Refusal):
            return values["name"]
    return values


async def issue_key(transaction: AsyncConnection, till_id: UUID) -> str | Refusal:
    """A new key, which is not shown again. The one before dies, and with it what was signed in to at the till."""
    token = new_token(Kind.TILL_KEY)
    row = update(Till).where(Till.id == till_id)
    row = row.values(key_digest=token.digest, key_prefix=token.text[:SHOWN], version=Till.version + 1)
    if await transaction.scalar(row.returning(Till.id)) is None:
        return NO_TILL
    await sessions.revoke_of_till(transaction, till_id)
    return token.text


# ---- signing in


@dataclass(frozen=True, slots=True)
class SignIn:
    """What is given at a till: its key, and whose PIN."""

    device_key: str = field(repr=False)
    email: str = field(repr=False)
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Who may be signing in, where both are good: no hash where nobody can."""

    account_id: UUID | None = None
    pin_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _InStore:
    """The till as the origin of what is recorded."""

    network: str | None
    device_name: str | None
    device_kind: str
    channel: Channel = Channel.IN_STORE


async def sign_in(
    database: Database, passwords: PasswordHasher, client: ClientFacts, given: SignIn, held: bytes | None = None
) -> Issued | Refusal:
    """Opens a session at the till; the one whose token `held` is the digest of ends. Raises auth.passwords.Busy.

    A refusal takes the same statements and the same hashing, whatever is wrong.
    """
    digest = key_digest(given.device_key)
    candidate = await database.transact(partial(_find, digest=digest, address=given.email))
    verdict = await passwords.verify(candidate.pin_hash, given.pin)

    async def enter(transaction: AsyncConnection) -> Issued | None:
        assert candidate.account_id is not None
        if not await _still_good(transaction, candidate):
            return None
        till = await _use(transaction, digest)
        if till is None:
            return None
        if held is not None:
            await sessions.revoke_token(transaction, held)
        here = _InStore(client.network, till.name, client.device_kind)
        manner = {"lifetime": sessions.TILL, "till_id": till.id, "stepped_up": False, "announce": False}
        return await open_session(transaction, candidate.account_id, AccountKind.STAFF, here, **manner)

    issued = await database.transact(enter) if verdict.ok else None
    if issued is None:
        await database.transact(partial(note_failure, account_id=candidate.account_id, client=client))
    return issued or WRONG


def key_digest(device_key: str) -> bytes:
    """What is kept of the key; of what cannot be one, nothing that is."""
    parsed = parse(device_key)
    return parsed[1] if parsed is not None and parsed[0] is Kind.TILL_KEY else b""


async def _find(transaction: AsyncConnection, digest: bytes, address: str) -> _Candidate:
    """Who has the address, and may use a till; the PIN's hash only where the till's key is good as well."""
    good = select(Till.id).where(Till.key_digest == digest, Till.disabled.is_(False)).exists()
    held = select(func.array_agg(StaffRole.role)).where(StaffRole.staff_id == StaffMember.id).scalar_subquery()
    member = select(StaffMember.account_id, StaffPin.pin_hash, held.label("roles"), good.label("good"))
    member = member.join_from(StaffMember, StaffPin, StaffPin.account_id == StaffMember.account_id, isouter=True)
    active = and_(StaffMember.status == StaffStatus.ACTIVE, email.same(StaffMember.email, address.strip()))
    found = (await transaction.execute(member.where(active))).one_or_none()
    if found is None:
        return _Candidate()
    may_sell = SELLING in permissions_of(found.roles or [])
    return _Candidate(found.account_id, found.pin_hash if found.good and may_sell else None)


async def _still_good(transaction: AsyncConnection, candidate: _Candidate) -> bool:
    """Whether what was verified holds yet: hashing takes a while."""
    assert candidate.account_id is not None
    if not await sessions.lock_account(transaction, candidate.account_id):
        return False
    kept = select(StaffPin.pin_hash).where(StaffPin.account_id == candidate.account_id)
    return await transaction.scalar(kept) == candidate.pin_hash


async def _use(transaction: AsyncConnection, digest: bytes) -> Any:
    """The till of a good key, noted as used: of a sign-in and a new key at once, the later sees the earlier."""
    till = update(Till).where(Till.key_digest == digest, Till.disabled.is_(False)).values(last_used_at=func.now())
    return (await transaction.execute(till.returning(Till.id, Till.name))).one_or_none()
