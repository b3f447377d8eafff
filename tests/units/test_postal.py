"""Addresses of many countries, as people type them and as they are kept."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.refusal import Refusal, RefusalCode
from commerce.postal import AddressDraft, address_format, normalise
from commerce.postal_rules import COUNTRIES, country_rules


def draft(country: str | None, **typed: str | None) -> AddressDraft:
    given: dict[str, Any] = {"recipient_name": "Ana Ruiz", "line1": "1 Main St", "city": "Town", **typed}
    return AddressDraft(country_code=country, **given)


def kept(country: str | None, **typed: str | None) -> AddressDraft:
    outcome = normalise(draft(country, **typed))
    assert isinstance(outcome, AddressDraft), outcome
    return outcome


def refused(country: str | None, **typed: str | None) -> set[tuple[str, ...]]:
    outcome = normalise(draft(country, **typed))
    assert isinstance(outcome, list), outcome
    assert all(refusal.message for refusal in outcome)
    return {(refusal.code, *refusal.field) for refusal in outcome}


@pytest.mark.parametrize(
    ("country", "region", "postal_code", "kept_region", "kept_postal_code"),
    [
        ("US", "oregon", "97201", "OR", "97201"),
        ("us", "or", "97201 1234", "OR", "97201-1234"),
        ("US", "US-NY", "100011234", "NY", "10001-1234"),
        ("US", "Armed Forces (AE)", "09012", "AE", "09012"),
        ("CA", "Québec", "h3z2y7", "QC", "H3Z 2Y7"),
        ("CA", "quebec", "H3Z-2Y7", "QC", "H3Z 2Y7"),
        ("CA", "Colombie-Britannique", "V8X 3X4", "BC", "V8X 3X4"),
        ("GB", None, "sw1a1aa", None, "SW1A 1AA"),
        ("GB", "Kent", "m25bq", None, "M2 5BQ"),
        ("GB", None, "bfpo61", None, "BFPO 61"),
        ("DE", None, "10115", None, "10115"),
        ("DE", "Bayern", "DE-80331", None, "80331"),
        ("FR", None, "75 001", None, "75001"),
        ("IE", "Dublin", "d02af30", "Co. Dublin", "D02 AF30"),
        ("IE", "County Cork", None, "Co. Cork", None),
        ("IE", None, None, None, None),
        ("JP", "Tokyo", "1000001", "東京都", "100-0001"),
        ("JP", "JP-13", "１００‐０００１", "東京都", "100-0001"),
        ("JP", "東京都", "100ー0001", "東京都", "100-0001"),
        ("KR", "Seoul", "03051", "서울특별시", "03051"),
        ("KR", "서울", "03051", "서울특별시", "03051"),
        ("BR", "sao paulo", "01310930", "SP", "01310-930"),
        ("AU", "New South Wales", "2000", "NSW", "2000"),
        ("NL", None, "1012ab", None, "1012 AB"),
        ("SE", None, "SE-114 55", None, "11455"),
        ("CH", "Zürich", "CH-8001", None, "8001"),
        ("HK", "香港島", "999077", "Hong Kong Island", None),
        ("HK", "kowloon", None, "Kowloon", None),
        ("AE", "Dubai", "00000", "إمارة دبيّ", None),
        ("IN", "तेलंगाना", "500 001", "Telangana", "500001"),
        ("IN", "Andaman & Nicobar", "744101", "Andaman and Nicobar Islands", "744101"),
        ("MX", "Ciudad de Mexico", "06082", "CDMX", "06082"),
        ("MX", "MX-AGU", "20000", "Ags.", "20000"),
        ("PL", "mazowieckie", "00950", None, "00-950"),
        ("PT", None, "1250096", None, "1250-096"),
        ("CZ", None, "11000", None, "110 00"),
        ("LV", None, "1073", None, "LV-1073"),
        ("AD", None, "500", None, "AD500"),
        ("ES", "Bizkaia", "48001", "BI", "48001"),
        ("IT", "roma", "00118", "RM", "00118"),
        ("TR", "istanbul", "34000", "İstanbul", "34000"),
        ("EG", "Aswan", "٨١١١١", "أسوان", "81111"),
        ("SG", None, "546080", None, "546080"),
        ("KY", "grand cayman", "KY11100", "Grand Cayman", "KY1-1100"),
    ],
)
def test_region_and_postal_code_take_their_country_s_form(
    country: str, region: str | None, postal_code: str | None, kept_region: str | None, kept_postal_code: str | None
):
    address = kept(country, region=region, postal_code=postal_code)
    assert (address.country_code, address.region, address.postal_code) == (
        country.upper(),
        kept_region,
        kept_postal_code,
    )


@pytest.mark.parametrize(
    ("country", "typed", "field", "code"),
    [
        ("US", {"region": "OR", "postal_code": None}, "postalCode", RefusalCode.REQUIRED),
        ("US", {"region": " ", "postal_code": "97201"}, "region", RefusalCode.REQUIRED),
        ("US", {"region": "Atlantis", "postal_code": "97201"}, "region", RefusalCode.INVALID),
        ("US", {"region": "OR", "postal_code": "972011"}, "postalCode", RefusalCode.INVALID),
        ("US", {"region": "OR", "postal_code": "10001"}, "postalCode", RefusalCode.INVALID),
        ("US", {"region": "OR", "postal_code": "97201!"}, "postalCode", RefusalCode.INVALID),
        ("US", {"region": "OR", "postal_code": "9" * 21}, "postalCode", RefusalCode.TOO_LONG),
        ("CA", {"region": "ON", "postal_code": "H3Z 2Y7"}, "postalCode", RefusalCode.INVALID),
        ("CA", {"region": "ON", "postal_code": "D3Z 2Y7"}, "postalCode", RefusalCode.INVALID),
        ("GB", {"postal_code": "SW1A"}, "postalCode", RefusalCode.INVALID),
        ("GB", {"postal_code": "GIR 0AA 1"}, "postalCode", RefusalCode.INVALID),
        ("DE", {"postal_code": "1011"}, "postalCode", RefusalCode.INVALID),
        ("DE", {"postal_code": "10115", "city": ""}, "city", RefusalCode.REQUIRED),
        ("IE", {"region": "Bavaria"}, "region", RefusalCode.INVALID),
        ("IE", {"postal_code": "1"}, "postalCode", RefusalCode.INVALID),
        ("LI", {"postal_code": "9484"}, "postalCode", RefusalCode.INVALID),
        ("LI", {"postal_code": "94901"}, "postalCode", RefusalCode.INVALID),
        ("BN", {"postal_code": "2328"}, "postalCode", RefusalCode.INVALID),
        ("AE", {}, "region", RefusalCode.REQUIRED),
        ("DE", {"postal_code": "10115", "phone": "12"}, "phone", RefusalCode.INVALID),
        ("DE", {"postal_code": "10115", "recipient_name": "\u200b"}, "recipientName", RefusalCode.REQUIRED),
        ("DE", {"postal_code": "10115", "recipient_name": "x" * 101}, "recipientName", RefusalCode.TOO_LONG),
        ("DE", {"postal_code": "10115", "line1": None}, "line1", RefusalCode.REQUIRED),
        ("DE", {"postal_code": "10115", "line2": "x" * 201}, "line2", RefusalCode.TOO_LONG),
        ("DE", {"postal_code": "10115", "company": "a\x00b"}, "company", RefusalCode.INVALID),
        ("DE", {"postal_code": "10115", "line2": "4111 1111 1111 1111"}, "line2", RefusalCode.CARD_NUMBER_REFUSED),
        (None, {}, "countryCode", RefusalCode.REQUIRED),
        (" ", {}, "countryCode", RefusalCode.REQUIRED),
        ("XX", {}, "countryCode", RefusalCode.INVALID),
        ("ZZ", {}, "countryCode", RefusalCode.INVALID),
        ("USA", {}, "countryCode", RefusalCode.INVALID),
        ("../us", {}, "countryCode", RefusalCode.INVALID),
        ("U\x00", {}, "countryCode", RefusalCode.INVALID),
    ],
)
def test_what_is_wrong_is_named_by_the_field_of_the_api(
    country: str | None, typed: dict[str, str | None], field: str, code: RefusalCode
):
    assert refused(country, **typed) == {(code, field)}


def test_everything_that_is_wrong_is_told_at_once():
    assert refused("US", recipient_name="", line1=None, city=None, phone="1") == {
        (RefusalCode.REQUIRED, "recipientName"),
        (RefusalCode.REQUIRED, "line1"),
        (RefusalCode.REQUIRED, "city"),
        (RefusalCode.REQUIRED, "region"),
        (RefusalCode.REQUIRED, "postalCode"),
        (RefusalCode.INVALID, "phone"),
    }


def test_refusal_repeats_nothing_that_was_typed():
    typed = {"region": "Atlantis", "postal_code": "Poseidon", "phone": "Zeus", "line2": "Hera\x00"}
    outcome = normalise(draft("US", recipient_name="Athena" * 20, **typed))
    assert isinstance(outcome, list)
    messages = " ".join(refusal.message for refusal in outcome)
    assert not any(word in messages for word in ("Atlantis", "Poseidon", "Zeus", "Hera", "Athena"))


@pytest.mark.parametrize(
    ("country", "city", "kept_city"),
    [
        ("US", "Portland", "PORTLAND"),
        ("DE", "Gießen", "GIESSEN"),
        ("CH", "Zürich", "Zürich"),
        ("JP", "Chiyoda", "Chiyoda"),
        ("TR", "istanbul", "İSTANBUL"),
        ("AZ", "Bakı i\u0307", "BAKI İ"),
        ("GE", "თბილისი tbilisi", "თბილისი TBILISI"),
        ("FR", "Saint-Étienne", "SAINT-ÉTIENNE"),
    ],
)
def test_city_is_in_capitals_where_the_country_s_post_wants_them(country: str, city: str, kept_city: str):
    places = {
        "US": {"region": "OR", "postal_code": "97201"},
        "DE": {"postal_code": "35390"},
        "CH": {"postal_code": "8001"},
        "JP": {"region": "Tokyo", "postal_code": "1000001"},
        "TR": {"region": "istanbul", "postal_code": "34000"},
        "AZ": {"postal_code": "1000"},
        "GE": {"postal_code": "0101"},
        "FR": {"postal_code": "42000"},
    }
    assert kept(country, city=city, **places[country]).city == kept_city


def test_names_of_people_and_companies_keep_their_case():
    address = kept("CA", recipient_name="Zoë McAllen", company="d'Or", region="QC", postal_code="H3Z 2Y7")
    assert (address.recipient_name, address.company, address.line1) == ("Zoë McAllen", "d'Or", "1 MAIN ST")


def test_city_that_no_list_knows_is_kept():
    assert kept("BR", city="Nova Cidade", region="SP", postal_code="01310-930").city == "NOVA CIDADE"
    assert kept("KR", city="새도시", region="서울", postal_code="03051").city == "새도시"


def test_city_may_be_left_out_where_letters_bear_none():
    assert kept("SG", city="", postal_code="546080").city is None
    assert kept("SG", city="Singapore", postal_code="546080").city == "SINGAPORE"


def test_phone_is_understood_as_a_number_of_the_address_s_country():
    assert kept("GB", postal_code="SW1A 1AA", phone="020 7946 0958").phone == "+442079460958"
    assert kept("DE", postal_code="10115", phone="+1 202 555 0143").phone == "+12025550143"


def test_format_tells_what_to_ask_for():
    found = address_format("us")
    assert found is not None
    assert found.country_code == "US"
    assert found.required == ("recipientName", "line1", "city", "region", "postalCode", "countryCode")
    assert found.order == (
        "recipientName", "company", "line1", "line2", "city", "region", "postalCode", "countryCode",
    )  # fmt: skip
    assert ("CA", "California") in {(region.code, region.name) for region in found.regions}
    assert found.postal_code_example == "95014"


def test_format_of_a_country_without_codes_or_regions_says_so():
    emirates, germany, japan = address_format("AE"), address_format("DE"), address_format("JP")
    assert emirates is not None
    assert emirates.postal_code_pattern is None
    assert emirates.postal_code_example is None
    assert "postalCode" not in emirates.order
    assert germany is not None
    assert germany.regions == ()
    assert "region" not in germany.order
    assert japan is not None
    assert japan.order[0] == "postalCode"
    assert {region.code: region.name for region in japan.regions}["東京都"] == "Tokyo"


@pytest.mark.parametrize("country", ["", "XX", "ZZ", "all", "USA", "us\n", "../us", "\x00", "ⅡⅡ", "ß"])
def test_unknown_country_has_no_format(country: str):
    assert address_format(country) is None


# The data's example for Russia is a code of Belarus.
@pytest.mark.parametrize("country", sorted(COUNTRIES - {"RU"}))
def test_every_country_s_own_examples_pass(country: str):
    rules = country_rules(country)
    assert rules is not None
    shown = rules.format
    assert set(shown.required) <= set(shown.order)
    assert len(set(shown.order)) == len(shown.order)
    for region in shown.regions:
        assert rules.region_code(region.code) == region.code
        assert rules.region_code(region.name) == region.code
        assert rules.region_code(region.name.upper()) == region.code
    assert len({region.code for region in shown.regions}) == len(shown.regions)
    for example in rules.postal_code_examples:
        if rules.uses("postalCode"):
            region = next(
                (r.code for r in shown.regions if _begins(rules.region_postal_codes.get(r.code), example)), ""
            )
            region = region or next((r.code for r in shown.regions if r.code not in rules.region_postal_codes), "Any")
            assert kept(country, region=region, postal_code=example).postal_code == example
            assert shown.postal_code_pattern
            assert re.search(shown.postal_code_pattern, example)


def _begins(start: re.Pattern[str] | None, example: str) -> bool:
    return bool(start and start.match(example))


TYPED = (
    st.none() | st.text(max_size=25) | st.sampled_from(["OR", "oregon", "97201", "sw1a 1aa", "東京都", "100 0001", "ß"])
)
JUNK = st.builds(
    AddressDraft,
    recipient_name=TYPED,
    line1=TYPED,
    country_code=st.sampled_from(sorted(COUNTRIES)) | TYPED,
    company=TYPED,
    line2=TYPED,
    city=TYPED,
    region=TYPED,
    postal_code=TYPED,
    phone=st.none(),
)


@st.composite
def plausible(draw: st.DrawFn) -> AddressDraft:
    """What passes often: a region and a postal code of the country, lines in any script."""
    country = draw(st.sampled_from(sorted(COUNTRIES)))
    rules = country_rules(country)
    assert rules is not None
    regions = [name for region in rules.format.regions for name in (region.code, region.name)] or ["Any"]
    codes = [rules.postal_code] if rules.postal_code else []
    line = st.text(min_size=1, max_size=20)
    return AddressDraft(
        recipient_name=draw(line),
        line1=draw(line),
        country_code=country,
        city=draw(line),
        region=draw(st.sampled_from(regions)),
        postal_code=draw(st.one_of(*map(st.from_regex, codes), st.none())),
    )


@given(JUNK | plausible())
def test_any_address_is_kept_or_refused_and_changes_nothing_twice(typed: AddressDraft):
    once = normalise(typed)
    if isinstance(once, list):
        assert once
        assert all(isinstance(refusal, Refusal) and refusal.message and refusal.field for refusal in once)
    else:
        assert normalise(once) == once
        found = address_format(once.country_code or "")
        assert found is not None
        assert once.region is None or not found.regions or once.region in {region.code for region in found.regions}
        if once.postal_code and found.postal_code_pattern:
            assert re.search(found.postal_code_pattern, once.postal_code)
