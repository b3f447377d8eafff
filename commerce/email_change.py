"""Changes of an account's address: confirmed from the new mailbox, told to the old one, which can undo them (P51).

For seven days the old address stays its owner's: nobody else can take it meanwhile, and undoing a change undoes the
later ones with it. So who takes an account over may move it from mailbox to mailbox: its owner still gets it back.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.account_events import ClientFacts, record
from auth.refusal import Refusal, RefusalCode
from commerce import mail_token, mailbox, password
from commerce.mail_token import INVALID
from commerce.tools import Envelope, Tools
from commerce.unique import written
from gateways.jobs import Handler, Job, enqueue
from models.account import Account, AccountEvent, AccountEventKind, Credential, EmailChange, MailToken, MailTokenKind
from models.ids import new_id

CONFIRMATION_LETTER = "email_change.confirmation_letter"
NOTICE_LETTER = "email_change.notice_letter"

KEPT_FOR = mailbox.UNDO_FOR + timedelta(days=1)
"""How long a change is known after it was made, or was asked for in vain: until no letter about it is good any more."""

SAME_ADDRESS = Refusal(RefusalCode.INVALID, "This is the address of your account already.", ("newEmail",))


async def request(
    transaction: AsyncConnection, account_id: UUID, new_email: str, client: ClientFacts
) -> Refusal | None:
    """Asks for another address, in place of any that was asked for before and not confirmed.

    The same is done whether or not the address is somebody's: the worker finds out, and tells only mailboxes.
    """
    await sessions.lock_account(transaction, account_id)
    old_email = await transaction.scalar(select(Account.email).where(Account.id == account_id))
    assert old_email is not None
    if old_email.lower() == new_email.lower():
        return SAME_ADDRESS
    await mailbox.give_up_pending_changes(transaction, account_id)
    change_id = new_id()
    values = {
        "id": change_id,
        "account_id": account_id,
        # Taken while the account is locked, so that what is later here is later in truth.
        "created_at": func.clock_timestamp(),
        "channel": client.channel,
        "old_email": old_email,
        "new_email": new_email,
    }
    await transaction.execute(insert(EmailChange).values(values))
    # Two jobs: a mailbox that takes no mail must not keep the other from hearing of it.
    await enqueue(transaction, Job(NOTICE_LETTER, change_id))
    await enqueue(transaction, Job(CONFIRMATION_LETTER, change_id))
    await record(transaction, account_id, AccountEventKind.EMAIL_CHANGE_REQUESTED, client)
    return None


async def write_confirmation_letter(tools: Tools, change_id: UUID) -> None:
    """Sends the new mailbox a token; where it is another account's, tells its owner, and only them."""
    envelope = await tools.database.transact(partial(_confirmation_letter, change_id=change_id))
    if envelope is not None:
        await tools.send(envelope)


async def _confirmation_letter(transaction: AsyncConnection, change_id: UUID) -> Envelope | None:
    change = await _pending(transaction, change_id)
    if change is None:
        return None
    found = await mailbox.holder(transaction, change.new_email, but=change.account_id)
    if found is not None:
        return await mailbox.answer_holder(transaction, found, "email_in_use")
    fresh = await mail_token.make(
        transaction, MailTokenKind.EMAIL_CHANGE, account_id=change.account_id, email_change_id=change_id
    )
    return Envelope(change.new_email, "email_change_confirm", {"token": fresh.text, "lifetime": fresh.lifetime})


async def write_notice_letter(tools: Tools, change_id: UUID) -> None:
    """Tells the old mailbox how to undo the change."""
    envelope = await tools.database.transact(partial(mailbox.undo_notice, change_id=change_id))
    if envelope is not None:
        await tools.send(envelope)


HANDLERS: Mapping[str, Handler[Tools]] = {
    CONFIRMATION_LETTER: write_confirmation_letter,
    NOTICE_LETTER: write_notice_letter,
}


async def confirm(transaction: AsyncConnection, token: str, client: ClientFacts) -> UUID | Refusal:
    """Gives the account the address whose mailbox got the token; answers whose account it is.

    TOKEN_INVALID also where the address has become somebody's meanwhile, or the change was given up. The old mailbox
    has seven days from now on to undo it; tokens that it was sent to reset the password are good no more.
    """
    proof = await mail_token.claim(transaction, token, MailTokenKind.EMAIL_CHANGE)
    if isinstance(proof, Refusal):
        return proof
    change = await _pending(transaction, proof.email_change_id)
    if change is None or not await _move(transaction, change):
        return INVALID
    account_id: UUID = change.account_id
    await transaction.execute(update(EmailChange).where(EmailChange.id == change.id).values(confirmed_at=func.now()))
    await mail_token.spend(transaction, MailToken.id == proof.id)
    await mail_token.spend_kind(transaction, account_id, MailTokenKind.PASSWORD_RESET)
    notices = update(MailToken).where(
        MailToken.email_change_id == change.id,
        MailToken.kind == MailTokenKind.EMAIL_CHANGE_UNDO,
        MailToken.used_at.is_(None),
    )
    await transaction.execute(notices.values(expires_at=func.now() + mailbox.UNDO_FOR))
    await record(transaction, account_id, AccountEventKind.EMAIL_CHANGED, client)
    return account_id


async def undo(transaction: AsyncConnection, token: str, client: ClientFacts) -> UUID | Refusal:
    """Gives the account back the address that it had before the change, ends all its sessions, and answers whose it is.

    The later changes are undone with it, and their own mailboxes can't undo this. A password that was changed within
    seven days before it was asked for, or since, may be a stranger's and goes; in any case the mailbox is sent the way
    to a new one.
    """
    proof = await mail_token.claim(transaction, token, MailTokenKind.EMAIL_CHANGE_UNDO)
    if isinstance(proof, Refusal):
        return proof
    change = await _find(transaction, proof.email_change_id)
    if change is None or not await _set_address(transaction, change.account_id, change.old_email):
        return INVALID
    account_id: UUID = change.account_id
    undone = update(EmailChange).where(
        EmailChange.account_id == account_id, EmailChange.created_at >= change.created_at
    )
    ids = (await transaction.scalars(undone.values(undone_at=func.now()).returning(EmailChange.id))).all()
    await mail_token.spend(transaction, MailToken.email_change_id.in_(ids))
    await mail_token.spend_kind(transaction, account_id, MailTokenKind.PASSWORD_RESET)
    await sessions.revoke_all(transaction, account_id)
    await _drop_changed_password(transaction, account_id, change.created_at - mailbox.UNDO_FOR)
    await record(transaction, account_id, AccountEventKind.EMAIL_CHANGE_UNDONE, client)
    await password.request_reset(transaction, change.old_email, client)
    return account_id


async def _drop_changed_password(transaction: AsyncConnection, account_id: UUID, since: datetime) -> None:
    changed = select(AccountEvent.id).where(
        AccountEvent.account_id == account_id,
        AccountEvent.kind.in_([AccountEventKind.PASSWORD_CHANGED, AccountEventKind.PASSWORD_RESET]),
        AccountEvent.occurred_at >= since,
    )
    await transaction.execute(delete(Credential).where(Credential.account_id == account_id, changed.exists()))


async def _find(transaction: AsyncConnection, change_id: UUID | None) -> Any:
    change = select(EmailChange.__table__).where(EmailChange.id == change_id)
    return (await transaction.execute(change)).one_or_none()


async def _pending(transaction: AsyncConnection, change_id: UUID | None) -> Any:
    """The change, while it may be confirmed."""
    change = await _find(transaction, change_id)
    return change if change is not None and change.confirmed_at is None and change.undone_at is None else None


async def _move(transaction: AsyncConnection, change: Any) -> bool:
    """Gives the account its new address, unless that is somebody's."""
    if await mailbox.holder(transaction, change.new_email, but=change.account_id) is not None:
        return False
    return await _set_address(transaction, change.account_id, change.new_email)


async def _set_address(transaction: AsyncConnection, account_id: UUID, address: str) -> bool:
    """Writes an address that its mailbox has proved. False: another account took it at the same moment."""
    account = update(Account).where(Account.id == account_id)
    values = {"email": address, "email_verified_at": func.now(), "version": Account.version + 1}
    return await written(transaction, account.values(values), "uq_account_email")
