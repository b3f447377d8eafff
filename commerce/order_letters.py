"""Letters about orders: each says what is kept of the order, to the address that was given with it."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce.checkout import FAILURE
from commerce.checkout_notes import CONFIRMATION
from commerce.order_cancelling import CANCELLATION
from commerce.tools import Tools
from gateways.jobs import Handler
from models.order import Order, OrderContact, OrderLine

_LETTERS = {CONFIRMATION: "order_confirmation", FAILURE: "order_payment_failed", CANCELLATION: "order_cancelled"}


async def write_letter(tools: Tools, order_id: UUID, *, letter: str) -> None:
    """Tells whoever ordered; nobody, where they are gone or gave no address."""
    found = await tools.database.transact(lambda t: _facts(t, order_id))
    if found is not None:
        email, values = found
        await tools.post(email, letter, **values)


async def _facts(transaction: AsyncConnection, order_id: UUID) -> tuple[str, dict[str, Any]] | None:
    columns = (Order.number, Order.currency, Order.discount_total, Order.shipping_total, Order.tax_total, Order.total)
    facts = select(*columns, Order.prices_include_tax, OrderContact.email)
    facts = facts.join(OrderContact, OrderContact.order_id == Order.id)
    row = (await transaction.execute(facts.where(Order.id == order_id, OrderContact.email.is_not(None)))).one_or_none()
    if row is None:
        return None
    values: dict[str, Any] = row._asdict()
    email = values.pop("email")
    return email, values | {"items": await _items(transaction, order_id)}


async def _items(transaction: AsyncConnection, order_id: UUID) -> list[tuple[str, int, int]]:
    """What was ordered, how many, and for how much."""
    lines = select(OrderLine.product_name, OrderLine.size, OrderLine.color, OrderLine.quantity, OrderLine.total)
    rows = await transaction.execute(lines.where(OrderLine.order_id == order_id).order_by(OrderLine.position))
    return [(", ".join(filter(None, named)), quantity, total) for *named, quantity, total in rows]


HANDLERS: Mapping[str, Handler[Tools]] = {kind: partial(write_letter, letter=name) for kind, name in _LETTERS.items()}
