import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auth.refusal import Refusal, RefusalCode
from commerce import text

FIELD = ("label",)
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)
MARKED_TEXT = st.text(alphabet="aE\u0301\u0300\u0345\u0327\u1eb9\u0958\u093c \u00a0\u200d\u202e\n\u00df", max_size=40)


def line(value: str | None, limit: int = 100, *, required: bool = False) -> str | Refusal:
    return text.line(value, field=FIELD, limit=limit, required=required)


def multiline(value: str | None, limit: int = 100) -> str | Refusal:
    return text.multiline(value, field=FIELD, limit=limit)


def code(outcome: str | Refusal) -> RefusalCode | None:
    return outcome.code if isinstance(outcome, Refusal) else None


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Ana   Ruiz ", "Ana Ruiz"),
        ("1 Main St\r\nApt 2", "1 Main St Apt 2"),
        ("山田\u3000太郎", "山田 太郎"),
        ("a\u00a0\u2003\tb", "a b"),
        ("Zoe\u0308", "Zoë"),
        ("Angstro\u0308m \u212b", "Angström Å"),
        ("soft\u00adhyphen\u200b\ufeff", "softhyphen"),
        ("\u200eAna\u200f", "Ana"),
        ("نامه\u200cای", "نامه\u200cای"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("👩\u200d👧 ❤\ufe0f", "👩\u200d👧 ❤\ufe0f"),
        ("𰻞 \U00031350", "𰻞 \U00031350"),
        ("שׁ\u05bc\u05b8\u0591", None),
        ("བསྒྲུབས་", "བསྒྲུབས་"),
        ("Nguyễn Thị Ánh", "Nguyễn Thị Ánh"),
        ("O’Neill & Söhne, №5", "O’Neill & Söhne, №5"),
        ("", ""),
        (None, ""),
        ("\u200d", ""),
        ("\u0301\u0301", ""),
    ],
)
def test_line_is_made_regular(typed: str | None, kept: str | None):
    assert line(typed) == (unicodedata.normalize("NFC", typed or "") if kept is None else kept)


@pytest.mark.parametrize(
    "typed",
    [
        "a\x00b",
        "\x1b[31mred",
        "a\x1cb",
        "a\x7fb",
        "a\x9fb",
        "evil\u202egnp.exe",
        "a\u2066b\u2069",
        "a\ud800b",
        "a\uffffb",
        "a\U0001fffeb",
        "a\U0002ffffb",
        "a\U000e0041b",
        "a\ue000b",
        "a\U00012fffb",
        "a\u3164b",
        "damaged \ufffd",
        "Z" + "\u0351" * 5 + "algo",
        "Z" + "\u0301\u0327" * 5000,
    ],
)
def test_absurd_unicode_is_refused(typed: str):
    expected = RefusalCode.INVALID if len(typed) < 1000 else RefusalCode.TOO_LONG
    for outcome in (line(typed), multiline(typed)):
        assert code(outcome) == expected
        assert isinstance(outcome, Refusal)
        assert outcome.field == FIELD


def test_line_of_nothing_but_marks_cannot_stall_the_server():
    assert code(text.line("\u0301\u0327" * 50_000, field=FIELD, limit=100_000)) == RefusalCode.INVALID


@pytest.mark.parametrize("typed", [None, "", "  \n ", "\u200b", "\u200d\u200c", "\u0301"])
def test_nothing_to_be_seen_is_refused_where_something_is_required(typed: str | None):
    assert code(line(typed, required=True)) == RefusalCode.REQUIRED


def test_limit_counts_code_points_of_what_is_kept():
    assert line("  " + "e\u0301" * 10 + "  ", limit=10) == "é" * 10
    assert code(line("x" * 11, limit=10)) == RefusalCode.TOO_LONG
    assert code(line(" " * 100_000, limit=10)) == RefusalCode.TOO_LONG


def test_card_number_is_refused():
    assert code(line("4111 1111 1111 1111")) == RefusalCode.CARD_NUMBER_REFUSED
    assert code(multiline("please charge\n4111-1111-1111-1111")) == RefusalCode.CARD_NUMBER_REFUSED


def test_multiline_keeps_lines_and_one_empty_line_between():
    assert multiline("  Dear  shop,\r\n\r\n\r\n\r\nhello\tthere \u2028 Ana\n\n") == "Dear shop,\n\nhello there\nAna"


@given(ANY_TEXT | MARKED_TEXT)
@example("\u0958\u0301\u0300\u0327")
@example("a\u200b\u0301")
def test_line_is_total_and_changes_nothing_twice(typed: str):
    once = line(typed)
    if isinstance(once, str):
        assert line(once) == once
        assert unicodedata.is_normalized("NFC", once)
        assert once == " ".join(once.split(" "))
        assert not any(unicodedata.category(character) in {"Cc", "Cs", "Co"} for character in once)
        once.encode()


@given(ANY_TEXT | MARKED_TEXT)
def test_multiline_is_total_and_changes_nothing_twice(typed: str):
    once = multiline(typed)
    if isinstance(once, str):
        assert multiline(once) == once
        assert "\n\n\n" not in once
        assert all(part == part.strip() for part in once.split("\n"))
