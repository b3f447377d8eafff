"""Payments in a shop that is open: webhooks that the gateway sends, and `python -m app payments`."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
from sqlalchemy import select

from app.embedded import addresses, services
from app.settings import Settings
from auth import sessions
from commerce.basket import LineDraft
from gateways.payments.local import LocalGateway
from models.database import Database
from models.ids import show_id
from models.payment import Charge, GatewayEvent
from tests.embedded.commands import run, serving
from tests.support import ordering, selling
from tests.support.login_session import LAPTOP
from tests.support.payments import charge_of

PLACE = """mutation ($input: OrderPlaceInput!) { orderPlace(input: $input) {
  order { id status } paymentAction { clientSecret } userErrors { code } } }"""
STATUS = "query ($id: ID!) { order(id: $id) { status payment { status } } }"
OPEN = ("tok_visa", "tok_timeout", "tok_timeout_lost", "tok_action")
TOTAL = ordering.PRICE + ordering.SHIPPING


@asynccontextmanager
async def database_of(own: Settings) -> AsyncGenerator[Database]:
    database = Database(addresses(own).database_url, readers=1, writers=2)
    yield database
    await database.close()


class Customer:
    """Somebody with a session at a shop that is open."""

    def __init__(self, database: Database, address: str, token: str, who: ordering.Buyer) -> None:
        self._database = database
        self._who = who
        self._client = httpx.AsyncClient(
            base_url=address, headers={"authorization": f"Bearer {token}"}, timeout=20, trust_env=False
        )

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = await self._client.post("/graphql", json={"query": query, "variables": variables})
        return answer.json()["data"]

    async def buys(self, token: str) -> dict[str, Any]:
        """Orders one piece, paid with this token."""

        async def fill(transaction: Any) -> Any:
            piece = await selling.variant(transaction, await selling.product(transaction), on_hand=1)
            return await ordering.in_cart(transaction, self._who, LineDraft(piece, 1), total=TOTAL, token=token)

        purchase = await self._database.transact(fill)
        given = {
            "cartId": show_id("crt", purchase.cart.key),
            "expectedTotal": {"amount": f"{TOTAL / 100:.2f}", "currencyCode": "USD"},
            "shippingAddressId": show_id("adr", self._who.address_id),
            "billingAddressId": show_id("adr", self._who.address_id),
            "shippingMethod": "standard",
            "gatewayToken": token,
            "idempotencyKey": purchase.idempotency_key,
        }
        return (await self.ask(PLACE, input=given))["orderPlace"]

    async def status(self, order: str) -> str:
        return (await self.ask(STATUS, id=order))["order"]["status"]

    async def close(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def customer(own: Settings, address: str) -> AsyncGenerator[tuple[Customer, Database]]:
    async with database_of(own) as database:
        await database.transact(ordering.open_counter)
        who = await database.transact(ordering.buyer)
        issued = await database.transact(lambda t: sessions.issue(t, who.account_id, LAPTOP))
        buyer = Customer(database, address, issued.token, who)
        yield buyer, database
        await buyer.close()


def book(own: Settings) -> list[tuple[str | None, str, int, int]]:
    """The gateway's book as the command prints it: order, status, captured and refunded of each charge."""
    printed = run(own.home, "payments", "charges")
    assert printed.returncode == 0, printed.stderr
    lines = [json.loads(line) for line in printed.stdout.splitlines()]
    for line in lines:
        assert list(line) == ["id", "orderId", "currencyCode", "captured", "refunded", "status"]
        assert (line["id"][:4], line["currencyCode"]) == ("lch_", "USD")
    return [(line["orderId"], line["status"], line["captured"], line["refunded"]) for line in lines]


async def test_webhooks_settle_late_payments_and_reconciling_does_what_nobody_told_of(own: Settings):
    with serving(own.home) as (process, address):
        async with customer(own, address) as (buyer, database):
            late = await _settled_by_webhooks(buyer, database)
            open_still = [(await buyer.buys(token))["order"]["id"] for token in OPEN]
        process.kill()
        process.wait()
    await _charge_for_no_order(own)
    with services(own, durable=False):
        settled, again = (run(own.home, "payments", "reconcile") for _ in range(2))
        async with database_of(own) as database:
            known = await database.transact(lambda t: t.execute(select(Charge.order_id, Charge.status)))
    assert (settled.returncode, again.returncode) == (0, 0), settled.stderr
    assert settled.stdout.endswith("1 waiting, 3 given back\n")
    assert again.stdout == "0 placed, 0 cancelled, 0 undone, 1 waiting, 0 given back\n"
    statuses = {show_id("ord", order): status for order, status in known}
    assert [statuses[order] for order in open_still] == ["CAPTURED", "CAPTURED", "FAILED", "ACTION"]
    taken, nothing = ("CAPTURED", TOTAL, 0), (0, 0)
    assert book(own) == [
        (late[0], *taken),
        (late[1], "FAILED", *nothing),
        (open_still[0], *taken),
        (open_still[1], *taken),
        (open_still[3], "AUTHORIZED", *nothing),
        (None, "CAPTURED", 700, 700),
        (None, "VOIDED", *nothing),
        (None, "VOIDED", *nothing),
    ]


async def _settled_by_webhooks(buyer: Customer, database: Database) -> list[str]:
    """Two orders, settled sooner than the reconciler would: the gateway tells in two seconds, twice, out of order."""
    placed = [await buyer.buys(token) for token in ("tok_late", "tok_late_declined")]
    assert [(one["order"]["status"], one["userErrors"]) for one in placed] == [("PENDING_PAYMENT", [])] * 2
    orders = [one["order"]["id"] for one in placed]
    begun = time.monotonic()
    while "PENDING_PAYMENT" in (statuses := [await buyer.status(order) for order in orders]):
        assert time.monotonic() < begun + 20
        await asyncio.sleep(0.1)
    assert statuses == ["PLACED", "CANCELLED"]
    events = await database.transact(lambda t: t.scalars(select(GatewayEvent.event_key)))
    assert sorted(key.rpartition("_")[2] for key in events) == ["decided", "decided", "pending", "pending"]
    return orders


async def _charge_for_no_order(own: Settings) -> None:
    """What the gateway might have of a shop whose database was lost."""
    gateway = LocalGateway(own.gateway, own.server_secret)
    for stray in (charge_of("tok_visa", 700), charge_of("tok_visa", 800, capture=False), charge_of("tok_action", 900)):
        await gateway.charge(replace(stray, order_id=None))
    await gateway.close()


def test_half_configured_payments_are_told_and_nothing_starts(own: Settings):
    for more, command in (
        ({"LAYETTE_PAYMENTS": "stripe"}, ("serve",)),
        ({"LAYETTE_STRIPE_KEY": "sk_live_of_somebody"}, ("payments", "reconcile")),
    ):
        refused = run(own.home, *command, **more)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "LAYETTE_PAYMENTS=stripe" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert "sk_live_of_somebody" not in refused.stderr
    assert not own.home.exists()
