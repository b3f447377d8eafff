"""Shipments: what of an order went out, by which carrier, and when it arrived."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped

from models.base import Base, channel, key, moment, number, recorded_at, reference, string
from models.classification import Channel
from models.order import DELIVERY, FACT

TRACKING = DELIVERY.but("user.behavior.purchase_history", exported=True)


class Fulfillment(Base):
    """A tracking number leads to an address at the carrier's, and goes with the person."""

    __tablename__ = "fulfillment"
    id: Mapped[UUID] = key()
    order_id: Mapped[UUID] = reference("orders.id", ondelete="CASCADE")
    account_id: Mapped[UUID | None] = reference("account.id", ondelete="SET NULL")
    channel: Mapped[Channel] = channel()
    carrier: Mapped[str | None] = string(FACT)
    tracking_number: Mapped[str | None] = string(TRACKING)
    tracking_url: Mapped[str | None] = string(TRACKING)
    shipped_at: Mapped[datetime] = recorded_at(FACT)
    delivered_at: Mapped[datetime | None] = moment(FACT)


class FulfillmentLine(Base):
    __tablename__ = "fulfillment_line"
    fulfillment_id: Mapped[UUID] = reference("fulfillment.id", index=False, primary_key=True, ondelete="CASCADE")
    order_line_id: Mapped[UUID] = reference("order_line.id", primary_key=True, ondelete="CASCADE")
    quantity: Mapped[int] = number(FACT)

    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)
