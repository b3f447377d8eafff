import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.refusal import Refusal, RefusalCode
from commerce import phone


@pytest.mark.parametrize(
    ("typed", "region", "kept"),
    [
        ("+1 202 555 0143", None, "+12025550143"),
        ("(202) 555-0143", "US", "+12025550143"),
        ("202.555.0143", "CA", "+12025550143"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("0044 20 7946 0958", "DE", "+442079460958"),
        ("+44 (0)20 7946 0958", "US", "+442079460958"),
        ("030 901820", "DE", "+4930901820"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("03-1234-5678", "JP", "+81312345678"),
        ("０３－１２３４－５６７８", "JP", "+81312345678"),
        ("(11) 91234-5678", "BR", "+5511912345678"),
        ("\u202a+1 202\u00a0555\u20110143\u202c", None, "+12025550143"),
        ("tel:+12025550143", None, "+12025550143"),
        ("", "US", ""),
        (None, "US", ""),
        ("   ", None, ""),
    ],
)
def test_number_becomes_e164(typed: str | None, region: str | None, kept: str):
    assert phone.normalise(typed, region=region) == kept


@pytest.mark.parametrize(
    ("typed", "region"),
    [
        ("202 555 0143", None),
        ("911", "US"),
        ("+1 202 555", None),
        ("+999 123456789", None),
        ("+1 000 000 0000", None),
        ("call me", "US"),
        ("0143", "AQ"),
        ("+", "US"),
        ("30000000000000", "DE"),
    ],
)
def test_number_that_cannot_be_called_is_refused_with_advice(typed: str, region: str | None):
    outcome = phone.normalise(typed, region=region)
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.field) == (RefusalCode.INVALID, ("phone",))
    assert re.search(r"\+\d", outcome.message)


def test_advice_shows_how_numbers_of_the_country_look():
    outcome = phone.normalise("12", region="GB", field=("contact", "phone"))
    assert isinstance(outcome, Refusal)
    assert outcome.field == ("contact", "phone")
    assert "+44" in outcome.message


def test_endless_number_is_too_long():
    outcome = phone.normalise("1" * 41, region="US")
    assert isinstance(outcome, Refusal)
    assert outcome.code == RefusalCode.TOO_LONG


@pytest.mark.parametrize("typed", ["+1 202 555 0143 ext. 7", "+12025550143x7", "tel:+1-202-555-0143;ext=7"])
def test_extension_is_refused_and_not_cut_off(typed: str):
    outcome = phone.normalise(typed)
    assert isinstance(outcome, Refusal)
    assert "extension" in outcome.message


@given(
    st.text(max_size=60) | st.from_regex(r"\+?[0-9 ()\-]{3,20}", fullmatch=True),
    st.sampled_from([None, "US", "DE", "JP", "AQ", "ZZ", ""]),
)
def test_any_text_is_e164_or_refused_and_changes_nothing_twice(typed: str, region: str | None):
    outcome = phone.normalise(typed, region=region)
    if isinstance(outcome, str):
        assert outcome == "" or re.fullmatch(r"\+[1-9]\d{4,14}", outcome)
        assert phone.normalise(outcome, region=region) == outcome
