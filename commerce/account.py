"""A customer's account: what its owner may correct (P51), and what is forgotten of who never proved a mailbox."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.account_events import ClientFacts, record
from auth.refusal import Refusal, RefusalCode
from commerce import email_change, mail_token, password, phone, registration, text, username
from commerce.tools import Tools
from commerce.unique import written
from gateways.jobs import Periodic
from models.account import (
    Account,
    AccountEventKind,
    EmailChange,
    GuardianRequest,
    PasswordResetRequest,
    Registration,
)

VERSION_CONFLICT = Refusal(RefusalCode.VERSION_CONFLICT, "This was changed meanwhile.", ("expectedVersion",))


async def update_profile(
    transaction: AsyncConnection,
    account_id: UUID,
    changes: Mapping[str, Any],
    client: ClientFacts,
    *,
    expected_version: int | None = None,
) -> list[Refusal]:
    """Changes name, username and phone, as far as they are named; None clears one, except the name.

    VERSION_CONFLICT where the account has another version than the expected one, TAKEN for another's username. A
    refusal leaves everything as it is, and so does a change to what is there already.
    """
    row = select(Account.version, Account.name, Account.username, Account.phone).where(Account.id == account_id)
    kept = (await transaction.execute(row.with_for_update(key_share=True))).mappings().one()
    if expected_version not in {None, kept["version"]}:
        return [VERSION_CONFLICT]
    checked = {name: _CHECKS[name](typed) for name, typed in changes.items()}
    refused = [found for found in checked.values() if isinstance(found, Refusal)]
    if refused:
        return refused
    changed = {name: found for name, found in checked.items() if found != kept[name]}
    if changed:
        if not await _write(transaction, account_id, changed):
            return [username.taken()]
        await record(transaction, account_id, AccountEventKind.PROFILE_CHANGED, client)
    return []


def _name(typed: str | None) -> str | Refusal:
    return text.line(typed, field=("name",), limit=registration.NAME_LIMIT, required=True)


def _phone(typed: str | None) -> str | Refusal | None:
    return phone.normalise(typed) or None


_CHECKS: Mapping[str, Callable[[str | None], str | Refusal | None]] = {
    "name": _name,
    "username": username.normalise,
    "phone": _phone,
}


async def _write(transaction: AsyncConnection, account_id: UUID, changed: Mapping[str, Any]) -> bool:
    """False: the username is somebody's."""
    account = update(Account).where(Account.id == account_id)
    return await written(transaction, account.values(**changed, version=Account.version + 1), "uq_account_username")


async def forget_unproven(tools: Tools) -> None:
    """Deletes what was kept until a mailbox was proved and no longer can be, or can be undone no more (P22, P26)."""
    await tools.database.transact(_forget)


async def _forget(transaction: AsyncConnection) -> None:
    now = func.now()
    over = {
        Registration: Registration.created_at <= now - registration.KEPT_FOR,
        GuardianRequest: GuardianRequest.created_at <= now - registration.GUARDIAN_REQUEST_KEPT_FOR,
        PasswordResetRequest: PasswordResetRequest.created_at <= now - password.REQUEST_KEPT_FOR,
        EmailChange: func.coalesce(EmailChange.confirmed_at, EmailChange.created_at) <= now - email_change.KEPT_FOR,
    }
    for table, condition in over.items():
        await transaction.execute(delete(table).where(condition))
    await mail_token.forget(transaction)


PERIODIC = (Periodic("account.forget_unproven", timedelta(minutes=30), forget_unproven),)
