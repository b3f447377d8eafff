"""Measurements of a customer or their child: sets that they keep, and the copy that an order is made to (P6).

Values are sealed for their row, and in the open only while they are shown or checked. Every function on sets is about
one account's: a set of another account is NOT_FOUND, before any other refusal.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.sealing import Sealer
from commerce import text
from commerce.measurement_ranges import is_plausible, plausible
from models.account import Account
from models.classification import Channel
from models.ids import new_id
from models.measurement import LengthUnit, MeasuredPerson, MeasurementName, MeasurementSet
from models.statement import Statement
from privacy.retention import RULES

MEASUREMENTS = "measurements"
"""What measurements are sealed as."""

MOST_SETS = 20
LABEL_LIMIT = 50
MOST_DECIMALS = 4
"""A sixteenth of an inch, 0.0625, has four."""

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There are no such measurements of yours.", ("id",))

Values = Mapping[MeasurementName, Decimal]


@dataclass(frozen=True, slots=True)
class SetDraft:
    """What a customer fills in. One that is not to be kept goes with the order it is used for, or in time."""

    label: str
    person: MeasuredPerson
    unit: LengthUnit
    values: Sequence[tuple[MeasurementName, Decimal]] = field(repr=False)
    keep: bool = True


@dataclass(frozen=True, slots=True)
class Copy:
    """A row of order_measurement, and what is measured in it: a product may require more."""

    order_line_id: UUID
    row: Mapping[str, Any] = field(repr=False)
    names: frozenset[MeasurementName]


# ---- sealing


@lru_cache(maxsize=4)
def sealer_of(secret: bytes) -> Sealer:
    """What seals and opens measurements, with a key derived from the server's secret."""
    return Sealer(secret, MEASUREMENTS)


def seal(sealer: Sealer, values: Values, row_id: UUID) -> bytes:
    """The values for a row of that key, each exactly as it was given."""
    plain = {name.value: format(values[name], "f") for name in MeasurementName if name in values}
    return sealer.seal(json.dumps(plain, separators=(",", ":")).encode(), row_id.bytes)


def unseal(sealer: Sealer, sealed: bytes, row_id: UUID) -> dict[MeasurementName, Decimal]:
    """What was sealed for the row, in the order of the names. Raises Unsealable."""
    plain = json.loads(sealer.open(sealed, row_id.bytes))
    return {MeasurementName(name): Decimal(value) for name, value in plain.items()}


# ---- orders


async def copies(
    transaction: AsyncConnection, account_id: UUID | None, wanted: Sequence[tuple[UUID, UUID]], sealer: Sealer
) -> list[Copy]:
    """Copies of an account's sets for order lines, each (set, line), sealed anew for the line. One statement, or none.

    A set that is not the account's, or is no more, has no copy. The rows are the caller's to insert.
    """
    if not wanted or account_id is None:
        return []
    asked = {set_id for set_id, _ in wanted}
    found = {row.id: row for row in await _SETS.all(transaction, owner=account_id, sets=list(asked))}
    return [_copy(found[set_id], line_id, sealer) for set_id, line_id in wanted if set_id in found]


_SETS = Statement(
    lambda: select(MeasurementSet.__table__).where(
        MeasurementSet.account_id == bindparam("owner", type_=Uuid),
        MeasurementSet.id == func.any(bindparam("sets", type_=ARRAY(Uuid))),
    )
)


def _copy(measured: Any, order_line_id: UUID, sealer: Sealer) -> Copy:
    values = unseal(sealer, measured.sealed, measured.id)
    row = {
        "order_line_id": order_line_id,
        "account_id": measured.account_id,
        "channel": measured.channel,
        "person": measured.person,
        "unit": measured.unit,
        "sealed": seal(sealer, values, order_line_id),
    }
    return Copy(order_line_id, row, frozenset(values))


def used_up(set_ids: Any) -> Any:
    """A DELETE of those of the sets that are not to be kept: for when the order that they were used for is placed.

    `set_ids` are keys or a select of keys, such as a cart's lines have; the statement may stand in another's WITH.
    """
    return delete(MeasurementSet).where(MeasurementSet.id.in_(set_ids), ~MeasurementSet.keep)


# ---- sets


async def save(
    transaction: AsyncConnection, account_id: UUID, draft: SetDraft, sealer: Sealer, channel: Channel
) -> UUID | list[Refusal]:
    """Adds a set, at most 20."""
    label = _check(draft)
    if isinstance(label, list):
        return label
    account = select(Account.id).where(Account.id == account_id).with_for_update(key_share=True)
    await transaction.execute(account)
    size = select(func.count()).select_from(MeasurementSet).where(MeasurementSet.account_id == account_id)
    if (await transaction.scalar(size) or 0) >= MOST_SETS:
        message = f"You can keep {MOST_SETS} sets of measurements. Delete one that is not needed any more."
        return [Refusal(RefusalCode.LIMIT_REACHED, message)]
    set_id = new_id()
    values = {"id": set_id, "account_id": account_id, "channel": channel, **_columns(draft, label, set_id, sealer)}
    await transaction.execute(insert(MeasurementSet).values(values))
    return set_id


async def change(
    transaction: AsyncConnection,
    account_id: UUID,
    set_id: UUID,
    draft: SetDraft,
    sealer: Sealer,
    *,
    expected_version: int | None = None,
) -> UUID | list[Refusal]:
    """Puts other measurements in a set's place. VERSION_CONFLICT where it is not the expected version."""
    own = (MeasurementSet.account_id == account_id, MeasurementSet.id == set_id)
    stored = await transaction.scalar(select(MeasurementSet.version).where(*own).with_for_update())
    if stored is None:
        return [NOT_FOUND]
    if expected_version not in {None, stored}:
        return [Refusal(RefusalCode.VERSION_CONFLICT, "It was changed meanwhile.", ("expectedVersion",))]
    label = _check(draft)
    if isinstance(label, list):
        return label
    values = _columns(draft, label, set_id, sealer) | {"version": stored + 1, "updated_at": func.now()}
    await transaction.execute(update(MeasurementSet).where(*own).values(values))
    return set_id


async def remove(transaction: AsyncConnection, account_id: UUID, set_id: UUID) -> UUID | list[Refusal]:
    """Deletes a set. Orders keep their copies, and lines of carts lose it."""
    own = delete(MeasurementSet).where(MeasurementSet.account_id == account_id, MeasurementSet.id == set_id)
    return await transaction.scalar(own.returning(MeasurementSet.id)) or [NOT_FOUND]


def _check(draft: SetDraft) -> str | list[Refusal]:
    """The label in regular form, or all that is wrong."""
    label = text.line(draft.label, field=("label",), limit=LABEL_LIMIT, required=True)
    refused = [label] if isinstance(label, Refusal) else []
    if not draft.values:
        refused.append(Refusal(RefusalCode.REQUIRED, "Give at least one measurement.", ("values",)))
    seen: set[MeasurementName] = set()
    for at, (name, value) in enumerate(draft.values):
        if name in seen:
            message = f"{_spoken(name)} is given twice."
            refused.append(Refusal(RefusalCode.INVALID, message, ("values", str(at), "name")))
        elif not _is_exact(value) or not is_plausible(name, value, draft.person, draft.unit):
            refused.append(_implausible(name, draft, at))
        seen.add(name)
    return refused or str(label)


def _is_exact(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -MOST_DECIMALS


def _implausible(name: MeasurementName, draft: SetDraft, at: int) -> Refusal:
    least, greatest = plausible(name, draft.person, draft.unit)
    message = (
        f"{_spoken(name)} of {'an adult' if draft.person is MeasuredPerson.ADULT else 'a child'} is from {least} to "
        f"{greatest} {draft.unit.lower()}, with at most {MOST_DECIMALS} decimals."
    )
    return Refusal(RefusalCode.INVALID, message, ("values", str(at), "value"))


def _spoken(name: MeasurementName) -> str:
    return name.replace("_", " ").capitalize()


def _columns(draft: SetDraft, label: str, set_id: UUID, sealer: Sealer) -> dict[str, Any]:
    return {
        "label": label,
        "person": draft.person,
        "unit": draft.unit,
        "sealed": seal(sealer, dict(draft.values), set_id),
        "keep": draft.keep,
        "keep_until": None if draft.keep else func.now() + RULES["measurement"].period,
    }
