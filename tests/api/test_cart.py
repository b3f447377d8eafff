"""Carts through HTTP, as those who hold one and as others see them."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import update

from app.embedded import Services
from app.settings import Settings
from auth.throttle import DISCOUNT_CODE, DISCOUNT_CODE_ADDRESS
from models.cart import Cart
from models.catalogue import AlterationKind, MeasurementName, Variant
from models.database import Database
from models.ids import show_id
from tests.support import account, selling
from tests.support.account import everything, rows
from tests.support.database import copy_of
from tests.support.shop import Shop, open_shop
from tests.support.staff import at_work, employed

MONEY = "{ amount currencyCode }"
CART = f"""id version currencyCode expiresAt subtotal {MONEY} discountTotal {MONEY} total {MONEY}
  lines {{ id quantity unitPrice {MONEY} total {MONEY} discountTotal {MONEY} giftMessage
    alterations {{ kind note price {MONEY} }} variant {{ id sku }} }}
  discountCodes {{ code applicable reason amount {MONEY} }}
  warnings {{ code lineId variantId message }}"""
MEASURED = "id lines { measurementSet { id label } }"


def mutation(name: str, fields: str = CART, more: str = "") -> str:
    kind = name[0].upper() + name[1:]
    return (
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) "
        f"{{ cart {{ {fields} }} {more} userErrors {{ code field message }} }} }}"
    )


CREATE = mutation("cartCreate", more="cartToken")
ADD, UPDATE, REMOVE = mutation("cartLinesAdd"), mutation("cartLinesUpdate"), mutation("cartLinesRemove")
CODES, CLAIM = mutation("cartDiscountCodesUpdate"), mutation("cartClaim")
READ = f"query ($id: ID!) {{ cart(id: $id) {{ {CART} }} }}"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ id ... on Cart {{ {CART} }} }} }}"


@dataclass
class Caller:
    """Whoever sends requests: with a session, a cart's token, both or nothing."""

    shop: Shop
    session: str | None = None
    token: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        headers = dict(self.headers)
        if self.session:
            headers["authorization"] = f"Bearer {self.session}"
        if self.token:
            headers["x-cart-token"] = self.token
        body = {"query": query, "variables": variables}
        return (await self.shop.client.post("/graphql", json=body, headers=headers)).json()

    async def do(self, query: str, **given: Any) -> dict[str, Any]:
        """The payload; its errors as pairs of code and field."""
        answer = await self.ask(query, input=given)
        assert "errors" not in answer, answer
        (payload,) = answer["data"].values()
        payload["userErrors"] = [(error["code"], ".".join(error["field"] or [])) for error in payload["userErrors"]]
        return payload

    async def cart(self, query: str, **given: Any) -> dict[str, Any]:
        payload = await self.do(query, **given)
        assert payload["userErrors"] == [], payload
        return payload["cart"]


@dataclass
class Store:
    """The shop with goods: a romper that can be hemmed, at 20.00, and a gown that is made to measure, at 300.00."""

    shop: Shop
    romper: str
    gown: str
    ana: Caller
    bo: Caller
    floor: Caller
    ids: dict[str, UUID]

    @property
    def database(self) -> Database:
        return self.shop.database

    def visitor(self) -> Caller:
        return Caller(self.shop)

    async def bearer(self, *lines: dict[str, Any], currency: str = "USD") -> tuple[Caller, dict[str, Any]]:
        """Somebody with a cart's token, and the cart."""
        payload = await self.visitor().do(CREATE, currencyCode=currency, lines=list(lines))
        assert payload["userErrors"] == [], payload
        return Caller(self.shop, token=payload["cartToken"]), payload["cart"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def store(settings: Settings, template: str, running: Services) -> AsyncGenerator[Store]:
    async with copy_of(template, running.database_url) as url:
        database = Database(url)
        ids: dict[str, UUID] = {}

        async def plant(transaction: Any) -> None:
            plain = await selling.product(transaction, services={AlterationKind.HEM: 900})
            made = await selling.product(transaction, required_measurements=[MeasurementName.WAIST], custom_made=True)
            ids["romper"] = await selling.variant(transaction, plain, on_hand=100, weight_grams=200)
            ids["gown"] = await selling.variant(transaction, made, on_hand=5, prices={selling.USD: 30_000})
            await selling.discount(transaction, "TEN")

        await database.transact(plant)
        for name in ("ana", "bo"):
            ids[name] = await account.customer(database, f"{name}@example.com")
        ids["set"] = await database.transact(lambda t: selling.measurement_set(t, ids["ana"]))
        async with open_shop(settings, database, running.redis_url) as shop:
            staff = (await at_work(database, await employed(database, "floor"))).token
            ana, bo = [Caller(shop, await shop.session(ids[name])) for name in ("ana", "bo")]
            romper, gown = [show_id("var", ids[name]) for name in ("romper", "gown")]
            yield Store(shop, romper, gown, ana, bo, Caller(shop, staff), ids)
        await database.close()


async def test_visitor_fills_a_cart_by_its_token_that_is_shown_once(store: Store):
    line = {"variantId": store.romper, "quantity": 2, "alterations": [{"kind": "HEM", "note": "2 cm"}]}
    payload = await store.visitor().do(CREATE, currencyCode="USD", lines=[line | {"giftMessage": "For Ida"}])
    cart, token = payload["cart"], payload["cartToken"]
    assert token.startswith("lyk_")
    assert cart["id"].startswith("crt_")
    [line] = cart["lines"]
    assert line["id"].startswith("crl_")
    assert (line["quantity"], line["giftMessage"], line["variant"]["id"]) == (2, "For Ida", store.romper)
    assert line["unitPrice"] == {"amount": "20.00", "currencyCode": "USD"}
    assert line["alterations"] == [{"kind": "HEM", "note": "2 cm", "price": {"amount": "9.00", "currencyCode": "USD"}}]
    assert (line["total"]["amount"], cart["subtotal"]["amount"], cart["total"]["amount"]) == ("58.00",) * 3
    assert (cart["version"], cart["currencyCode"], cart["warnings"], cart["discountCodes"]) == (1, "USD", [], [])
    assert token not in await store.database.transact(everything)
    assert (await Caller(store.shop, token=token).ask(READ, id=cart["id"]))["data"] == {"cart": cart}


async def test_customer_owns_the_cart_and_gets_no_token(store: Store):
    payload = await store.ana.do(CREATE, currencyCode="EUR")
    assert payload["cartToken"] is None
    cart = payload["cart"]
    assert (cart["lines"], cart["total"]) == ([], {"amount": "0.00", "currencyCode": "EUR"})
    assert (await store.ana.ask(READ, id=cart["id"]))["data"]["cart"] == cart
    found = (await store.ana.ask(NODE, id=cart["id"]))["data"]["node"]
    assert found == cart


async def test_every_edit_answers_the_cart_as_a_read_does(store: Store):
    holder, cart = await store.bearer({"variantId": store.romper, "quantity": 1})
    added = await holder.cart(ADD, cartId=cart["id"], lines=[{"variantId": store.gown, "quantity": 1}])
    assert [one["code"] for one in added["warnings"]] == ["MEASUREMENTS_MISSING"]
    coded = await holder.cart(CODES, cartId=cart["id"], codes=["ten"])
    assert coded["discountCodes"] == [
        {"code": "TEN", "applicable": True, "reason": None, "amount": {"amount": "32.00", "currencyCode": "USD"}}
    ]
    assert [line["discountTotal"]["amount"] for line in coded["lines"]] == ["2.00", "30.00"]
    assert (coded["discountTotal"]["amount"], coded["total"]["amount"]) == ("32.00", "288.00")
    first, second = [line["id"] for line in coded["lines"]]
    changed = await holder.cart(UPDATE, cartId=cart["id"], lines=[{"id": first, "quantity": 3, "giftMessage": "Hi"}])
    assert changed["lines"][0]["giftMessage"] == "Hi"
    removed = await holder.cart(REMOVE, cartId=cart["id"], lineIds=[second])
    assert [(line["id"], line["quantity"]) for line in removed["lines"]] == [(first, 3)]
    assert (removed["subtotal"]["amount"], removed["total"]["amount"], removed["version"]) == ("60.00", "54.00", 5)
    assert (await holder.ask(READ, id=cart["id"]))["data"]["cart"] == removed
    emptied = await holder.cart(UPDATE, cartId=cart["id"], lines=[{"id": first, "quantity": 0}])
    assert emptied["lines"] == []
    assert [(one["applicable"], one["reason"]) for one in emptied["discountCodes"]] == [(False, "NOTHING_ELIGIBLE")]


@pytest.mark.parametrize("who", ["visitor", "another token", "another customer", "staff"])
async def test_cart_of_others_is_absent(store: Store, who: str):
    owned = (await store.ana.do(CREATE, currencyCode="USD", lines=[{"variantId": store.romper, "quantity": 1}]))["cart"]
    _, held = await store.bearer({"variantId": store.romper, "quantity": 1})
    other = (await store.bearer())[0]
    caller = {"visitor": store.visitor(), "another token": other, "another customer": store.bo, "staff": store.floor}
    before = await store.database.transact(lambda t: rows(t, Cart))
    for cart in (owned, held):
        line = cart["lines"][0]["id"]
        assert (await caller[who].ask(READ, id=cart["id"])) == {"data": {"cart": None}}
        assert (await caller[who].ask(NODE, id=cart["id"])) == {"data": {"node": None}}
        for query, given in (
            (ADD, {"lines": [{"variantId": "nonsense", "quantity": -1}]}),
            (UPDATE, {"lines": [{"id": line, "quantity": 0}]}),
            (REMOVE, {"lineIds": [line]}),
            (CODES, {"codes": ["TEN"]}),
        ):
            payload = await caller[who].do(query, cartId=cart["id"], **given)
            assert (payload["cart"], payload["userErrors"]) == (None, [("NOT_FOUND", "cartId")])
    assert await store.database.transact(lambda t: rows(t, Cart)) == before


async def test_ids_of_other_things_are_not_found(store: Store):
    holder, cart = await store.bearer({"variantId": store.romper, "quantity": 1})
    line = cart["lines"][0]["id"]
    cases: list[tuple[str, dict[str, Any], str]] = [
        (ADD, {"cartId": store.romper, "lines": [{"variantId": store.romper, "quantity": 1}]}, "cartId"),
        (ADD, {"lines": [{"variantId": cart["id"], "quantity": 1}]}, "lines.0.variantId"),
        (
            ADD,
            {"lines": [{"variantId": store.gown, "quantity": 1, "measurementSetId": "mea_1"}]},
            "lines.0.measurementSetId",
        ),
        (UPDATE, {"lines": [{"id": store.romper, "quantity": 1}]}, "lines.0.id"),
        (UPDATE, {"lines": [{"id": line, "quantity": 1, "measurementSetId": line}]}, "lines.0.measurementSetId"),
        (REMOVE, {"lineIds": [line, "crl_"]}, "lineIds.1"),
    ]
    for query, given, where in cases:
        payload = await holder.do(query, **{"cartId": cart["id"]} | given)
        assert payload["userErrors"] == [("NOT_FOUND", where)]
    assert (await holder.ask(READ, id=cart["id"]))["data"]["cart"] == cart


async def test_measurements_of_ones_own_are_shown_with_the_line(store: Store):
    own = show_id("mea", store.ids["set"])
    line = {"variantId": store.gown, "quantity": 1, "measurementSetId": own}
    payload = await store.bo.do(CREATE, currencyCode="USD", lines=[line])
    assert payload["userErrors"] == [("NOT_FOUND", "lines.0.measurementSetId")]
    fields = mutation("cartCreate", MEASURED)
    cart = (await store.ana.do(fields, currencyCode="USD", lines=[line]))["cart"]
    assert cart["lines"] == [{"measurementSet": {"id": own, "label": "Me"}}]
    cleared = {"cartId": cart["id"], "lines": []}
    [key] = [one["id"] for one in (await store.ana.ask(READ, id=cart["id"]))["data"]["cart"]["lines"]]
    cleared["lines"] = [{"id": key, "quantity": 1, "measurementSetId": None}]
    found = await store.ana.cart(mutation("cartLinesUpdate", MEASURED), **cleared)
    assert found["lines"] == [{"measurementSet": None}]


async def test_fewer_pieces_than_asked_for_are_shown_with_a_warning(store: Store):
    holder, cart = await store.bearer({"variantId": store.gown, "quantity": 9})
    line = cart["lines"][0]
    assert (line["quantity"], cart["total"]["amount"]) == (5, "1500.00")
    warning = cart["warnings"][0]
    assert (warning["code"], warning["lineId"], warning["variantId"]) == ("QUANTITY_REDUCED", line["id"], store.gown)
    await _set_stock(store, 0)
    found = (await holder.ask(READ, id=cart["id"]))["data"]["cart"]
    payload = await holder.do(ADD, cartId=cart["id"], lines=[{"variantId": store.gown, "quantity": 1}])
    await _set_stock(store, 5)
    assert [one["code"] for one in found["warnings"]] == ["OUT_OF_STOCK", "MEASUREMENTS_MISSING"]
    assert payload["userErrors"] == [("OUT_OF_STOCK", "lines.0.quantity")]


async def _set_stock(store: Store, pieces: int) -> None:
    gown = update(Variant).where(Variant.id == store.ids["gown"]).values(on_hand=pieces)
    await store.database.transact(lambda transaction: transaction.execute(gown))


async def test_cart_is_quoted_for_a_place(store: Store):
    holder, cart = await store.bearer({"variantId": store.romper, "quantity": 2})
    quote = f"""query ($id: ID!, $input: CartQuoteInput!) {{ cart(id: $id) {{ quote(input: $input) {{
      lines {{ lineId quantity total {MONEY} taxRate }} total {MONEY} pricesIncludeTax userErrors {{ code }} }} }} }}"""
    place = {"countryCode": "US", "region": "NY", "postalCode": "10001"}
    found = (await holder.ask(quote, id=cart["id"], input=place))["data"]["cart"]["quote"]
    [line] = found["lines"]
    assert (line["lineId"], line["quantity"], line["total"]["amount"]) == (cart["lines"][0]["id"], 2, "40.00")
    assert found["pricesIncludeTax"] is False
    assert Decimal(found["total"]["amount"]) >= 40


# ---- after signing in


async def test_claimed_cart_is_the_customers_and_the_token_dead(store: Store):
    holder, cart = await store.bearer({"variantId": store.romper, "quantity": 3})
    cleo = Caller(store.shop, await store.shop.session(await account.customer(store.database, "cleo@example.com")))
    found = await cleo.cart(CLAIM, cartToken=holder.token)
    assert (found["id"], found["lines"], found["version"]) == (cart["id"], cart["lines"], 2)
    assert await holder.ask(READ, id=cart["id"]) == {"data": {"cart": None}}
    assert (await cleo.do(CLAIM, cartToken=holder.token))["userErrors"] == [("NOT_FOUND", "cartToken")]
    again, _ = await store.bearer({"variantId": store.romper, "quantity": 1}, {"variantId": store.gown, "quantity": 1})
    found = await cleo.cart(CLAIM, cartToken=again.token, intoCartId=cart["id"])
    assert [line["quantity"] for line in found["lines"]] == [4, 1]
    assert (await cleo.ask(READ, id=cart["id"]))["data"]["cart"] == found


async def test_cart_is_claimed_by_customers_alone(store: Store):
    holder, cart = await store.bearer({"variantId": store.romper, "quantity": 1})
    for caller, code in ((holder, "UNAUTHENTICATED"), (store.floor, "FORBIDDEN")):
        answer = await caller.ask(CLAIM, input={"cartToken": holder.token})
        assert answer["errors"][0]["extensions"]["code"] == code
    for nonsense in ("", "lyk_", "lys_" + (holder.token or "")[4:], (holder.token or "")[:-1] + "x"):
        assert (await store.bo.do(CLAIM, cartToken=nonsense))["userErrors"] == [("NOT_FOUND", "cartToken")]
    assert (await holder.ask(READ, id=cart["id"]))["data"]["cart"] == cart


# ---- guessing codes


async def test_guessing_codes_is_slowed_down_by_account_and_by_address(store: Store, redis: Redis):
    """Codes that exist cost nothing; those that do not are counted before they are looked up."""
    cart = (await store.ana.do(CREATE, currencyCode="USD"))["cart"]["id"]
    for _ in range(12):
        await store.ana.cart(CODES, cartId=cart, codes=["TEN"] * 10)
    guesses = [f"GUESS{at}" for at in range(10)]
    for _ in range(DISCOUNT_CODE.amount // 10):
        outcome = await store.ana.do(CODES, cartId=cart, codes=guesses)
        assert outcome["userErrors"] == [("NOT_FOUND", f"codes.{at}") for at in range(10)]
    answer = await store.ana.ask(CODES, input={"cartId": cart, "codes": ["TEN"]})
    assert answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert answer["errors"][0]["extensions"]["retryAfter"] > 0
    holder, held = await store.bearer()
    for _ in range((DISCOUNT_CODE_ADDRESS.amount - DISCOUNT_CODE.amount) // 10):
        await holder.do(CODES, cartId=held["id"], codes=guesses)
    answer = await holder.ask(CODES, input={"cartId": held["id"], "codes": ["TEN"]})
    assert answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert (await holder.ask(READ, id=held["id"]))["data"]["cart"]["discountCodes"] == []
    await holder.cart(CODES, cartId=held["id"], codes=[])


async def test_codes_of_a_cart_of_others_are_no_guesses(store: Store, redis: Redis):
    cart = (await store.ana.do(CREATE, currencyCode="USD"))["cart"]["id"]
    for _ in range(DISCOUNT_CODE.amount // 10 + 1):
        outcome = await store.bo.do(CODES, cartId=cart, codes=[f"G{at}" for at in range(10)])
        assert outcome["userErrors"] == [("NOT_FOUND", "cartId")]


# ---- what is refused before anything is done


async def test_card_number_in_a_gift_message_is_refused(store: Store):
    holder, cart = await store.bearer()
    line = {"variantId": store.romper, "quantity": 1, "giftMessage": "4242 4242 4242 4242"}
    payload = await holder.do(ADD, cartId=cart["id"], lines=[line])
    assert [code for code, _ in payload["userErrors"]] == ["CARD_NUMBER_REFUSED"]
    assert (await holder.ask(READ, id=cart["id"]))["data"]["cart"]["lines"] == []
