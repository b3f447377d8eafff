"""Second factors are enrolled, counted once confirmed, and removed, with recovery codes beside them (P29, ASVS 6.5).

Whoever adds or removes one has just proved who they are, and the account's owner hears of it by mail.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import passkeys, recovery_codes, totp
from auth.account_events import AT_THE_SHOP, ClientFacts, record
from auth.passkeys import Owner
from auth.refusal import Refusal, RefusalCode
from auth.sessions import lock_account, note_second_factor, require_step_up, revoke_all
from auth.staff_access import restamp
from auth.viewer import Viewer
from commerce import challenge
from commerce.second_factor import (
    Verifier,
    is_enrolled,
    methods_of,
    passkey_ids,
    sealed_for,
    step_of,
    use_step,
)
from commerce.text import line
from commerce.tools import Tools
from gateways.jobs import Handler, Job, enqueue
from models.account import Account, AccountEvent, AccountEventKind
from models.ids import new_id
from models.second_factor import ChallengeKind, RecoveryCode, SecondFactor, SecondFactorMethod
from models.staff import StaffMember

ADDED_LETTER = "second_factor.added_letter"
REMOVED_LETTER = "second_factor.removed_letter"
CODES_LETTER = "second_factor.codes_letter"

MOST_FACTORS = 10
LABEL_LIMIT = 60

WAITS_FOR = timedelta(minutes=30)
"""How long an authenticator app that was set up may take to show its first code."""

LIMIT_REACHED = Refusal(
    RefusalCode.LIMIT_REACHED, f"You have {MOST_FACTORS} second factors. Remove one before you add another."
)
NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "You have no such second factor.", ("id",))
NOTHING_WAITS = Refusal(RefusalCode.SECOND_FACTOR_INVALID, "Begin again: nothing waits to be confirmed.")
WRONG_CODE = Refusal(
    RefusalCode.SECOND_FACTOR_INVALID, "That is not the code that the app shows now. Try the next one.", ("code",)
)
NO_PASSKEY = Refusal(
    RefusalCode.SECOND_FACTOR_INVALID, "That is no passkey for this shop. Begin again.", ("credential",)
)
KNOWN_PASSKEY = Refusal(RefusalCode.TAKEN, "This passkey is in use already.", ("credential",))
LAST_OF_STAFF = Refusal(
    RefusalCode.SECOND_FACTOR_REQUIRED,
    "Who works here keeps one second factor at least. Add another one first.",
    ("id",),
)
NONE_ENROLLED = Refusal(RefusalCode.SECOND_FACTOR_REQUIRED, "Recovery codes stand for a second factor. Add one first.")


@dataclass(frozen=True, slots=True)
class NewApp:
    """An authenticator app to be set up: its seed, and what a QR code for it says. For the one answer that shows it."""

    seed: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A second factor that counts now; `codes` came with it if it is the first, for the one answer that shows them."""

    factor_id: UUID
    codes: tuple[str, ...] | None = field(repr=False)


async def listed(transaction: AsyncConnection, account_id: UUID) -> list[Any]:
    """The account's second factors that count, oldest first: id, method, label, created_at, last_used_at."""
    columns = ("id", "method", "label", "created_at", "last_used_at")
    factors = select(*(getattr(SecondFactor, name) for name in columns)).where(
        SecondFactor.account_id == account_id, is_enrolled(SecondFactor)
    )
    return list((await transaction.execute(factors.order_by(SecondFactor.id))).all())


# ---- authenticator apps


async def enroll_app(
    transaction: AsyncConnection, verifier: Verifier, viewer: Viewer, client: ClientFacts
) -> NewApp | Refusal:
    """A seed for an app, in place of any that was not confirmed. It is kept sealed, and counts once confirmed."""
    owner = await _may_add(transaction, viewer)
    if isinstance(owner, Refusal):
        return owner
    await transaction.execute(delete(SecondFactor).where(*_unconfirmed_app(owner.id)))
    key, seed = new_id(), totp.new_seed()
    row = insert(SecondFactor).values(
        id=key,
        account_id=owner.id,
        channel=client.channel,
        method=SecondFactorMethod.TOTP,
        sealed=verifier.sealer.seal(seed.encode(), sealed_for(owner.id, key)),
    )
    await transaction.execute(row)
    return NewApp(seed, totp.uri(seed, account=owner.email, issuer=verifier.party.name))


async def confirm_app(
    transaction: AsyncConnection, verifier: Verifier, viewer: Viewer, code: str, label: str | None, client: ClientFacts
) -> Confirmed | Refusal:
    """The app counts once it shows the right code; that code is good for nothing else."""
    name = _label(label)
    if isinstance(name, Refusal):
        return name
    assert viewer.account_id is not None
    if not await lock_account(transaction, viewer.account_id):
        return NOTHING_WAITS
    waiting = select(SecondFactor.id, SecondFactor.sealed, SecondFactor.last_step).where(
        *_unconfirmed_app(viewer.account_id), SecondFactor.created_at > func.now() - WAITS_FOR
    )
    app: Any = (await transaction.execute(waiting)).one_or_none()
    if app is None:
        return NOTHING_WAITS
    step = step_of(verifier, viewer.account_id, app, code)
    if step is None:
        return WRONG_CODE
    if await _count(transaction, viewer.account_id) >= MOST_FACTORS:
        return LIMIT_REACHED
    first = not await methods_of(transaction, viewer.account_id)
    await use_step(transaction, app.id, step, confirmed_at=func.now(), label=name)
    return await _added(transaction, viewer, app.id, client, first=first)


def _unconfirmed_app(account_id: UUID) -> tuple[Any, ...]:
    return (
        SecondFactor.account_id == account_id,
        SecondFactor.method == SecondFactorMethod.TOTP,
        SecondFactor.confirmed_at.is_(None),
    )


# ---- passkeys


async def enroll_passkey(
    transaction: AsyncConnection, verifier: Verifier, viewer: Viewer, client: ClientFacts
) -> str | Refusal:
    """Options with which the viewer's browser makes a passkey."""
    owner = await _may_add(transaction, viewer)
    if isinstance(owner, Refusal):
        return owner
    asked = passkeys.ask(await passkey_ids(transaction, owner.id))
    await challenge.ask_session(transaction, viewer, ChallengeKind.ENROLMENT, client, asked)
    return passkeys.enrolment(verifier.party, asked, Owner(owner.id.bytes, owner.email, owner.name))


async def confirm_passkey(
    transaction: AsyncConnection,
    verifier: Verifier,
    viewer: Viewer,
    credential: str,
    label: str | None,
    client: ClientFacts,
) -> Confirmed | Refusal:
    """The passkey counts that the viewer's browser made when it was last asked to; it is asked once for each try."""
    name = _label(label)
    if isinstance(name, Refusal):
        return name
    assert viewer.account_id is not None
    if not await lock_account(transaction, viewer.account_id):
        return NOTHING_WAITS
    asked = await challenge.take_session(transaction, viewer, ChallengeKind.ENROLMENT)
    if asked is None:
        return NOTHING_WAITS
    made = passkeys.enrolled(verifier.party, asked, credential)
    if made is None:
        return NO_PASSKEY
    if await _count(transaction, viewer.account_id) >= MOST_FACTORS:
        return LIMIT_REACHED
    first = not await methods_of(transaction, viewer.account_id)
    row = insert_or_skip(SecondFactor).values(
        id=new_id(),
        account_id=viewer.account_id,
        channel=client.channel,
        method=SecondFactorMethod.PASSKEY,
        label=name,
        confirmed_at=func.now(),
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
    )
    key = await transaction.scalar(row.on_conflict_do_nothing().returning(SecondFactor.id))
    return KNOWN_PASSKEY if key is None else await _added(transaction, viewer, key, client, first=first)


# ---- what both have in common


async def _may_add(transaction: AsyncConnection, viewer: Viewer) -> Any:
    """The owner of the viewer's account, which is locked, or why they may not add a second factor."""
    refused = require_step_up(viewer)
    if refused is not None:
        return refused
    assert viewer.account_id is not None
    await lock_account(transaction, viewer.account_id)
    if await _count(transaction, viewer.account_id) >= MOST_FACTORS:
        return LIMIT_REACHED
    owner = select(Account.id, Account.name, Account.email).where(Account.id == viewer.account_id)
    return (await transaction.execute(owner)).one()


async def _count(transaction: AsyncConnection, account_id: UUID) -> int:
    enrolled = select(func.count()).where(SecondFactor.account_id == account_id, is_enrolled(SecondFactor))
    return (await transaction.execute(enrolled)).scalar_one()


def _label(typed: str | None) -> str | Refusal | None:
    name = line(typed, field=("label",), limit=LABEL_LIMIT)
    return name or None


async def _added(
    transaction: AsyncConnection, viewer: Viewer, factor_id: UUID, client: ClientFacts, *, first: bool
) -> Confirmed:
    """A second factor counts from now on; it was given in this session, and recovery codes go with the first."""
    assert viewer.account_id is not None
    assert viewer.session_id is not None
    codes = await _new_codes(transaction, viewer.account_id) if first else None
    await note_second_factor(transaction, viewer.account_id, viewer.session_id)
    await record(transaction, viewer.account_id, AccountEventKind.SECOND_FACTOR_ADDED, client)
    await enqueue(transaction, Job(ADDED_LETTER, factor_id))
    return Confirmed(factor_id, codes)


# ---- removing


async def remove(
    transaction: AsyncConnection, viewer: Viewer, factor_id: UUID | None, client: ClientFacts
) -> Refusal | None:
    """Removes a second factor of the viewer's own, and with the last one the recovery codes.

    Staff keep one at least, unless theirs is waived.
    """
    assert viewer.account_id is not None
    account_id = viewer.account_id
    await lock_account(transaction, account_id)
    enrolled = select(SecondFactor.id).where(SecondFactor.account_id == account_id, is_enrolled(SecondFactor))
    ids = set(await transaction.scalars(enrolled))
    if factor_id not in ids:
        return NOT_FOUND
    refused = require_step_up(viewer)
    last = len(ids) == 1
    if refused is None and last and await _is_due(transaction, account_id):
        refused = LAST_OF_STAFF
    if refused is not None:
        return refused
    await transaction.execute(delete(SecondFactor).where(SecondFactor.id == factor_id))
    if last:
        await transaction.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    await restamp(transaction, account_id)
    await record(transaction, account_id, AccountEventKind.SECOND_FACTOR_REMOVED, client)
    await enqueue(transaction, Job(REMOVED_LETTER, account_id))
    return None


async def reset(transaction: AsyncConnection, account_id: UUID) -> int:
    """Removes all second factors and codes of somebody who lost them, and ends their sessions; how many they had.

    For whoever has made sure in person who asks. The owner is told by mail.
    """
    await lock_account(transaction, account_id)
    factors = await transaction.execute(delete(SecondFactor).where(SecondFactor.account_id == account_id))
    await transaction.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    await revoke_all(transaction, account_id)
    await restamp(transaction, account_id)
    await record(transaction, account_id, AccountEventKind.SECOND_FACTOR_REMOVED, AT_THE_SHOP)
    await enqueue(transaction, Job(REMOVED_LETTER, account_id))
    return factors.rowcount


async def _is_due(transaction: AsyncConnection, account_id: UUID) -> bool:
    """Whether the account is that of a member of staff who has to have a second factor."""
    member = select(StaffMember.id).where(
        StaffMember.account_id == account_id, StaffMember.second_factor_waived.is_(False)
    )
    return await transaction.scalar(member) is not None


# ---- recovery codes


async def renew_codes(transaction: AsyncConnection, viewer: Viewer) -> tuple[str, ...] | Refusal:
    """New recovery codes in place of the old ones, which are good no more."""
    refused = require_step_up(viewer)
    if refused is not None:
        return refused
    assert viewer.account_id is not None
    await lock_account(transaction, viewer.account_id)
    if not await methods_of(transaction, viewer.account_id):
        return NONE_ENROLLED
    codes = await _new_codes(transaction, viewer.account_id)
    await enqueue(transaction, Job(CODES_LETTER, viewer.account_id))
    return codes


async def _new_codes(transaction: AsyncConnection, account_id: UUID) -> tuple[str, ...]:
    await transaction.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    codes = recovery_codes.new_codes()
    rows = [{"id": new_id(), "account_id": account_id, "code_digest": code.digest} for code in codes]
    await transaction.execute(insert(RecoveryCode).values(rows))
    return tuple(code.text for code in codes)


# ---- letters


async def write_added_letter(tools: Tools, factor_id: UUID) -> None:
    """Tells the owner of an account that it has a new second factor."""
    facts = select(Account.email, SecondFactor.method, SecondFactor.confirmed_at)
    row = facts.join_from(SecondFactor, Account, Account.id == SecondFactor.account_id)
    found = await _one(tools, row.where(SecondFactor.id == factor_id))
    if found is not None:
        passkey = found.method == SecondFactorMethod.PASSKEY
        await tools.post(found.email, "second_factor_added", at=found.confirmed_at, passkey=passkey)


async def write_removed_letter(tools: Tools, account_id: UUID) -> None:
    """Tells the owner of an account that it has one second factor less."""
    removed = AccountEvent.kind == AccountEventKind.SECOND_FACTOR_REMOVED
    facts = select(Account.email, func.max(AccountEvent.occurred_at).label("at"))
    row = facts.join_from(Account, AccountEvent, AccountEvent.account_id == Account.id)
    await _tell(tools, "second_factor_removed", row.where(Account.id == account_id, removed).group_by(Account.id))


async def write_codes_letter(tools: Tools, account_id: UUID) -> None:
    """Tells the owner of an account that its recovery codes are others."""
    facts = select(Account.email, func.max(RecoveryCode.created_at).label("at"))
    row = facts.join_from(Account, RecoveryCode, RecoveryCode.account_id == Account.id)
    await _tell(tools, "recovery_codes_renewed", row.where(Account.id == account_id).group_by(Account.id))


async def _tell(tools: Tools, letter: str, row: Any) -> None:
    found = await _one(tools, row)
    if found is not None:
        await tools.post(found.email, letter, at=found.at)


async def _one(tools: Tools, row: Any) -> Any:
    return (await tools.database.transact(lambda transaction: transaction.execute(row))).one_or_none()


HANDLERS: Mapping[str, Handler[Tools]] = {
    ADDED_LETTER: write_added_letter,
    REMOVED_LETTER: write_removed_letter,
    CODES_LETTER: write_codes_letter,
}
