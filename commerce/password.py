"""Passwords: chosen, changed, and set anew by whoever owns the mailbox (P8, P54).

Nothing here tells whether an address has an account: what is asked for is written down, and the worker finds out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import password_rules, sessions
from auth.account_events import ClientFacts, facts_of, record
from auth.passwords import PasswordHasher
from auth.refusal import Refusal, RefusalCode
from auth.viewer import Viewer
from commerce import mail_token, mailbox
from commerce.tools import Envelope, Tools
from gateways.jobs import Handler, Job, enqueue
from models.account import Account, AccountEventKind, AccountKind, Credential, MailTokenKind, PasswordResetRequest
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.statement import Statement

RESET_LETTER = "password.reset_letter"
CHANGED_LETTER = "password.changed_letter"

REQUEST_KEPT_FOR = timedelta(hours=24)
"""How long a request waits for a worker; usually that is a moment."""

NEW_PASSWORD = ("newPassword",)
WRONG_PASSWORD = Refusal(RefusalCode.INVALID_CREDENTIALS, "That is not your password.", ("currentPassword",))
NO_PASSWORD = replace(WRONG_PASSWORD, message="Your account has no password yet. Ask for a link to set one.")


def weakness(
    password: str | None, known: Sequence[str | None], field: tuple[str, ...] = ("password",)
) -> Refusal | None:
    """Why this may not be the password of a person of whom this much is known (P54)."""
    words = [word for word in known if word]
    return None if password is None else password_rules.check(password, known=words, field=field)


async def keep(transaction: AsyncConnection, account_id: UUID, password_hash: str) -> None:
    """Makes this the account's password."""
    row = upsert(Credential).values(account_id=account_id, password_hash=password_hash)
    replaced = {"password_hash": row.excluded.password_hash, "changed_at": func.now()}
    await transaction.execute(row.on_conflict_do_update(index_elements=[Credential.account_id], set_=replaced))


# ---- set anew, with proof of the mailbox


_REQUEST = Statement(
    lambda: insert(PasswordResetRequest).values(
        {name: bindparam(name) for name in ("id", "email", "channel", "device_name", "device_kind", "ip_network")}
    )
)


async def request_reset(transaction: AsyncConnection, address: str, client: ClientFacts) -> None:
    """Asks for a letter to this address; the same is done whether or not there is such an account."""
    request_id = new_id()
    await _REQUEST.run(transaction, id=request_id, email=address, **facts_of(client))
    await enqueue(transaction, Job(RESET_LETTER, request_id))


async def write_reset_letter(tools: Tools, request_id: UUID) -> None:
    """Sends each account of the address a token, a customer's and staff's, and forgets that it was asked for."""
    for kind in AccountKind:
        envelope = await tools.database.transact(partial(_reset_letter, request_id=request_id, kind=kind))
        if envelope is not None:
            await tools.send(envelope)
    await tools.database.transact(partial(_close_request, request_id=request_id))


async def _reset_letter(transaction: AsyncConnection, request_id: UUID, kind: AccountKind) -> Envelope | None:
    email = select(PasswordResetRequest.email).where(PasswordResetRequest.id == request_id)
    address = await transaction.scalar(email)
    found = await mailbox.locked_holder(transaction, address, kind) if address is not None else None
    if found is None or not found.enabled:
        return None
    if found.change_id is not None:
        return await mailbox.undo_notice(transaction, found.change_id)
    fresh = await mail_token.make(transaction, MailTokenKind.PASSWORD_RESET, account_id=found.account_id)
    values = {"token": fresh.text, "lifetime": fresh.lifetime, "of_staff": kind is AccountKind.STAFF}
    return Envelope(found.address, "password_reset", values)


async def _close_request(transaction: AsyncConnection, request_id: UUID) -> None:
    """Deletes the request, and notes it for the owner of each account, once."""
    request = delete(PasswordResetRequest).where(PasswordResetRequest.id == request_id)
    row = (await transaction.execute(request.returning(*PasswordResetRequest.__table__.columns))).one_or_none()
    if row is None:
        return
    origin = _Origin(row.ip_network, row.device_name, row.device_kind, Channel(row.channel))
    for kind in AccountKind:
        found = await mailbox.holder(transaction, row.email, kind=kind)
        if found is not None:
            await record(transaction, found.account_id, AccountEventKind.PASSWORD_RESET_REQUESTED, origin)


async def reset(
    database: Database, passwords: PasswordHasher, client: ClientFacts, token: str, password: str
) -> UUID | Refusal:
    """Sets the password of the account whose mailbox got the token, ends all its sessions, and answers whose it is.

    It signs nobody in, so that it goes round no second factor (ASVS 6.4.3). Raises auth.passwords.Busy.
    """
    proof = await database.transact(partial(mail_token.find, text=token, kind=MailTokenKind.PASSWORD_RESET))
    if isinstance(proof, Refusal):
        return proof
    assert proof.account_id is not None
    owner = await database.transact(partial(_owner, account_id=proof.account_id))
    if weak := weakness(password, owner.known, NEW_PASSWORD):
        return weak
    password_hash = await passwords.hash(password)

    async def set_anew(transaction: AsyncConnection) -> UUID | Refusal:
        proof = await mail_token.claim(transaction, token, MailTokenKind.PASSWORD_RESET)
        if isinstance(proof, Refusal):
            return proof
        assert proof.account_id is not None
        await _replace(transaction, proof.account_id, password_hash, AccountEventKind.PASSWORD_RESET, client)
        await sessions.revoke_all(transaction, proof.account_id)
        return proof.account_id

    return await database.transact(set_anew)


# ---- changed, by who knows it


async def change(
    database: Database, passwords: PasswordHasher, client: ClientFacts, viewer: Viewer, current: str, password: str
) -> Refusal | None:
    """Changes the viewer's password and ends their other sessions (ASVS 7.4.3). Raises auth.passwords.Busy."""
    assert viewer.account_id is not None
    account_id = viewer.account_id
    owner = await database.transact(partial(_owner, account_id=account_id))
    if not (await passwords.verify(owner.password_hash, current)).ok:
        await database.transact(
            partial(record, account_id=account_id, kind=AccountEventKind.SIGN_IN_FAILED, client=client)
        )
        return WRONG_PASSWORD if owner.password_hash else NO_PASSWORD
    if weak := weakness(password, owner.known, NEW_PASSWORD):
        return weak
    password_hash = await passwords.hash(password)

    async def exchange(transaction: AsyncConnection) -> Refusal | None:
        if not await sessions.lock_account(transaction, account_id):
            return WRONG_PASSWORD
        if (await _owner(transaction, account_id)).password_hash != owner.password_hash:
            return WRONG_PASSWORD
        await _replace(transaction, account_id, password_hash, AccountEventKind.PASSWORD_CHANGED, client)
        await sessions.revoke_others(transaction, account_id, viewer.session_id)
        return None

    return await database.transact(exchange)


async def write_changed_letter(tools: Tools, account_id: UUID) -> None:
    """Tells the owner of an account that its password is another."""
    facts = select(Account.email, Credential.changed_at).join_from(Account, Credential)
    found = (await tools.database.transact(lambda t: t.execute(facts.where(Account.id == account_id)))).one_or_none()
    if found is not None:
        await tools.post(found.email, "password_changed", at=found.changed_at)


HANDLERS: Mapping[str, Handler[Tools]] = {RESET_LETTER: write_reset_letter, CHANGED_LETTER: write_changed_letter}


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose password it is: what it may not be made of, and what is kept of the one there is."""

    known: tuple[str | None, ...] = field(repr=False)
    password_hash: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a request came from, as it was written down with it."""

    network: str | None
    device_name: str | None
    device_kind: str
    channel: Channel


async def _owner(transaction: AsyncConnection, account_id: UUID) -> _Owner:
    account = select(Account.name, Account.email, Account.username, Credential.password_hash)
    account = account.join_from(Account, Credential, Credential.account_id == Account.id, isouter=True)
    name, email, username, password_hash = (await transaction.execute(account.where(Account.id == account_id))).one()
    return _Owner((name, email, username), password_hash)


async def _replace(
    transaction: AsyncConnection, account_id: UUID, password_hash: str, event: AccountEventKind, client: ClientFacts
) -> None:
    """Sets the password of a locked account. What others may have begun with the old one comes to nothing."""
    await keep(transaction, account_id, password_hash)
    await mail_token.spend_kind(transaction, account_id, MailTokenKind.PASSWORD_RESET)
    await mailbox.give_up_pending_changes(transaction, account_id)
    await record(transaction, account_id, event, client)
    await enqueue(transaction, Job(CHANGED_LETTER, account_id))
