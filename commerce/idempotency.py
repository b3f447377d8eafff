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

from sqlalchemy import CTE, LargeBinary, Uuid, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from models.idempotency import Idempotency
from models.ids import new_id
from models.statement import Statement

KEY_LIMIT = 200
MOST_UNDOINGS = 50

TAKEN = "uq_idempotency_key_digest"
"""The index that refuses a key that somebody has kept meanwhile."""

Outcome = UUID | list[Refusal]
FIELD = ("idempotencyKey",)

CONFLICT = Refusal(RefusalCode.IDEMPOTENCY_CONFLICT, "This key was used with another input.", FIELD)


@dataclass(frozen=True, slots=True)
class Digests:
    """What a key and the input that came with it are known by."""

    key: bytes
    input: bytes


def digests(account_id: UUID, operation: str, given: Mapping[str, Any]) -> Digests | list[Refusal]:
    """The digests of `idempotency_key` and of the whole input. REQUIRED, TOO_LONG for a key that is none."""
    key = given["idempotency_key"]
    if not key.strip() or len(key) > KEY_LIMIT:
        code = RefusalCode.TOO_LONG if key.strip() else RefusalCode.REQUIRED
        return [Refusal(code, f"A key has 1 to {KEY_LIMIT} characters.", FIELD)]
    return Digests(
        hashlib.sha256(_canonical([account_id, operation, key])).digest(),
        hmac.digest(key.encode("utf-8", "surrogatepass"), _canonical(given), "sha256"),
    )


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
    known = digests(account_id, operation, given)
    if isinstance(known, list):
        return known
    made = await _NOTED.value(transaction, **keys(known, account_id, None))
    if made is None:
        return await _earlier(transaction, known) or [CONFLICT]
    outcome = await work()
    if isinstance(outcome, UUID):
        await _DONE.run(transaction, made=made, result=outcome)
    else:
        await _FORGOTTEN.run(transaction, made=made)
    return outcome


async def earlier(
    transaction: AsyncConnection, account_id: UUID, operation: str, given: Mapping[str, Any]
) -> Outcome | None:
    """What came of the operation with this key, or None: it was not done. IDEMPOTENCY_CONFLICT as for `once`."""
    known = digests(account_id, operation, given)
    return known if isinstance(known, list) else await _earlier(transaction, known)


async def begin(
    transaction: AsyncConnection, account_id: UUID, operation: str, given: Mapping[str, Any], result_id: UUID
) -> Outcome:
    """`result_id`, where the account does the operation with this key for the first time; else the first one's.

    For what takes more than one transaction: the key is known from the first on. Where nothing comes of it, delete it
    with what was made. IDEMPOTENCY_CONFLICT as for `once`. One statement the first time.
    """
    known = digests(account_id, operation, given)
    if isinstance(known, list):
        return known
    for _ in range(MOST_UNDOINGS):
        if await _NOTED.value(transaction, **keys(known, account_id, result_id)) is not None:
            return result_id
        earlier = await _earlier(transaction, known)
        if earlier is not None:
            return earlier
    raise RuntimeError("the key was taken and given back all the time")


async def _earlier(transaction: AsyncConnection, known: Digests) -> Outcome | None:
    """What the key was used for; None where it was given back in this moment."""
    row = await _FOUND.first(transaction, key_digest=known.key)
    return None if row is None else answer(known, row.input_digest, row.result_id)


def answer(known: Digests, input_digest: bytes, result_id: UUID | None) -> Outcome:
    """What came of the operation that was done with this key, by what its row says."""
    same = hmac.compare_digest(input_digest, known.input)
    return result_id if same and result_id is not None else [CONFLICT]


# ---- statements that others make a part of theirs


KEY_DIGEST = bindparam("key_digest", type_=LargeBinary)
_INPUT_DIGEST, _OWNER, _RESULT, _MADE = (
    bindparam("input_digest", type_=LargeBinary),
    bindparam("key_owner", type_=Uuid),
    bindparam("result", type_=Uuid),
    bindparam("made", type_=Uuid),
)


def keeping(begun: CTE | None = None) -> Insert:
    """Keeps a key, if `begun` has a row; see `keys` for its parameters. TAKEN refuses it where somebody else has."""
    row = select(_MADE, _OWNER, KEY_DIGEST, _INPUT_DIGEST, _RESULT)
    columns = ["id", "account_id", "key_digest", "input_digest", "result_id"]
    rows = row if begun is None else row.select_from(begun)
    return insert(Idempotency).from_select(columns, rows, include_defaults=False)


def keys(known: Digests, account_id: UUID, result_id: UUID | None) -> dict[str, Any]:
    """The parameters of `keeping`."""
    return {
        "made": new_id(),
        "key_owner": account_id,
        "key_digest": known.key,
        "input_digest": known.input,
        "result": result_id,
    }


_NOTED = Statement(
    lambda: keeping().on_conflict_do_nothing(index_elements=[Idempotency.key_digest]).returning(Idempotency.id)
)
"""Waits for whoever is about to keep the key."""

_FOUND = Statement(
    lambda: select(Idempotency.input_digest, Idempotency.result_id).where(Idempotency.key_digest == KEY_DIGEST)
)
_DONE = Statement(lambda: update(Idempotency).where(Idempotency.id == _MADE).values(result_id=_RESULT))
_FORGOTTEN = Statement(lambda: delete(Idempotency).where(Idempotency.id == _MADE))


def _canonical(value: Any) -> bytes:
    """One text for one value, whatever the order of its names."""
    return json.dumps(value, sort_keys=True, default=str, separators=(",", ":")).encode()
