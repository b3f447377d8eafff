"""Shipments: what of an order goes out, and that it arrived.

Whoever ships or delivers locks the order first: of two who would ship the same last piece the second finds none left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import alteration, text
from commerce import order as orders
from commerce.order_status import edited, move, tell
from gateways.jobs import Job, enqueue
from models.alteration import Alteration
from models.classification import Channel
from models.fulfillment import Fulfillment, FulfillmentLine
from models.ids import new_id
from models.order import Order, OrderEventKind, OrderLine, OrderStatus

SHIPPED_LETTER = "fulfillment.shipped_letter"

CARRIER_LIMIT = 60
TRACKING_LIMIT = 60
URL_LIMIT = 500

SHIPPABLE = frozenset({OrderStatus.PLACED, OrderStatus.IN_ALTERATION, OrderStatus.PARTIALLY_FULFILLED})

NO_SHIPMENT = Refusal(RefusalCode.NOT_FOUND, "The order has no such shipment.", ("fulfillmentId",))
ON_ITS_WAY = Refusal(RefusalCode.ILLEGAL_TRANSITION, "Nothing of this is on its way.")
NOT_NOW = Refusal(RefusalCode.NOT_FULFILLABLE, "An order that is not paid, cancelled or delivered is not shipped.")
NOTHING_LEFT = Refusal(RefusalCode.NOT_FULFILLABLE, "Nothing is left to ship.")
AT_THE_TAILORS = "Some of this is still at the tailor's."


@dataclass(frozen=True, slots=True)
class Shipment:
    """What goes out by which carrier. `lines`: (line, quantity), a None line is one that nobody has; None: all."""

    lines: Sequence[tuple[UUID | None, int]] | None = None
    carrier: str | None = None
    tracking_number: str | None = field(default=None, repr=False)
    tracking_url: str | None = field(default=None, repr=False)


async def fulfill(
    transaction: AsyncConnection,
    order_id: UUID,
    shipment: Shipment,
    channel: Channel,
    *,
    expected_version: int | None = None,
) -> UUID | list[Refusal]:
    """Ships pieces of an order, or all that is left of it; its owner is told.

    NOT_FULFILLABLE for more than is left, for an order that is not to be shipped, and for what the tailor has still to
    work on. An order of which nothing is left is FULFILLED.
    """
    order = await orders.lock(transaction, order_id)
    if order is None:
        return [orders.NOT_FOUND]
    if expected_version not in {None, order.version}:
        return [orders.VERSION_CONFLICT]
    tracking = _tracking(shipment)
    if isinstance(tracking, list):
        return tracking
    if order.status not in SHIPPABLE:
        return [NOT_NOW]
    left = await _left(transaction, order_id)
    pieces = _pieces(shipment, left)
    if isinstance(pieces, list):
        return pieces
    waiting = await _at_the_tailors(transaction, order_id)
    if waiting & pieces.keys():
        return [Refusal(RefusalCode.NOT_FULFILLABLE, AT_THE_TAILORS, ("lines",) if shipment.lines else ())]
    shipment_id = await _write(transaction, order, pieces, tracking | {"channel": channel})
    complete = all(pieces.get(line_id, 0) == count for line_id, count in left.items())
    await _advance(transaction, order, OrderStatus.FULFILLED if complete else OrderStatus.PARTIALLY_FULFILLED)
    await tell(transaction, order_id, OrderEventKind.FULFILLED, fulfillment_id=shipment_id)
    await enqueue(transaction, Job(SHIPPED_LETTER, shipment_id))
    return shipment_id


async def hand_over(transaction: AsyncConnection, order_id: UUID, channel: Channel) -> UUID | list[Refusal]:
    """Gives all of an order to the customer in the store, who needs no letter about it; it is DELIVERED at once.

    Answers the shipment's key. NOT_FULFILLABLE where the tailor has still to work on some of it. The order is the
    transaction's own, or locked.
    """
    order = await orders.lock(transaction, order_id)
    if order is None:
        return [orders.NOT_FOUND]
    if await _at_the_tailors(transaction, order_id):
        return [Refusal(RefusalCode.NOT_FULFILLABLE, AT_THE_TAILORS)]
    pieces = _pieces(Shipment(), await _left(transaction, order_id))
    if isinstance(pieces, list):
        return pieces
    shipment_id = await _write(transaction, order, pieces, {"channel": channel, "delivered_at": func.now()})
    await tell(transaction, order_id, OrderEventKind.DELIVERED, fulfillment_id=shipment_id)
    await _close(transaction, order)
    return shipment_id


async def deliver(
    transaction: AsyncConnection,
    order_id: UUID,
    *,
    fulfillment_id: UUID | None = None,
    expected_version: int | None = None,
) -> UUID | list[Refusal]:
    """Says that a shipment arrived or was collected, or all that are on their way. Answers the order's key.

    The order is DELIVERED when all of it is, and may be returned from then on. ILLEGAL_TRANSITION where nothing was on
    its way.
    """
    order = await orders.lock(transaction, order_id)
    if order is None:
        return [orders.NOT_FOUND]
    asked = [] if fulfillment_id is None else [Fulfillment.id == fulfillment_id]
    known = select(Fulfillment.id).where(Fulfillment.order_id == order_id, *asked).limit(1)
    if fulfillment_id is not None and await transaction.scalar(known) is None:
        return [NO_SHIPMENT]
    if expected_version not in {None, order.version}:
        return [orders.VERSION_CONFLICT]
    under_way = update(Fulfillment).where(Fulfillment.order_id == order_id, Fulfillment.delivered_at.is_(None), *asked)
    arrived = await transaction.scalars(under_way.values(delivered_at=func.now()).returning(Fulfillment.id))
    keys = sorted(arrived)
    if not keys:
        return [ON_ITS_WAY]
    for key in keys:
        await tell(transaction, order_id, OrderEventKind.DELIVERED, fulfillment_id=key)
    await _close(transaction, order)
    return order_id


# ---- what is given


def _tracking(shipment: Shipment) -> dict[str, Any] | list[Refusal]:
    limits = {
        "carrier": ("carrier", CARRIER_LIMIT),
        "tracking_number": ("trackingNumber", TRACKING_LIMIT),
        "tracking_url": ("trackingUrl", URL_LIMIT),
    }
    found = {
        name: text.line(getattr(shipment, name), field=(shown,), limit=limit) for name, (shown, limit) in limits.items()
    }
    refused = [one for one in found.values() if isinstance(one, Refusal)]
    url = found["tracking_url"]
    if isinstance(url, str) and url and not _is_page(url):
        message = "This is the address of a page, which begins with https://."
        refused.append(Refusal(RefusalCode.INVALID, message, ("trackingUrl",)))
    return refused or {name: value or None for name, value in found.items()}


def _is_page(url: str) -> bool:
    """It is shown as a link, in letters too."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and " " not in url
    except ValueError:
        return False


async def _left(transaction: AsyncConnection, order_id: UUID) -> dict[UUID, int]:
    """How many pieces of each line are still to be shipped, zero too."""
    remaining = OrderLine.quantity - OrderLine.fulfilled_quantity - OrderLine.cancelled_quantity
    lines = select(OrderLine.id, remaining.label("remaining")).where(OrderLine.order_id == order_id)
    return {row.id: row.remaining for row in await transaction.execute(lines.order_by(OrderLine.position))}


def _pieces(shipment: Shipment, left: Mapping[UUID, int]) -> dict[UUID, int] | list[Refusal]:
    """How many of which line are to go out."""
    if shipment.lines is None:
        every = {line_id: count for line_id, count in left.items() if count}
        return every or [NOTHING_LEFT]
    if not shipment.lines:
        return [Refusal(RefusalCode.REQUIRED, "Say what is shipped.", ("lines",))]
    pieces: dict[UUID, int] = {}
    refused = []
    for at, (line_id, quantity) in enumerate(shipment.lines):
        where = ("lines", str(at))
        if line_id is None or line_id not in left:
            refused.append(Refusal(RefusalCode.NOT_FOUND, "The order has no such line.", (*where, "lineId")))
        elif line_id in pieces:
            refused.append(Refusal(RefusalCode.INVALID, "The line is given twice.", (*where, "lineId")))
        elif quantity < 1:
            refused.append(Refusal(RefusalCode.INVALID, "One at least is shipped.", (*where, "quantity")))
        elif quantity > left[line_id]:
            message = f"{left[line_id]} of these are left to ship."
            refused.append(Refusal(RefusalCode.NOT_FULFILLABLE, message, (*where, "quantity")))
        else:
            pieces[line_id] = quantity
    return refused or pieces


async def _at_the_tailors(transaction: AsyncConnection, order_id: UUID) -> set[UUID]:
    work = select(Alteration.order_line_id).where(
        Alteration.order_id == order_id, Alteration.status.in_(alteration.OPEN)
    )
    return set(await transaction.scalars(work))


# ---- what is written


async def _write(
    transaction: AsyncConnection, order: Any, pieces: Mapping[UUID, int], values: Mapping[str, Any]
) -> UUID:
    key = new_id()
    row = insert(Fulfillment).values(id=key, order_id=order.id, account_id=order.account_id, **values)
    await transaction.execute(row)
    lines = [{"line": line_id, "count": count} for line_id, count in pieces.items()]
    contents = insert(FulfillmentLine).values(
        fulfillment_id=key, order_line_id=bindparam("line"), quantity=bindparam("count")
    )
    await transaction.execute(contents, lines)
    counted = update(OrderLine).where(OrderLine.id == bindparam("line"))
    await transaction.execute(
        counted.values(fulfilled_quantity=OrderLine.fulfilled_quantity + bindparam("count")), lines
    )
    return key


async def _advance(transaction: AsyncConnection, order: Any, status: OrderStatus) -> None:
    if order.status == status:
        await edited(transaction, order.id)
    else:
        await move(transaction, order.id, status)


async def _close(transaction: AsyncConnection, order: Any) -> None:
    """The order is delivered if all of it is."""
    under_way = select(Fulfillment.id).where(Fulfillment.order_id == order.id, Fulfillment.delivered_at.is_(None))
    left = await _left(transaction, order.id)
    if any(left.values()) or await transaction.scalar(under_way.limit(1)) is not None:
        await edited(transaction, order.id)
        return
    await move(transaction, order.id, OrderStatus.DELIVERED)
    await transaction.execute(update(Order).where(Order.id == order.id).values(delivered_at=func.now()))
