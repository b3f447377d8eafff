"""P4: no payment card number is collected in any text."""

import random
import re
from time import process_time
from uuid import UUID

import pytest

from privacy.collection import PHONE_FIELDS, card_number_given, card_number_in, phone_number

CARDS = [
    "4111111111111111",
    "4222222222222",
    "4000000000000000006",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "36227206271667",
    "3566002020360505",
    "6011111111111117",
    "6200000000000005",
    "6304000000000000",
    "6759649826438453",
    "2200000000000004",
]


LONG = [
    *("1 " * 30_000, "1-" * 30_000, "4111 " * 20_000, "-" * 60_000, "a1" * 30_000, "4111, " * 20_000, "1" * 60_000),
    *(
        "1,.1;" * 15_000,
        "12345678901a" * 6_000,
        "f" * 60_000,
        "1f" * 30_000 + "z",
        "1--" * 20_000,
        "4111,4111;" * 9_000,
    ),
]


@pytest.mark.parametrize("number", CARDS)
def test_card_number_is_found(number: str):
    groups = [number[at : at + 4] for at in range(0, len(number), 4)]
    for text in (
        number,
        f"card: {number}.",
        f"({number})",
        " ".join(groups),
        "-".join(groups),
        "\u00a0".join(groups),
        "\u202f".join(groups),
        "\u2013".join(groups),
        " ".join(number),
        f"{' '.join(number)} 12 27 123",
        f"1 pc. {' '.join(number)}",
        f"my card is {' '.join(groups)}, thanks",
        f"{number} 12/27 123",
        f"{' '.join(groups)} 12 27",
        f"12 {number}",
        "".join(chr(0xFF10 + int(digit)) for digit in number),
        "".join(chr(0x660 + int(digit)) for digit in number),
    ):
        assert card_number_in(text), text


def test_american_express_grouping_is_found():
    assert card_number_in("3782 822463 10005 exp 1227")


@pytest.mark.parametrize("number", CARDS)
def test_number_whose_sum_is_wrong_is_no_card(number: str):
    for wrong in range(1, 10):
        assert not card_number_in(number[:-1] + str((int(number[-1]) + wrong) % 10))


@pytest.mark.parametrize("number", [number for number in CARDS if len(number) >= 14])
@pytest.mark.parametrize(
    "separator", [*"./_,:|;*+\n\t\u00b7\u2022", "  ", "   ", "\r\n", ", ", " - ", " / ", "...", "--"]
)
def test_number_is_found_in_blocks_however_they_are_parted(number: str, separator: str):
    blocks = separator.join(number[at : at + 4] for at in range(0, len(number), 4))
    for text in (
        blocks,
        separator.join(number),
        f"{blocks}{separator}12/27",
        f"No. 2024{separator}{blocks}.",
        f"x{blocks}y",
        f"{blocks};\n{blocks};\n{blocks};",
        f"{blocks}, {blocks} and {blocks}",
    ):
        assert card_number_in(text), text


@pytest.mark.parametrize(
    "text",
    [
        "x4111111111111111y",
        "a4111111111111111",
        "4111111111111111b",
        "card4111111111111111exp1227",
        "4111 1111 1111 1111b",
        "nr4111-1111-1111-1111",
        "4111. 1111, 1111 /1111",
        "4111111111111111.0",
        "4111111111111111,00",
        "3782.822463.10005",
        "3782/822463/10005",
        "3056,930902,5904",
        "4111111111111111\n4111111111111111",
        "(4111)(1111)(1111)(1111)",
        "[4111, 1111, 1111, 1111]",
        "4111.1111.1111.1111.123",
        "41 11 11 11 11 11 11 11",
        "card_4111111111111111_old",
        "prd_0193a5f04111111111111111a1b2c3d4 4111111111111111",
    ],
)
def test_spelling_of_a_card_number_is_found(text: str):
    assert card_number_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1234567890123456",
        "9111111111111112",
        "41111111111",
        "411111111111111111111111",
        "ord_4111111111111111f111111111111111",
        "prd_0193a5f04111111111111111a1b2c3d4",
        "40000000-0000-4002-a123-000000000000",
        "41111111-1111-1111-1234-123456789012",
        "2026-11-25T10:00:00.123456Z",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
        "+1 503 555 0100",
        "4111 x 1111 x 1111 x 1111",
        "x4222222222222",
        "1Z4111111111111111",
        "TBA630400000000",
        "RR473124829GB",
        "JD014600003828392837",
        "4006381333931, 4012345678901, 5012345678900",
        "4,111,111,111,111,111.00",
        "4.111.111.111.111.111,00",
        "4.111111111111111",
        "4111.11, 1111.11, 1111.11",
        "2019, 2020, 2021, 2022, 2023, 2024",
        "5001, 5002, 5003, 5004, 5005, 5006, 5007",
        "2026-11-25 10:00:00.123456",
        "25.11.2026 10:00, 26.11.2026 11:30",
        "20261125100000123",
        "50 56 62 68 74 80",
        "56-62-68-74-80-86-92-98",
        "98 92 86 80 74 68 62 56",
        "62, 64, 66, 68, 70, 72",
        "41.5 x 60.2 x 18.0 cm, 620 g",
        "bust 81, waist 62, hips 88; 64 / 66 / 68",
        "40111445, 96385074, 50184385",
        "deadbeef4111111111111111cafe",
        "da39a3ee5e6b4111111111111111afd80709",
    ],
)
def test_other_digits_are_no_card(text: str):
    assert not card_number_in(text)


def test_ids_of_ours_are_never_taken_for_cards():
    source = random.Random(4)
    ids = [f"{source.getrandbits(128):032x}" for _ in range(50_000)]
    assert sum(bool(re.search(r"\d{14}", one)) for one in ids) > 100
    assert not any(
        card_number_in(text) for one in ids for text in (one, f"ord_{one}", str(UUID(one)), f"{{{UUID(one)}}}")
    )


def test_sizes_and_lists_of_numbers_are_not_taken_for_cards():
    sizes = [44, 50, 56, 62, 68, 74, 80, 86, 92, 98, 104, 110, 116, 122, 128, 134, 140, 146, 152]
    runs = [sizes[first:last] for first in range(len(sizes)) for last in range(first + 4, len(sizes) + 1)]
    lists = [separator.join(map(str, run)) for separator in (" ", "-", ", ", "/", "\n") for run in runs]
    assert [text for text in lists if card_number_in(text)] == []


@pytest.mark.parametrize("text", LONG)
def test_long_text_is_read_in_linear_time(text: str):
    before = process_time()
    card_number_in(text)
    assert process_time() - before < 1


@pytest.mark.parametrize("number", ["+491711234567", "+61 491 570 156", "+44 20 7946 0958", "+8613912345678"])
def test_valid_phone_number_is_known(number: str):
    assert phone_number(number)


@pytest.mark.parametrize("number", ["4111111111111111", "+4111111111111111", "hello", "+1", "5035550100"])
def test_what_is_no_international_phone_number_is_none(number: str):
    assert not phone_number(number)


@pytest.mark.parametrize("number", ["+4915107049996", "+628127489068", "+573107577104", "+639176563414"])
def test_phone_number_that_adds_up_as_a_card_does_is_none_in_a_field_for_one(number: str):
    assert card_number_in(number)
    assert not any(card_number_given(field, number) for field in PHONE_FIELDS)
    assert card_number_given("note", number)
    assert card_number_given("phone", f"{number} 4111111111111111")
