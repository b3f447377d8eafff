"""Which measurements are plausible (P6)."""

from decimal import Decimal

import pytest

from commerce.measurement_ranges import RANGES, is_plausible, plausible
from models.measurement import LengthUnit, MeasuredPerson, MeasurementName

ADULT, CHILD = MeasuredPerson.ADULT, MeasuredPerson.CHILD
CM, IN = LengthUnit.CM, LengthUnit.IN


@pytest.mark.parametrize(
    ("name", "value", "person", "unit"),
    [
        ("WAIST", "71.5", ADULT, CM),
        ("WAIST", "28.125", ADULT, IN),
        ("HEIGHT", "98", CHILD, CM),
        ("FOOT", "6", CHILD, CM),
        ("HEIGHT", "120", ADULT, CM),
        ("HEIGHT", "230", ADULT, CM),
    ],
)
def test_bodies_are_plausible(name: str, value: str, person: MeasuredPerson, unit: LengthUnit) -> None:
    assert is_plausible(MeasurementName(name), Decimal(value), person, unit)


@pytest.mark.parametrize(
    ("name", "value", "person", "unit"),
    [
        ("WAIST", "715", ADULT, CM),
        ("WAIST", "28.125", ADULT, CM),
        ("WAIST", "71.5", ADULT, IN),
        ("HEIGHT", "98", ADULT, CM),
        ("HEIGHT", "0", CHILD, CM),
        ("HEIGHT", "-98", CHILD, CM),
        ("HEIGHT", "230.01", ADULT, CM),
        ("HEIGHT", "119.99", ADULT, CM),
        ("HEIGHT", "90.56", ADULT, IN),
    ],
)
def test_wrong_units_and_slipped_digits_are_not(
    name: str, value: str, person: MeasuredPerson, unit: LengthUnit
) -> None:
    assert not is_plausible(MeasurementName(name), Decimal(value), person, unit)


def test_every_name_has_a_range_for_every_person() -> None:
    for person in MeasuredPerson:
        assert set(RANGES[person]) == set(MeasurementName)
        assert all(0 < least < greatest for least, greatest in RANGES[person].values())


def test_range_is_told_in_the_unit() -> None:
    assert plausible(MeasurementName.FOOT, ADULT, CM) == (18, 36)
    assert plausible(MeasurementName.FOOT, ADULT, IN) == (Decimal("7.1"), Decimal("14.2"))
