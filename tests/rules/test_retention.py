from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select

import models
from models.account import AccountEvent
from models.ids import new_id
from models.login_session import LoginSession
from privacy.retention import RULES, named, sweep
from tests.support.address import account
from tests.support.database import RolledBackDatabase

NOW = datetime.now(UTC)


def test_every_retention_that_a_column_names_has_a_rule():
    assert {name for _, name in named(models.metadata)} <= set(RULES)


def test_no_rule_is_without_a_column():
    assert set(RULES) <= {name for _, name in named(models.metadata)}


async def session(database: RolledBackDatabase, owner: UUID, **changes: object) -> UUID:
    row = {
        "id": new_id(),
        "account_id": owner,
        "token_digest": new_id().bytes * 2,
        "channel": "WEB",
        "device_kind": "OTHER",
        "idle_seconds": 3600 * 24 * 14,
        "expires_at": NOW + timedelta(days=20),
    }
    await database.transact(lambda transaction: transaction.execute(insert(LoginSession).values({**row, **changes})))
    return UUID(str(row["id"]))


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"revoked_at": NOW - timedelta(days=29)}, True),
        ({"revoked_at": NOW - timedelta(days=31)}, False),
        ({"expires_at": NOW - timedelta(days=31)}, False),
        ({"expires_at": NOW - timedelta(days=29)}, True),
        ({"last_used_at": NOW - timedelta(days=43)}, True),
        ({"last_used_at": NOW - timedelta(days=45)}, False),
    ],
)
async def test_session_goes_thirty_days_after_its_end(
    database: RolledBackDatabase, changes: dict[str, object], kept: bool
):
    owner = await database.transact(account)
    key = await session(database, owner, **changes)
    await sweep(database)
    found = select(func.count()).where(LoginSession.id == key)
    assert bool(await database.transact(lambda transaction: transaction.scalar(found))) is kept


async def test_sweep_takes_more_than_a_batch_and_tells_how_many(
    database: RolledBackDatabase, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("privacy.retention.BATCH", 3)
    owner = await database.transact(account)
    old = {"account_id": owner, "kind": "SIGNED_IN", "channel": "WEB", "occurred_at": NOW - timedelta(days=400)}
    rows = [{**old, "id": new_id()} for _ in range(7)] + [{**old, "id": new_id(), "occurred_at": NOW}]
    await database.transact(lambda transaction: transaction.execute(insert(AccountEvent), rows))
    assert (await sweep(database))["account_event"] == 7
    left = select(func.count()).where(AccountEvent.account_id == owner)
    assert await database.transact(lambda transaction: transaction.scalar(left)) == 1
