"""Orders for the workshop and the packing table: few lines, each with what the test names."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce.alteration import Commission, Piece, Work, rows
from models.alteration import Alteration
from models.catalogue import AlterationKind, CurrencyCode
from models.classification import Channel
from models.ids import new_id, show_id
from models.order import (
    Order,
    OrderAddress,
    OrderAddressKind,
    OrderContact,
    OrderEvent,
    OrderEventKind,
    OrderLine,
    OrderStatus,
)

HEM = Work(AlterationKind.HEM, "two fingers at the left", 500, 4)
SLEEVES = Work(AlterationKind.SHORTEN_SLEEVES, None, 700, 3)
PLACED_ON = date(2026, 11, 28)

ADDRESS = {
    "recipient_name": "Ana Ruiz",
    "company": "Ruiz & Daughters",
    "line1": "1 Main St",
    "line2": "Floor 2",
    "city": "Portland",
    "region": "OR",
    "postal_code": "97201",
    "country_code": "US",
    "phone": "+15035550100",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be ordered."""

    quantity: int = 1
    work: tuple[Work, ...] = ()
    custom_made: bool = False
    name: str = "Linen dress"


@dataclass(frozen=True, slots=True)
class Ordered:
    """Keys of an order that was written past all rules, with its lines and alterations in their order."""

    id: UUID
    account_id: UUID | None
    lines: list[UUID] = field(default_factory=list)
    work: list[UUID] = field(default_factory=list)

    @property
    def shown(self) -> str:
        return show_id("ord", self.id)


async def ordered(
    transaction: AsyncConnection, account_id: UUID | None, lines: Sequence[Line] = (Line(),), **values: Any
) -> Ordered:
    """A paid order. Without an account it has no contact and no address."""
    found = Ordered(new_id(), account_id)
    facts = {
        "id": found.id,
        "account_id": account_id,
        "number": f"LL-{found.id.hex.upper()}",
        "placed_at": func.now(),
        "channel": Channel.WEB,
        "status": OrderStatus.PLACED,
        "currency": CurrencyCode.USD,
        "subtotal": 5000,
        "total": 5000,
    }
    await transaction.execute(insert(Order).values(facts | values))
    pieces = [await _line(transaction, found, position, line) for position, line in enumerate(lines)]
    commission = Commission(found.id, account_id, Channel.WEB, CurrencyCode.USD, PLACED_ON)
    for row in rows(commission, pieces):
        found.work.append(row["id"])
        await transaction.execute(insert(Alteration).values(row))
    if account_id is not None:
        await _person(transaction, found)
    return found


async def _line(transaction: AsyncConnection, order: Ordered, position: int, line: Line) -> Piece:
    key = new_id()
    order.lines.append(key)
    values = {
        "id": key,
        "order_id": order.id,
        "position": position,
        "sku": f"DRESS-{position}",
        "product_name": line.name,
        "size": "M",
        "quantity": line.quantity,
        "unit_price": 5000,
        "total": 5000 * line.quantity,
        "currency": CurrencyCode.USD,
        "custom_made": line.custom_made,
    }
    await transaction.execute(insert(OrderLine).values(values))
    return Piece(key, line.quantity, line.custom_made, line.work)


async def _person(transaction: AsyncConnection, order: Ordered) -> None:
    whose = {"order_id": order.id, "account_id": order.account_id, "channel": Channel.WEB}
    contact = {"name": "Ana Ruiz", "email": "ana@example.com", "phone": "+15035550100"}
    await transaction.execute(insert(OrderContact).values(whose | contact))
    for kind in OrderAddressKind:
        await transaction.execute(insert(OrderAddress).values(whose | ADDRESS | {"kind": kind}))


async def status_of(transaction: AsyncConnection, order: Ordered) -> OrderStatus:
    status = select(Order.status).where(Order.id == order.id)
    return OrderStatus((await transaction.execute(status)).scalar_one())


async def timeline(transaction: AsyncConnection, order: Ordered) -> list[OrderEventKind]:
    """What happened to the order, oldest first."""
    kinds = select(OrderEvent.kind).where(OrderEvent.order_id == order.id).order_by(OrderEvent.id)
    return [OrderEventKind(kind) for kind in await transaction.scalars(kinds)]


async def shipped_of(transaction: AsyncConnection, order: Ordered) -> list[int]:
    """How many pieces of each line went out."""
    lines = select(OrderLine.fulfilled_quantity).where(OrderLine.order_id == order.id).order_by(OrderLine.position)
    return list(await transaction.scalars(lines))
