"""Recovery codes: what they are made of, and how they are typed (ASVS 6.5)."""

import re
from collections import Counter
from collections.abc import Callable

import pytest

from auth import recovery_codes
from auth.recovery_codes import digest_of


def test_set_has_ten_different_codes_of_120_bits():
    codes = recovery_codes.new_codes()
    assert len({code.text for code in codes}) == len({code.digest for code in codes}) == 10
    for code in codes:
        assert re.fullmatch(r"(?:[0-9a-hjkmnp-tv-z]{4}-){5}[0-9a-hjkmnp-tv-z]{4}", code.text)


def test_every_sign_is_as_likely():
    signs = Counter("".join(code.text for _ in range(200) for code in recovery_codes.new_codes()).replace("-", ""))
    assert len(signs) == 32
    assert max(signs.values()) < 1.3 * min(signs.values())


@pytest.mark.parametrize(
    "typed", [str, str.upper, lambda code: code.replace("-", ""), lambda code: f"  {code.replace('-', ' ')}\n"]
)
def test_code_is_known_however_it_is_typed(typed: Callable[[str], str]):
    for code in recovery_codes.new_codes():
        assert digest_of(typed(code.text)) == code.digest


def test_letters_that_look_like_digits_are_read_as_those():
    assert digest_of("0011-" + "0" * 20) == digest_of("oOlI" + "o" * 20) == digest_of("0" * 2 + "1" * 2 + "0" * 20)


@pytest.mark.parametrize(
    "typed", ["", "-", "0" * 23, "0" * 25, "u" * 24, "0" * 23 + "é", "0" * 23 + "\x00", "x" * 10**6]
)
def test_what_can_be_no_code_has_no_digest(typed: str):
    assert digest_of(typed) is None


def test_code_does_not_show_in_logs():
    (code, *_) = recovery_codes.new_codes()
    assert code.text not in repr(code)
    assert "digest" not in repr(code)
