"""What is typed as an email address is looked up by what is kept of it (P26)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.refusal import Refusal
from commerce import email

LABELS = st.text("abzABZ019-", min_size=1, max_size=6)
PLAIN = st.builds(
    "{}@{}".format, st.text("abzABZ019._+-", min_size=1), st.lists(LABELS, min_size=1, max_size=4).map(".".join)
)
WRITTEN = st.builds("{}@{}.{}".format, st.text(min_size=1), st.text(min_size=1), st.sampled_from(["com", "de", "test"]))


@given(st.one_of(PLAIN, WRITTEN, st.emails()))
def test_address_is_looked_up_as_it_is_kept(typed: str):
    kept = email.normalise(typed)
    if not isinstance(kept, Refusal):
        assert email.sought(f" {typed}\n").lower() == kept.lower()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ana.Ruiz+Shop@Example.COM", "Ana.Ruiz+Shop@example.com"),
        ("ana@xn--bcher-kva.example.de", "ana@b\u00fccher.example.de"),
        ("ana@B\u00dcCHER.de", "ana@b\u00fccher.de"),
        ("an\u0061\u0301@example.com", "an\u00e1@example.com"),
        ("o'neil!@example.com", "o'neil!@example.com"),
        ("ana@\uff45xample.com", "ana@example.com"),
        ("\u212aim@example.com", "Kim@example.com"),
    ],
)
def test_spellings_of_an_address_are_looked_up_as_one(typed: str, kept: str):
    assert email.normalise(typed) == kept
    assert email.sought(typed).lower() == email.sought(kept).lower() == kept.lower()


@pytest.mark.parametrize(
    "typed", ["", "@", "a b@example.com", '"ana"@example.com', "ana@[127.0.0.1]", "a" * 250 + "@b.de"]
)
def test_what_is_no_address_is_looked_up_as_nobodys(typed: str):
    assert email.sought(typed) == ""
