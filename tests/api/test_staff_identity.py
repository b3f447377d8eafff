"""What a member of staff may do holds from the next request on, in every process, whatever that one remembers (P52)."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import func, insert, update

from app.embedded import Services
from app.settings import Settings
from auth import sessions
from commerce import obligations, staff, staff_role
from models.database import Database
from models.ids import new_id, show_id
from models.order import Order
from models.staff import StaffMember
from privacy import obligations as texts
from tests.support.shop import Shop, open_shop
from tests.support.sign_in import kind_of, signed_up
from tests.support.staff import Employee, at_work, employed

LIST = "{ staff(first: 9) { edges { node { email } } } }"
NODE = "query ($id: ID!) { node(id: $id) { ... on StaffMember { email } } }"
CUSTOMER = "query ($id: ID!) { node(id: $id) { ... on Customer { id email } } }"
FOR_SUPPORT = {"x-purpose": "ACCESS", "x-case": "T-1042"}


@dataclass(frozen=True)
class Twins:
    """Two processes' worth of the application on one database, and how often they asked who somebody is."""

    first: Shop
    second: Shop
    identified: list[bytes]

    @property
    def database(self) -> Database:
        return self.first.database


@pytest_asyncio.fixture(loop_scope="session")
async def twins(
    settings: Settings,
    committed_database: Database,
    running: Services,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[Twins]:
    identified: list[bytes] = []
    identify = sessions.identify

    async def counted(connection: Any, digest: bytes, *rest: Any) -> Any:
        identified.append(digest)
        return await identify(connection, digest, *rest)

    monkeypatch.setattr(sessions, "identify", counted)
    async with AsyncExitStack() as stack:
        shops = [
            await stack.enter_async_context(open_shop(settings, committed_database, running.redis_url))
            for _ in range(2)
        ]
        yield Twins(shops[0], shops[1], identified)


@pytest_asyncio.fixture(loop_scope="session")
async def owner(twins: Twins) -> Employee:
    return await employed(twins.database, "owner")


async def ask(shop: Shop, query: str, token: str, headers: dict[str, str] | None = None, **variables: Any) -> Any:
    body = {"query": query, "variables": variables}
    sent = {"authorization": f"Bearer {token}"} | (headers or {})
    return (await shop.client.post("/graphql", json=body, headers=sent)).json()


def why(answer: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(error["extensions"]["code"], error["extensions"].get("reason")) for error in answer.get("errors", ())]


async def set_roles(twins: Twins, owner: Employee, member: Employee, *roles: str) -> None:
    outcome = await twins.database.transact(
        lambda t: staff_role.set_roles(t, owner.staff_id, member.staff_id, list(roles))
    )
    assert outcome == member.staff_id


async def test_member_is_asked_about_once_and_then_planned_for_at_once(twins: Twins, owner: Employee):
    token = (await at_work(twins.database, owner)).token
    for times in (1, 1, 1):
        assert len((await ask(twins.first, LIST, token))["data"]["staff"]["edges"]) == 1
        assert len(twins.identified) == times
    await ask(twins.second, LIST, token)
    assert len(twins.identified) == 2


async def test_role_that_was_taken_is_gone_with_the_next_request(twins: Twins, owner: Employee):
    member = await employed(twins.database, "security")
    token = (await at_work(twins.database, member)).token
    for shop in (twins.first, twins.second):
        assert "errors" not in await ask(shop, LIST, token)
    await set_roles(twins, owner, member, "floor")
    for shop in (twins.first, twins.second):
        assert why(await ask(shop, LIST, token)) == [("FORBIDDEN", "PERMISSION")]
        assert await ask(shop, NODE, token, id=owner.shown) == {"data": {"node": None}}


async def test_role_that_was_given_shows_what_was_hidden_with_the_next_request(twins: Twins, owner: Employee):
    """A process that remembers the member without the role must not believe itself about what is absent."""
    member = await employed(twins.database, "floor")
    token = (await at_work(twins.database, member)).token
    await ask(twins.first, NODE, token, id=member.shown)
    assert await ask(twins.first, NODE, token, id=owner.shown) == {"data": {"node": None}}
    await set_roles(twins, owner, member, "security")
    assert await ask(twins.first, NODE, token, id=owner.shown) == {"data": {"node": {"email": owner.email}}}


async def test_absence_of_an_order_is_not_believed_either_after_a_role_is_given(twins: Twins, owner: Employee):
    """Nothing in the statement but the session tells that what hides the order is out of date."""
    facts = {"channel": "PHONE", "status": "PLACED", "currency": "USD", "subtotal": 0, "total": 0}
    row = insert(Order).values(id=(key := new_id()), number="LY-1", placed_at=func.now(), **facts)
    await twins.database.transact(lambda t: t.execute(row))
    query, shown = "query ($id: ID!) { order(id: $id) { status } }", show_id("ord", key)
    member = await employed(twins.database, "security")
    token = (await at_work(twins.database, member)).token
    assert await ask(twins.first, LIST, token)
    assert await ask(twins.first, query, token, id=shown) == {"data": {"order": None}}
    await set_roles(twins, owner, member, "security", "floor")
    assert await ask(twins.first, query, token, id=shown) == {"data": {"order": {"status": "PLACED"}}}


async def test_first_request_of_a_process_shows_what_is_hidden_from_customers(twins: Twins, owner: Employee):
    member = await employed(twins.database, "security")
    token = (await at_work(twins.database, member)).token
    assert await ask(twins.first, NODE, token, id=owner.shown) == {"data": {"node": {"email": owner.email}}}


async def test_disabled_member_is_nobody_with_the_next_request(twins: Twins, owner: Employee):
    member = await employed(twins.database, "security")
    token = (await at_work(twins.database, member)).token
    assert "errors" not in await ask(twins.first, LIST, token)
    await twins.database.transact(lambda t: staff.disable(t, owner.staff_id, member.staff_id))
    assert why(await ask(twins.first, LIST, token)) == [("UNAUTHENTICATED", None)]
    assert await ask(twins.first, NODE, token, id=member.shown) == {"data": {"node": None}}
    for shop in (twins.first, twins.second):
        assert await kind_of(shop, token) == "ANONYMOUS"


async def test_ended_session_is_nobodys_with_the_next_request(twins: Twins, owner: Employee):
    issued = await at_work(twins.database, owner)
    assert "errors" not in await ask(twins.first, LIST, issued.token)
    await twins.database.transact(lambda t: sessions.revoke_token(t, issued.digest))
    assert why(await ask(twins.first, LIST, issued.token)) == [("UNAUTHENTICATED", None)]


async def test_acknowledgement_holds_with_the_next_request_in_every_process(twins: Twins):
    member, ana = await employed(twins.database, "support", acknowledged=False), await signed_up(twins.database)
    token, shown = (await at_work(twins.database, member)).token, show_id("cus", ana)
    for shop in (twins.first, twins.second):
        answer = await ask(shop, CUSTOMER, token, FOR_SUPPORT, id=shown)
        assert why(answer) == [("FORBIDDEN", "OBLIGATIONS_NOT_ACKNOWLEDGED")]
        assert answer["data"]["node"] == {"id": shown, "email": None}
    await twins.database.transact(lambda t: obligations.acknowledge(t, member.staff_id, texts.CURRENT.version))
    for shop in (twins.first, twins.second):
        answer = await ask(shop, CUSTOMER, token, FOR_SUPPORT, id=shown)
        assert answer["data"]["node"]["email"] == f"ana.{ana.hex}@example.com"


async def test_new_version_of_the_obligations_stops_reading_until_it_is_acknowledged(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
):
    member, ana = await employed(twins.database, "support"), await signed_up(twins.database)
    token, shown = (await at_work(twins.database, member)).token, show_id("cus", ana)
    assert "errors" not in await ask(twins.second, CUSTOMER, token, FOR_SUPPORT, id=shown)
    monkeypatch.setattr(texts, "CURRENT", replace(texts.CURRENT, version="2027-05-01"))
    answer = await ask(twins.first, CUSTOMER, token, FOR_SUPPORT, id=shown)
    assert why(answer) == [("FORBIDDEN", "OBLIGATIONS_NOT_ACKNOWLEDGED")]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "PURPOSE_REQUIRED"),
        ({"x-purpose": ""}, "PURPOSE_REQUIRED"),
        ({"x-purpose": "LEGAL_SAFETY", "x-case": "T-1"}, "PURPOSE_NOT_ALLOWED"),
        ({"x-purpose": "CURIOSITY", "x-case": "T-1"}, "PURPOSE_NOT_ALLOWED"),
        ({"x-purpose": "access", "x-case": "T-1"}, "PURPOSE_NOT_ALLOWED"),
        ({"x-purpose": "ACCESS"}, "CASE_REQUIRED"),
        ({"x-purpose": "ACCESS", "x-case": "  "}, "CASE_REQUIRED"),
        ({"x-purpose": "ACCESS", "x-case": "x" * 101}, "CASE_REQUIRED"),
        ({"x-purpose": " ACCESS ", "x-case": "x" * 100}, None),
        ({"x-purpose": "PRODUCTS"}, None),
    ],
)
async def test_what_is_read_for_is_said_in_headers(twins: Twins, headers: dict[str, str], reason: str | None):
    member, ana = await employed(twins.database, "support"), await signed_up(twins.database)
    token, shown = (await at_work(twins.database, member)).token, show_id("cus", ana)
    for _ in range(2):
        answer = await ask(twins.first, CUSTOMER, token, headers, id=shown)
        assert why(answer) == ([("FORBIDDEN", reason)] if reason else [])


async def test_headers_of_staff_mean_nothing_with_a_customers_session(twins: Twins):
    ana, bo = await signed_up(twins.database), await signed_up(twins.database)
    token = await twins.first.session(ana)
    answer = await ask(twins.first, CUSTOMER, token, FOR_SUPPORT, id=show_id("cus", bo))
    assert answer == {"data": {"node": None}}
    own = await ask(twins.first, CUSTOMER, token, FOR_SUPPORT, id=show_id("cus", ana))
    assert own["data"]["node"]["email"]


async def test_member_who_is_changed_past_all_rules_is_not_found_by_what_was_planned(twins: Twins, owner: Employee):
    token = (await at_work(twins.database, owner)).token
    assert "errors" not in await ask(twins.first, LIST, token)
    suspended = update(StaffMember).where(StaffMember.id == owner.staff_id).values(status="DISABLED")
    await twins.database.transact(lambda t: t.execute(suspended))
    assert why(await ask(twins.first, LIST, token)) == [("UNAUTHENTICATED", None)]
