"""Disabling and enabling customers' accounts."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import insert, select

from auth import sessions
from auth.refusal import Refusal
from commerce import customer as customers
from commerce.customer import REASON_LIMIT, Decider
from models.account import Account, AccountEvent
from models.classification import Channel
from models.customer import CustomerDecision
from models.ids import new_id
from models.second_factor import Challenge
from tests.support.account import PASSWORD, Post, can_sign_in, customer, letters
from tests.support.database import RolledBackDatabase
from tests.support.login_session import LAPTOP, ago, events, who_has
from tests.support.staff import Employee, employed

REASON = "Chargebacks on three orders"


@pytest_asyncio.fixture
async def ana(database: RolledBackDatabase) -> UUID:
    return await customer(database)


@pytest_asyncio.fixture
async def clerk(database: RolledBackDatabase) -> Employee:
    return await employed(database, "support")


@pytest.fixture
def post(database: RolledBackDatabase) -> Post:
    return Post(database)


async def disable(database: RolledBackDatabase, who: UUID | None, by: Employee, reason: str = REASON) -> Refusal | None:
    decider = Decider(by.staff_id, Channel.IN_STORE)
    return await database.transact(lambda transaction: customers.disable(transaction, who, reason, decider))


async def enable(database: RolledBackDatabase, who: UUID | None, by: Employee, reason: str = REASON) -> Refusal | None:
    decider = Decider(by.staff_id, Channel.WEB)
    return await database.transact(lambda transaction: customers.enable(transaction, who, reason, decider))


async def decisions(database: RolledBackDatabase) -> list[tuple[str, str, UUID]]:
    kept = select(CustomerDecision.kind, CustomerDecision.reason, CustomerDecision.staff_id)
    rows = await database.transact(lambda t: t.execute(kept.order_by(CustomerDecision.id)))
    return [(row.kind, row.reason, row.staff_id) for row in rows]


async def test_disabled_account_is_signed_out_everywhere_and_nobody_signs_in(
    database: RolledBackDatabase, ana: UUID, clerk: Employee
):
    opened = [await database.transact(lambda t: sessions.issue(t, ana, LAPTOP)) for _ in range(2)]
    waiting = insert(Challenge).values(
        id=new_id(),
        account_id=ana,
        channel="WEB",
        expires_at=ago(minutes=-5),
        device_kind="OTHER",
        kind="SIGN_IN",
        token_digest=b"x" * 32,
    )
    await database.transact(lambda transaction: transaction.execute(waiting))
    assert await can_sign_in(database, "ana@example.com", PASSWORD)
    assert await disable(database, ana, clerk) is None
    assert [await who_has(database, one.digest) for one in opened] == [None, None]
    assert not await can_sign_in(database, "ana@example.com", PASSWORD)
    left = select(Challenge.id).where(Challenge.account_id == ana)
    assert await database.transact(lambda transaction: transaction.scalar(left)) is None


async def test_enabled_account_is_signed_in_to_anew_and_no_session_comes_back(
    database: RolledBackDatabase, ana: UUID, clerk: Employee
):
    before = await database.transact(lambda transaction: sessions.issue(transaction, ana, LAPTOP))
    await disable(database, ana, clerk)
    assert await enable(database, ana, clerk, "It was a mistake") is None
    assert await who_has(database, before.digest) is None
    assert await can_sign_in(database, "ana@example.com", PASSWORD)
    assert await decisions(database) == [
        ("DISABLED", REASON, clerk.staff_id),
        ("ENABLED", "It was a mistake", clerk.staff_id),
    ]


async def test_owner_sees_what_happened_and_not_by_whom_or_why(
    database: RolledBackDatabase, ana: UUID, clerk: Employee
):
    transaction = database.connection
    await disable(database, ana, clerk)
    await enable(database, ana, clerk)
    assert [kind.value for kind in await events(transaction, ana)] == ["DISABLED", "ENABLED"]
    trail = select(AccountEvent.device_name, AccountEvent.device_kind, AccountEvent.ip_network, AccountEvent.channel)
    rows = [tuple(row) for row in await transaction.execute(trail.order_by(AccountEvent.id))]
    assert rows == [(None, "OTHER", None, "IN_STORE"), (None, "OTHER", None, "WEB")]


async def test_owner_is_told_by_mail_without_the_reason(
    database: RolledBackDatabase, post: Post, ana: UUID, clerk: Employee
):
    await disable(database, ana, clerk)
    sent = await post.deliver()
    assert letters(sent) == {("ana@example.com", "Your account at")}
    assert "Chargebacks" not in sent[0].text + sent[0].html


async def test_owner_is_not_told_of_what_was_taken_back_meanwhile(
    database: RolledBackDatabase, post: Post, ana: UUID, clerk: Employee
):
    await disable(database, ana, clerk)
    await enable(database, ana, clerk)
    assert await post.deliver() == []


async def test_decision_that_changes_nothing_is_not_written(
    database: RolledBackDatabase, post: Post, ana: UUID, clerk: Employee
):
    assert await enable(database, ana, clerk) is None
    assert await decisions(database) == []
    await disable(database, ana, clerk)
    await post.deliver()
    assert await disable(database, ana, clerk, "again") is None
    assert len(await decisions(database)) == 1
    assert await post.deliver() == []
    version = select(Account.version).where(Account.id == ana)
    assert await database.transact(lambda transaction: transaction.scalar(version)) == 2


@pytest.mark.parametrize("decide", [disable, enable])
async def test_account_of_a_colleague_is_no_customers(
    database: RolledBackDatabase, clerk: Employee, decide: Callable[..., Any]
):
    for who in (None, new_id(), clerk.account_id):
        refused = await decide(database, who, clerk, "")
        assert refused is not None
        assert (refused.code, refused.field) == ("NOT_FOUND", ("id",))
    disabled = select(Account.disabled_at).where(Account.id == clerk.account_id)
    assert await database.transact(lambda transaction: transaction.scalar(disabled)) is None


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("", "REQUIRED"),
        (" \u200b ", "REQUIRED"),
        ("x" * (REASON_LIMIT + 1), "TOO_LONG"),
        ("paid with 4242 4242 4242 4242", "CARD_NUMBER_REFUSED"),
        ("\x00", "INVALID"),
    ],
)
async def test_reason_has_to_be_one(database: RolledBackDatabase, ana: UUID, clerk: Employee, reason: str, code: str):
    opened = await database.transact(lambda transaction: sessions.issue(transaction, ana, LAPTOP))
    refused = await disable(database, ana, clerk, reason)
    assert refused is not None
    assert (refused.code, refused.field) == (code, ("reason",))
    assert await who_has(database, opened.digest) is not None
    assert await decisions(database) == []
