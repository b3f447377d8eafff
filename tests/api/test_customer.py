"""How staff find customers and orders, and what finding them does not give away."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from app.embedded import Services
from app.settings import Settings
from models.account import Account, AgeBand
from models.ids import show_id
from models.order import Order, OrderLine, OrderPayment
from tests.support.database import copy_of
from tests.support.matrix_world import Overheard
from tests.support.planting import NOON, Planting
from tests.support.shop import Shop, open_shop
from tests.support.staff import at_work, employed

PEOPLE = {
    "Ana Ruiz": ("ana@example.com", "+12025550143"),
    "Zoë Ana-Maria": ("z.am@example.org", None),
    "Bo 100%_Smith": ("bo_smith@example.com", "+33142685300"),
}
LISTED = "query ($search: String) { customers(first: 10, search: $search) { edges { node { name } } } }"
ORDERS = """query ($filter: OrderFilter, $sort: OrderSort) {
  orders(first: 10, filter: $filter, sort: $sort) { edges { node { number } } } }"""


@dataclass
class Desk:
    """A member of staff who may read everything, and who there is to be read about."""

    shop: Shop
    database: Overheard
    token: str
    customers: dict[str, UUID] = field(default_factory=dict)

    async def ask(self, query: str, *, purpose: str | None = "PRODUCTS", **variables: Any) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token}"} | ({"x-purpose": purpose} if purpose else {})
        body = {"query": query, "variables": variables}
        return (await self.shop.client.post("/graphql", json=body, headers=headers)).json()

    async def found(self, search: str) -> set[str]:
        answer = await self.ask(LISTED, search=search)
        return {edge["node"]["name"] for edge in answer["data"]["customers"]["edges"]}

    async def orders(self, sort: str | None = None, **wanted: Any) -> list[str]:
        given: dict[str, Any] = {"filter": wanted, **({"sort": sort} if sort else {})}
        answer = await self.ask(ORDERS, **given)
        return [edge["node"]["number"] for edge in answer["data"]["orders"]["edges"]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(template: str, running: Services, settings: Settings) -> AsyncGenerator[Desk]:
    async with copy_of(template, running.database_url) as url:
        database = Overheard(url)
        async with open_shop(settings, database, running.redis_url) as shop:
            token = (await at_work(database, await employed(database, "owner"))).token
            opened = Desk(shop, database, token)
            planting = Planting(3)
            plant(planting, opened)
            await database.transact(planting.write)
            yield opened
        await database.close()


def plant(planting: Planting, desk: Desk) -> None:
    for name, (email, phone) in PEOPLE.items():
        desk.customers[name] = planting.add(
            Account, name=name, email=email, phone=phone, channel="WEB", age_band=AgeBand.ADULT.value
        )
    for number, (total, status, paid, channel, sku) in enumerate(
        (
            (500, "PLACED", "CAPTURED", "WEB", "SKU-1"),
            (700, "CANCELLED", "REFUNDED", "WEB", "SKU-2"),
            (500, "DELIVERED", "CAPTURED", "IN_STORE", "SKU-1"),
        )
    ):
        whose = {"account_id": list(desk.customers.values())[number % 2], "channel": channel}
        amounts = {"subtotal": total, "total": total, "currency": "USD"}
        order = planting.add(
            Order, number=f"LY-{number}", placed_at=NOON + timedelta(days=number), status=status, **amounts, **whose
        )
        line = {"quantity": 1, "unit_price": total, "total": total, "currency": "USD", "position": 0}
        planting.add(OrderLine, order_id=order, sku=sku, product_name="Romper", **line)
        planting.add(OrderPayment, order_id=order, status=paid, **whose)


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("ruiz", {"Ana Ruiz"}),
        (" ANA ", {"Ana Ruiz", "Zoë Ana-Maria"}),
        ("ZOË", {"Zoë Ana-Maria"}),
        ("@EXAMPLE.com", {"Ana Ruiz", "Bo 100%_Smith"}),
        ("0%_s", {"Bo 100%_Smith"}),
        ("%", {"Bo 100%_Smith"}),
        ("_", {"Bo 100%_Smith"}),
        ("(202) 555-0143", {"Ana Ruiz"}),
        ("+33 1 42 68", {"Bo 100%_Smith"}),
        ("555", set()),
        ("ana 5550143", set()),
        ("nobody", set()),
        ("'; DROP TABLE account; --", set()),
    ],
)
async def test_customers_are_found_by_name_address_and_number(desk: Desk, search: str, names: set[str]):
    assert await desk.found(search) == names


@pytest.mark.parametrize("search", ["", "  ", "x" * 201])
async def test_search_has_to_say_something(desk: Desk, search: str):
    answer = await desk.ask(LISTED, search=search)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_customers_are_paged_newest_first(desk: Desk):
    query = "query ($after: String) { customers(first: 2, after: $after) { edges { cursor node { id } } } }"
    first = (await desk.ask(query))["data"]["customers"]["edges"]
    second = (await desk.ask(query, after=first[-1]["cursor"]))["data"]["customers"]["edges"]
    found = [edge["node"]["id"] for edge in first + second]
    assert found == sorted((show_id("cus", key) for key in desk.customers.values()), reverse=True)


async def test_customers_are_not_counted(desk: Desk):
    answer = await desk.shop.ask('{ __type(name: "CustomerConnection") { fields { name } } }')
    assert {one["name"] for one in answer["data"]["__type"]["fields"]} == {"edges", "pageInfo"}


@pytest.mark.parametrize(
    ("contact", "name"),
    [
        ("ANA@Example.com", "Ana Ruiz"),
        (" ana@example.com ", "Ana Ruiz"),
        ("+1 202 555 0143", "Ana Ruiz"),
        ("ana@example", None),
        ("ana", None),
        ("Ana Ruiz", None),
        ("202 555 0143", None),
        ("%", None),
        ("", None),
    ],
)
async def test_customer_is_recognised_by_all_of_an_address_or_number(desk: Desk, contact: str, name: str | None):
    answer = await desk.ask("query ($c: String!) { customerByContact(contact: $c) { name } }", c=contact)
    assert answer["data"]["customerByContact"] == (name and {"name": name})


async def test_refused_search_is_the_same_whether_or_not_anybody_is_found(desk: Desk):
    refused = [await desk.ask(LISTED, purpose=None, search=search) for search in ("ana@example.com", "nobody")]
    assert refused[0] == refused[1]
    assert refused[0]["errors"][0]["extensions"] == {"code": "FORBIDDEN", "reason": "PURPOSE_REQUIRED"}


async def test_refused_search_is_not_looked_for(desk: Desk):
    await desk.ask(LISTED, purpose=None, search="ana")
    desk.database.take()
    await desk.ask(LISTED, purpose=None, search="ana")
    assert not any("account.name" in sql or "strpos" in sql for sql in desk.database.take())


async def test_unknown_customer_and_order_are_absent(desk: Desk):
    for prefix, root in (("cus", "customer"), ("ord", "order")):
        for shown in (f"{prefix}_{'0' * 32}", "x", "", f"adr_{'0' * 32}"):
            assert await desk.ask(f'{{ {root}(id: "{shown}") {{ id }} }}') == {"data": {root: None}}


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, ["LY-2", "LY-1", "LY-0"]),
        ({"number": "LY-1"}, ["LY-1"]),
        ({"status": ["PLACED", "DELIVERED"]}, ["LY-2", "LY-0"]),
        ({"status": []}, []),
        ({"paymentStatus": ["REFUNDED"]}, ["LY-1"]),
        ({"channel": "IN_STORE"}, ["LY-2"]),
        ({"sku": "SKU-1"}, ["LY-2", "LY-0"]),
        ({"sku": "SKU-1", "status": ["PLACED"], "channel": "WEB"}, ["LY-0"]),
        ({"placedFrom": "2026-03-02T12:00:00Z"}, ["LY-2", "LY-1"]),
        ({"placedBefore": "2026-03-02T12:00:00Z"}, ["LY-0"]),
        ({"customerId": None, "number": None}, ["LY-2", "LY-1", "LY-0"]),
        ({"customerId": "x"}, []),
    ],
)
async def test_orders_are_filtered(desk: Desk, wanted: dict[str, Any], numbers: list[str]):
    assert await desk.orders(**wanted) == numbers


async def test_orders_of_a_customer_are_found_by_who_may_know_whose_they_are(desk: Desk):
    ana = show_id("cus", desk.customers["Ana Ruiz"])
    assert await desk.orders(customerId=ana) == ["LY-2", "LY-0"]
    answer = await desk.ask(ORDERS, purpose=None, filter={"customerId": ana})
    assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN", "reason": "PURPOSE_REQUIRED"}
    none = await desk.ask(ORDERS, purpose=None, filter={"customerId": show_id("cus", UUID(int=0))})
    assert none == answer


@pytest.mark.parametrize(
    ("sort", "days"),
    [("NEWEST", [2, 1, 0]), ("OLDEST", [0, 1, 2]), (None, [2, 1, 0])],
    ids=["newest", "oldest", "none"],
)
async def test_orders_are_sorted_by_time(desk: Desk, sort: str | None, days: list[int]):
    assert await desk.orders(sort) == [f"LY-{day}" for day in days]


@pytest.mark.parametrize(("sort", "totals"), [("TOTAL_DESCENDING", [7, 5, 5]), ("TOTAL_ASCENDING", [5, 5, 7])])
async def test_orders_are_sorted_by_total(desk: Desk, sort: str, totals: list[int]):
    found = {"LY-0": 5, "LY-1": 7, "LY-2": 5}
    assert [found[number] for number in await desk.orders(sort)] == totals


async def test_customers_see_no_lists_of_staff(desk: Desk):
    token = await desk.shop.session(desk.customers["Ana Ruiz"])
    for query in ("{ customers(first: 1) { edges { cursor } } }", "{ orders(first: 1) { edges { cursor } } }"):
        answer = await desk.shop.ask(query, token)
        assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN", "reason": "PERMISSION"}
        assert answer["data"] is None
        answer = await desk.shop.ask(query)
        assert answer["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_disabling_holds_for_the_customers_next_request(desk: Desk):
    shown = show_id("cus", desk.customers["Zoë Ana-Maria"])
    token = await desk.shop.session(desk.customers["Zoë Ana-Maria"])
    assert (await desk.shop.ask("{ me { id } }", token))["data"]["me"] == {"id": shown}
    call = """mutation ($id: ID!, $reason: String!) { %s(input: {id: $id, reason: $reason}) {
        customer { id disabledAt } userErrors { code field } } }"""
    answer = await desk.ask(call % "customerDisable", id=shown, reason="Asked by phone")
    payload = answer["data"]["customerDisable"]
    assert payload["customer"]["disabledAt"]
    assert payload["userErrors"] == []
    assert (await desk.shop.ask("{ me { id } }", token))["data"]["me"] is None
    answer = await desk.ask(call % "customerEnable", id=shown, reason="Asked by phone")
    assert answer["data"]["customerEnable"]["customer"] == {"id": shown, "disabledAt": None}
    assert (await desk.shop.ask("{ me { id } }", token))["data"]["me"] is None
    answer = await desk.ask(call % "customerEnable", id=shown, reason="")
    errors = [{"code": "REQUIRED", "field": ["reason"]}]
    assert answer["data"]["customerEnable"] == {"customer": None, "userErrors": errors}
