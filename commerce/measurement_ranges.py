"""Which measurements are plausible: wide enough for every body, narrow enough to find a wrong unit or a slipped digit.

The numbers are the shop's own, from its tailor's practice: adults from 120 to 230 cm tall, children from birth to 14.
"""

from decimal import Decimal

from models.measurement import LengthUnit, MeasuredPerson, MeasurementName

CM_PER_INCH = Decimal("2.54")

_ADULT = {
    MeasurementName.CHEST: (60, 180),
    MeasurementName.WAIST: (45, 180),
    MeasurementName.HIP: (60, 190),
    MeasurementName.INSEAM: (50, 110),
    MeasurementName.SLEEVE: (35, 100),
    MeasurementName.SHOULDER: (28, 70),
    MeasurementName.HEIGHT: (120, 230),
    MeasurementName.NECK: (25, 60),
    MeasurementName.BACK_LENGTH: (28, 80),
    MeasurementName.HEAD: (46, 68),
    MeasurementName.FOOT: (18, 36),
}
_CHILD = {
    MeasurementName.CHEST: (25, 115),
    MeasurementName.WAIST: (25, 115),
    MeasurementName.HIP: (25, 120),
    MeasurementName.INSEAM: (10, 95),
    MeasurementName.SLEEVE: (10, 75),
    MeasurementName.SHOULDER: (12, 50),
    MeasurementName.HEIGHT: (38, 190),
    MeasurementName.NECK: (15, 45),
    MeasurementName.BACK_LENGTH: (10, 55),
    MeasurementName.HEAD: (28, 62),
    MeasurementName.FOOT: (6, 30),
}
RANGES = {MeasuredPerson.ADULT: _ADULT, MeasuredPerson.CHILD: _CHILD}
"""From and to, both plausible, in centimetres."""


def is_plausible(name: MeasurementName, value: Decimal, person: MeasuredPerson, unit: LengthUnit) -> bool:
    """Whether a body of this kind can measure so much. Inches are compared exactly, as 2.54 cm each."""
    least, greatest = RANGES[person][name]
    return least <= (value * CM_PER_INCH if unit is LengthUnit.IN else value) <= greatest


def plausible(name: MeasurementName, person: MeasuredPerson, unit: LengthUnit) -> tuple[Decimal, Decimal]:
    """From and to in the unit, in whole centimetres or tenths of an inch, for a person to read."""
    least, greatest = map(Decimal, RANGES[person][name])
    if unit is LengthUnit.CM:
        return least, greatest
    tenth = Decimal("0.1")
    return (least / CM_PER_INCH).quantize(tenth), (greatest / CM_PER_INCH).quantize(tenth)
