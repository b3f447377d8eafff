"""Operations with a key of the client's: a repetition gets the first answer again, and nothing is done twice.

A key belongs to an account and an operation. Neither it nor the input is kept: each is known again by a hash.
"""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from models.idempotency import Idempotency
from models.ids import new_id

KEY_LIMIT = 200
MOST_UNDOINGS = 50

Outcome = UUID | list[Refusal]
FIELD = ("idempotencyKey",)

CONFLICT = Refusal(RefusalCode.IDEMPOTENCY_CONFLICT, "This key was used with another input.", FIELD)


async def once(
    transaction: AsyncConnection,
    account_id: UUID,
    operation: str,
    given: Mapping[str, Any],
    work: Callable[[], Awaitable[Outcome]],
) -> Outcome:
    """What `work()` makes, or made when the account first did the operation with the key in `given`, the whole input.

    IDEMPOTENCY_CONFLICT where the input was another one then. A refusal is not remembered: nothing was done. Of two at
    once the second waits for the first.
    """
    digests = _digests(account_id, operation, given)
    if isinstance(digests, list):
        return digests
    made = await _note(transaction, account_id, digests, None)
    if made is None:
        return await _earlier(transaction, digests) or [CONFLICT]
    outcome = await work()
    if isinstance(outcome, UUID):
        await transaction.execute(update(Idempotency).where(Idempotency.id == made).values(result_id=outcome))
    else:
        await transaction.execute(delete(Idempotency).where(Idempotency.id == made))
    return outcome


async def earlier(
    transaction: AsyncConnection, account_id: UUID, operation: str, given: Mapping[str, Any]
) -> Outcome | None:
    """What came of the operation with this key, or None: it was not done. IDEMPOTENCY_CONFLICT as for `once`."""
    digests = _digests(account_id, operation, given)
    return digests if isinstance(digests, list) else await _earlier(transaction, digests)


async def begin(
    transaction: AsyncConnection, account_id: UUID, operation: str, given: Mapping[str, Any], result_id: UUID
) -> Outcome:
    """`result_id`, where the account does the operation with this key for the first time; else the first one's.

    For what takes more than one transaction: the key is known from the first on. Where nothing comes of it, delete it
    with what was made. IDEMPOTENCY_CONFLICT as for `once`. One statement the first time.
    """
    digests = _digests(account_id, operation, given)
    if isinstance(digests, list):
        return digests
    for _ in range(MOST_UNDOINGS):
        if await _note(transaction, account_id, digests, result_id) is not None:
            return result_id
        earlier = await _earlier(transaction, digests)
        if earlier is not None:
            return earlier
    raise RuntimeError("the key was taken and given back all the time")


@dataclass(frozen=True, slots=True)
class _Digests:
    key: bytes
    input: bytes


def _digests(account_id: UUID, operation: str, given: Mapping[str, Any]) -> _Digests | list[Refusal]:
    key = given["idempotency_key"]
    if not key.strip() or len(key) > KEY_LIMIT:
        code = RefusalCode.TOO_LONG if key.strip() else RefusalCode.REQUIRED
        return [Refusal(code, f"A key has 1 to {KEY_LIMIT} characters.", FIELD)]
    return _Digests(
        hashlib.sha256(_canonical([account_id, operation, key])).digest(),
        hmac.new(key.encode("utf-8", "surrogatepass"), _canonical(given), hashlib.sha256).digest(),
    )


async def _note(
    transaction: AsyncConnection, account_id: UUID, digests: _Digests, result_id: UUID | None
) -> UUID | None:
    """Keeps the key, where nobody has; waits for whoever is about to."""
    row = {
        "id": new_id(),
        "account_id": account_id,
        "key_digest": digests.key,
        "input_digest": digests.input,
        "result_id": result_id,
    }
    return await transaction.scalar(_NOTING, row)


_NOTING = (
    insert(Idempotency)
    .values({name: bindparam(name) for name in ("id", "account_id", "key_digest", "input_digest", "result_id")})
    .on_conflict_do_nothing(index_elements=[Idempotency.key_digest])
    .returning(Idempotency.id)
)


async def _earlier(transaction: AsyncConnection, digests: _Digests) -> Outcome | None:
    """What the key was used for; None where it was given back in this moment."""
    found = select(Idempotency.input_digest, Idempotency.result_id).where(Idempotency.key_digest == digests.key)
    earlier = (await transaction.execute(found)).one_or_none()
    if earlier is None:
        return None
    same = hmac.compare_digest(earlier.input_digest, digests.input)
    return earlier.result_id if same and earlier.result_id is not None else [CONFLICT]


def _canonical(value: Any) -> bytes:
    """One text for one value, whatever the order of its names."""
    return json.dumps(value, sort_keys=True, default=str, separators=(",", ":")).encode()
