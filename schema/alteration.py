"""The tailor's work, as the tailor and the garment's owner read it. Nothing here leads to an order or a person."""

from datetime import date
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Date, Text, Uuid, select

from auth.permissions import ANYONE, OWNER, staff
from models import alteration as tables
from models.alteration import AlterationStatus
from models.catalogue import AlterationKind
from models.order import Order, OrderLine, OrderStatus
from reads.declare import Argument, Columns, Key, Value, column, embed, entity, one, referenced, to, value
from schema.common import Money, Node, PageInfo, money, word
from schema.errors import UserError
from schema.measurement import SealedMeasurements

strawberry.enum(AlterationStatus)

PREFIX = "alt"
READERS = OWNER + staff("alteration:read")
WRITERS = staff("alteration:write")

OPEN = (AlterationStatus.REQUESTED, AlterationStatus.IN_PROGRESS, AlterationStatus.READY)
"""What the queue holds: work that is not over."""

ORDERS = Order.__table__


@value(readers=READERS)
class Garment:
    """What is worked on."""

    sku: str
    product_name: str
    size: str | None
    color: str | None


PRICE: dict[str, Any] = {**money("price")}

GARMENT = {
    "sku": Value(lambda line: line.sku, False),
    "product_name": Value(lambda line: line.product_name, False),
    "size": Value(lambda line: line.size, True),
    "color": Value(lambda line: line.color, True),
}


def is_ordered(alteration: Columns) -> ColumnElement[bool]:
    """Its order is not waiting for a payment that may never come."""
    waiting = select(ORDERS.c.id).where(
        ORDERS.c.id == alteration.order_id, ORDERS.c.status == word(OrderStatus.PENDING_PAYMENT)
    )
    return ~waiting.exists()


@entity(
    tables.Alteration,
    prefix=PREFIX,
    readers=READERS,
    visible=(
        to(OWNER, lambda viewer, alteration: alteration.account_id == viewer.account_id),
        to(staff("alteration:read"), lambda viewer, alteration: is_ordered(alteration)),
    ),
)
class Alteration(Node):
    """Work on a garment, known by the ticket that is pinned to it; `price` is of one garment."""

    id: strawberry.ID
    version: int
    ticket: str
    kind: AlterationKind
    status: AlterationStatus
    note: str | None
    price: Money = embed(**PRICE)
    quantity: int
    due_on: date | None
    garment: Garment = one(
        lambda alteration, line: line.id == alteration.order_line_id, model=OrderLine, fields=GARMENT
    )
    measurements: SealedMeasurements | None = one(
        lambda alteration, measured: measured.order_line_id == alteration.order_line_id
    )
    workshop_note: str | None = column(readers=staff("alteration:read"))


@value(readers=ANYONE)
class AlterationEdge:
    cursor: str
    node: Alteration


@value(readers=ANYONE)
class AlterationConnection:
    edges: list[AlterationEdge]
    page_info: PageInfo


FIRST_DUE = (
    Key(lambda alteration, given: alteration.due_on, Date()),
    Key(lambda alteration, given: alteration.id, Uuid()),
)

STATUS = Argument(
    AlterationStatus | None,
    Text(),
    where=lambda alteration, status: alteration.status == status,
    absent=lambda alteration: alteration.status.in_(map(word, OPEN)),
)


@strawberry.input(
    description="REQUESTED, IN_PROGRESS, READY, DONE: one after the other. Work is cancelled with its order alone. A "
    "note that is null is removed."
)
class AlterationUpdateInput:
    id: strawberry.ID
    expected_version: int | None = strawberry.UNSET
    status: AlterationStatus | None = strawberry.UNSET
    due_on: date | None = strawberry.UNSET
    workshop_note: str | None = strawberry.UNSET


@value(readers=WRITERS)
class AlterationUpdatePayload:
    alteration: Alteration | None = referenced()
    user_errors: list[UserError]
