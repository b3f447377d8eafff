"""What of seeded orders was sent, or handed over in the store."""

from uuid import UUID

from models.fulfillment import Fulfillment, FulfillmentLine
from models.ids import new_id
from models.order import OrderEventKind
from seeds.case import Case, Event
from seeds.course import is_shipped
from seeds.rows import Rows

# Carriers by country; numbers and pages are as invented as the shop.
_CARRIERS = {"US": "UPS", "CA": "Canada Post", "GB": "Royal Mail", "DE": "DHL", "FR": "Colissimo"}
_ELSEWHERE = "DHL Express"
_TRACKING = "https://tracking.layette.example"


def add_shipment(rows: Rows, case: Case) -> list[Event]:
    """Adds what went out, all at once; answers what the timeline says of it."""
    shipment_id, draft, course = new_id(), case.draft, case.course
    if course.shipped_at is None:
        return []
    rows.add(
        Fulfillment,
        id=shipment_id,
        order_id=draft.order_id,
        account_id=draft.account_id,
        channel=draft.channel,
        shipped_at=course.shipped_at,
        delivered_at=course.delivered_at,
        **_tracking(case, shipment_id),
    )
    for bought, line in zip(case.purchase.lines, draft.lines, strict=True):
        if is_shipped(case.purchase, bought):
            rows.add(FulfillmentLine, fulfillment_id=shipment_id, order_line_id=line.id, quantity=line.quantity)
    events = [Event(OrderEventKind.FULFILLED, course.shipped_at, fulfillment_id=shipment_id)]
    if course.delivered_at is not None:
        events.append(Event(OrderEventKind.DELIVERED, course.delivered_at, fulfillment_id=shipment_id))
    return events


def _tracking(case: Case, shipment_id: UUID) -> dict[str, str | None]:
    """None for what was collected."""
    if case.purchase.shipping is None:
        return {"carrier": None, "tracking_number": None, "tracking_url": None}
    number = f"LAY{shipment_id.hex[-10:].upper()}"
    carrier = _CARRIERS.get(case.purchase.shipping.country_code or "", _ELSEWHERE)
    return {"carrier": carrier, "tracking_number": number, "tracking_url": f"{_TRACKING}/{number}"}
