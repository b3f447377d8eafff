"""Address books: what a customer keeps in one, and which addresses are the defaults.

Every function is about one account's book. An address of another account is NOT_FOUND, before any other refusal.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import postal, text
from commerce.postal import AddressDraft
from models.account import Account
from models.address import Address, AddressKind
from models.classification import Channel
from models.ids import new_id

MOST_ADDRESSES = 50
LABEL_LIMIT = 50

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such address in your address book.", ("id",))

Kinds = frozenset[AddressKind]
_DEFAULT_COLUMNS = {AddressKind.SHIPPING: "is_default_shipping", AddressKind.BILLING: "is_default_billing"}


@dataclass(frozen=True, slots=True)
class EntryDraft(AddressDraft):
    """An address with what its owner calls it and what it is for."""

    label: str | None = None
    kinds: Kinds = frozenset()


@dataclass(frozen=True, slots=True)
class _Entry:
    draft: EntryDraft
    version: int
    default_of: Kinds


async def create(
    transaction: AsyncConnection, account_id: UUID, draft: EntryDraft, channel: Channel
) -> UUID | list[Refusal]:
    """Adds an address, at most 50; it becomes the default of each of its kinds that has none yet."""
    entry = _normalise(draft)
    if isinstance(entry, list):
        return entry
    if not await _lock_book(transaction, account_id):
        return [Refusal(RefusalCode.NOT_FOUND, "There is no such account.")]
    if await _size(transaction, account_id) >= MOST_ADDRESSES:
        message = f"An address book holds {MOST_ADDRESSES} addresses. Delete one that is not needed any more."
        return [Refusal(RefusalCode.LIMIT_REACHED, message)]
    address_id = new_id()
    default_of = entry.kinds - await _kinds_with_default(transaction, account_id)
    values = {"id": address_id, "account_id": account_id, "channel": channel, **_columns(entry, default_of)}
    await transaction.execute(insert(Address).values(values))
    return address_id


async def change(
    transaction: AsyncConnection,
    account_id: UUID,
    address_id: UUID,
    changes: Mapping[str, Any],
    *,
    expected_version: int | None = None,
) -> UUID | list[Refusal]:
    """Changes the fields of an EntryDraft that are named; None clears one. The whole address is checked anew.

    VERSION_CONFLICT where the address has another version than the expected one, and nothing is written; nor is it
    where nothing changes. An address stays the default of a kind that it keeps, and becomes the default of a kind that
    it gains and that has none.
    """
    await _lock_book(transaction, account_id)
    stored = await _find(transaction, account_id, address_id)
    if stored is None:
        return [NOT_FOUND]
    if expected_version not in {None, stored.version}:
        return [Refusal(RefusalCode.VERSION_CONFLICT, "The address was changed meanwhile.", ("expectedVersion",))]
    entry = _normalise(replace(stored.draft, **changes))
    if isinstance(entry, list):
        return entry
    gained = entry.kinds - stored.draft.kinds - await _kinds_with_default(transaction, account_id)
    default_of = (stored.default_of & entry.kinds) | gained
    if entry != stored.draft or default_of != stored.default_of:
        values = _columns(entry, default_of) | {"version": stored.version + 1}
        await _write(transaction, account_id, address_id, values)
    return address_id


async def remove(transaction: AsyncConnection, account_id: UUID, address_id: UUID) -> UUID | list[Refusal]:
    """Deletes an address. Orders keep their copies; no other address becomes the default in its place."""
    entry = delete(Address).where(Address.account_id == account_id, Address.id == address_id)
    deleted = await transaction.scalar(entry.returning(Address.id))
    return deleted or [NOT_FOUND]


async def set_default(
    transaction: AsyncConnection, account_id: UUID, address_id: UUID, kind: AddressKind
) -> UUID | list[Refusal]:
    """Makes an address the account's one default of the kind; it is of that kind from then on.

    INVALID for MAILING, which has no default.
    """
    await _lock_book(transaction, account_id)
    stored = await _find(transaction, account_id, address_id)
    if stored is None:
        return [NOT_FOUND]
    if kind not in _DEFAULT_COLUMNS:
        return [Refusal(RefusalCode.INVALID, "Only shipping and billing have a default address.", ("kind",))]
    column = _DEFAULT_COLUMNS[kind]
    others = update(Address).where(Address.account_id == account_id, Address.id != address_id, getattr(Address, column))
    await transaction.execute(others.values({column: False}))
    entry = replace(stored.draft, kinds=stored.draft.kinds | {kind})
    version = stored.version + (entry != stored.draft)
    values = _columns(entry, stored.default_of | {kind}) | {"version": version}
    await _write(transaction, account_id, address_id, values)
    return address_id


def _normalise(draft: EntryDraft) -> EntryDraft | list[Refusal]:
    label = text.line(draft.label, field=("label",), limit=LABEL_LIMIT)
    address = postal.normalise(draft)
    if isinstance(label, Refusal):
        return [label, *(address if isinstance(address, list) else [])]
    if isinstance(address, list):
        return address
    return replace(address, label=label or None, kinds=frozenset(draft.kinds or ()))


def _columns(entry: EntryDraft, default_of: Kinds) -> dict[str, Any]:
    flags = {column: kind in default_of for kind, column in _DEFAULT_COLUMNS.items()}
    return asdict(entry) | flags | {"kinds": [kind for kind in AddressKind if kind in entry.kinds]}


async def _lock_book(transaction: AsyncConnection, account_id: UUID) -> bool:
    """Makes the book's other writers wait, so that what is read of it stays true. False: there is no such account."""
    account = select(Account.id).where(Account.id == account_id).with_for_update(key_share=True)
    return await transaction.scalar(account) is not None


async def _size(transaction: AsyncConnection, account_id: UUID) -> int:
    size = await transaction.scalar(select(func.count()).select_from(Address).where(Address.account_id == account_id))
    return size or 0


async def _kinds_with_default(transaction: AsyncConnection, account_id: UUID) -> Kinds:
    flags = [func.bool_or(getattr(Address, column)).label(column) for column in _DEFAULT_COLUMNS.values()]
    book = (await transaction.execute(select(*flags).where(Address.account_id == account_id))).one()
    return _flagged(book)


async def _find(transaction: AsyncConnection, account_id: UUID, address_id: UUID) -> _Entry | None:
    entry = select(Address.__table__).where(Address.account_id == account_id, Address.id == address_id)
    row = (await transaction.execute(entry)).one_or_none()
    if row is None:
        return None
    values: dict[str, Any] = {field.name: getattr(row, field.name) for field in fields(EntryDraft)}
    values["kinds"] = frozenset(map(AddressKind, row.kinds))
    return _Entry(EntryDraft(**values), row.version, _flagged(row))


def _flagged(row: Any) -> Kinds:
    return frozenset(kind for kind, column in _DEFAULT_COLUMNS.items() if getattr(row, column))


async def _write(transaction: AsyncConnection, account_id: UUID, address_id: UUID, values: dict[str, Any]) -> None:
    entry = update(Address).where(Address.account_id == account_id, Address.id == address_id)
    await transaction.execute(entry.values(values | {"updated_at": func.now()}))
