"""Measurements of the demo's customers and their children: sets that they keep, made when they first need one."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from uuid import UUID

from auth.sealing import Sealer
from commerce.measurement import seal
from models.catalogue import CurrencyCode, MeasurementName
from models.ids import new_id
from models.measurement import LengthUnit, MeasuredPerson, MeasurementSet
from seeds.demo.people import Customer
from seeds.purchases import Measured
from seeds.rows import Rows

# Centimetres, from and to.
_ADULT = {
    MeasurementName.CHEST: (84, 104),
    MeasurementName.WAIST: (66, 90),
    MeasurementName.HIP: (90, 112),
    MeasurementName.INSEAM: (72, 84),
    MeasurementName.SLEEVE: (56, 64),
    MeasurementName.SHOULDER: (37, 43),
    MeasurementName.HEIGHT: (158, 178),
    MeasurementName.BACK_LENGTH: (38, 44),
}
_CHILD = {
    MeasurementName.CHEST: (52, 66),
    MeasurementName.WAIST: (50, 60),
    MeasurementName.HIP: (54, 68),
    MeasurementName.INSEAM: (36, 58),
    MeasurementName.SLEEVE: (32, 46),
    MeasurementName.SHOULDER: (24, 31),
    MeasurementName.HEIGHT: (88, 128),
    MeasurementName.BACK_LENGTH: (20, 30),
}
_BODIES = {MeasuredPerson.ADULT: _ADULT, MeasuredPerson.CHILD: _CHILD}
_LABELS = {MeasuredPerson.ADULT: "Me", MeasuredPerson.CHILD: "My child"}
_STEPS = {LengthUnit.CM: Decimal("0.5"), LengthUnit.IN: Decimal("0.25")}
_CM_PER_INCH = Decimal("2.54")
_IN_INCHES = {CurrencyCode.USD}


class Bodies:
    """Whoever is measured is so once, completely."""

    def __init__(self, rows: Rows, sealer: Sealer, random: Random) -> None:
        self._rows = rows
        self._sealer = sealer
        self._random = random
        self._kept: dict[tuple[UUID, MeasuredPerson], Measured] = {}

    def measure(self, customer: Customer, audience: list[str]) -> Measured:
        """The measurements of whom the customer buys for: of themselves, or of their child."""
        person = MeasuredPerson.ADULT if {"WOMEN", "MATERNITY"} & set(audience) else MeasuredPerson.CHILD
        key = customer.person.id, person
        if key not in self._kept:
            self._kept[key] = self._measured(customer, person)
        return self._kept[key]

    def _measured(self, customer: Customer, person: MeasuredPerson) -> Measured:
        unit = LengthUnit.IN if customer.currency in _IN_INCHES else LengthUnit.CM
        values = {name: self._length(unit, *bounds) for name, bounds in _BODIES[person].items()}
        self._add_set(customer, person, unit, values)
        return Measured(person, unit, values)

    def _length(self, unit: LengthUnit, least: int, most: int) -> Decimal:
        length = Decimal(self._random.randint(least * 2, most * 2)) / 2
        step = _STEPS[unit]
        return length if unit is LengthUnit.CM else (length / _CM_PER_INCH / step).quantize(Decimal(1)) * step

    def _add_set(
        self, customer: Customer, person: MeasuredPerson, unit: LengthUnit, values: Mapping[MeasurementName, Decimal]
    ) -> None:
        key, since = new_id(), customer.person.created_at
        self._rows.add(
            MeasurementSet,
            id=key,
            account_id=customer.person.id,
            channel=customer.person.channel,
            created_at=since,
            updated_at=since,
            label=_LABELS[person],
            person=person,
            unit=unit,
            sealed=seal(self._sealer, values, key),
        )
