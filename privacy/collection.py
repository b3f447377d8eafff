"""What may not be collected: payment card numbers are refused in every text, wherever it comes in (P4)."""

import re
from itertools import groupby

import phonenumbers

SHORTEST, LONGEST = 12, 19

PHONE_FIELDS = frozenset({"phone", "contact"})
"""What the API calls the fields that a phone number is typed into: one in ten adds up as a card's number does."""

# ISO/IEC 7812 issuer prefixes with the lengths of the cards issued under them.
_ISSUED = re.compile(
    r"""
    4(?:\d{12}|\d{15}|\d{18})                                               # Visa
    | (?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}      # Mastercard
    | 3[47]\d{13}                                                           # American Express
    | 3(?:0[0-5]\d|095|[689]\d\d)\d{10,15}                                  # Diners Club
    | 35(?:2[89]|[3-8]\d)\d{12,15}                                          # JCB
    | (?:6011|64[4-9]\d|65\d\d)\d{12,15}                                    # Discover
    | (?:62|81)\d{14,17}                                                    # UnionPay
    | 82\d{14}                                                               # RuPay (its others lie within)
    | (?:50|5[6-8]|6\d)\d{10,17}                                            # Maestro
    | 220[0-4]\d{12,15}                                                     # Mir
    | 9792\d{12}                                                            # Troy
    """,
    re.VERBOSE | re.ASCII,
)
_SEPARATOR = r"[ \t\u00a0\u00ad\u2007\u2009\u200b\u202f\u2060\u3000\-\u2010-\u2015\u2212\uff0d]"
_LETTER_OR_DIGIT = r"[^\W_]"
_DIGITS = re.compile(rf"(?<!{_LETTER_OR_DIGIT})\d(?:{_SEPARATOR}?\d){{{SHORTEST - 1},}}+")
_BETWEEN = re.compile(_SEPARATOR)
_GLUED = re.compile(_LETTER_OR_DIGIT)
_UUID = re.compile(r"(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_USUAL_GROUP = 3


def card_number_in(text: str) -> bool:
    """Whether a payment card's number stands in the text: prefix and length of a card network, and the Luhn sum.

    Digits may be grouped by single spaces or dashes; digits that touch letters are part of a code, and UUIDs are ids.
    """
    if len(text) < SHORTEST or not _DIGITS.search(text):
        return False
    return any(_card_among(run[0], text[run.end() : run.end() + 1]) for run in _DIGITS.finditer(_UUID.sub("u", text)))


def card_number_given(field: str, text: str) -> bool:
    """Whether a field's value has a payment card's number in it; a valid phone number in a field for one is none."""
    return card_number_in(text) and not (field in PHONE_FIELDS and phone_number(text))


def phone_number(text: str) -> bool:
    """Whether the text is a valid phone number in international form, which may look like a card's."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False


def _card_among(run: str, following: str) -> bool:
    groups = _BETWEEN.split(run)
    if following and _GLUED.match(following):
        groups.pop()
    if _is_card("".join(groups)):
        return True
    return any(_is_card(number) for number in (*_grouped_numbers(groups), *_spelled_numbers(groups)))


def _grouped_numbers(groups: list[str]) -> list[str]:
    """The numbers that neighbouring groups make; before and behind a card there may be an expiry date or a count."""
    numbers = []
    for start in range(len(groups)):
        number = ""
        for group in groups[start:]:
            number += group
            if len(number) > LONGEST:
                break
            numbers.append(number)
            if len(group) < _USUAL_GROUP:
                break  # only a card's last group is as short
    return numbers


def _spelled_numbers(groups: list[str]) -> list[str]:
    """The numbers of which each digit stands alone."""
    stretches = groupby(groups, key=lambda group: len(group) == 1)
    return ["".join(stretch) for alone, stretch in stretches if alone]


def _is_card(number: str) -> bool:
    digits = "".join(str(int(digit)) for digit in number[: LONGEST + 1])
    return SHORTEST <= len(digits) <= LONGEST and bool(_ISSUED.fullmatch(digits)) and _luhn(digits)


def _luhn(number: str) -> bool:
    """The check digit of ISO/IEC 7812-1."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number))]
    return sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10 == 0
