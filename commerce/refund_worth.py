"""What units of an order, and its shipping, are worth when they are paid back. Pure, in integer minor units."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from commerce.order_balance import Balance
from commerce.pricing import spread, worth_of
from commerce.return_rules import WITHDRAWAL

Units = Mapping[UUID, int]
"""How many units of which order line."""


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """So many units of an order line, and what is paid back for them."""

    order_line_id: UUID
    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class Worth:
    """What is paid back for lines, for shipping, and out of goodwill."""

    lines: tuple[RefundedLine, ...] = ()
    shipping: int = 0
    goodwill: int = 0

    @property
    def total(self) -> int:
        return self.shipping + self.goodwill + sum(line.amount for line in self.lines)

    def at_most(self, limit: int) -> "Worth":
        """The same where it is no more than the limit, else the limit, each by its share."""
        if self.total <= limit:
            return self
        shipping, goodwill, *amounts = spread(
            limit, [self.shipping, self.goodwill, *(line.amount for line in self.lines)]
        )
        lines = zip(self.lines, amounts, strict=True)
        return Worth(tuple(replace(line, amount=amount) for line, amount in lines), shipping, goodwill)


def of_units(balance: Balance, units: Units) -> tuple[RefundedLine, ...]:
    """What the next so many units of each line are worth, after those that were paid back before.

    A line's refunds add up to its whole worth to the cent, however it is divided.
    """
    found = []
    for line, count in ((balance.lines[key], count) for key, count in units.items() if count):
        amount = worth_of(line.worth, line.quantity, line.refunded + count) - line.refunded_amount
        found.append(RefundedLine(line.id, count, max(amount, 0)))
    return tuple(found)


def shipping_due(balance: Balance, back: Units, asked_at: datetime, *, at_fault: bool) -> int:
    """What of the shipping comes back, where `back` is all that came back of each line, or is to.

    All that is left of it where the shop is at fault, or where everything comes back that was asked for in time.
    """
    in_time = balance.delivered_at is not None and asked_at <= balance.delivered_at + WITHDRAWAL
    return balance.shipping_left if at_fault or (in_time and _all_back(balance, back)) else 0


def _all_back(balance: Balance, back: Units) -> bool:
    """Whether nothing of the order stays with the customer, nor another thing in its place."""
    return all(back.get(line.id, 0) >= line.quantity and not line.exchanged for line in balance.lines.values())
