import pytest

from auth.pin_rules import check
from auth.refusal import RefusalCode


@pytest.mark.parametrize(
    "pin", ["", "12345", "1" * 13, "48291a", "48 2915", " 482915", "４８２９１５", "-482915", "482915\n"]
)
def test_pin_has_six_to_twelve_digits(pin: str):
    refused = check(pin)
    assert refused is not None
    assert (refused.code, refused.field) == (RefusalCode.INVALID, ("pin",))


@pytest.mark.parametrize(
    "pin",
    [
        "123456", "234567", "654321", "098765", "890123", "0123456789",  # runs
        "000000", "999999999999",  # one digit
        "121212", "123123", "48254825", "482915482915",  # repetitions
        "112233", "159753", "147258", "696969",  # known
    ],
)  # fmt: skip
def test_pin_that_would_be_tried_first_is_refused(pin: str):
    refused = check(pin)
    assert refused is not None
    assert refused.code is RefusalCode.WEAK_PASSWORD
    assert pin not in refused.message


@pytest.mark.parametrize("pin", ["482915", "730164", "5829104", "829104736150"])
def test_other_pins_are_taken(pin: str):
    assert check(pin) is None
