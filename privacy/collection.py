"""What may not be collected: payment card numbers are refused in every text, wherever it comes in (P4)."""

import re
from collections.abc import Iterator
from itertools import groupby, pairwise

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
_LETTER_OR_DIGIT = r"[^\W_]"
_RUN = re.compile(rf"(?<!\d)\d(?:[\W_]{{0,3}}+\d){{{SHORTEST - 1},}}+")
_PARTED = re.compile(r"([\W_]+)")
_SEPARATOR = r"[ \t\u00a0\u00ad\u2007\u2009\u200b\u202f\u2060\u3000\-\u2010-\u2015\u2212\uff0d]"
_TYPED = re.compile(rf"\d+(?:{_SEPARATOR}\d+)*+")
_BETWEEN = re.compile(_SEPARATOR)
_LETTER = re.compile(_LETTER_OR_DIGIT)
_ID = re.compile(
    rf"""
    (?<!{_LETTER_OR_DIGIT})(?:
        [0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}   # UUID
        | (?=\d*[a-f])[0-9a-f]{{24,}}+                       # any other in hexadecimal, as ours are
        | 1z[0-9a-z]{{16}}                                   # a parcel of UPS
    )(?!{_LETTER_OR_DIGIT})
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_USUAL_GROUP = 3
_BLOCK = 4
_MOST_BLOCKS = 5
"""More of them are a list of years, prices or postal codes."""
_PRINTED_IN_THREE = {(4, 6, 5), (4, 6, 4)}
_SHORTEST_LIST = 4
"""As many numbers that only rise or only fall are sizes or measurements, not the groups of one number."""
_SHORTEST_IN_USE = 14
"""Shorter cards are hardly issued any more, and codes and lists of numbers are often as long."""


def card_number_in(text: str) -> bool:
    """Whether a payment card's number stands in the text: prefix and length of a card network, and the Luhn sum.

    Digits may be grouped as people type them, by single spaces or dashes, or as cards are printed, by up to three
    characters of any other kind. Letters may touch them. Ids, UUIDs and lists of sizes are none.
    """
    if len(text) < SHORTEST or not _RUN.search(text):
        return False
    without_ids = _ID.sub("x", text)
    return any(_card_among(run[0], glued=_is_glued(without_ids, run)) for run in _RUN.finditer(without_ids))


def card_number_given(field: str, text: str) -> bool:
    """Whether a field's value has a payment card's number in it; a valid phone number in a field for one is none."""
    return card_number_in(text) and not (field in PHONE_FIELDS and phone_number(text))


def phone_number(text: str) -> bool:
    """Whether the text is a valid phone number in international form, which may look like a card's."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False


def _is_glued(text: str, run: re.Match[str]) -> bool:
    """Whether letters touch the run."""
    beside = text[max(run.start() - 1, 0) : run.start()] + text[run.end() : run.end() + 1]
    return _LETTER.search(beside) is not None


def _card_among(run: str, *, glued: bool) -> bool:
    shortest = _SHORTEST_IN_USE if glued else SHORTEST
    typed = (number for part in _TYPED.findall(run) for number in _typed_numbers(_BETWEEN.split(part)))
    return any(len(number) >= shortest and _is_card(number) for number in typed) or any(
        len(number) >= _SHORTEST_IN_USE and _is_card(number)
        for groups in _parted_alike(run)
        for number in _printed_numbers(groups)
    )


def _typed_numbers(groups: list[str]) -> Iterator[str]:
    if not _is_list(groups):
        yield "".join(groups)
    yield from _grouped_numbers(groups)
    yield from _spelled_numbers(groups)


def _printed_numbers(groups: list[str]) -> Iterator[str]:
    yield from _block_numbers(groups)
    for three in zip(groups, groups[1:], groups[2:], strict=False):
        if tuple(map(len, three)) in _PRINTED_IN_THREE:
            yield "".join(three)
    yield from _spelled_numbers(groups)


def _parted_alike(run: str) -> Iterator[list[str]]:
    """All groups of the run, and those that the same separator parts."""
    parts = _PARTED.split(run)
    groups, separators = parts[::2], parts[1::2]
    yield groups
    first = 0
    for _, alike in groupby(separators):
        last = first + len(list(alike))
        yield groups[first : last + 1]
        first = last


def _block_numbers(groups: list[str]) -> Iterator[str]:
    """The numbers that blocks of four digits make, with what is left over behind them or without."""
    behind = 0
    for whole, stretch in groupby(groups, key=lambda group: len(group) == _BLOCK):
        blocks = list(stretch)
        behind += len(blocks)
        if whole and len(blocks) <= _MOST_BLOCKS:
            rest = groups[behind] if behind < len(groups) and len(groups[behind]) < _BLOCK else ""
            for first in range(len(blocks)):
                yield "".join(blocks[first : first + 4])
                yield "".join(blocks[first:]) + rest


def _is_list(groups: list[str]) -> bool:
    if len(groups) < _SHORTEST_LIST or len(groups) > LONGEST or any(len(group) >= _BLOCK for group in groups):
        return False
    numbers = [int(group) for group in groups]
    steps = {(more > less) - (more < less) for less, more in pairwise(numbers)}
    return steps in ({1}, {-1})


def _grouped_numbers(groups: list[str]) -> list[str]:
    """The numbers that neighbouring groups make; before and behind a card there may be an expiry date or a count."""
    numbers = []
    for start in range(len(groups)):
        number = ""
        for end, group in enumerate(groups[start:], start + 1):
            number += group
            if len(number) > LONGEST:
                break
            if not _is_list(groups[start:end]):
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
