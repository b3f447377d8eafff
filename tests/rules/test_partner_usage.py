"""What partners use is counted in memory and added up in the database."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import delete, select

import app.partner_gate
from app.partner_gate import written_down
from auth.partner_usage import UsageCounter
from models.database import Database, DatabaseAway
from models.ids import new_id
from models.partner import Partner, PartnerUsage
from tests.support.database import RolledBackDatabase
from tests.support.log import written_log
from tests.support.partner import key_of, last_used, partner_and_key, partner_with, written_usage
from tests.support.statements import statements

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


async def days_of(database: Database, partner_id: UUID) -> list[tuple[date, int, int]]:
    rows = select(PartnerUsage.day, PartnerUsage.requests, PartnerUsage.refused).order_by(PartnerUsage.day)
    found = await database.transact(lambda t: t.execute(rows.where(PartnerUsage.partner_id == partner_id)))
    return [(row.day, row.requests, row.refused) for row in found]


def used(usage: UsageCounter, partner_id: UUID, times: int, refused: int = 0) -> None:
    for number in range(times):
        usage.note(partner_id)
        if number < refused:
            usage.note_refusal(partner_id)


async def test_counts_of_processes_are_added_up(database: RolledBackDatabase):
    partner_id, _ = await partner_and_key(database)
    other, _ = await partner_and_key(database)
    for times in (3, 4):
        usage = UsageCounter()
        used(usage, partner_id, times, refused=2)
        used(usage, other, 1)
        await usage.write(database)
        await usage.write(database)
    assert await written_usage(database, partner_id) == (7, 4)
    assert await written_usage(database, other) == (2, 0)


async def test_days_are_those_of_utc(database: RolledBackDatabase):
    partner_id, _ = await partner_and_key(database)
    usage = UsageCounter()
    for moment in ("2026-11-24T23:59:59+00:00", "2026-11-25T00:00:00+00:00", "2026-11-25T23:30:00-02:00"):
        with time_machine.travel(datetime.fromisoformat(moment), tick=False):
            usage.note(partner_id)
    await usage.write(database)
    assert await days_of(database, partner_id) == [
        (date(2026, 11, 24), 1, 0),
        (date(2026, 11, 25), 1, 0),
        (date(2026, 11, 26), 1, 0),
    ]


async def test_last_use_of_each_key_is_its_latest(database: RolledBackDatabase):
    partner_id, key = await partner_and_key(database)
    unused = await database.transact(lambda t: key_of(t, partner_id))
    early, late = UsageCounter(), UsageCounter()
    for usage, moment in ((early, NOON), (late, NOON + timedelta(hours=1))):
        with time_machine.travel(moment, tick=False):
            usage.note(partner_id)
            usage.note_use(key.key_id)
    await late.write(database)
    await early.write(database)
    assert await last_used(database, key.key_id) == NOON + timedelta(hours=1)
    assert await last_used(database, unused.key_id) is None


async def test_writing_takes_two_statements_however_much_there_is(database: RolledBackDatabase):
    usage = UsageCounter()
    for _ in range(5):
        partner_id, key = await partner_and_key(database)
        used(usage, partner_id, 3)
        usage.note_use(key.key_id)
    with statements(database) as sent:
        await usage.write(database)
    assert [statement.split()[0] for statement in sent] == ["INSERT", "WITH"]
    with statements(database) as sent:
        await usage.write(database)
    assert sent == []


async def test_partner_that_is_gone_keeps_nothing_from_being_written(database: RolledBackDatabase):
    partner_id, _ = await partner_and_key(database)
    gone, key = await partner_and_key(database)
    usage = UsageCounter()
    used(usage, partner_id, 1)
    used(usage, gone, 1)
    usage.note_use(key.key_id)
    used(usage, new_id(), 1)
    await database.transact(lambda t: t.execute(delete(Partner).where(Partner.id == gone)))
    await usage.write(database)
    assert await written_usage(database, partner_id) == (1, 0)
    assert await written_usage(database, gone) == (0, 0)


async def test_what_could_not_be_written_is_written_later(database: RolledBackDatabase):
    partner_id, key = await partner_and_key(database)
    usage, away = UsageCounter(), Database("postgresql://nobody@/nothing?host=/nowhere")
    used(usage, partner_id, 2, refused=1)
    with time_machine.travel(NOON, tick=False):
        usage.note_use(key.key_id)
    with pytest.raises(DatabaseAway):
        await usage.write(away)
    await away.close()
    used(usage, partner_id, 3, refused=1)
    await usage.write(database)
    assert await written_usage(database, partner_id) == (5, 2)
    assert await last_used(database, key.key_id) == NOON


async def test_processes_that_write_at_once_lose_nothing(committed_database: Database):
    partner_ids = [await committed_database.transact(partner_with) for _ in range(6)]
    keys = [await committed_database.transact(lambda t, p=p: key_of(t, p)) for p in partner_ids]
    usages = [UsageCounter() for _ in range(8)]
    for turn, usage in enumerate(usages):
        order = range(6) if turn % 2 else reversed(range(6))
        for at in order:
            used(usage, partner_ids[at], 5, refused=1)
            usage.note_use(keys[at].key_id)
    await asyncio.gather(*(usage.write(committed_database) for usage in usages))
    for partner_id in partner_ids:
        assert await written_usage(committed_database, partner_id) == (40, 8)


async def test_counts_are_written_every_few_seconds_and_at_the_end(
    committed_database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app.partner_gate, "WRITE_EVERY", 0.05)
    partner_id, _ = await partner_and_key(committed_database)
    usage = UsageCounter()
    async with written_down(usage, committed_database):
        used(usage, partner_id, 2)
        for _ in range(100):
            await asyncio.sleep(0.05)
            if await written_usage(committed_database, partner_id) == (2, 0):
                break
        else:
            pytest.fail("nothing was written")
        monkeypatch.setattr(app.partner_gate, "WRITE_EVERY", 60)
        await asyncio.sleep(0.1)
        used(usage, partner_id, 1)
    assert await written_usage(committed_database, partner_id) == (3, 0)


async def test_database_that_is_away_is_told_in_the_log_and_does_not_end_the_counting(
    committed_database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app.partner_gate, "WRITE_EVERY", 0.05)
    partner_id, _ = await partner_and_key(committed_database)
    usage, away = UsageCounter(), Database("postgresql://nobody@/nothing?host=/nowhere")
    with written_log() as log:
        async with written_down(usage, away):
            used(usage, partner_id, 1)
            await asyncio.sleep(0.2)
    await away.close()
    assert {line["event"] for line in log} == {"partners.usage_unwritten"}
    assert len(log) > 1
    await usage.write(committed_database)
    assert await written_usage(committed_database, partner_id) == (1, 0)
