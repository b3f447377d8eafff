import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zxcvbn.matching import RANKED_DICTIONARIES

from auth.password_rules import check
from auth.refusal import RefusalCode

JANE = ("Jane Doe", "jane.doe@example.com")


def code(password: str, known: tuple[str, ...] = ()) -> RefusalCode | None:
    refusal = check(password, known=known)
    return refusal.code if refusal else None


@pytest.mark.parametrize(
    "password", ["x7Kp2wq", "blue1horse", "Tulip-Garden-42", "correct horse battery staple", "горькийкот7"]
)
def test_good_password_may_be_set_p54(password: str):
    assert check(password, known=JANE) is None


def test_seven_characters_are_needed_p54():
    assert code("x7Kp2w") is RefusalCode.WEAK_PASSWORD
    assert code("x7Kp2wq") is None


def test_characters_are_counted_not_octets():
    assert code("é7Kp2w") is RefusalCode.WEAK_PASSWORD
    assert code("e\N{COMBINING ACUTE ACCENT}7Kp2w") is RefusalCode.WEAK_PASSWORD


@pytest.mark.parametrize("password", ["horselampkite", "8261940375926", "!%&/()=?#*+-"])
def test_letter_and_digit_are_needed_below_fifteen_characters_p54(password: str):
    refusal = check(password)
    assert refusal
    assert refusal.code is RefusalCode.WEAK_PASSWORD
    assert "a letter and a digit" in refusal.message


def test_nothing_need_be_mixed_from_fifteen_characters_on_p54():
    assert code("horselampkites") is RefusalCode.WEAK_PASSWORD
    assert code("horselampkitesy") is None


@pytest.mark.parametrize(
    "password", ["password", "password1", "PassWord1", "Abcdef1", "abc1234", "12345678", "qwertyuiop"]
)
def test_common_password_is_refused_as_breached_in_any_case_p54(password: str):
    assert code(password) is RefusalCode.BREACHED_PASSWORD


@pytest.mark.parametrize("password", ["rasdzv3", "000webhost"])
def test_both_lists_of_breached_passwords_are_asked(password: str):
    assert code(password) is RefusalCode.BREACHED_PASSWORD


def test_easy_password_is_refused_with_advice_p54():
    refusal = check("Passw0rd!")
    assert refusal
    assert refusal.code is RefusalCode.WEAK_PASSWORD
    assert "similar to a commonly used password" in refusal.message
    assert "Add another word or two." in refusal.message


@pytest.mark.parametrize("password", ["janedoe1985", "doejane77", "jane.doe@example.com", "layette2026"])
def test_password_made_of_what_others_know_is_refused(password: str):
    refusal = check(password, known=JANE)
    assert refusal
    assert refusal.code is RefusalCode.WEAK_PASSWORD
    assert "Leave out your name" in refusal.message


def test_what_is_known_of_one_person_is_not_held_against_the_next():
    assert code("ottoline7", ("Ottoline Quax",)) is RefusalCode.WEAK_PASSWORD
    assert "user_inputs" not in RANKED_DICTIONARIES
    assert code("ottoline7") is None


def test_long_repetition_is_refused():
    assert code("a" * 64) is RefusalCode.WEAK_PASSWORD


def test_strength_is_that_of_the_first_32_characters():
    assert code("a" * 32 + "Tulip-Garden-42") is RefusalCode.WEAK_PASSWORD
    assert code("Tulip-Garden-42" + "a" * 32) is None


def test_1024_bytes_may_be_set_and_no_more():
    passphrase = "Tulip garden, 42! "
    assert code((passphrase * 60)[:1024]) is None
    assert code((passphrase * 60)[:1025]) is RefusalCode.TOO_LONG
    assert code("é" * 513) is RefusalCode.TOO_LONG


def test_password_is_not_trimmed():
    assert code("x7Kp2w ") is None


def test_refusal_names_the_field_asked_about():
    refusal = check("short", field=("newPassword",))
    assert refusal
    assert refusal.field == ("newPassword",)


@given(st.text(st.characters(), max_size=60))
def test_refusal_never_repeats_the_password(password: str):
    refusal = check(password + "\0\N{SNOWMAN}")
    assert refusal is None or "\N{SNOWMAN}" not in refusal.message


def test_no_password_takes_long_to_judge():
    lookalikes = "4@8({[<69!|17$5+03%2/"
    rng = random.Random(7)
    passwords = ["".join(rng.choices(lookalikes, k=1000)) + "a" for _ in range(5)] + [lookalikes * 48 + "a"]
    begun = time.process_time()
    for password in passwords:
        check(password)
    assert (time.process_time() - begun) / len(passwords) < 1  # 2 s each without the bounds
