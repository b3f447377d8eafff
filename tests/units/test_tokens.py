import hashlib
import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.tokens import Kind, digest, keyed_hash, new_token, parse

SECRET = b"a secret of the tests, 32 or longer"


@pytest.mark.parametrize("kind", Kind)
def test_new_token_parses_to_its_kind_and_digest(kind: Kind):
    token = new_token(kind)
    assert parse(token.text) == (kind, token.digest)


def test_prefixes_are_those_of_the_contract():
    assert {kind.value for kind in Kind} == {"lys", "lyp", "lyt", "lym", "lyc", "lyk"}


def test_token_carries_at_least_192_random_bits_in_letters_and_digits():
    texts = [new_token(Kind.SESSION).text for _ in range(200)]
    assert len(set(texts)) == 200
    random_parts = [text.removeprefix("lys_")[:-6] for text in texts]
    assert {len(part) for part in random_parts} == {33}  # 62 ** 33 > 2 ** 196
    assert set("".join(random_parts)) == set(string.ascii_letters + string.digits)


def test_digest_is_the_sha_256_of_the_whole_text():
    token = new_token(Kind.MAIL_LINK)
    assert token.digest == digest(token.text) == hashlib.sha256(token.text.encode()).digest()
    assert len(token.digest) == 32


def test_token_does_not_show_in_its_representation():
    token = new_token(Kind.SESSION)
    assert token.text not in repr(token)
    assert repr(token.digest) not in repr(token)


@given(st.data())
def test_mistyped_token_is_told_from_an_ended_one(data: st.DataObject):
    text = new_token(Kind.SESSION).text
    place = data.draw(st.integers(4, len(text) - 1))
    typed = data.draw(st.sampled_from(sorted(set(string.ascii_letters + string.digits) - {text[place]})))
    assert parse(text[:place] + typed + text[place + 1 :]) is None


def test_token_of_one_kind_cannot_be_dressed_as_another():
    assert parse("lyp" + new_token(Kind.SESSION).text[3:]) is None


@pytest.mark.parametrize(
    "change", [str.swapcase, lambda text: text + "\n", lambda text: " " + text, lambda text: text[:-1]]
)
def test_altered_token_is_none_of_ours(change: Callable[[str], str]):
    assert parse(change(new_token(Kind.SESSION).text)) is None


@given(st.text(alphabet=st.characters(), max_size=80))
def test_parse_answers_for_any_text(text: str):
    assert parse(text) is None
    assert parse(f"lys_{text}") is None


@pytest.mark.parametrize(
    "text", ["", "lys_", "\0", "lys_" + "\0" * 39, "lys_" + "é" * 39, "\ud800", "lys_" + "0" * 10**6]
)
def test_parse_answers_none_for_absurd_text(text: str):
    assert parse(text) is None


def test_keyed_hash_is_short_stable_and_bound_to_secret_purpose_and_value():
    name = keyed_hash(SECRET, "throttle", "jane@example.com")
    assert name == keyed_hash(SECRET, "throttle", "jane@example.com")
    assert len(name) == 32
    assert set(name) <= set(string.hexdigits.lower())
    others = {
        keyed_hash(SECRET[::-1], "throttle", "jane@example.com"),
        keyed_hash(SECRET, "blind", "jane@example.com"),
        keyed_hash(SECRET, "throttle", "john@example.com"),
    }
    assert len(others | {name}) == 4


@given(st.text(st.characters()), st.text(st.characters()), st.text(st.characters()), st.text(st.characters()))
def test_keyed_hash_does_not_confuse_where_the_purpose_ends(purpose: str, value: str, other_purpose: str, other: str):
    same = keyed_hash(SECRET, purpose, value) == keyed_hash(SECRET, other_purpose, other)
    assert same == ((purpose, value) == (other_purpose, other))
    assert keyed_hash(SECRET, purpose + ":", value) != keyed_hash(SECRET, purpose, ":" + value)


def test_keyed_hash_refuses_a_secret_that_could_be_guessed():
    with pytest.raises(ValueError, match="16 bytes"):
        keyed_hash(b"short", "throttle", "jane@example.com")
