"""Amounts of money are exact."""

from decimal import Decimal

import pytest

from auth.refusal import Refusal
from commerce.money import Amount, minor_units, one_a_currency
from models.catalogue import CurrencyCode

USD, EUR = CurrencyCode.USD, CurrencyCode.EUR


@pytest.mark.parametrize(
    ("text", "units"),
    [("0", 0), ("-0", 0), ("0.01", 1), ("19.9", 1990), ("19.90", 1990), ("1E+1", 1000), ("1e9", 10**11)],
)
def test_amount_is_whole_minor_units(text: str, units: int):
    assert minor_units(Decimal(text)) == units


@pytest.mark.parametrize(
    "text", ["0.001", "-0.01", "NaN", "sNaN", "Infinity", "-Infinity", "1000000000.01", "1e30", "1e-30"]
)
def test_what_is_no_amount_has_no_minor_units(text: str):
    assert minor_units(Decimal(text)) is None


def test_amounts_are_known_by_their_currency():
    assert one_a_currency([Amount(Decimal(2), USD), Amount(Decimal(3), EUR)], ()) == {USD: 200, EUR: 300}
    twice = one_a_currency([Amount(Decimal(2), USD), Amount(Decimal(2), USD)], ("prices",))
    assert isinstance(twice, Refusal)
    assert twice.field == ("prices", "1", "currencyCode")
