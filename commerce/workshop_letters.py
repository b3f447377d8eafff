"""What a customer hears of an order between buying and having it: the tailor is done, this is on its way."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce.alteration import READY_LETTER
from commerce.fulfillment import SHIPPED_LETTER
from commerce.tools import Envelope, Tools
from gateways.jobs import Handler
from models.alteration import Alteration, AlterationStatus
from models.fulfillment import Fulfillment, FulfillmentLine
from models.order import Order, OrderContact, OrderLine, OrderStatus
from models.shipping import ShippingMethod

READY = (AlterationStatus.READY, AlterationStatus.DONE)

ORDER = (
    select(Order.number, Order.status, OrderContact.email, func.coalesce(ShippingMethod.pickup, False).label("pickup"))
    .join(OrderContact, OrderContact.order_id == Order.id)
    .outerjoin(ShippingMethod, ShippingMethod.code == Order.shipping_method)
    .where(OrderContact.email.is_not(None))
)
"""An order with an address to write to; without one nobody is told."""


async def tell_of_work(tools: Tools, order_id: UUID) -> None:
    """Tells that all work on an order is ready, unless it is cancelled or shipped by now."""
    letter = await tools.database.transact(lambda t: _letter_of_work(t, order_id))
    if letter is not None:
        await tools.send(letter)


async def tell_of_shipment(tools: Tools, fulfillment_id: UUID) -> None:
    """Tells what is on its way, and where the carrier tells more of it."""
    letter = await tools.database.transact(lambda t: _letter_of_shipment(t, fulfillment_id))
    if letter is not None:
        await tools.send(letter)


async def _letter_of_work(transaction: AsyncConnection, order_id: UUID) -> Envelope | None:
    order = (await transaction.execute(ORDER.where(Order.id == order_id))).one_or_none()
    if order is None or order.status not in {OrderStatus.PLACED, OrderStatus.PARTIALLY_FULFILLED}:
        return None
    worked_on = select(Alteration.order_line_id).where(Alteration.order_id == order_id, Alteration.status.in_(READY))
    lines = select(OrderLine.__table__).where(OrderLine.id.in_(worked_on)).order_by(OrderLine.position)
    items = [(_name(line), line.quantity) for line in await transaction.execute(lines)]
    values = {"number": order.number, "pickup": order.pickup, "items": items}
    return Envelope(order.email, "alterations_ready", values)


async def _letter_of_shipment(transaction: AsyncConnection, fulfillment_id: UUID) -> Envelope | None:
    found = select(Fulfillment.__table__).where(Fulfillment.id == fulfillment_id)
    shipment = (await transaction.execute(found)).one_or_none()
    if shipment is None:
        return None
    order = (await transaction.execute(ORDER.where(Order.id == shipment.order_id))).one_or_none()
    if order is None:
        return None
    values = {
        "number": order.number,
        "pickup": order.pickup,
        "items": await _contents(transaction, fulfillment_id),
        "carrier": shipment.carrier,
        "tracking_number": shipment.tracking_number,
        "tracking_url": shipment.tracking_url,
        "more": order.status == OrderStatus.PARTIALLY_FULFILLED,
    }
    return Envelope(order.email, "order_shipped", values)


async def _contents(transaction: AsyncConnection, fulfillment_id: UUID) -> Sequence[tuple[str, int]]:
    lines = (
        select(OrderLine.product_name, OrderLine.size, OrderLine.color, FulfillmentLine.quantity)
        .join(FulfillmentLine, FulfillmentLine.order_line_id == OrderLine.id)
        .where(FulfillmentLine.fulfillment_id == fulfillment_id)
        .order_by(OrderLine.position)
    )
    return [(_name(line), line.quantity) for line in await transaction.execute(lines)]


def _name(line: Any) -> str:
    return ", ".join(part for part in (line.product_name, line.size, line.color) if part)


HANDLERS: Mapping[str, Handler[Tools]] = {READY_LETTER: tell_of_work, SHIPPED_LETTER: tell_of_shipment}
