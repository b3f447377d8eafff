"""Whose account an address belongs to: the one that has it, or the one that left it and can still come back (P51)."""

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Uuid, cast, func, literal_column, null, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.sessions import lock_account
from commerce import mail_token
from commerce.email import same
from commerce.mail_token import LIFETIMES
from commerce.tools import Envelope
from models.account import Account, AccountKind, EmailChange, MailTokenKind

UNDO_FOR = LIFETIMES[MailTokenKind.EMAIL_CHANGE_UNDO]


@dataclass(frozen=True, slots=True)
class Holder:
    """The account of an address, and the address as it stands there; `change_id` where it was left by that change."""

    account_id: UUID
    address: str = field(repr=False)
    enabled: bool
    change_id: UUID | None


async def holder(
    transaction: AsyncConnection,
    address: str,
    *,
    kind: AccountKind = AccountKind.CUSTOMER,
    but: UUID | None = None,
) -> Holder | None:
    """Whose the address is, in whatever case; None where it is nobody's, or the account `but`'s alone.

    A customer's and a member of staff's account with one address have nothing to do with each other.
    """
    kept = select(
        Account.id.label("account_id"),
        Account.email.label("address"),
        Account.disabled_at.is_(None).label("enabled"),
        cast(null(), Uuid()).label("change_id"),
        literal_column("1").label("rank"),
    ).where(same(Account.email, address), Account.kind == kind)
    left = (
        select(
            EmailChange.account_id,
            EmailChange.old_email,
            Account.disabled_at.is_(None),
            EmailChange.id,
            literal_column("2"),
        )
        .join(Account, Account.id == EmailChange.account_id)
        .where(
            same(EmailChange.old_email, address),
            Account.kind == kind,
            EmailChange.confirmed_at > func.now() - UNDO_FOR,
            EmailChange.undone_at.is_(None),
        )
    )
    either = union_all(kept, left).subquery()
    found = select(either).order_by(either.c.rank).limit(1)
    if but is not None:
        found = found.where(either.c.account_id != but)
    row = (await transaction.execute(found)).one_or_none()
    return Holder(row.account_id, row.address, row.enabled, row.change_id) if row is not None else None


async def locked_holder(
    transaction: AsyncConnection, address: str, kind: AccountKind = AccountKind.CUSTOMER
) -> Holder | None:
    """As `holder`, and whose it is stays so until the transaction ends."""
    found = await holder(transaction, address, kind=kind)
    if found is not None:
        await lock_account(transaction, found.account_id)
    return await holder(transaction, address, kind=kind)


async def answer_holder(transaction: AsyncConnection, found: Holder, letter: str) -> Envelope | None:
    """What the owner of a mailbox is told when somebody wants to use it for an account.

    That is `letter`; but who lost the address to a change, and may not know, is told again how to take it back.
    """
    if found.change_id is None:
        return Envelope(found.address, letter)
    return await undo_notice(transaction, found.change_id)


async def undo_notice(transaction: AsyncConnection, change_id: UUID) -> Envelope | None:
    """Tells the old mailbox of a change, with a token that undoes it: for seven days, from the change itself on.

    None for a change that is undone already. Its account is locked: an undoing at the same time must find the token, or
    whoever owns that mailbox could undo what was undone for another.
    """
    account_id = await transaction.scalar(select(EmailChange.account_id).where(EmailChange.id == change_id))
    if account_id is None:
        return None
    await lock_account(transaction, account_id)
    end = (func.coalesce(EmailChange.confirmed_at, func.now()) + UNDO_FOR).label("end")
    standing = select(EmailChange.old_email, end).where(EmailChange.id == change_id, EmailChange.undone_at.is_(None))
    change = (await transaction.execute(standing)).one_or_none()
    if change is None:
        return None
    fresh = await mail_token.make(
        transaction,
        MailTokenKind.EMAIL_CHANGE_UNDO,
        until=change.end,
        account_id=account_id,
        email_change_id=change_id,
    )
    return Envelope(change.old_email, "email_change_notice", {"token": fresh.text, "lifetime": fresh.lifetime})


async def give_up_pending_changes(transaction: AsyncConnection, account_id: UUID) -> None:
    """Lets no change of the account's address be confirmed that was asked for until now."""
    pending = update(EmailChange).where(
        EmailChange.account_id == account_id, EmailChange.confirmed_at.is_(None), EmailChange.undone_at.is_(None)
    )
    await transaction.execute(pending.values(undone_at=func.now()))
