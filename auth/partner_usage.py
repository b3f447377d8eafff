"""How partners use their keys: counted here, written every few seconds, so that no request waits for it.

A process that is killed loses what it has counted since it last wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Column, Date, DateTime, Integer, Uuid, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database
from models.partner import Partner, PartnerKey, PartnerUsage


@dataclass(slots=True)
class _Count:
    requests: int = 0
    refused: int = 0


_Days = dict[tuple[UUID, date], _Count]


class UsageCounter:
    """Counts requests with partners' keys by partner and day (UTC), and remembers when a key was last used."""

    def __init__(self) -> None:
        self._days: _Days = {}
        self._used: dict[UUID, datetime] = {}

    def note(self, partner_id: UUID) -> None:
        """Counts a request with one of the partner's keys."""
        self._today(partner_id).requests += 1

    def note_use(self, key_id: UUID) -> None:
        """Remembers that a key that is good was used now."""
        self._used[key_id] = datetime.now(UTC)

    def note_refusal(self, partner_id: UUID) -> None:
        """Counts that a request, which is counted already, was refused what its key is for."""
        self._today(partner_id).refused += 1

    async def write(self, database: Database) -> None:
        """Adds what was counted to what is written. Raises as the database does, and then keeps counting on."""
        days, used = self._days, self._used
        if not days:
            return
        self._days, self._used = {}, {}
        try:
            await database.transact(partial(_write, days=days, used=used))
        except BaseException:
            self._take_back(days, used)
            raise

    def _today(self, partner_id: UUID) -> _Count:
        return self._days.setdefault((partner_id, datetime.now(UTC).date()), _Count())

    def _take_back(self, days: _Days, used: Mapping[UUID, datetime]) -> None:
        for day, count in days.items():
            meanwhile = self._days.setdefault(day, _Count())
            meanwhile.requests += count.requests
            meanwhile.refused += count.refused
        self._used = {**used, **self._used}


async def _write(transaction: AsyncConnection, days: _Days, used: Mapping[UUID, datetime]) -> None:
    """Rows in one order, so that processes that write at once wait for each other in turn."""
    await _write_days(transaction, sorted(days.items(), key=lambda item: item[0]))
    if used:
        await _write_uses(transaction, sorted(used.items()))


async def _write_days(transaction: AsyncConnection, days: list[tuple[tuple[UUID, date], _Count]]) -> None:
    given = _rows(
        partner_id=(Uuid(), [partner_id for (partner_id, _), _ in days]),
        day=(Date(), [day for (_, day), _ in days]),
        requests=(Integer(), [count.requests for _, count in days]),
        refused=(Integer(), [count.refused for _, count in days]),
    )
    # A partner that is gone has no usage.
    known = select(*given.c).join(Partner, Partner.id == given.c.partner_id).order_by(given.c.partner_id, given.c.day)
    row = insert(PartnerUsage).from_select([column.name for column in given.c], known)
    added = {name: getattr(PartnerUsage, name) + row.excluded[name] for name in ("requests", "refused")}
    await transaction.execute(
        row.on_conflict_do_update(index_elements=[PartnerUsage.partner_id, PartnerUsage.day], set_=added)
    )


async def _write_uses(transaction: AsyncConnection, used: list[tuple[UUID, datetime]]) -> None:
    given = _rows(
        id=(Uuid(), [key_id for key_id, _ in used]),
        at=(DateTime(timezone=True), [at for _, at in used]),
    )
    locked = select(PartnerKey.id, given.c.at).join(given, given.c.id == PartnerKey.id).order_by(PartnerKey.id)
    later = locked.with_for_update(of=PartnerKey).cte("later")
    key = update(PartnerKey).where(PartnerKey.id == later.c.id)
    await transaction.execute(key.values(last_used_at=func.greatest(PartnerKey.last_used_at, later.c.at)))


def _rows(**columns: tuple[Any, list[Any]]) -> Any:
    """A table of these columns, each given as its type and its values."""
    arrays = [bindparam(None, values, type_=ARRAY(type_), unique=True) for type_, values in columns.values()]
    table = func.unnest(*arrays).table_valued(*(Column(name, type_) for name, (type_, _) in columns.items()))
    return table.render_derived(name="given")
