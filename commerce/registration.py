"""Registering: name and email, a mailbox that is proved, and an account only then (P1, P2, P21, P22, P26, P27).

Whether an address has an account already is not looked up while anybody waits for an answer: what was typed is written
down, and the worker writes to the mailbox, one letter or the other. The password is set by whoever reads it there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import sessions
from auth.account_events import ClientFacts, record
from auth.passwords import PasswordHasher
from auth.refusal import Refusal, RefusalCode
from auth.sessions import Issued
from commerce import email, mail_token, mailbox, password, phone, text, username
from commerce.mail_token import INVALID, LIFETIMES
from commerce.tools import Envelope, Tools
from gateways.jobs import Handler, Job, enqueue
from models.account import (
    Account,
    AccountEventKind,
    Acknowledgement,
    AgeBand,
    GuardianRequest,
    MailToken,
    MailTokenKind,
    Registration,
)
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.preference import CommunicationPreference, Preference
from models.statement import Statement
from privacy import policy

LETTER = "registration.letter"
GUARDIAN_LETTER = "registration.guardian_letter"

NAME_LIMIT = 200

KEPT_FOR = LIFETIMES[MailTokenKind.VERIFY]
"""How long a registration waits for its mailbox to be proved."""

GUARDIAN_REQUEST_KEPT_FOR = LIFETIMES[MailTokenKind.GUARDIAN_CONSENT]

POLICY_NOT_ACCEPTED = Refusal(
    RefusalCode.POLICY_NOT_ACCEPTED,
    f"Read and accept the privacy policy in force, version {policy.CURRENT.version}.",
    ("acceptsPolicyVersion",),
)
GUARDIAN_CONSENT_REQUIRED = Refusal(
    RefusalCode.GUARDIAN_CONSENT_REQUIRED,
    "A parent or guardian has to consent first. Enter their email address, and we write to them.",
    ("guardianEmail",),
)


OWN_ADDRESS = Refusal(
    RefusalCode.INVALID, "Enter the address of a parent or guardian, not your own.", ("guardianEmail",)
)


class Status(StrEnum):
    """What an answer to a registration says, and all that it says."""

    VERIFICATION_SENT = "VERIFICATION_SENT"
    GUARDIAN_CONSENT_SENT = "GUARDIAN_CONSENT_SENT"


@dataclass(frozen=True, slots=True, repr=False)
class Form:
    """What is typed to register."""

    name: str
    email: str
    age_band: AgeBand
    policy_version: str
    phone: str | None = None
    guardian_email: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Applicant:
    """A person who may register, in regular form."""

    name: str
    email: str
    age_band: AgeBand
    policy_version: str
    phone: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Guardian:
    """Whom to ask about a child, and nothing about the child."""

    email: str


def check(form: Form, *, answered_under_13: bool = False) -> Applicant | Guardian | list[Refusal]:
    """Who registers. Of a child, nothing is looked at but the guardian's address (P22).

    `answered_under_13`: the same browser has answered so before, and another answer changes nothing (P21).
    """
    if answered_under_13 or form.age_band is AgeBand.UNDER_13:
        return _guardian(form)
    name = text.line(form.name, field=("name",), limit=NAME_LIMIT, required=True)
    address = email.normalise(form.email)
    number = phone.normalise(form.phone)
    refused = [found for found in (name, address, number) if isinstance(found, Refusal)]
    if form.policy_version != policy.CURRENT.version:
        refused.append(POLICY_NOT_ACCEPTED)
    if refused:
        return refused
    assert not isinstance(name, Refusal)
    assert not isinstance(address, Refusal)
    assert not isinstance(number, Refusal)
    return Applicant(name, address, form.age_band, form.policy_version, number or None)


def _guardian(form: Form) -> Guardian | list[Refusal]:
    if not form.guardian_email:
        return [GUARDIAN_CONSENT_REQUIRED]
    address = email.normalise(form.guardian_email, field=("guardianEmail",))
    if isinstance(address, Refusal):
        return [address]
    # A child's own address must not be kept under another name.
    return [OWN_ADDRESS] if address.casefold() == form.email.strip().casefold() else Guardian(address)


_TYPED = ("name", "email", "phone", "age_band", "policy_version")
_REGISTRATION = Statement(
    lambda: insert(Registration).values({name: bindparam(name) for name in ("id", "channel", *_TYPED)})
)


async def submit(transaction: AsyncConnection, who: Applicant | Guardian, channel: Channel) -> Status:
    """Writes down who wants to register, or whom to ask; a letter is on its way when this commits.

    The same two statements whether or not the address has an account.
    """
    key = new_id()
    if isinstance(who, Guardian):
        await transaction.execute(insert(GuardianRequest).values(id=key, channel=channel, guardian_email=who.email))
        await enqueue(transaction, Job(GUARDIAN_LETTER, key))
        return Status.GUARDIAN_CONSENT_SENT
    await _REGISTRATION.run(transaction, id=key, channel=channel, **{name: getattr(who, name) for name in _TYPED})
    await enqueue(transaction, Job(LETTER, key))
    return Status.VERIFICATION_SENT


# ---- letters


async def write_letter(tools: Tools, registration_id: UUID) -> None:
    """Sends a new address the token that opens an account; the owner of a known one hears that there is one."""
    found = await tools.database.transact(partial(_letter, registration_id=registration_id))
    if found is None:
        return
    envelope, opens_account = found
    if envelope is not None:
        await tools.send(envelope)
    if not opens_account:
        await tools.database.transact(partial(_discard, registration_id=registration_id))


async def _letter(transaction: AsyncConnection, registration_id: UUID) -> tuple[Envelope | None, bool] | None:
    """The letter, and whether it opens an account."""
    registration = await _find(transaction, registration_id)
    if registration is None:
        return None
    found = await mailbox.locked_holder(transaction, registration.email)
    if found is not None:
        return await mailbox.answer_holder(transaction, found, "already_registered"), False
    fresh = await mail_token.make(
        transaction, MailTokenKind.VERIFY, until=registration.created_at + KEPT_FOR, registration_id=registration_id
    )
    values = {"token": fresh.text, "lifetime": fresh.lifetime}
    return Envelope(registration.email, "verify_registration", values), True


async def write_guardian_letter(tools: Tools, request_id: UUID) -> None:
    """Asks a parent or guardian for consent."""
    envelope = await tools.database.transact(partial(_guardian_letter, request_id=request_id))
    if envelope is not None:
        await tools.send(envelope)


async def _guardian_letter(transaction: AsyncConnection, request_id: UUID) -> Envelope | None:
    asked = select(GuardianRequest.guardian_email, GuardianRequest.created_at).where(GuardianRequest.id == request_id)
    row = (await transaction.execute(asked)).one_or_none()
    if row is None:
        return None
    until = row.created_at + GUARDIAN_REQUEST_KEPT_FOR
    fresh = await mail_token.make(
        transaction, MailTokenKind.GUARDIAN_CONSENT, until=until, guardian_request_id=request_id
    )
    values = {"token": fresh.text, "lifetime": fresh.lifetime}
    return Envelope(row.guardian_email, "guardian_consent_request", values)


HANDLERS: Mapping[str, Handler[Tools]] = {LETTER: write_letter, GUARDIAN_LETTER: write_guardian_letter}


# ---- an account, once the mailbox is proved


@dataclass(frozen=True, slots=True)
class Verification:
    """What its reader brings from the mailbox. Without a password the account has none."""

    token: str = field(repr=False)
    password: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)


async def verify(
    database: Database, passwords: PasswordHasher, client: ClientFacts, given: Verification, held: bytes | None = None
) -> Issued | list[Refusal]:
    """Opens the account and a session; the one whose token `held` is the digest of ends (ASVS 7.2.4).

    The token is used up by that alone. TOKEN_INVALID also where the address got an account in another way meanwhile.
    Raises auth.passwords.Busy.
    """
    pending = await database.transact(partial(_pending, token=given.token))
    if isinstance(pending, Refusal):
        return [pending]
    name = username.normalise(given.username)
    weak = password.weakness(given.password, (pending.name, pending.email, given.username))
    if weak or isinstance(name, Refusal):
        return [found for found in (name, weak) if isinstance(found, Refusal)]
    password_hash = None if given.password is None else await passwords.hash(given.password)

    async def open_account(transaction: AsyncConnection) -> Issued | list[Refusal]:
        account_id = await _open_account(transaction, given.token, name, client)
        if isinstance(account_id, Refusal):
            return [account_id]
        if password_hash is not None:
            await password.keep(transaction, account_id, password_hash)
        if held is not None:
            await sessions.revoke_token(transaction, held)
        return await sessions.issue(transaction, account_id, client, announce=False)

    return await database.transact(open_account)


async def _pending(transaction: AsyncConnection, token: str) -> Any:
    """The registration that waits for this token, or why not."""
    proof = await mail_token.find(transaction, token, MailTokenKind.VERIFY)
    if isinstance(proof, Refusal):
        return proof
    return await _find(transaction, proof.registration_id) or INVALID


async def _open_account(
    transaction: AsyncConnection, token: str, name: str | None, client: ClientFacts
) -> UUID | Refusal:
    proof = await mail_token.claim(transaction, token, MailTokenKind.VERIFY)
    if isinstance(proof, Refusal):
        return proof
    registration = await _find(transaction, proof.registration_id)
    if registration is None:
        return INVALID
    account_id = await _insert_account(transaction, registration, name)
    if account_id is None and await mailbox.holder(transaction, registration.email) is None:
        return username.taken()
    await mail_token.spend(transaction, MailToken.id == proof.id)
    await _discard(transaction, registration.id)
    if account_id is None:
        return INVALID
    await _begin(transaction, account_id, registration)
    await record(transaction, account_id, AccountEventKind.REGISTERED, client)
    return account_id


async def _insert_account(transaction: AsyncConnection, registration: Any, name: str | None) -> UUID | None:
    """The new account's key; None where its address or its username is somebody's."""
    if await mailbox.holder(transaction, registration.email) is not None:
        return None
    row = insert_or_skip(Account).values(
        id=new_id(),
        channel=registration.channel,
        name=registration.name,
        email=registration.email,
        email_verified_at=func.now(),
        username=name,
        phone=registration.phone,
        age_band=registration.age_band,
    )
    return await transaction.scalar(row.on_conflict_do_nothing().returning(Account.id))


async def _begin(transaction: AsyncConnection, account_id: UUID, registration: Any) -> None:
    """What every account has from its first moment: the policy acknowledged, and choices that are all off."""
    owned = {"account_id": account_id, "channel": registration.channel}
    await transaction.execute(
        insert(Acknowledgement).values(
            id=new_id(),
            policy_version=registration.policy_version,
            acknowledged_at=registration.created_at,
            **owned,
        )
    )
    await transaction.execute(insert(Preference).values(owned))
    await transaction.execute(insert(CommunicationPreference).values(owned))


async def _find(transaction: AsyncConnection, registration_id: UUID | None) -> Any:
    """A registration that still waits; one that waited too long counts as none."""
    row = select(Registration.__table__).where(
        Registration.id == registration_id, Registration.created_at > func.now() - KEPT_FOR
    )
    return (await transaction.execute(row)).one_or_none()


async def _discard(transaction: AsyncConnection, registration_id: UUID) -> None:
    await transaction.execute(delete(Registration).where(Registration.id == registration_id))
