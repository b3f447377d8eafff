"""Payment card numbers, found in text where none may be (P4)."""

import re

# ISO/IEC 7812 issuer prefixes with the lengths of cards in use. The 13 digits of Visa's last century are left out: they
# are the length of a barcode (EAN-13), and one in ten German barcodes would be refused.
_ISSUED = re.compile(
    r"""
    4(?:\d{15}|\d{18})                                                      # Visa
    | (?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}      # Mastercard
    | 3[47]\d{13}                                                           # American Express
    | 3(?:0[0-5]|[689]\d)\d{11,16}                                          # Diners Club
    | 35(?:2[89]|[3-8]\d)\d{12,15}                                          # JCB
    | (?:6011|64[4-9]\d|65\d\d)\d{12,15}                                    # Discover
    | (?:62|81)\d{14,17}                                                    # UnionPay
    | (?:50|5[6-9]|6\d)\d{14,17}                                            # Maestro
    | 220[0-4]\d{12,15}                                                     # Mir
    """,
    re.VERBOSE | re.ASCII,
)
_SEPARATOR = r"[\s\-‐-―_./]"
_GROUPED_DIGITS = re.compile(rf"\d(?:{_SEPARATOR}?\d){{13,}}", re.ASCII)
_LONGEST = 19


def holds_card_number(text: str) -> bool:
    """Whether digits in the text, bare or grouped, have a card's prefix, length and Luhn sum."""
    digits = "".join(str(int(character)) if character.isdecimal() else character for character in text)
    return any(_is_card(run[0]) for run in _GROUPED_DIGITS.finditer(digits))


def _is_card(run: str) -> bool:
    """Groups before and behind the card may be something else, so neighbours are tried from each group on."""
    groups = re.split(_SEPARATOR, run)
    for start in range(len(groups)):
        number = ""
        for group in groups[start:]:
            number += group
            if len(number) > _LONGEST:
                break
            if _ISSUED.fullmatch(number) and _luhn(number):
                return True
    return False


def _luhn(number: str) -> bool:
    """The check digit of ISO/IEC 7812-1."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number))]
    return sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10 == 0
