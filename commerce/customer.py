"""What staff decide about customers' accounts: disabling one at once, and enabling it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.account_events import record
from auth.refusal import Refusal, RefusalCode
from commerce.staff import ByTheShop
from commerce.text import line
from commerce.tools import Tools
from gateways.jobs import Handler, Job, enqueue
from models.account import Account, AccountEventKind, AccountKind
from models.classification import Channel
from models.customer import CustomerDecision, CustomerDecisionKind
from models.ids import new_id
from models.second_factor import Challenge

DISABLED_LETTER = "customer.disabled_letter"

REASON_LIMIT = 500

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such customer.", ("id",))


@dataclass(frozen=True, slots=True)
class Decider:
    """The member of staff who decides, and through which channel."""

    staff_id: UUID
    channel: Channel


async def disable(
    transaction: AsyncConnection, account_id: UUID | None, reason: str, decider: Decider
) -> Refusal | None:
    """Ends every session of the account, and whatever waits to become one; nobody can sign in to it any more.

    Its owner sees that in the account's trail and is told by mail, neither naming who decided or why. An account that
    is disabled stays so, and nothing is written.
    """
    account, kept = await _look(transaction, account_id), _reason(reason)
    if account is None:
        return NOT_FOUND
    if isinstance(kept, Refusal) or account.disabled_at is not None:
        return kept if isinstance(kept, Refusal) else None
    await sessions.revoke_all(transaction, account.id)
    await transaction.execute(delete(Challenge).where(Challenge.account_id == account.id))
    await _decide(transaction, account.id, CustomerDecisionKind.DISABLED, kept, decider)
    await enqueue(transaction, Job(DISABLED_LETTER, account.id))
    return None


async def enable(
    transaction: AsyncConnection, account_id: UUID | None, reason: str, decider: Decider
) -> Refusal | None:
    """Lets the account's owner sign in anew; no session comes back. Nothing is written for one that is not disabled."""
    account, kept = await _look(transaction, account_id), _reason(reason)
    if account is None:
        return NOT_FOUND
    if isinstance(kept, Refusal) or account.disabled_at is None:
        return kept if isinstance(kept, Refusal) else None
    await _decide(transaction, account.id, CustomerDecisionKind.ENABLED, kept, decider)
    return None


async def _look(transaction: AsyncConnection, account_id: UUID | None) -> Any:
    """The customer's account, locked; None for staff's as for none at all."""
    account = select(Account.id, Account.disabled_at).where(
        Account.id == account_id, Account.kind == AccountKind.CUSTOMER
    )
    return (await transaction.execute(account.with_for_update(key_share=True))).one_or_none()


def _reason(typed: str) -> str | Refusal:
    return line(typed, field=("reason",), limit=REASON_LIMIT, required=True)


async def _decide(
    transaction: AsyncConnection, account_id: UUID, kind: CustomerDecisionKind, reason: str, decider: Decider
) -> None:
    disabled_at = func.now() if kind is CustomerDecisionKind.DISABLED else None
    account = update(Account).where(Account.id == account_id)
    await transaction.execute(account.values(disabled_at=disabled_at, version=Account.version + 1))
    decision = insert(CustomerDecision).values(
        id=new_id(),
        account_id=account_id,
        staff_id=decider.staff_id,
        channel=decider.channel,
        kind=kind,
        reason=reason,
    )
    await transaction.execute(decision)
    await record(transaction, account_id, AccountEventKind(kind.value), ByTheShop(channel=decider.channel))


async def write_disabled_letter(tools: Tools, account_id: UUID) -> None:
    """Tells the owner, unless the account has been enabled meanwhile."""
    account = select(Account.email, Account.disabled_at).where(Account.id == account_id)
    found = (await tools.database.transact(lambda t: t.execute(account))).one_or_none()
    if found is not None and found.disabled_at is not None:
        await tools.post(found.email, "account_disabled", at=found.disabled_at)


HANDLERS: Mapping[str, Handler[Tools]] = {DISABLED_LETTER: write_disabled_letter}
