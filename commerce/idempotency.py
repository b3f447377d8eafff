"""Operations with a key of the client's: a repetition gets the first answer again, and nothing is done twice.

A key belongs to an account and an operation. Neither it nor the input is kept: each is known again by a hash.
"""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from models.idempotency import Idempotency
from models.ids import new_id

KEY_LIMIT = 200

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
    key = given["idempotency_key"]
    if not key.strip() or len(key) > KEY_LIMIT:
        code = RefusalCode.TOO_LONG if key.strip() else RefusalCode.REQUIRED
        return [Refusal(code, f"A key has 1 to {KEY_LIMIT} characters.", FIELD)]
    key_digest = hashlib.sha256(_canonical([account_id, operation, key])).digest()
    input_digest = hmac.new(key.encode("utf-8", "surrogatepass"), _canonical(given), hashlib.sha256).digest()
    row = insert(Idempotency).values(
        id=new_id(), account_id=account_id, key_digest=key_digest, input_digest=input_digest
    )
    made = await transaction.scalar(
        row.on_conflict_do_nothing(index_elements=[Idempotency.key_digest]).returning(Idempotency.id)
    )
    if made is None:
        return await _earlier(transaction, key_digest, input_digest)
    outcome = await work()
    if isinstance(outcome, UUID):
        await transaction.execute(update(Idempotency).where(Idempotency.id == made).values(result_id=outcome))
    else:
        await transaction.execute(delete(Idempotency).where(Idempotency.id == made))
    return outcome


async def _earlier(transaction: AsyncConnection, key_digest: bytes, input_digest: bytes) -> Outcome:
    found = select(Idempotency.input_digest, Idempotency.result_id).where(Idempotency.key_digest == key_digest)
    earlier = (await transaction.execute(found)).one()
    same = hmac.compare_digest(earlier.input_digest, input_digest)
    return earlier.result_id if same and earlier.result_id is not None else [CONFLICT]


def _canonical(value: Any) -> bytes:
    """One text for one value, whatever the order of its names."""
    return json.dumps(value, sort_keys=True, default=str, separators=(",", ":")).encode()
