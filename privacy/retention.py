"""How long personal data is kept, by the names that the declarations use, and the sweep that ends it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, MetaData, Select, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.account import AccountEvent
from models.alteration import Alteration
from models.cart import Cart
from models.classification import Personal, classification
from models.customer import CustomerDecision
from models.data_access import DataAccess
from models.database import Database
from models.fulfillment import Fulfillment
from models.idempotency import Idempotency
from models.login_session import LoginSession
from models.measurement import MeasurementSet, OrderMeasurement
from models.order import Order, OrderLine, OrderStatus
from models.second_factor import Challenge, SecondFactor

BATCH = 5_000
"""Rows of one transaction of a sweep: enough to be quick, few enough to keep nobody waiting."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a retention's name means. `period` counts from the event that `text` names; None: there is no fixed end."""

    text: str
    period: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Clearing:
    """Rows that have had their time, and what is written over their personal columns."""

    condition: ColumnElement[bool]
    values: Mapping[str, Any]


DAYS = timedelta(days=1)

UNTOLD_DELIVERY = 120 * DAYS
"""So long after shipping an order counts as having been delivered 90 days ago, though nobody told."""

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
        "of an order: 90 days after delivery, at once where it is cancelled, 120 days after shipping where nobody told "
        "of delivery; a set that is not to be kept: until an order is made to it, at most 90 days; a saved one until "
        "its owner deletes it or the account is erased",
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


def done_with_bodies() -> Select[Any]:
    """The orders for which nobody needs measurements any more (P6)."""
    shipped_lately = select(Fulfillment.id).where(
        Fulfillment.order_id == Order.id, Fulfillment.shipped_at >= func.now() - UNTOLD_DELIVERY
    )
    return select(Order.id).where(
        or_(
            over("measurement", Order.delivered_at),
            Order.status == OrderStatus.CANCELLED,
            and_(Order.status == OrderStatus.FULFILLED, ~shipped_lately.exists()),
        )
    )


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
        Cart: and_(Cart.expires_at < func.now(), Cart.placing_id.is_(None)),
        Challenge: Challenge.expires_at < func.now() - DAYS,
        SecondFactor: and_(SecondFactor.confirmed_at.is_(None), SecondFactor.created_at < func.now() - DAYS),
        Idempotency: Idempotency.created_at < func.now() - 30 * DAYS,
        MeasurementSet: and_(~MeasurementSet.keep, MeasurementSet.keep_until < func.now()),
    }


def clearings() -> dict[Any, Clearing]:
    """What is emptied when it has had its time, by table; the rows themselves stay."""
    lines = select(OrderLine.id).where(OrderLine.order_id.in_(done_with_bodies()))
    noted = or_(Alteration.note.is_not(None), Alteration.workshop_note.is_not(None))
    return {
        OrderMeasurement: Clearing(
            and_(OrderMeasurement.sealed.is_not(None), OrderMeasurement.order_line_id.in_(lines)),
            {"sealed": None, "deleted_at": func.now()},
        ),
        Alteration: Clearing(
            and_(noted, Alteration.order_id.in_(done_with_bodies())), {"note": None, "workshop_note": None}
        ),
    }


async def sweep(database: Database) -> dict[str, int]:
    """Deletes and empties in batches what has had its time; gives how many rows of which table."""
    found: dict[Any, tuple[ColumnElement[bool], Any]] = {
        **{table: (condition, delete(table)) for table, condition in sweeps().items()},
        **{table: (one.condition, update(table).values(one.values)) for table, one in clearings().items()},
    }
    counts = {}
    for table, (condition, statement) in found.items():
        counts[table.__tablename__] = 0
        while True:
            gone = await database.transact(
                lambda transaction, t=table, c=condition, s=statement: _batch(transaction, t, c, s)
            )
            counts[table.__tablename__] += gone
            if gone < BATCH:
                break
    return counts


async def _batch(transaction: AsyncConnection, table: Any, condition: ColumnElement[bool], statement: Any) -> int:
    [key] = table.__table__.primary_key
    some = select(key).where(condition).limit(BATCH).with_for_update(of=table, skip_locked=True)
    return (await transaction.execute(statement.where(key.in_(some)))).rowcount
