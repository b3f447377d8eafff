"""How long personal data is kept, by the names that the declarations use, and the sweep that ends it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, MetaData, and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.account import AccountEvent
from models.classification import Personal, classification
from models.customer import CustomerDecision
from models.data_access import DataAccess
from models.database import Database
from models.idempotency import Idempotency
from models.login_session import LoginSession
from models.second_factor import Challenge, SecondFactor

BATCH = 5_000
"""Rows of one transaction of a sweep: enough to be quick, few enough to keep nobody waiting."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a retention's name means. `period` counts from the event that `text` names; None: there is no fixed end."""

    text: str
    period: timedelta | None = None


DAYS = timedelta(days=1)

RULES: dict[str, Rule] = {
    "account": Rule("until its owner changes or erases it, with the account"),
    "account_event": Rule("13 months after it happened", 396 * DAYS),
    "cart": Rule("30 days after it was last changed", 30 * DAYS),
    "customer_decision": Rule("two years after the decision", 731 * DAYS),
    "data_access": Rule("two years after the read", 731 * DAYS),
    "login_session": Rule("30 days after the session ended", 30 * DAYS),
    "mail_proof": Rule(
        "a day for what was never proved, a week for a guardian's address, eight days for a change of address"
    ),
    "measurement": Rule(
        "of an order: 90 days after delivery; a set that is not to be kept, as long; a saved one until its owner "
        "deletes it or the account is erased",
        90 * DAYS,
    ),
    "order": Rule("until the account is erased; the order's facts stay without the person"),
    "order_contact": Rule("until the account is erased"),
    "review": Rule("until its author withdraws it or the account is erased; the rating stays in the aggregate"),
    "staff": Rule("as long as the law asks for after the work for the shop ended"),
}


def named(metadata: MetaData) -> Iterator[tuple[str, str]]:
    """Each table and a retention that its columns name."""
    for table in metadata.tables.values():
        found = {one.retention for one in map(classification, table.columns) if isinstance(one, Personal)}
        yield from ((table.name, name) for name in sorted(found))


def over(name: str, since: Any) -> ColumnElement[bool]:
    """Whether the rule's period has passed since a moment."""
    period = RULES[name].period
    assert period is not None
    return since < func.now() - period


def sweeps() -> dict[Any, ColumnElement[bool]]:
    """What has had its time, by table."""
    idle_end = LoginSession.last_used_at + func.make_interval(0, 0, 0, 0, 0, 0, LoginSession.idle_seconds)
    return {
        AccountEvent: over("account_event", AccountEvent.occurred_at),
        CustomerDecision: over("customer_decision", CustomerDecision.decided_at),
        DataAccess: over("data_access", DataAccess.occurred_at),
        LoginSession: or_(
            over("login_session", LoginSession.expires_at),
            over("login_session", LoginSession.revoked_at),
            over("login_session", idle_end),
        ),
        Challenge: Challenge.expires_at < func.now() - DAYS,
        SecondFactor: and_(SecondFactor.confirmed_at.is_(None), SecondFactor.created_at < func.now() - DAYS),
        Idempotency: Idempotency.created_at < func.now() - 30 * DAYS,
    }


async def sweep(database: Database) -> dict[str, int]:
    """Deletes in batches what has had its time; gives how many rows of which table."""
    counts = {}
    for table, condition in sweeps().items():
        counts[table.__tablename__] = 0
        while True:
            gone = await database.transact(lambda transaction, t=table, c=condition: _batch(transaction, t, c))
            counts[table.__tablename__] += gone
            if gone < BATCH:
                break
    return counts


async def _batch(transaction: AsyncConnection, table: Any, condition: ColumnElement[bool]) -> int:
    some = select(table.id).where(condition).limit(BATCH).with_for_update(skip_locked=True)
    gone = await transaction.execute(delete(table).where(table.id.in_(some)))
    return gone.rowcount
