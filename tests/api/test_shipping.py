"""Shipping methods and quotes through HTTP: as everybody reads them, and as four kinds of caller try to set them."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from app.embedded import Services
from app.settings import Settings
from commerce import address
from models.classification import Channel
from models.ids import show_id
from tests.support import selling
from tests.support.address import entry
from tests.support.shop import Shop, copied_shop
from tests.support.sign_in import asked, signed_up
from tests.support.staff import at_work, employed

MONEY = "{ amount currencyCode }"
METHOD = f"""id version code name countries pickup minDays maxDays maxWeightGrams active
  prices {MONEY} freeFrom {MONEY}"""
LIST = f"{{ shippingMethods {{ {METHOD} }} }}"
SAVE = f"""mutation ($input: ShippingMethodSaveInput!) {{ shippingMethodSave(input: $input) {{
  shippingMethod {{ {METHOD} }} userErrors {{ code field }} }} }}"""
QUOTE = f"""
  lines {{ lineId variantId quantity total {MONEY} discountTotal {MONEY} taxRate taxTotal {MONEY} }}
  subtotal {MONEY} discountTotal {MONEY} shippingTotal {MONEY} shippingTaxRate shippingTaxTotal {MONEY}
  taxTotal {MONEY} total {MONEY} pricesIncludeTax
  shippingMethods {{ method {{ {METHOD} }} price {MONEY} earliest latest }} userErrors {{ code field message }}"""
CART = f"""mutation ($input: CartCreateInput!, $quote: CartQuoteInput!) {{ cartCreate(input: $input) {{
  cartToken cart {{ id total {MONEY} quote(input: $quote) {{ {QUOTE} }} }} userErrors {{ code }} }} }}"""
READ = f"query ($id: ID!, $quote: CartQuoteInput!) {{ cart(id: $id) {{ quote(input: $quote) {{ {QUOTE} }} }} }}"

STANDARD: dict[str, Any] = {
    "code": "standard",
    "name": "Standard",
    "countries": ["US", "DE"],
    "minDays": 3,
    "maxDays": 7,
    "prices": [{"amount": "6.95", "currencyCode": "USD"}, {"amount": "5.90", "currencyCode": "EUR"}],
    "freeFrom": [{"amount": "75", "currencyCode": "USD"}],
}
PICKUP: dict[str, Any] = {
    "code": "pickup",
    "name": "In the store",
    "countries": [],
    "pickup": True,
    "prices": [{"amount": "0", "currencyCode": "USD"}],
}


@dataclass
class Counter:
    """The shop with a romper at 20.00 USD, and tokens of four kinds of caller."""

    shop: Shop
    tokens: dict[str, str | None]
    customer_id: UUID
    romper: str
    standard: dict[str, Any]

    async def save(self, **given: Any) -> dict[str, Any]:
        """The payload, for whoever may."""
        return await asked(self.shop, SAVE, self.tokens["editor"], input=given)

    async def quote(self, token: str | None = None, quantity: int = 2, **given: Any) -> dict[str, Any]:
        """The quote of a new cart."""
        line = {"variantId": self.romper, "quantity": quantity}
        made = await asked(self.shop, CART, token, input={"currencyCode": "USD", "lines": [line]}, quote=given)
        assert made["userErrors"] == []
        return made["cart"]["quote"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def counter(settings: Settings, template: str, running: Services) -> AsyncGenerator[Counter]:
    async with copied_shop(settings, template, running) as shop:
        yield await opened(shop)


async def opened(shop: Shop) -> Counter:
    database = shop.database
    customer = await signed_up(database)
    romper = await database.transact(lambda t: selling.variant(t, on_hand=100, weight_grams=200))
    tokens: dict[str, str | None] = {
        "anonymous": None,
        "customer": await shop.session(customer),
        "clerk": (await at_work(database, await employed(database, "floor"))).token,
        "editor": (await at_work(database, await employed(database, "catalogue"))).token,
    }
    found = Counter(shop, tokens, customer, show_id("var", romper), {})
    for one in (STANDARD, PICKUP):
        saved = await found.save(**one)
        assert saved["userErrors"] == []
        found.standard = found.standard or saved["shippingMethod"]
    return found


def codes(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["code"], ".".join(one["field"])) for one in found["userErrors"]]


def money(found: Any) -> Decimal:
    return Decimal(found["amount"])


# ---- methods


async def test_everybody_reads_the_methods(counter: Counter):
    answers = [await counter.shop.ask(LIST, token) for token in counter.tokens.values()]
    assert answers[1:] == answers[:-1]
    [standard, pickup] = answers[0]["data"]["shippingMethods"]
    assert standard == counter.standard
    assert standard == {
        "id": standard["id"], "version": 1, "code": "standard", "name": "Standard", "countries": ["DE", "US"],
        "pickup": False, "minDays": 3, "maxDays": 7, "maxWeightGrams": None, "active": True,
        "prices": [{"amount": "5.90", "currencyCode": "EUR"}, {"amount": "6.95", "currencyCode": "USD"}],
        "freeFrom": [{"amount": "75.00", "currencyCode": "USD"}],
    }  # fmt: skip
    assert (pickup["code"], pickup["pickup"], pickup["freeFrom"]) == ("pickup", True, [])


REFUSED = {
    "anonymous": ("UNAUTHENTICATED", None),
    "customer": ("FORBIDDEN", "PERMISSION"),
    "clerk": ("FORBIDDEN", "PERMISSION"),
}


@pytest.mark.parametrize("caller", REFUSED)
async def test_methods_are_set_by_staff_who_may(counter: Counter, caller: str):
    before = await counter.shop.ask(LIST, counter.tokens["editor"])
    for given in (STANDARD | {"code": "mine"}, STANDARD | {"id": counter.standard["id"], "name": "Mine"}):
        answer = await counter.shop.ask(SAVE, counter.tokens[caller], input=given)
        (error,) = answer["errors"]
        assert (error["extensions"]["code"], error["extensions"].get("reason")) == REFUSED[caller]
    assert await counter.shop.ask(LIST, counter.tokens["editor"]) == before


async def test_method_that_is_off_is_seen_by_its_editors_alone(counter: Counter):
    express = STANDARD | {"code": "express", "name": "Express", "freeFrom": None}
    made = (await counter.save(**express))["shippingMethod"]
    saved = await counter.save(id=made["id"], expectedVersion=1, **express, active=False)
    assert (saved["shippingMethod"]["active"], saved["shippingMethod"]["version"]) == (False, 2)
    seen = {}
    for caller, token in counter.tokens.items():
        methods = (await counter.shop.ask(LIST, token))["data"]["shippingMethods"]
        seen[caller] = [one["code"] for one in methods]
    assert seen["anonymous"] == seen["customer"] == seen["clerk"] == ["standard", "pickup"]
    assert seen["editor"] == ["express", "standard", "pickup"]
    assert codes(await counter.quote(countryCode="US", region="OR", shippingMethod="express")) == [
        ("INVALID", "shippingMethod")
    ]


async def test_refusals_name_what_they_are_about(counter: Counter):
    standard = counter.standard["id"]
    for given, refusal in (
        (STANDARD, ("TAKEN", "code")),
        ({**STANDARD, "id": standard, "expectedVersion": 9}, ("VERSION_CONFLICT", "expectedVersion")),
        ({**STANDARD, "id": show_id("shm", UUID(int=7))}, ("NOT_FOUND", "id")),
        ({**STANDARD, "id": counter.romper}, ("NOT_FOUND", "id")),
        ({**STANDARD, "code": "s", "minDays": 9}, ("INVALID", "maxDays")),
    ):
        saved = await counter.save(**given)
        assert (saved["shippingMethod"], codes(saved)) == (None, [refusal])


# ---- quotes


async def test_quote_is_the_whole_price(counter: Counter):
    found = await counter.quote(countryCode="US", region="California", shippingMethod="standard")
    [line] = found["lines"]
    assert (line["quantity"], line["variantId"], line["lineId"][:4]) == (2, counter.romper, "crl_")
    assert (line["taxRate"], money(line["total"]), money(line["taxTotal"])) == ("0.0725", 40, Decimal("2.90"))
    assert (found["shippingTaxRate"], money(found["shippingTotal"])) == ("0", Decimal("6.95"))
    assert (money(found["total"]), found["pricesIncludeTax"]) == (Decimal("49.85"), False)
    assert found["total"]["currencyCode"] == "USD"
    options = {one["method"]["code"]: one for one in found["shippingMethods"]}
    assert options["standard"]["method"] == counter.standard
    assert options["standard"]["earliest"] < options["standard"]["latest"]
    assert (options["pickup"]["earliest"], options["pickup"]["price"]["amount"]) == (None, "0.00")
    assert found["userErrors"] == []


async def test_quote_says_what_does_not_fit(counter: Counter):
    assert codes(await counter.quote(countryCode="JP")) == [("NOT_SHIPPABLE", "countryCode")]
    there = await counter.quote(countryCode="JP", shippingMethod="standard")
    assert codes(there) == [("NOT_SHIPPABLE", "shippingMethod")]
    assert [one["method"]["code"] for one in there["shippingMethods"]] == ["pickup"]
    assert codes(await counter.quote(countryCode="US")) == [("REQUIRED", "region")]
    assert codes(await counter.quote(shippingMethod="standard")) == [("REQUIRED", "shippingAddressId")]


async def test_own_address_is_quoted_and_another_is_not_found(counter: Counter):
    made = await counter.shop.database.transact(
        lambda t: address.create(
            t, counter.customer_id, entry(country_code="US", region="CA", postal_code="94107"), Channel.WEB
        )
    )
    assert isinstance(made, UUID), made
    shown, token = show_id("adr", made), counter.tokens["customer"]
    own = await counter.quote(token, shippingAddressId=shown, shippingMethod="standard")
    bare = await counter.quote(countryCode="US", region="CA", shippingMethod="standard")
    assert (own["total"], own["userErrors"]) == (bare["total"], [])
    for caller, given in ((None, shown), (counter.tokens["clerk"], shown), (token, counter.romper)):
        found = await counter.quote(caller, shippingAddressId=given, shippingMethod="standard")
        assert codes(found) == [("NOT_FOUND", "shippingAddressId")]
        assert money(found["total"]) == 40


async def test_quote_of_a_query_is_that_of_the_payload(counter: Counter):
    line, place = {"variantId": counter.romper, "quantity": 4}, {"countryCode": "US", "region": "OR"}
    made = await asked(counter.shop, CART, None, input={"currencyCode": "USD", "lines": [line]}, quote=place)
    headers = {"x-cart-token": made["cartToken"]}
    body = {"query": READ, "variables": {"id": made["cart"]["id"], "quote": place}}
    read = (await counter.shop.client.post("/graphql", json=body, headers=headers)).json()
    assert read["data"]["cart"]["quote"] == made["cart"]["quote"]
    assert [money(one["price"]) for one in made["cart"]["quote"]["shippingMethods"]] == [0, 0]
