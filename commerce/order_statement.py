"""The one statement that writes an order: all its rows, and what it takes of the cart, stock, codes and client's key.

It does all of it or nothing: the cart goes first, and where that is another by now nothing follows. What there is too
little of is refused by a constraint, which takes back the rest.
"""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import CTE, Integer, Uuid, bindparam, literal_column, select, update

from commerce import discount_use, idempotency, stock
from commerce.cart_access import is_open
from commerce.order_rows import ManyTables, Shape
from models.cart import Cart
from models.statement import Statement

CART, VERSION, ORDER = "hidden_cart", "hidden_version", "hidden_for"
"""The parameters of hiding the cart: its key and version, and the order's key."""


class Parts(NamedTuple):
    """What a statement does beside writing rows of this shape."""

    shape: Shape
    hides: bool = False
    takes: bool = False
    uses: bool = False
    keeps: bool = False


@cache
def statement(tables: ManyTables, parts: Parts) -> Statement:
    """Answers one row, and none where there is a cart to hide that is not open at this version. Compiled once."""
    return Statement(lambda: _build(tables, parts))


def _build(tables: ManyTables, parts: Parts) -> Any:
    begun = _hiding() if parts.hides else None
    whole = select(literal_column("1") if begun is None else begun.c.id)
    whole = whole.add_cte(*tables.inserts(parts.shape, begun))
    if parts.keeps:
        whole = whole.add_cte(idempotency.keeping(begun).cte("kept_key"))
    if parts.takes:
        moved, entries = stock.moving(begun)
        whole = whole.add_cte(moved, entries)
        if parts.uses:
            whole = whole.add_cte(discount_use.using(begun, before=moved))
    return whole


def _hiding() -> CTE:
    cart = update(Cart).where(Cart.id == bindparam(CART, type_=Uuid), Cart.version == bindparam(VERSION, type_=Integer))
    cart = cart.where(is_open(Cart)).values(placing_id=bindparam(ORDER, type_=Uuid))
    return cart.returning(Cart.id).cte("begun")
