"""Orders through HTTP: placed, paid, read and cancelled, by their owner and by others."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest_asyncio
from sqlalchemy import delete

from app.embedded import Services
from app.settings import Settings
from models.account import Account
from models.database import Database
from models.ids import show_id
from tests.support import selling
from tests.support.account import everything
from tests.support.database import copy_of
from tests.support.ordering import Buyer, buyer, open_counter
from tests.support.shop import Shop, open_shop
from tests.support.staff import at_work, employed

MONEY = "{ amount currencyCode }"
LINE = f"""id sku quantity unitPrice {MONEY} total {MONEY} discountTotal {MONEY} taxRate taxTotal {MONEY}
  fulfilledQuantity returnedQuantity cancelledQuantity giftMessage"""
ORDER = f"""id version number placedAt channel status currencyCode pricesIncludeTax shippingMethod
  subtotal {MONEY} discountTotal {MONEY} shippingTotal {MONEY} shippingTaxRate shippingTaxTotal {MONEY}
  taxTotal {MONEY} total {MONEY} refundedTotal {MONEY} cancellable lines {{ {LINE} }}
  contact {{ name email }} shippingAddress {{ line1 }} payment {{ status brand last4 }}
  timeline {{ id kind at fulfillmentId returnRequestId refundId }}"""
ACTION = "paymentAction { url clientSecret expiresAt }"
ERRORS = "userErrors { code field message }"
QUOTE = f"total {MONEY} taxTotal {MONEY} shippingTotal {MONEY} {ERRORS}"

CREATE = "mutation ($input: CartCreateInput!) { cartCreate(input: $input) { cart { id } userErrors { code } } }"
CART = f"query ($id: ID!, $input: CartQuoteInput!) {{ cart(id: $id) {{ quote(input: $input) {{ {QUOTE} }} }} }}"
PLACE = (
    f"mutation ($input: OrderPlaceInput!) {{ orderPlace(input: $input) "
    f"{{ order {{ {ORDER} }} {ACTION} quote {{ {QUOTE} }} {ERRORS} }} }}"
)
CONTINUE = (
    "mutation ($input: OrderPaymentContinueInput!) { orderPaymentContinue(input: $input) "
    f"{{ order {{ {ORDER} }} {ACTION} {ERRORS} }} }}"
)
CANCEL = f"mutation ($input: OrderCancelInput!) {{ orderCancel(input: $input) {{ order {{ {ORDER} }} {ERRORS} }} }}"
READ = f"query ($id: ID!) {{ order(id: $id) {{ {ORDER} }} }}"


@dataclass
class Caller:
    """Whoever sends requests, and with which headers."""

    shop: Shop
    headers: dict[str, str]

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        return (await self.shop.client.post("/graphql", json=body, headers=self.headers)).json()

    async def do(self, query: str, **given: Any) -> tuple[dict[str, Any], list[str]]:
        """The payload, and the codes of its errors."""
        answer = await self.ask(query, input=given)
        assert "errors" not in answer, answer
        (payload,) = answer["data"].values()
        return payload, [error["code"] for error in payload["userErrors"]]


@dataclass
class Store:
    """The shop with a romper at 20.00; Ana buys, Bo is another customer, and who works there."""

    shop: Shop
    romper: str
    ana: Caller
    bo: Caller
    visitor: Caller
    clerk: Caller
    tailor: Caller
    buyer: Buyer
    keys: int = 0

    @property
    def database(self) -> Database:
        return self.shop.database

    async def cart(self, **line: Any) -> str:
        lines = [{"variantId": self.romper, "quantity": 2} | line]
        payload, codes = await self.ana.do(CREATE, currencyCode="USD", lines=lines)
        assert codes == []
        return payload["cart"]["id"]

    async def purchase(self, **changes: Any) -> dict[str, Any]:
        """The input that orders a new cart at its price, with a key of its own."""
        cart_id = await self.cart(**changes.pop("line", {}))
        address = show_id("adr", self.buyer.address_id)
        wanted = {"shippingAddressId": address, "shippingMethod": "standard"}
        answer = await self.ana.ask(CART, id=cart_id, input=wanted)
        self.keys += 1
        given = {
            "cartId": cart_id,
            "expectedTotal": answer["data"]["cart"]["quote"]["total"],
            "billingAddressId": address,
            "gatewayToken": "tok_visa",
            "idempotencyKey": f"key {self.keys}",
        }
        return wanted | given | changes

    async def placed(self, **changes: Any) -> dict[str, Any]:
        payload, codes = await self.ana.do(PLACE, **await self.purchase(**changes))
        assert codes == []
        return payload["order"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def store(settings: Settings, template: str, running: Services) -> AsyncGenerator[Store]:
    async with copy_of(template, running.database_url) as url:
        database = Database(url)
        await database.transact(open_counter)
        variant = await database.transact(lambda t: selling.variant(t, on_hand=1000))
        ana, bo = [
            await database.transact(lambda t: buyer(t, city="New York", region="NY", postal_code="10001"))
            for _ in range(2)
        ]
        clerk, tailor = [
            (await at_work(database, await employed(database, role))).token for role in ("owner", "tailor")
        ]
        async with open_shop(settings, database, running.redis_url) as shop:

            async def session(account_id: UUID) -> Caller:
                return Caller(shop, {"authorization": f"Bearer {await shop.session(account_id)}"})

            yield Store(
                shop,
                show_id("var", variant),
                await session(ana.account_id),
                await session(bo.account_id),
                Caller(shop, {}),
                Caller(shop, {"authorization": f"Bearer {clerk}", "x-purpose": "PRODUCTS", "x-case": "LL-1"}),
                Caller(shop, {"authorization": f"Bearer {tailor}"}),
                ana,
            )
        await database.close()


def amount(money: dict[str, str]) -> Decimal:
    return Decimal(money["amount"])


async def test_order_is_placed_and_read_with_all_that_it_is(store: Store):
    order = await store.placed(line={"giftMessage": "With love"})
    assert order["number"].startswith("LL-")
    assert (order["status"], order["channel"], order["currencyCode"]) == ("PLACED", "WEB", "USD")
    assert (order["shippingMethod"], order["pricesIncludeTax"], order["cancellable"]) == ("standard", False, True)
    assert order["payment"] == {"status": "CAPTURED", "brand": "visa", "last4": "4242"}
    assert order["shippingAddress"] == {"line1": "1 MAIN ST"} or order["shippingAddress"]["line1"] == "1 Main St"
    assert [event["kind"] for event in order["timeline"]] == ["PLACED", "PAYMENT_SETTLED"]
    [line] = order["lines"]
    assert (line["giftMessage"], line["quantity"], line["cancelledQuantity"]) == ("With love", 2, 0)
    assert (await store.ana.ask(READ, id=order["id"]))["data"]["order"] == order


async def test_amounts_of_an_order_keep_the_identities(store: Store):
    order = await store.placed()
    [line] = order["lines"]
    assert Decimal(line["taxRate"]) > 0
    assert amount(line["total"]) == amount(order["subtotal"]) == 40
    taxed = amount(line["taxTotal"]) + amount(order["shippingTaxTotal"])
    assert taxed == amount(order["taxTotal"])
    whole = amount(order["subtotal"]) - amount(order["discountTotal"]) + amount(order["shippingTotal"]) + taxed
    assert whole == amount(order["total"])


async def test_channel_is_the_one_that_the_client_names(store: Store):
    mobile = Caller(store.shop, store.ana.headers | {"x-channel": "MOBILE"})
    payload, codes = await mobile.do(PLACE, **await store.purchase())
    assert codes == []
    assert payload["order"]["channel"] == "MOBILE"


async def test_nobody_orders_without_signing_in(store: Store):
    """P28: not even what is in a cart that the caller holds the token of."""
    purchase = await store.purchase()
    for caller in (store.visitor, store.clerk):
        payload, codes = await caller.do(PLACE, **purchase)
        assert (codes, payload["order"]) == (["CREDENTIALS_REQUIRED"], None)


async def test_cart_of_another_is_not_found(store: Store):
    purchase = await store.purchase()
    for name, other in (
        ("cartId", "crt_" + "0" * 32),
        ("cartId", "nonsense"),
        ("billingAddressId", purchase["cartId"]),
    ):
        payload, codes = await store.ana.do(PLACE, **purchase | {name: other})
        assert (codes, payload["userErrors"][0]["field"]) == (["NOT_FOUND"], [name])
    assert (await store.bo.do(PLACE, **purchase))[1] == ["NOT_FOUND"]
    assert (await store.ana.do(PLACE, **purchase))[1] == []


async def test_price_that_changed_is_answered_with_the_quote(store: Store):
    purchase = await store.purchase()
    expected = purchase["expectedTotal"]
    payload, codes = await store.ana.do(PLACE, **purchase | {"expectedTotal": expected | {"amount": "1.00"}})
    assert (codes, payload["order"]) == (["PRICE_CHANGED"], None)
    assert payload["quote"]["total"] == expected


async def test_repetition_is_answered_the_same(store: Store):
    purchase = await store.purchase()
    first, second = [await store.ana.do(PLACE, **purchase) for _ in range(2)]
    assert first == second
    assert (await store.ana.do(PLACE, **purchase | {"shippingMethod": "pickup"}))[1] == ["IDEMPOTENCY_CONFLICT"]


async def test_bank_that_asks_first_is_told_with_what_to_do(store: Store):
    purchase = await store.purchase(gatewayToken="tok_action")
    payload, codes = await store.ana.do(PLACE, **purchase)
    assert codes == ["PAYMENT_ACTION_REQUIRED"]
    assert payload["order"]["status"] == "PENDING_PAYMENT"
    assert payload["order"]["payment"] == {"status": "PENDING", "brand": None, "last4": None}
    action = payload["paymentAction"]
    assert action["url"] or action["clientSecret"]
    given = {"id": payload["order"]["id"], "idempotencyKey": purchase["idempotencyKey"]}
    assert (await store.bo.do(CONTINUE, **given))[1] == ["NOT_FOUND"]
    assert (await store.visitor.ask(CONTINUE, input=given))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    payload, codes = await store.ana.do(CONTINUE, **given)
    assert (codes, payload["order"]["status"], payload["paymentAction"]) == ([], "PLACED", None)


async def test_owner_cancels_and_sees_what_became_of_it(store: Store):
    order = await store.placed()
    payload, codes = await store.ana.do(CANCEL, id=order["id"], idempotencyKey="k", reason="TOO_SLOW")
    assert codes == []
    assert (payload["order"]["status"], payload["order"]["cancellable"]) == ("CANCELLED", False)
    assert payload["order"]["refundedTotal"] == order["total"]
    assert payload["order"]["lines"][0]["cancelledQuantity"] == 2
    assert [event["kind"] for event in payload["order"]["timeline"]][-1] == "CANCELLED"
    assert payload["order"]["version"] > order["version"]


async def test_staff_cancel_with_the_permission_and_others_do_not(store: Store):
    order = await store.placed()
    given = {"id": order["id"], "idempotencyKey": "k"}
    assert (await store.bo.do(CANCEL, **given))[1] == ["NOT_FOUND"]
    assert (await store.ana.do(CANCEL, **given | {"id": "nonsense"}))[1] == ["NOT_FOUND"]
    for caller, code in ((store.visitor, "UNAUTHENTICATED"), (store.tailor, "FORBIDDEN")):
        assert (await caller.ask(CANCEL, input=given))["errors"][0]["extensions"]["code"] == code
    assert (await store.clerk.do(CANCEL, **given | {"expectedVersion": 99}))[1] == ["VERSION_CONFLICT"]
    payload, codes = await store.clerk.do(CANCEL, **given)
    assert (codes, payload["order"]["status"]) == ([], "CANCELLED")


async def test_nothing_of_a_payment_is_kept_but_what_one_recognises_it_by(store: Store):
    """P4. The gateway's token is nowhere in the database."""
    await store.placed(gatewayToken="tok_mastercard")
    assert "tok_mastercard" not in await store.database.transact(everything)


async def test_order_keeps_its_facts_when_the_person_is_gone(store: Store):
    """P5: contact and addresses go with the account, the books stay as they were."""
    who = await store.database.transact(lambda t: buyer(t, city="New York", region="NY", postal_code="10001"))
    caller = Caller(store.shop, {"authorization": f"Bearer {await store.shop.session(who.account_id)}"})
    leaving = replace(store, ana=caller, buyer=who)
    order = await leaving.placed()
    before = (await store.clerk.ask(READ, id=order["id"]))["data"]["order"]
    assert before["contact"] is not None
    await store.database.transact(lambda t: t.execute(delete(Account).where(Account.id == who.account_id)))
    after = (await store.clerk.ask(READ, id=order["id"]))["data"]["order"]
    assert (after["contact"], after["shippingAddress"], after["payment"]) == (None, None, None)
    gone = {"contact", "shippingAddress", "payment", "lines"}
    assert {name: found for name, found in after.items() if name not in gone} == {
        name: found for name, found in before.items() if name not in gone
    }
    assert [line | {"giftMessage": None} for line in before["lines"]] == after["lines"]
