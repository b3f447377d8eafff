"""Discount codes through HTTP: who may make and see them, and what is answered."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from app.embedded import Services
from app.settings import Settings
from models.catalogue import Category
from models.discount import Discount
from models.ids import show_id
from tests.support import account, selling
from tests.support.account import rows
from tests.support.shop import Shop, copied_shop
from tests.support.staff import at_work, employed

MONEY = "{ amount currencyCode }"
DISCOUNT = f"""id version code kind percent amounts {MONEY} minimums {MONEY} startsAt endsAt totalLimit perCustomerLimit
  used products {{ id }} categories {{ slug }} combinable active"""
SAVE = f"""mutation ($input: DiscountSaveInput!) {{ discountSave(input: $input) {{
  discount {{ {DISCOUNT} }} userErrors {{ code field }} }} }}"""
LIST = f"""query ($first: Int!, $after: String, $search: String) {{
  discounts(first: $first, after: $after, search: $search) {{
    edges {{ cursor node {{ {DISCOUNT} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
NODE = f"query ($id: ID!) {{ node(id: $id) {{ id ... on Discount {{ {DISCOUNT} }} }} }}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(settings: Settings, template: str, running: Services) -> AsyncGenerator[Shop]:
    async with copied_shop(settings, template, running) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def callers(shop: Shop) -> dict[str, str | None]:
    """Tokens of everyone who may try, by who they are."""
    tokens: dict[str, str | None] = {"nobody": None}
    tokens["customer"] = await shop.session(await account.customer(shop.database))
    for role in ("marketing", "catalogue", "support"):
        tokens[role] = (await at_work(shop.database, await employed(shop.database, role))).token
    return tokens


async def saved(shop: Shop, token: str | None, **given: Any) -> dict[str, Any]:
    answer = await shop.ask(SAVE, token, input=given)
    assert "errors" not in answer, answer
    return answer["data"]["discountSave"]


async def test_saved_code_is_answered_as_it_is_kept(shop: Shop, callers: dict[str, str | None]):
    async def plant(transaction: Any) -> tuple[str, str]:
        shelf = await selling.category(transaction)
        slug = await transaction.scalar(select(Category.slug).where(Category.id == shelf))
        return slug, show_id("prd", await selling.product(transaction))

    slug, product = await shop.database.transact(plant)
    payload = await saved(
        shop,
        callers["marketing"],
        code="spring",
        kind="AMOUNT",
        amounts=[{"amount": "5", "currencyCode": "USD"}],
        minimums=[{"amount": "50.00", "currencyCode": "USD"}, {"amount": "45.5", "currencyCode": "EUR"}],
        startsAt="2026-03-01T00:00:00Z",
        totalLimit=100,
        perCustomerLimit=1,
        productIds=[product],
        categories=[slug],
        combinable=True,
    )
    assert payload["userErrors"] == []
    made = payload["discount"]
    assert made.pop("id").startswith("dsc_")
    assert made == {
        "version": 1,
        "code": "SPRING",
        "kind": "AMOUNT",
        "percent": None,
        "amounts": [{"amount": "5.00", "currencyCode": "USD"}],
        "minimums": [{"amount": "45.50", "currencyCode": "EUR"}, {"amount": "50.00", "currencyCode": "USD"}],
        "startsAt": "2026-03-01T00:00:00.000000Z",
        "endsAt": None,
        "totalLimit": 100,
        "perCustomerLimit": 1,
        "used": 0,
        "products": [{"id": product}],
        "categories": [{"slug": slug}],
        "combinable": True,
        "active": True,
    }


async def test_code_is_changed_at_its_version_alone(shop: Shop, callers: dict[str, str | None]):
    staff = callers["marketing"]
    made = (await saved(shop, staff, code="WINTER", kind="PERCENT", percent="12.5", totalLimit=9))["discount"]
    assert (made["percent"], made["version"]) == ("12.5", 1)
    given = {"id": made["id"], "code": "winter", "kind": "PERCENT"}
    changed = (await saved(shop, staff, **given, expectedVersion=1, percent="20", active=False))["discount"]
    assert (changed["percent"], changed["version"], changed["active"], changed["totalLimit"]) == ("20", 2, False, 9)
    payload = await saved(shop, staff, **given, expectedVersion=1, percent="99")
    assert payload == {"discount": None, "userErrors": [{"code": "VERSION_CONFLICT", "field": ["expectedVersion"]}]}
    cleared = (await saved(shop, staff, **given, totalLimit=None, productIds=None, minimums=None))["discount"]
    assert (cleared["totalLimit"], cleared["percent"]) == (None, "20")
    taken = await saved(shop, staff, code="winter", kind="FREE_SHIPPING")
    assert taken["userErrors"] == [{"code": "TAKEN", "field": ["code"]}]


@pytest.mark.parametrize("shown", ["", "dsc_", "prd_" + "0" * 32, "dsc_" + "0" * 32])
async def test_unknown_discount_is_not_found_before_anything_else(
    shop: Shop, callers: dict[str, str | None], shown: str
):
    payload = await saved(shop, callers["marketing"], id=shown, code="", kind="PERCENT", productIds=["x"])
    assert payload["userErrors"] == [{"code": "NOT_FOUND", "field": ["id"]}]


@pytest.mark.parametrize(
    ("who", "code"),
    [("nobody", "UNAUTHENTICATED"), ("customer", "FORBIDDEN"), ("support", "FORBIDDEN"), ("catalogue", "FORBIDDEN")],
)
async def test_code_is_made_by_staff_with_the_permission_alone(
    shop: Shop, callers: dict[str, str | None], who: str, code: str
):
    before = await shop.database.transact(lambda t: rows(t, Discount))
    answer = await shop.ask(SAVE, callers[who], input={"code": "FREE", "kind": "PERCENT", "percent": "100"})
    assert answer["errors"][0]["extensions"]["code"] == code
    assert await shop.database.transact(lambda t: rows(t, Discount)) == before


async def test_codes_are_listed_newest_first_and_found_by_a_part(shop: Shop, callers: dict[str, str | None]):
    for word in ("FIND-A", "FIND-B", "FIND-C"):
        await saved(shop, callers["marketing"], code=word, kind="FREE_SHIPPING")

    async def page(**given: Any) -> tuple[list[str], dict[str, Any]]:
        found = (await shop.ask(LIST, callers["catalogue"], **given))["data"]["discounts"]
        return [edge["node"]["code"] for edge in found["edges"]], found["pageInfo"]

    codes, more = await page(first=2, search="find-")
    assert (codes, more["hasNextPage"]) == (["FIND-C", "FIND-B"], True)
    assert (await page(first=2, search="find-", after=more["endCursor"]))[0] == ["FIND-A"]
    assert (await page(first=5, search="%"))[0] == []


@pytest.mark.parametrize("who", ["nobody", "customer", "support"])
async def test_codes_are_seen_by_staff_with_the_permission_alone(shop: Shop, callers: dict[str, str | None], who: str):
    made = (await saved(shop, callers["marketing"], code=f"SEEN-{who}", kind="FREE_SHIPPING"))["discount"]
    assert (await shop.ask(NODE, callers["catalogue"], id=made["id"]))["data"]["node"] == made
    assert (await shop.ask(NODE, callers[who], id=made["id"])) == {"data": {"node": None}}
    answer = await shop.ask(LIST, callers[who], first=5)
    assert answer["errors"][0]["extensions"]["code"] == ("UNAUTHENTICATED" if who == "nobody" else "FORBIDDEN")
