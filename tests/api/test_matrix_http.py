"""The page of permissions through HTTP: staff with sessions of their own, and what they say in X-Purpose and X-Case."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from app.embedded import Services
from app.settings import Settings
from auth.roles import ROLES
from auth.viewer import Claim, StaffFacts, Viewer, ViewerKind
from tests.support.database import copy_of
from tests.support.matrix_checks import masked
from tests.support.matrix_page import MASKED, Line
from tests.support.matrix_world import MatrixWorld, open_matrix
from tests.support.shop import Shop, engine, open_shop
from tests.support.staff import Employee, at_work, employed

EMAIL = "ana.canary@example.com"
NONE = "NONE"
SAID: tuple[dict[str, str], ...] = (
    {},
    {"x-purpose": "ACCESS"},
    {"x-purpose": "ACCESS", "x-case": "T-1"},
    {"x-purpose": "PRODUCTS"},
    {"x-purpose": "LEGAL_SAFETY"},
    {"x-purpose": "LEGAL_SAFETY", "x-case": "M-7"},
    {"x-purpose": "PERSONALIZATION", "x-case": "T-1"},
    {"x-purpose": "access", "x-case": "T-1"},
    {"x-purpose": "ACCESS", "x-case": " "},
    {"x-case": "T-1"},
)

Path = tuple[str | int, ...]
WAYS: Mapping[str, tuple[str, Path, tuple[tuple[str, str], ...]]] = {
    "by id": (
        '{{ node(id: "{Customer}") {{ ... on Customer {{ who: email }} }} }}',
        ("node", "who"),
        (("Customer", "email"),),
    ),
    "by search": (
        '{{ customers(first: 1, search: "ana.canary@") {{ edges {{ node {{ email }} }} }} }}',
        ("customers", "edges", 0, "node", "email"),
        (("Query", "customers"), ("Query", "customers(search)"), ("Customer", "email")),
    ),
    "by contact": (
        '{{ customerByContact(contact: "ANA.Canary@example.com") {{ ...A }} }} fragment A on Customer {{ email }}',
        ("customerByContact", "email"),
        (("Query", "customerByContact"), ("Query", "customerByContact(contact)"), ("Customer", "email")),
    ),
    "by order": (
        "{{ orders(first: 1) {{ edges {{ node {{ contact {{ email }} }} }} }} }}",
        ("orders", "edges", 0, "node", "contact", "email"),
        (("Query", "orders"), ("Order", "contact"), ("OrderContact", "email")),
    ),
    "by payload": (
        'mutation {{ a: customerEnable(input: {{id: "{Customer}", reason: "asked"}}) {{ customer {{ email }} }} }}',
        ("a", "customer", "email"),
        (("Mutation", "customerEnable"), ("CustomerEnablePayload", "customer"), ("Customer", "email")),
    ),
}
"""Ways to Ana's address: the operation, where its answer has it, and what the page says of the fields on the way."""


@dataclass
class Counter:
    """The shop, the world in it, and who works there."""

    shop: Shop
    world: MatrixWorld
    tokens: dict[str, str]

    async def ask(self, way: str, role: str, said: Mapping[str, str]) -> dict[str, Any]:
        query = WAYS[way][0].format(**self.world.ids)
        headers = {"authorization": f"Bearer {self.tokens[role]}", **said}
        return (await self.shop.client.post("/graphql", json={"query": query}, headers=headers)).json()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def counter(template: str, running: Services, settings: Settings) -> AsyncGenerator[Counter]:
    async with copy_of(template, running.database_url) as url:
        world = await open_matrix(url, engine())
        async with open_shop(settings, world.database, running.redis_url) as shop:
            tokens = {role: await token(world, await employed(world.database, role)) for role in ROLES}
            lax = await employed(world.database, "support", acknowledged=False)
            bare = await employed(world.database, "support", waived=False)
            tokens |= {"not acknowledged": await token(world, lax), "no second factor": await token(world, bare)}
            yield Counter(shop, world, tokens)
        await world.database.close()


async def token(world: MatrixWorld, employee: Employee) -> str:
    return (await at_work(world.database, employee)).token


def member(counter: Counter, role: str, said: Mapping[str, str]) -> Viewer:
    """Who the caller is to the page."""
    of = role if role in ROLES else "support"
    facts = StaffFacts(
        counter.world.subjects["ana"], 1, (of,), frozenset(), role != "not acknowledged", role != "no second factor"
    )
    purpose, case = said.get("x-purpose"), said.get("x-case", "").strip()
    known = purpose if purpose is None or purpose.isupper() else NONE
    return Viewer(ViewerKind.STAFF, staff=facts, claim=Claim(known, case or None))


def first_refused(lines: list[Line], viewer: Viewer) -> Any:
    told = [line.of(viewer) for line in lines]
    return next((one for one in told if one.refused), told[-1])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", [*ROLES, "not acknowledged", "no second factor"])
async def test_address_is_read_as_the_page_says(counter: Counter, way: str, role: str):
    _, path, names = WAYS[way]
    lines = [counter.world.page.lines[name] for name in names]
    for said in SAID:
        viewer = member(counter, role, said)
        told, answer = first_refused(lines, viewer), await counter.ask(way, role, said)
        log = await counter.world.taken_log()
        if way == "by id" and told.reason == "PERMISSION":
            assert answer == {"data": {"node": None}}
        elif told.refused:
            assert {(e["extensions"]["code"], e["extensions"]["reason"]) for e in answer["errors"]} == {
                (told.code, told.reason)
            }
            assert EMAIL not in str(answer)
            assert log == []
        else:
            shown = masked(EMAIL, "EMAIL") if told.outcome == MASKED else EMAIL
            assert at(answer["data"], path) == shown
            assert [subject for subject, _ in log] == [counter.world.subjects["ana"]]


def at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


async def test_change_of_roles_holds_from_the_next_request_on(counter: Counter):
    employee = await employed(counter.world.database, "support")
    counter.tokens["changing"] = await token(counter.world, employee)
    said = {"x-purpose": "PRODUCTS"}
    assert EMAIL in str(await counter.ask("by id", "changing", said))
    async with counter.world.database.reading() as connection:
        await connection.fetch("UPDATE staff_role SET role = 'floor' WHERE staff_id = $1", employee.staff_id)
        await connection.fetch(
            "UPDATE staff_member SET access_stamp = access_stamp + 1 WHERE id = $1", employee.staff_id
        )
    assert "a***@e***" in str(await counter.ask("by id", "changing", said))


async def test_accounts_of_staff_are_nobodys_customers(counter: Counter):
    owner, sam = counter.tokens["owner"], "Sam Okoro"
    headers = {"authorization": f"Bearer {owner}", "x-purpose": "PRODUCTS"}
    employee = await employed(counter.world.database, "floor")
    shown = f"cus_{employee.account_id.hex}"
    for query in (
        f'{{ node(id: "{shown}") {{ id }} }}',
        f'{{ nodes(ids: ["{shown}"]) {{ id }} }}',
        f'{{ customer(id: "{shown}") {{ id }} }}',
        f'{{ customers(first: 5, search: "{sam}") {{ edges {{ node {{ id }} }} }} }}',
        f'{{ customerByContact(contact: "{employee.email}") {{ id }} }}',
        f'{{ orders(first: 5, filter: {{customerId: "{shown}"}}) {{ edges {{ node {{ id }} }} }} }}',
    ):
        answer = (await counter.shop.client.post("/graphql", json={"query": query}, headers=headers)).json()
        assert "errors" not in answer
        assert "cus_" not in str(answer), query
    listed = (await counter.shop.client.post("/graphql", json={"query": LISTED}, headers=headers)).json()
    assert {edge["node"]["name"] for edge in listed["data"]["customers"]["edges"]} == {
        "canary account name",
        "Bo Other",
    }


LISTED = "{ customers(first: 100) { edges { node { name } } } }"


async def test_colleague_cannot_be_disabled_as_a_customer(counter: Counter):
    employee = await employed(counter.world.database, "floor")
    call = f'customerDisable(input: {{id: "cus_{employee.account_id.hex}", reason: "x"}})'
    query = f"mutation {{ {call} {{ customer {{ id }} userErrors {{ code field }} }} }}"
    headers = {"authorization": f"Bearer {counter.tokens['owner']}"}
    answer = (await counter.shop.client.post("/graphql", json={"query": query}, headers=headers)).json()
    errors = [{"code": "NOT_FOUND", "field": ["id"]}]
    assert answer["data"]["customerDisable"] == {"customer": None, "userErrors": errors}
