"""Returns, refunds and the till's sale through HTTP: a whole way, and four kinds of callers."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import func, select, text

from app.embedded import Services
from app.settings import Settings
from models.database import Database
from models.ids import new_id, show_id
from models.order import Order
from models.payment import Refund
from models.return_request import ReturnRequest
from tests.support.login_session import account_with
from tests.support.ordering import open_counter
from tests.support.selling import product, variant
from tests.support.shop import Shop, open_shop
from tests.support.staff import at_work, employed

LINES = """lines { id quantity returnedQuantity returnableQuantity
  returnEligibility { returnable quantity until reasons } }"""
ORDER = f"""id version number channel status currencyCode total {{ amount }} refundedTotal {{ amount }} {LINES}
  returnableUntil payment {{ status last4 }}
  refunds {{ id status reason amount {{ amount currencyCode }} shippingAmount {{ amount }}
    lines {{ orderLineId quantity amount {{ amount }} }} }}"""
RETURN = """id version rma status createdAt note message order { id } exchangeOrder { id total { amount } }
  refund { id status }
  lines { id quantity receivedQuantity restocked reason orderLine { id } exchangeVariant { id } }"""
ERRORS = "userErrors { code field message }"

SELL = f"""mutation ($input: OrderPlaceInStoreInput!) {{ orderPlaceInStore(input: $input) {{
  order {{ {ORDER} }} quote {{ total {{ amount }} taxTotal {{ amount }} }}
  change {{ amount currencyCode }} {ERRORS} }} }}"""
CREATE = f"""mutation ($input: ReturnRequestCreateInput!) {{ returnRequestCreate(input: $input) {{
  returnRequest {{ {RETURN} }} {ERRORS} }} }}"""
CANCEL = f"""mutation ($input: ReturnRequestCancelInput!) {{ returnRequestCancel(input: $input) {{
  returnRequest {{ id status }} {ERRORS} }} }}"""
DECIDE = f"""mutation ($input: ReturnRequestDecideInput!) {{ returnRequestDecide(input: $input) {{
  returnRequest {{ id version status message }} {ERRORS} }} }}"""
RECEIVE = f"""mutation ($input: ReturnRequestReceiveInput!) {{ returnRequestReceive(input: $input) {{
  returnRequest {{ {RETURN} }} {ERRORS} }} }}"""
REFUND = f"""mutation ($input: OrderRefundInput!) {{ orderRefund(input: $input) {{
  order {{ {ORDER} }} refund {{ id status amount {{ amount currencyCode }} }} {ERRORS} }} }}"""
READ = f"query ($id: ID!) {{ order(id: $id) {{ {ORDER} returnRequests {{ id }} }} }}"
QUOTE = """query ($id: ID!, $lines: [ReturnLineInput!]!) { order(id: $id) { returnQuote(lines: $lines) {
  total { amount currencyCode } shippingAmount { amount } lines { orderLineId quantity amount { amount } }
  userErrors { code field } } } }"""
ONE = f"query ($id: ID!) {{ returnRequest(id: $id) {{ {RETURN} }} }}"
PAGE = "query ($status: ReturnStatus) { returnRequests(first: 5, status: $status) { edges { node { id status } } } }"
MINE = "{ me { returnRequests(first: 5) { edges { node { id } } } } }"

READING = {"x-purpose": "PRODUCTS"}


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    settings: Settings, committed_database: Database, running: Services, redis: Redis
) -> AsyncGenerator[Shop]:
    async with open_shop(settings, committed_database, running.redis_url) as opened:
        await opened.database.transact(open_counter)
        yield opened


@dataclass(frozen=True)
class World:
    """Ana with her token, the tokens of others, and a dress at 20.00 in two sizes."""

    shop: Shop
    ana: UUID
    tokens: dict[str, str | None]
    dress: str
    large: str

    async def ask(self, who: str, query: str, **given: Any) -> Any:
        """The one field of an answer without an error. Staff read what is personal for the purpose of selling."""
        token = self.tokens[who]
        headers = READING | ({"authorization": f"Bearer {token}"} if token else {})
        body = {"query": query, "variables": given}
        answer = (await self.shop.client.post("/graphql", json=body, headers=headers)).json()
        assert "errors" not in answer, answer
        (found,) = answer["data"].values()
        return found

    async def refusal(self, who: str, query: str, **given: Any) -> str:
        """Why the whole operation was refused."""
        (error,) = (await self.shop.ask(query, self.tokens[who], **given))["errors"]
        return error["extensions"]["code"]

    async def sold(self, count: int = 2, **changes: Any) -> Any:
        """An order of Ana's, sold in the store for a card and handed over."""
        given = {
            "customerId": show_id("cus", self.ana),
            "currencyCode": "USD",
            "lines": [{"variantId": self.dress, "quantity": count}],
            "tenders": [],
            "idempotencyKey": str(new_id()),
        } | changes
        tried = await self.ask("clerk", SELL, input=given | {"dryRun": True})
        total = {"amount": tried["quote"]["total"]["amount"], "currencyCode": "USD"}
        card = {"kind": "CARD_TERMINAL", "amount": total, "gatewayToken": "tok_visa"}
        return await self.ask("clerk", SELL, input=given | {"tenders": changes.get("tenders", [card])})


@pytest_asyncio.fixture(loop_scope="session")
async def world(shop: Shop) -> World:
    ana, bo = [await shop.database.transact(lambda t: account_with(t, None)) for _ in range(2)]
    tokens: dict[str, str | None] = {"anonymous": None, "ana": await shop.session(ana), "bo": await shop.session(bo)}
    for name, role in (("clerk", "support"), ("tailor", "tailor")):
        tokens[name] = (await at_work(shop.database, await employed(shop.database, role))).token
    made = await shop.database.transact(product)
    keys = [await shop.database.transact(lambda t, at=at: variant(t, made, position=at)) for at in range(2)]
    return World(shop, ana, tokens, *(show_id("var", key) for key in keys))


def sent(order: Any, count: int = 1, reason: str = "TOO_SMALL", **changes: Any) -> dict[str, Any]:
    line = {"orderLineId": order["lines"][0]["id"], "quantity": count, "reason": reason} | changes
    return {"orderId": order["id"], "lines": [line], "idempotencyKey": str(new_id())}


def key(**given: Any) -> dict[str, Any]:
    return {"idempotencyKey": str(new_id())} | given


async def counted(world: World, model: Any) -> int:
    return await world.shop.database.transact(lambda t: t.scalar(select(func.count()).select_from(model))) or 0


async def test_whole_way_from_the_till_to_the_refund(world: World):
    sold = await world.sold()
    assert sold["userErrors"] == []
    order = sold["order"]
    assert (order["status"], order["channel"], order["payment"]) == (
        "DELIVERED",
        "IN_STORE",
        {"status": "CAPTURED", "last4": "4242"},
    )
    [line] = order["lines"]
    until = line["returnEligibility"]["until"]
    assert line["returnEligibility"] == {"returnable": True, "quantity": 2, "until": until, "reasons": []}
    assert (line["returnableQuantity"], order["returnableUntil"]) == (2, until)

    quote = (await world.ask("ana", QUOTE, id=order["id"], lines=sent(order, 2)["lines"]))["returnQuote"]
    assert quote["total"] == {"amount": order["total"]["amount"], "currencyCode": "USD"}
    assert quote["userErrors"] == []

    asked_for = await world.ask(
        "ana",
        CREATE,
        input=sent(order, 2, "DAMAGED") | {"note": "A seam is open."},
    )
    request = asked_for["returnRequest"]
    assert (request["status"], request["note"], request["order"]["id"]) == ("REQUESTED", "A seam is open.", order["id"])
    decided = await world.ask("clerk", DECIDE, input=key(id=request["id"], expectedVersion=1, approve=True))
    assert decided["returnRequest"]["status"] == "APPROVED"
    receipts = [{"returnLineId": request["lines"][0]["id"], "quantity": 2, "restock": False}]
    received = await world.ask("clerk", RECEIVE, input=key(id=request["id"], expectedVersion=2, lines=receipts))
    assert received["returnRequest"]["status"] == "RECEIVED"
    refunded = await world.ask(
        "clerk", REFUND, input=key(id=order["id"], returnRequestId=request["id"], reason="RETURN")
    )
    assert (refunded["userErrors"], refunded["refund"]["status"]) == ([], "SUCCEEDED")
    assert refunded["refund"]["amount"] == quote["total"]
    after = await world.ask("ana", READ, id=order["id"])
    assert (after["payment"]["status"], after["refundedTotal"]) == ("REFUNDED", order["total"])
    assert after["returnRequests"] == [{"id": request["id"]}]
    assert after["lines"][0]["returnEligibility"]["reasons"] == ["ALREADY_RETURNED"]
    [refund] = after["refunds"]
    assert refund["lines"] == [{"orderLineId": line["id"], "quantity": 2, "amount": order["total"]}]
    shown = await world.ask("clerk", ONE, id=request["id"])
    assert (shown["status"], shown["refund"]) == ("REFUNDED", {"id": refund["id"], "status": "SUCCEEDED"})
    assert shown["note"] == "A seam is open."


async def test_exchange_is_an_order_of_its_own(world: World):
    order = (await world.sold())["order"]
    request = (await world.ask("ana", CREATE, input=sent(order, exchangeVariantId=world.large)))["returnRequest"]
    assert request["status"] == "APPROVED"
    assert request["lines"][0]["exchangeVariant"] == {"id": world.large}
    receipts = [{"returnLineId": request["lines"][0]["id"], "quantity": 1, "restock": True}]
    received = (await world.ask("clerk", RECEIVE, input=key(id=request["id"], lines=receipts)))["returnRequest"]
    assert received["exchangeOrder"]["total"] == {"amount": "0.00"}
    assert (await world.ask("ana", READ, id=received["exchangeOrder"]["id"]))["status"] == "PLACED"


async def test_lists_hold_what_they_are_asked_for(world: World):
    order = (await world.sold())["order"]
    request = (await world.ask("ana", CREATE, input=sent(order)))["returnRequest"]["id"]
    approved = (await world.ask("clerk", PAGE, status="APPROVED"))["edges"]
    assert request in [one["node"]["id"] for one in approved]
    assert (await world.ask("clerk", PAGE, status="DECLINED"))["edges"] == []
    mine = (await world.ask("ana", MINE))["returnRequests"]["edges"]
    assert mine == [{"node": {"id": request}}]
    assert await world.refusal("ana", PAGE) == "FORBIDDEN"


async def test_return_of_somebody_else_is_not_there(world: World):
    order = (await world.sold())["order"]
    request = (await world.ask("ana", CREATE, input=sent(order)))["returnRequest"]["id"]
    for who in ("anonymous", "bo"):
        assert (await world.shop.ask(ONE, world.tokens[who], id=request)) == {"data": {"returnRequest": None}}
    others = (await world.ask("bo", CREATE, input=sent(order)))["userErrors"]
    cancelled = (await world.ask("bo", CANCEL, input=key(id=request)))["userErrors"]
    assert [one["code"] for one in (*others, *cancelled)] == ["NOT_FOUND", "NOT_FOUND"]
    assert await counted(world, ReturnRequest) == 1


OPERATIONS = [
    (SELL, {"currencyCode": "USD", "lines": [], "tenders": []}, ("anonymous", "ana", "tailor")),
    (CREATE, {"orderId": "ord_none", "lines": []}, ("anonymous", "tailor")),
    (CANCEL, {"id": "ret_none"}, ("anonymous", "clerk", "tailor")),
    (DECIDE, {"id": "ret_none", "approve": True}, ("anonymous", "ana", "tailor")),
    (RECEIVE, {"id": "ret_none", "lines": []}, ("anonymous", "ana", "tailor")),
    (REFUND, {"id": "ord_none", "reason": "OTHER"}, ("anonymous", "ana", "tailor")),
]


async def test_operations_are_for_whom_they_are(world: World):
    for query, given, refused in OPERATIONS:
        for who in refused:
            wanted = "UNAUTHENTICATED" if who == "anonymous" else "FORBIDDEN"
            assert await world.refusal(who, query, input=key(**given)) == wanted
    for model in (Order, ReturnRequest, Refund):
        assert await counted(world, model) == 0


async def test_ids_that_are_none_are_not_found(world: World):
    order = (await world.sold())["order"]
    wrong = [
        ("ana", CREATE, sent(order) | {"orderId": "ord_none"}),
        ("ana", CREATE, sent(order, orderLineId="orl_none")),
        ("ana", CREATE, sent(order, exchangeVariantId="var_none")),
        ("ana", CANCEL, key(id="ret_none")),
        ("clerk", DECIDE, key(id="ret_none", approve=True)),
        ("clerk", RECEIVE, key(id="ret_none", lines=[])),
        ("clerk", REFUND, key(id="ord_none", reason="OTHER")),
        ("clerk", REFUND, key(id=order["id"], reason="OTHER", returnRequestId="ret_none")),
        ("clerk", REFUND, key(id=order["id"], reason="OTHER", lines=[{"lineId": "orl_none", "quantity": 1}])),
    ]
    for who, query, given in wrong:
        [error] = (await world.ask(who, query, input=given))["userErrors"]
        assert error["code"] == "NOT_FOUND", (query, error)


async def test_same_key_gives_the_first_answer_again(world: World):
    order = (await world.sold())["order"]
    given = sent(order)
    first, again = [await world.ask("ana", CREATE, input=given) for _ in range(2)]
    assert first["returnRequest"]["id"] == again["returnRequest"]["id"]
    [conflict] = (await world.ask("ana", CREATE, input=given | {"note": "Another."}))["userErrors"]
    assert conflict["code"] == "IDEMPOTENCY_CONFLICT"
    request = first["returnRequest"]
    receipts = [{"returnLineId": request["lines"][0]["id"], "quantity": 1, "restock": True}]
    steps = [
        (DECIDE, key(id=request["id"], approve=True, message="Welcome.")),
        (RECEIVE, key(id=request["id"], lines=receipts)),
        (REFUND, key(id=order["id"], reason="GOODWILL", amount={"amount": "1.00", "currencyCode": "USD"})),
    ]
    for query, step in steps:
        answers = [await world.ask("clerk", query, input=step) for _ in range(2)]
        assert [answer["userErrors"] for answer in answers] == [[], []]
    assert await counted(world, Refund) == 1
    back = text("SELECT sum(change) FROM stock_entry WHERE kind = 'RETURN'")
    assert await world.shop.database.transact(lambda t: t.scalar(back)) == 1


async def test_version_that_is_another_is_refused(world: World):
    order = (await world.sold())["order"]
    request = (await world.ask("ana", CREATE, input=sent(order)))["returnRequest"]
    receipts = [{"returnLineId": request["lines"][0]["id"], "quantity": 1, "restock": True}]
    stale = {"expectedVersion": 9}
    money = {"amount": "1.00", "currencyCode": "USD"}
    for who, query, given in (
        ("ana", CANCEL, key(id=request["id"])),
        ("clerk", DECIDE, key(id=request["id"], approve=False)),
        ("clerk", RECEIVE, key(id=request["id"], lines=receipts)),
        ("clerk", REFUND, key(id=order["id"], reason="GOODWILL", amount=money)),
    ):
        [error] = (await world.ask(who, query, input=given | stale))["userErrors"]
        assert (error["code"], error["field"]) == ("VERSION_CONFLICT", ["expectedVersion"])


async def test_sale_is_quoted_and_cash_is_given_back(world: World):
    tried = await world.sold(tenders=[], dryRun=True)
    assert (tried["order"], tried["userErrors"]) == (None, [])
    assert await counted(world, Order) == 0
    total = tried["quote"]["total"]["amount"]
    cash = {"kind": "CASH", "amount": {"amount": "100.00", "currencyCode": "USD"}}
    sold = await world.sold(tenders=[cash], handedOver=False)
    assert (sold["order"]["status"], sold["order"]["total"]["amount"]) == ("PLACED", total)
    assert float(sold["change"]["amount"]) == 100 - float(total)
    given = key(id=sold["order"]["id"], reason="OTHER", amount={"amount": "5.00", "currencyCode": "USD"}, tender="CASH")
    refunded = await world.ask("clerk", REFUND, input=given)
    assert (refunded["refund"]["status"], refunded["order"]["payment"]["status"]) == (
        "SUCCEEDED",
        "PARTIALLY_REFUNDED",
    )


async def test_declined_card_is_told_with_the_price(world: World):
    money = {"amount": "20.00", "currencyCode": "USD"}
    cash = {"kind": "CASH", "amount": {"amount": "60.00", "currencyCode": "USD"}}
    declined = {"kind": "CARD_TERMINAL", "amount": money, "gatewayToken": "tok_declined"}
    sold = await world.sold(tenders=[declined, cash])
    assert [one["code"] for one in sold["userErrors"]] == ["PAYMENT_DECLINED"]
    assert sold["quote"] is not None
    assert (sold["order"], await counted(world, Order)) == (None, 0)
