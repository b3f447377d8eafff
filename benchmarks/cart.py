"""Putting a line into a cart, with the cart in the answer.

The bare transaction writes the same rows, by SQL written by hand, after the look-ups without which nobody could: the
cart by its token, locked, and the price. Then it reads the cart, as the shop does.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from auth.tokens import digest
from benchmarks.load import ask
from benchmarks.shop import post
from benchmarks.writes import BARE, SHOP, WriteCase
from models.ids import read_id

CARTS, KINDS = 100, 5
"""Carts that are filled in turn, each with so many kinds of goods, of which there are more and more."""

VARIANTS = """{ products(first: 50) { edges { node { variants { id available } } } } }"""
CREATE = """mutation Create($input: CartCreateInput!) {
  cartCreate(input: $input) { cartToken cart { id lines { id } } userErrors { message } }
}"""
ADD = """mutation Add($input: CartLinesAddInput!) {
  cartLinesAdd(input: $input) {
    cart {
      id version total { amount currencyCode }
      lines { id quantity unitPrice { amount currencyCode } total { amount currencyCode } }
      warnings { code lineId message }
    }
    userErrors { code message }
  }
}"""

LOCK = """SELECT version FROM cart
WHERE id = $1 AND token_digest = $2 AND expires_at > now() AND placing_id IS NULL FOR UPDATE"""
PUT = """INSERT INTO cart_line (id, cart_id, position, variant_id, quantity, seen_price)
SELECT $1, $2, $3, v.id, 1, p.price
FROM variant v JOIN product d ON d.id = v.product_id JOIN variant_price p ON p.variant_id = v.id AND p.currency = 'USD'
WHERE v.id = $4 AND v.archived_at IS NULL AND d.archived_at IS NULL AND v.on_hand > 0
ON CONFLICT (id) DO UPDATE SET quantity = cart_line.quantity + 1, seen_price = excluded.seen_price"""
COUNT = """UPDATE cart SET version = version + 1, updated_at = now(), expires_at = now() + interval '30 days'
WHERE id = $1"""
READ = """SELECT json_build_object('id', c.id, 'version', c.version, 'lines', (
  SELECT json_agg(json_build_object(
    'id', l.id, 'quantity', least(l.quantity, v.on_hand), 'unitPrice', p.price, 'total', p.price * l.quantity
  ) ORDER BY l.position, l.id)
  FROM cart_line l JOIN variant v ON v.id = l.variant_id
  JOIN variant_price p ON p.variant_id = v.id AND p.currency = c.currency
  WHERE l.cart_id = c.id
))::text FROM cart c WHERE c.id = $1"""


def requests(port: int, bare_port: int) -> Mapping[str, tuple[bytes, ...]]:
    """What is asked of the shop and of the bare route: one kind for every cart, then the next."""
    variants = _variants(port)[:KINDS]
    carts = [_cart(port, []) for _ in range(CARTS)]
    bare = [_cart(port, variants) for _ in range(CARTS)]
    shop = [
        post("/graphql", {"query": ADD, "variables": {"input": {"cartId": cart["id"], "lines": [line]}}}, cart=token)
        for line in ({"variantId": variant, "quantity": 1} for variant in variants)
        for cart, token in carts
    ]
    rows = [
        post("/cart", _row(cart, token, at, variant)) for at, variant in enumerate(variants) for cart, token in bare
    ]
    return {SHOP: tuple(shop), BARE: tuple(rows)}


def _variants(port: int) -> list[str]:
    found = _asked(port, post("/graphql", {"query": VARIANTS}))
    products = [edge["node"]["variants"] for edge in found["products"]["edges"]]
    return [variants[0]["id"] for variants in products if variants[0]["available"]]


def _cart(port: int, variants: list[str]) -> tuple[dict[str, Any], str]:
    lines = [{"variantId": variant, "quantity": 1} for variant in variants]
    given = {"currencyCode": "USD", "lines": lines}
    made = _asked(port, post("/graphql", {"query": CREATE, "variables": {"input": given}}))["cartCreate"]
    if made["cart"] is None:
        raise SystemExit(f"no cart: {made['userErrors']}")
    return made["cart"], made["cartToken"]


def _asked(port: int, request: bytes) -> dict[str, Any]:
    return orjson.loads(ask(port, request))["data"]


def _row(cart: dict[str, Any], token: str, at: int, variant: str) -> dict[str, Any]:
    keys = read_id("crl", cart["lines"][at]["id"]), read_id("crt", cart["id"]), read_id("var", variant)
    return {"keys": [str(key) for key in keys], "position": at, "token": token}


async def put(connection: asyncpg.Connection, given: Mapping[str, Any]) -> bytes:
    """The bare transaction; answers the cart."""
    line, cart, variant = map(UUID, given["keys"])
    async with connection.transaction():
        await connection.fetchrow(LOCK, cart, digest(given["token"]))
        await connection.execute(PUT, line, cart, given["position"], variant)
        await connection.execute(COUNT, cart)
    return (await connection.fetchval(READ, cart)).encode()


CART = WriteCase("cart", "cart add: a line, with the cart read", 0.5, requests)
