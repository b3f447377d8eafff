"""A seeded order with all that is known of it, and a line of its timeline."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commerce.order_writing import OrderDraft
from models.order import OrderEventKind, OrderStatus, PaymentStatus
from seeds.course import Course
from seeds.purchases import Purchase


@dataclass(frozen=True, slots=True)
class Event:
    kind: OrderEventKind
    at: datetime
    fulfillment_id: UUID | None = None
    return_request_id: UUID | None = None
    refund_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """The lines of purchase and draft are the same, in the same order."""

    purchase: Purchase
    draft: OrderDraft
    course: Course

    @property
    def cancelled(self) -> bool:
        return self.purchase.status is OrderStatus.CANCELLED

    @property
    def charge_id(self) -> UUID | None:
        return self.draft.charges[0].id if self.draft.charges else None

    @property
    def back(self) -> tuple[int, ...]:
        """The lines that came back or were not sent, whole, by position: all, or the first."""
        if self.cancelled or self.purchase.payment is PaymentStatus.REFUNDED:
            return tuple(range(len(self.draft.lines)))
        return (0,) if self.purchase.payment is PaymentStatus.PARTIALLY_REFUNDED else ()

    @property
    def refunded(self) -> int:
        """What was paid back, in minor units."""
        if self.purchase.payment is PaymentStatus.REFUNDED:
            return self.draft.price.total
        return self.draft.lines[0].priced.worth if self.purchase.payment is PaymentStatus.PARTIALLY_REFUNDED else 0

    @property
    def refunded_shipping(self) -> int:
        """What of that is for shipping, with its tax."""
        price = self.draft.price
        if self.purchase.payment is not PaymentStatus.REFUNDED:
            return 0
        return price.shipping_total + (0 if price.prices_include_tax else price.shipping_tax_total)
