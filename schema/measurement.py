"""Measurements: the sets that a customer keeps, and what an order line is made to (P6)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from auth.permissions import OWNER, staff
from commerce.measurement import sealer_of, unseal
from models import measurement as tables
from models.ids import key_of
from models.measurement import LengthUnit, MeasuredPerson, MeasurementName
from reads.declare import computed, entity, referenced, to, value
from schema.common import Node
from schema.errors import UserError

strawberry.enum(MeasuredPerson)
strawberry.enum(LengthUnit)

PREFIX = "mea"
READERS = OWNER + staff("alteration:read")


@value(readers=READERS)
class Measurement:
    """So much, in the unit of those around it; exactly as it was given."""

    name: MeasurementName
    value: Decimal


def opened(key: str) -> Any:
    """Makes the values of what is sealed for the row whose key is in the column; none of what was deleted."""

    def make(needs: Mapping[str, str | None], info: Any) -> list[Measurement]:
        row_id, sealed = needs[key], needs["sealed"]
        if row_id is None or sealed is None:
            return []
        values = unseal(sealer_of(info.context.services.secret), bytes.fromhex(sealed), key_of(row_id))
        return [Measurement(name=name, value=measured) for name, measured in values.items()]

    return make


@entity(
    tables.MeasurementSet,
    prefix=PREFIX,
    readers=OWNER,
    visible=(to(OWNER, lambda viewer, measured: measured.account_id == viewer.account_id),),
)
class MeasurementSet(Node):
    """Measurements of a customer or their child, for what is made to measure. `keepUntil`: when it goes by itself."""

    id: strawberry.ID
    version: int
    label: str | None
    person: MeasuredPerson | None
    unit: LengthUnit | None
    values: list[Measurement] | None = computed(opened("id"), "id", "sealed")
    keep_until: datetime | None


@entity(tables.OrderMeasurement, readers=READERS, key=lambda measured: measured.order_line_id)
class SealedMeasurements:
    """What a garment is made to, as it was when the order was placed; without values once they are deleted."""

    unit: LengthUnit
    person: MeasuredPerson
    values: list[Measurement] = computed(opened("order_line_id"), "order_line_id", "sealed")
    deleted_at: datetime | None


@strawberry.input(description="Plausible for the person and unit, with at most four decimals.")
class MeasurementInput:
    name: MeasurementName
    value: Decimal


@strawberry.input(
    description="Without an id it is a new set, one of at most 20; with one the whole set is replaced. A set that is "
    "not to be kept goes when an order that uses it is placed, and in any case in time."
)
class MeasurementSetSaveInput:
    label: str
    person: MeasuredPerson
    unit: LengthUnit
    values: list[MeasurementInput]
    id: strawberry.ID | None = strawberry.UNSET
    expected_version: int | None = strawberry.UNSET
    keep: bool | None = True


@strawberry.input
class MeasurementSetDeleteInput:
    id: strawberry.ID


@value(readers=OWNER)
class MeasurementSetSavePayload:
    measurement_set: MeasurementSet | None = referenced()
    user_errors: list[UserError]


@value(readers=OWNER)
class MeasurementSetDeletePayload:
    deleted_id: strawberry.ID | None
    user_errors: list[UserError]
