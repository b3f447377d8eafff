"""What became of a purchase, and when: from its status follow shipments, the tailor's work and the timeline."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from models.alteration import AlterationStatus
from models.order import OrderStatus
from seeds.purchases import Bought, Purchase

SHIPPED = frozenset({OrderStatus.PARTIALLY_FULFILLED, OrderStatus.FULFILLED, OrderStatus.DELIVERED})

_TO_PACK = timedelta(days=2)
_ON_THE_WAY = timedelta(days=3)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Course:
    """The moments of an order, None for what has not happened."""

    placed_at: datetime
    settled_at: datetime
    begun_at: datetime | None = None
    ready_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None

    def after_delivery(self, share: float, now: datetime) -> datetime:
        """A moment so far between delivery, or cancellation, and now."""
        ended_at = self.delivered_at or self.cancelled_at or self.placed_at
        return ended_at + share * min(now - ended_at, timedelta(days=20))


def course_of(purchase: Purchase, now: datetime) -> Course:
    """Everything takes the time it takes, and less where the order is so young that it would not be over yet."""
    placed_at, age = purchase.placed_at, now - purchase.placed_at
    settled_at = placed_at + 2 * _SECOND
    if purchase.status is OrderStatus.CANCELLED:
        return Course(placed_at, settled_at, cancelled_at=placed_at + min(timedelta(hours=20), age / 2))
    if _handed_over(purchase):
        return Course(placed_at, settled_at, shipped_at=settled_at, delivered_at=settled_at)
    work = timedelta(days=max((line.work_days for line in purchase.lines), default=0))
    begun_at = ready_at = None
    if work and purchase.status is OrderStatus.IN_ALTERATION:
        begun_at = placed_at + age / 2
    shipped_at = delivered_at = None
    if purchase.status in SHIPPED:
        shipped_at = placed_at + min(_TO_PACK + work, age / 3)
        if any(line.has_work for line in purchase.lines if is_shipped(purchase, line)):
            begun_at, ready_at = placed_at + (shipped_at - placed_at) / 4, placed_at + (shipped_at - placed_at) * 0.8
    if purchase.status is OrderStatus.DELIVERED and shipped_at is not None:
        delivered_at = shipped_at + min(_ON_THE_WAY, (now - shipped_at) / 2)
    return Course(placed_at, settled_at, begun_at, ready_at, shipped_at, delivered_at)


def _handed_over(purchase: Purchase) -> bool:
    """Whether it left the store with the customer at once."""
    delivered = purchase.shipping is None and purchase.status is OrderStatus.DELIVERED
    return delivered and not any(line.has_work for line in purchase.lines)


def is_shipped(purchase: Purchase, line: Bought) -> bool:
    """Of an order that went out in part it was the first line."""
    if purchase.status is OrderStatus.PARTIALLY_FULFILLED:
        return line is purchase.lines[0]
    return purchase.status in SHIPPED


def work_status(purchase: Purchase, line: Bought, *, first: bool) -> AlterationStatus:
    """How far the tailor is with a line; `first` of the order's work is what is begun with."""
    if purchase.status is OrderStatus.CANCELLED:
        return AlterationStatus.CANCELLED
    if is_shipped(purchase, line):
        return AlterationStatus.DONE
    if purchase.status is OrderStatus.IN_ALTERATION and first:
        return AlterationStatus.IN_PROGRESS
    return AlterationStatus.REQUESTED
