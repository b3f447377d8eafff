"""Second factors: which an account has, and whether what is given is one of them, once (ASVS 6.5, 6.6).

Of several answers at the same time each finds what those before it used up, whether or not the account is locked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth import passkeys, recovery_codes, totp
from auth.account_events import ClientFacts, record
from auth.passkeys import RelyingParty
from auth.refusal import Refusal, RefusalCode
from auth.sealing import Sealer
from commerce.tools import Tools
from gateways.jobs import Handler, Job, enqueue
from models.account import Account, AccountEventKind
from models.second_factor import RecoveryCode, SecondFactor, SecondFactorMethod

CODE_USED_LETTER = "second_factor.code_used_letter"

SEEDS = "totp-seed"
"""What seeds of authenticator apps are sealed as."""

INVALID = Refusal(
    RefusalCode.SECOND_FACTOR_INVALID, "That is not your second factor, or it was used before.", ("secondFactor",)
)
ONE_OF_THREE = Refusal(
    RefusalCode.INVALID, "Give one of totpCode, passkey and recoveryCode, and only one.", ("secondFactor",)
)


@dataclass(frozen=True, slots=True)
class Verifier:
    """What second factors are checked with: the opener of sealed seeds, and the shop as passkeys know it."""

    sealer: Sealer
    party: RelyingParty


@dataclass(frozen=True, slots=True)
class Answer:
    """A second factor as it is given, one of the three; `passkey` is the browser's JSON text."""

    totp_code: str | None = field(default=None, repr=False)
    passkey: str | None = field(default=None, repr=False)
    recovery_code: str | None = field(default=None, repr=False)

    @property
    def method(self) -> SecondFactorMethod | None:
        """Which one it is; None where it is none, or more than one."""
        given = {
            SecondFactorMethod.TOTP: self.totp_code,
            SecondFactorMethod.PASSKEY: self.passkey,
            SecondFactorMethod.RECOVERY_CODE: self.recovery_code,
        }
        methods = [method for method, text in given.items() if text is not None]
        return methods[0] if len(methods) == 1 else None


# ---- what an account has


def sealed_for(account_id: UUID, factor_id: UUID) -> bytes:
    """The place that a seed is sealed for: its own row, of its own account."""
    return account_id.bytes + factor_id.bytes


async def methods_of(transaction: AsyncConnection, account_id: UUID) -> set[SecondFactorMethod]:
    """The kinds of second factors that the account has enrolled and confirmed."""
    methods = select(SecondFactor.method).where(SecondFactor.account_id == account_id, is_enrolled(SecondFactor))
    return {SecondFactorMethod(method) for method in await transaction.scalars(methods.distinct())}


def is_enrolled(factor: Any) -> ColumnElement[bool]:
    """Whether a second factor counts. `factor` has SecondFactor's columns."""
    return factor.confirmed_at.is_not(None)


async def passkey_ids(transaction: AsyncConnection, account_id: UUID) -> list[bytes]:
    """The account's passkeys, as their authenticators know them."""
    ids = select(SecondFactor.credential_id).where(
        SecondFactor.account_id == account_id, SecondFactor.method == SecondFactorMethod.PASSKEY
    )
    return [found for found in await transaction.scalars(ids.order_by(SecondFactor.id)) if found is not None]


def codes_left(account_id: UUID) -> Select[UUID]:
    """The account's recovery codes that were not used yet."""
    return select(RecoveryCode.id).where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))


# ---- whether it is one


async def accepts(
    transaction: AsyncConnection,
    verifier: Verifier,
    account_id: UUID,
    answer: Answer,
    client: ClientFacts,
    *,
    asked: bytes | None,
) -> bool:
    """Whether this is a second factor of the account, used up by that. `asked` is what a passkey has to have signed."""
    match answer.method:
        case SecondFactorMethod.TOTP:
            return await _accepts_code(transaction, verifier, account_id, answer.totp_code or "")
        case SecondFactorMethod.PASSKEY:
            return await _accepts_passkey(transaction, verifier, account_id, answer.passkey or "", asked)
        case SecondFactorMethod.RECOVERY_CODE:
            return await _accepts_recovery_code(transaction, account_id, answer.recovery_code or "", client)
        case _:
            return False


async def _accepts_code(transaction: AsyncConnection, verifier: Verifier, account_id: UUID, code: str) -> bool:
    apps = select(SecondFactor.id, SecondFactor.sealed, SecondFactor.last_step).where(
        SecondFactor.account_id == account_id,
        SecondFactor.method == SecondFactorMethod.TOTP,
        is_enrolled(SecondFactor),
    )
    for app in (await transaction.execute(apps.order_by(SecondFactor.id))).all():
        step = step_of(verifier, account_id, app, code)
        if step is not None and await use_step(transaction, app.id, step):
            return True
    return False


def step_of(verifier: Verifier, account_id: UUID, app: Any, code: str) -> int | None:
    """The time step whose code was typed; `app` is a row of id, sealed seed and last step."""
    seed = verifier.sealer.open(app.sealed, sealed_for(account_id, app.id)).decode()
    return totp.matching_step(seed, code, after=app.last_step)


async def use_step(transaction: AsyncConnection, factor_id: UUID, step: int, **values: Any) -> bool:
    """Takes a time step's code, which is good once (RFC 6238, section 5.2). False: it was taken meanwhile."""
    unused = or_(SecondFactor.last_step.is_(None), SecondFactor.last_step < step)
    row = update(SecondFactor).where(SecondFactor.id == factor_id, unused)
    used = row.values(last_step=step, last_used_at=func.now(), **values).returning(SecondFactor.id)
    return await transaction.scalar(used) is not None


async def _accepts_passkey(
    transaction: AsyncConnection, verifier: Verifier, account_id: UUID, answer: str, asked: bytes | None
) -> bool:
    assertion = passkeys.read_assertion(answer)
    if asked is None or assertion is None or (assertion.user_handle or account_id.bytes) != account_id.bytes:
        return False
    row = select(SecondFactor.id, SecondFactor.public_key, SecondFactor.sign_count).where(
        SecondFactor.account_id == account_id, SecondFactor.credential_id == assertion.credential_id
    )
    key: Any = (await transaction.execute(row.with_for_update())).one_or_none()
    if key is None:
        return False
    count = passkeys.proved(verifier.party, asked, assertion, key.public_key, key.sign_count)
    if count is None:
        return False
    used = update(SecondFactor).where(SecondFactor.id == key.id)
    await transaction.execute(used.values(sign_count=count, last_used_at=func.now()))
    return True


async def _accepts_recovery_code(
    transaction: AsyncConnection, account_id: UUID, typed: str, client: ClientFacts
) -> bool:
    digest = recovery_codes.digest_of(typed)
    if digest is None:
        return False
    row = update(RecoveryCode).where(
        RecoveryCode.account_id == account_id, RecoveryCode.code_digest == digest, RecoveryCode.used_at.is_(None)
    )
    used = await transaction.scalar(row.values(used_at=func.now()).returning(RecoveryCode.id))
    if used is None:
        return False
    await record(transaction, account_id, AccountEventKind.RECOVERY_CODE_USED, client)
    await enqueue(transaction, Job(CODE_USED_LETTER, used))
    return True


async def write_code_used_letter(tools: Tools, code_id: UUID) -> None:
    """Tells the owner of an account that a recovery code was used, and how many are left."""
    found = await tools.database.transact(partial(_used_code, code_id=code_id))
    if found is not None:
        await tools.post(found.email, "recovery_code_used", at=found.used_at, left=found.left)


async def _used_code(transaction: AsyncConnection, code_id: UUID) -> Any:
    left = select(func.count()).where(RecoveryCode.account_id == Account.id, RecoveryCode.used_at.is_(None))
    facts = select(Account.email, RecoveryCode.used_at, left.correlate(Account).scalar_subquery().label("left"))
    code = facts.join_from(RecoveryCode, Account, Account.id == RecoveryCode.account_id)
    return (await transaction.execute(code.where(RecoveryCode.id == code_id))).one_or_none()


HANDLERS: Mapping[str, Handler[Tools]] = {CODE_USED_LETTER: write_code_used_letter}
