"""Placing an order, with the order in the answer; and bare transactions that write the same rows.

Both do it in two transactions, and between them both ask the local gateway, each a process of its own with the one book
in the shop's home: its time is the same on both sides. Each request is good once, so that every slice has fresh carts.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from app.connections import payments
from app.settings import Settings
from benchmarks.load import ask
from benchmarks.shop import post, sign_in
from benchmarks.writes import BARE, SHOP, WriteCase
from commerce.numbers import new_number
from gateways.payments import ChargeRequest, PaymentGateway
from models.catalogue import CurrencyCode
from models.ids import new_id, read_id, show_id

CUSTOMERS, ORDERS = 32, 1200
"""Who orders, in turn, and how many orders a slice can have at most."""
BATCH = 200
"""Carts that are made by one request, which the bare server has to get in one piece."""

VARIANTS = """{ products(first: 50) { edges { node { variants { id available } } } } }"""
ME = "{ me { id name email addresses { id recipientName line1 city region postalCode countryCode } } }"
CREATE = "mutation Create($input: CartCreateInput!) { cartCreate(input: $input) { cart { id } } }"
QUOTE = """query Quote($id: ID!, $input: CartQuoteInput!) {
  cart(id: $id) { quote(input: $input) { total { amount currencyCode } userErrors { message } } }
}"""
PLACE = """mutation Place($input: OrderPlaceInput!) {
  orderPlace(input: $input) {
    order { id number status total { amount currencyCode } lines { id sku quantity } payment { status brand last4 } }
    userErrors { code message }
  }
}"""

PREPARED: dict[int, list["Customer"]] = {}
"""Who orders at the shop behind a port, found out once."""


class Customer:
    """Somebody signed in, where it goes, what they buy and what it costs them."""

    def __init__(self, port: int, number: int, variants: list[str]) -> None:
        signed_in = _asked(port, sign_in(f"customer{number}@example.com"))["signIn"]["session"]
        self.token = signed_in["token"]
        me = _asked(port, post("/graphql", {"query": ME}, self.token))["me"]
        self.account_id = _key("cus", me["id"])
        self.contact = me["name"], me["email"]
        self.variant_id = variants[number % len(variants)]
        for self.address in me["addresses"]:
            if (found := self._total(port)) is not None:
                self.total: dict[str, str] = found
                return
        raise SystemExit(f"nothing is shipped to customer {number}")

    def _total(self, port: int) -> dict[str, str] | None:
        lines = [{"variantId": self.variant_id, "quantity": 1}]
        given = {"input": {"currencyCode": "USD", "lines": lines}}
        cart = _asked(port, post("/graphql", {"query": CREATE, "variables": given}, self.token))["cartCreate"]["cart"]
        wanted = {"id": cart["id"], "input": {"shippingAddressId": self.address["id"], "shippingMethod": "standard"}}
        quote = _asked(port, post("/graphql", {"query": QUOTE, "variables": wanted}, self.token))["cart"]["quote"]
        return None if quote["userErrors"] else quote["total"]

    def request(self, cart_id: str) -> bytes:
        """Orders what is in the cart."""
        given = {
            "cartId": show_id("crt", UUID(cart_id)),
            "expectedTotal": self.total,
            "shippingAddressId": self.address["id"],
            "billingAddressId": self.address["id"],
            "shippingMethod": "standard",
            "gatewayToken": "tok_visa",
            "idempotencyKey": cart_id,
        }
        return post("/graphql", {"query": PLACE, "variables": {"input": given}}, self.token)

    def rows(self, cart_id: str) -> bytes:
        """What the bare transactions write for it."""
        given = {
            "cart": cart_id,
            "account": self.account_id,
            "variant": _key("var", self.variant_id),
            "contact": self.contact,
            "address": [self.address[name] for name in ADDRESS],
            "total": round(float(self.total["amount"]) * 100),
        }
        return post("/order", given)


ADDRESS = ("recipientName", "line1", "city", "region", "postalCode", "countryCode")


def requests(port: int, bare_port: int) -> Mapping[str, tuple[bytes, ...]]:
    """As many orders for each way, of carts that are new."""
    if port not in PREPARED:
        found = _asked(port, post("/graphql", {"query": VARIANTS}))["products"]["edges"]
        variants = [edge["node"]["variants"][0] for edge in found]
        on_sale = [variant["id"] for variant in variants if variant["available"]]
        PREPARED[port] = [Customer(port, number, on_sale) for number in range(1, CUSTOMERS + 1)]
    buyers = [PREPARED[port][number % CUSTOMERS] for number in range(ORDERS)]
    carts = {way: [str(new_id()) for _ in buyers] for way in (SHOP, BARE)}
    for ids in carts.values():
        rows = [[key, one.account_id, _key("var", one.variant_id)] for key, one in zip(ids, buyers, strict=True)]
        for at in range(0, len(rows), BATCH):
            ask(bare_port, post("/carts", {"carts": rows[at : at + BATCH]}))
    shop = tuple(one.request(key) for key, one in zip(carts[SHOP], buyers, strict=True))
    placed = orjson.loads(ask(port, shop[0]))["data"]["orderPlace"]
    if placed["userErrors"]:
        raise SystemExit(f"no order: {placed['userErrors']}")
    return {SHOP: shop[1:], BARE: tuple(one.rows(key) for key, one in zip(carts[BARE], buyers, strict=True))}


def _asked(port: int, request: bytes) -> dict[str, Any]:
    return orjson.loads(ask(port, request))["data"]


def _key(prefix: str, shown: str) -> str:
    return str(read_id(prefix, shown))


# ---- what the bare server does


async def put_carts(connection: asyncpg.Connection, given: Mapping[str, Any]) -> bytes:
    """Carts with a piece each, of which there is enough: prepared, not measured."""
    rows = [tuple(map(UUID, row)) for row in given["carts"]]
    variants = list({variant for _, _, variant in rows})
    carts = [(key, account) for key, account, _ in rows]
    lines = [(new_id(), key, account, variant) for key, account, variant in rows]
    async with connection.transaction():
        await connection.execute("UPDATE variant SET on_hand = 100000 WHERE id = ANY($1)", variants)
        await connection.executemany(
            "INSERT INTO cart (id, account_id, channel, currency, expires_at) "
            "VALUES ($1, $2, 'WEB', 'USD', now() + interval '1 day')",
            carts,
        )
        await connection.executemany(
            "INSERT INTO cart_line (id, cart_id, account_id, position, variant_id, quantity, seen_price) "
            "VALUES ($1, $2, $3, 0, $4, 1, 1)",
            lines,
        )
    return b"{}"


@cache
def gateway() -> PaymentGateway:
    return payments(Settings())


KEY = """INSERT INTO idempotency (id, key_digest, account_id, input_digest, result_id)
VALUES ($1, sha256(uuid_send($1)), $2, sha256(uuid_send($1)), $3)"""
ORDER = """INSERT INTO orders (id, account_id, number, placed_at, channel, status, currency, subtotal, discount_total,
  shipping_total, tax_total, total, prices_include_tax, shipping_method, shipping_tax_rate, shipping_tax_total,
  tax_country, tax_region)
VALUES ($1, $2, $3, $4, 'WEB', 'PENDING_PAYMENT', 'USD', $5, 0, 0, 0, $5, false, 'standard', 0, 0, $6, $7)"""
LINE = """INSERT INTO order_line (id, order_id, position, variant_id, sku, product_name, quantity, unit_price, total,
  currency, custom_made, discount_total, tax_rate, tax_total)
VALUES ($1, $2, 0, $3, 'SKU', 'Name', 1, $4, $4, 'USD', false, 0, 0, 0)"""
CONTACT = "INSERT INTO order_contact (order_id, account_id, channel, name, email) VALUES ($1, $2, 'WEB', $3, $4)"
PLACES = """INSERT INTO order_address (order_id, kind, account_id, channel, recipient_name, line1, city, region,
  postal_code, country_code)
SELECT $1, kind, $2, 'WEB', $3, $4, $5, $6, $7, $8 FROM unnest(ARRAY['SHIPPING', 'BILLING']) AS kind"""
PAYMENT = "INSERT INTO order_payment (order_id, account_id, channel, status) VALUES ($1, $2, 'WEB', 'PENDING')"
CHARGE = """INSERT INTO charge (id, order_id, gateway, status, currency, amount)
VALUES ($1, $2, 'local', 'PENDING', 'USD', $3)"""
EVENT = "INSERT INTO order_event (id, order_id, kind) VALUES ($1, $2, $3)"
HIDE = "UPDATE cart SET placing_id = $2 WHERE id = $1"
TAKE = "UPDATE variant SET on_hand = on_hand - 1 WHERE id = $1 AND on_hand > 0 RETURNING on_hand"
ENTRY = """INSERT INTO stock_entry (id, variant_id, change, balance, kind, order_id)
VALUES ($1, $2, -1, $3, 'SALE', $4)"""

PLACED = "UPDATE orders SET status = 'PLACED', version = version + 1 WHERE id = $1"
TAKEN = "UPDATE charge SET status = 'CAPTURED', gateway_key = $2, settled_at = now() WHERE id = $1"
PAID = "UPDATE order_payment SET status = 'CAPTURED', brand = $2, last4 = $3 WHERE order_id = $1"
LETTER = "INSERT INTO job (id, kind, subject_id) VALUES ($1, 'order.confirmation', $2)"
GONE = "DELETE FROM cart WHERE placing_id = $1"


async def place(connection: asyncpg.Connection, given: Mapping[str, Any]) -> bytes:
    """The bare transactions, with the gateway between them; answers the order's key."""
    cart, account, variant = (UUID(given[name]) for name in ("cart", "account", "variant"))
    order, charge, total = new_id(), new_id(), given["total"]
    region, country = given["address"][3], given["address"][5]
    async with connection.transaction():
        await connection.execute(KEY, new_id(), account, order)
        await connection.execute(ORDER, order, account, new_number("LL"), datetime.now(UTC), total, country, region)
        await connection.execute(LINE, new_id(), order, variant, total)
        await connection.execute(CONTACT, order, account, *given["contact"])
        await connection.execute(PLACES, order, account, *given["address"])
        await connection.execute(PAYMENT, order, account)
        await connection.execute(CHARGE, charge, order, total)
        await connection.execute(EVENT, new_id(), order, "PLACED")
        await connection.execute(HIDE, cart, order)
        left = await connection.fetchval(TAKE, variant)
        await connection.execute(ENTRY, new_id(), variant, left, order)
    charged = await gateway().charge(ChargeRequest(charge, order, total, CurrencyCode.USD, "tok_visa"))
    async with connection.transaction():
        await connection.execute(PLACED, order)
        await connection.execute(TAKEN, charge, charged.gateway_key)
        await connection.execute(PAID, order, charged.brand, charged.last4)
        await connection.execute(EVENT, new_id(), order, "PAYMENT_SETTLED")
        await connection.execute(LETTER, new_id(), order)
        await connection.execute(GONE, order)
    return b'{"order":"%s"}' % order.hex.encode()


ORDER_CASE = WriteCase("order", "order: placed and paid, with the order read", 0.5, requests, once=True)
