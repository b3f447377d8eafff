"""Measurements of a person, sealed; as sets that a customer keeps, and as an order's own copy (P6)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary
from sqlalchemy.orm import Mapped

from models.base import Base, channel, choice, column, flag, key, moment, recorded_at, reference, string, version
from models.catalogue import MeasurementName
from models.classification import Channel, Erasure, Personal, Purpose

__all__ = ["BODY", "LengthUnit", "MeasuredPerson", "MeasurementName", "MeasurementSet", "OrderMeasurement"]

BODY = Personal(
    "user.physical.measurements",
    purposes=frozenset({Purpose.ACCESS, Purpose.PRODUCTS}),
    retention="measurement",
    erasure=Erasure.DELETE_ROW,
    sensitivity=5,
)
WARDROBE = BODY.but("user.account.settings", sensitivity=2)


class MeasuredPerson(StrEnum):
    ADULT = "ADULT"
    CHILD = "CHILD"


class LengthUnit(StrEnum):
    CM = "CM"
    IN = "IN"


class MeasurementSet(Base):
    """Measurements of the customer or their child. `sealed` is JSON, `{"WAIST": "71.5"}`, encrypted for this row.

    One that is not to be kept goes with the order it was used for, or at `keep_until`.
    """

    __tablename__ = "measurement_set"
    id: Mapped[UUID] = key()
    version: Mapped[int] = version()
    account_id: Mapped[UUID] = reference("account.id", ondelete="CASCADE")
    channel: Mapped[Channel] = channel()
    created_at: Mapped[datetime] = recorded_at()
    updated_at: Mapped[datetime] = recorded_at()
    label: Mapped[str] = string(WARDROBE)
    person: Mapped[MeasuredPerson] = choice(BODY, MeasuredPerson, "person")
    unit: Mapped[LengthUnit] = choice(WARDROBE, LengthUnit, "unit")
    sealed: Mapped[bytes] = column(BODY, LargeBinary)
    keep: Mapped[bool] = flag(WARDROBE, default=True)
    keep_until: Mapped[datetime | None] = moment(WARDROBE)


class OrderMeasurement(Base):
    """What an order line is made to: the measurements as they were, sealed for this row, until `deleted_at`."""

    __tablename__ = "order_measurement"
    order_line_id: Mapped[UUID] = reference("order_line.id", index=False, primary_key=True, ondelete="CASCADE")
    account_id: Mapped[UUID | None] = reference("account.id", ondelete="CASCADE")
    channel: Mapped[Channel] = channel()
    person: Mapped[MeasuredPerson] = choice(BODY, MeasuredPerson, "person")
    unit: Mapped[LengthUnit] = choice(WARDROBE, LengthUnit, "unit")
    sealed: Mapped[bytes | None] = column(BODY, LargeBinary)
    deleted_at: Mapped[datetime | None] = moment(WARDROBE)

    __table_args__ = (CheckConstraint("(sealed IS NULL) = (deleted_at IS NOT NULL)", name="deleted"),)
