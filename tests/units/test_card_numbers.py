"""P4: a card number is refused in every text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.card_numbers import holds_card_number

# Published test numbers of the schemes.
NUMBERS = [
    "4111111111111111",
    "4000056655665556",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
    "30569309025904",
    "36227206271667",
    "3566002020360505",
    "6200000000000005",
    "6759649826438453",
]


@pytest.mark.parametrize("number", NUMBERS)
def test_card_number_is_found_bare_grouped_and_within_a_sentence(number: str):
    grouped = " ".join(number[place : place + 4] for place in range(0, len(number), 4))
    for text in (number, grouped, grouped.replace(" ", "-"), grouped.replace(" ", "\u2013"), f"card:{number}, thanks"):
        assert holds_card_number(text), text


def test_card_number_is_found_between_other_groups_of_digits():
    assert holds_card_number("1 4111 1111 1111 1111 12 29 123")
    assert holds_card_number("12/29 378282246310005 4321")


def test_card_number_is_found_in_other_digits_than_ascii():
    assert holds_card_number("４１１１１１１１１１１１１１１１")
    assert holds_card_number("٤١١١١١١١١١١١١١١١")


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # the sum is wrong
        "1111111111111117",  # no card begins so
        "41111111111111111",  # no Visa is so long
        "+1 202 555 0143",
        "0049 1512 3456789",
        "4006381333931",  # a barcode
        "2026-11-25 10:30:00",
        "Flat 12, 221B Baker Street",
        "",
    ],
)
def test_other_digits_are_let_through(text: str):
    assert not holds_card_number(text)


@given(st.text(max_size=300))
def test_any_text_gets_an_answer(text: str):
    assert holds_card_number(text) in {True, False}


@given(st.from_regex(r"4[0-9]{14}", fullmatch=True, alphabet="0123456789"))
def test_just_one_check_digit_makes_a_card_of_fifteen_digits(start: str):
    assert sum(holds_card_number(start + digit) for digit in "0123456789") == 1
