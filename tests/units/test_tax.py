"""The tables of taxes: whole, plausible, with their sources; and what they say of places."""

import csv
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from commerce.postal_rules import country_rules
from commerce.tax import FOLDER, UNTAXED, Place, TaxTables, rates_at, read_place, read_rows
from models.catalogue import TaxCategory

DECIMALS = 6
"""What the column of an order's rate keeps."""

TABLES = sorted(FOLDER.glob("*.csv"))
GOODS, CLOTHES, CHILDRENS = TaxCategory
UNION = {
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
}  # fmt: skip


def header(table: Path) -> str:
    return "".join(line for line in table.read_text("utf-8").splitlines(keepends=True) if line.startswith("#"))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_table_names_its_source_its_date_and_what_it_simplifies(table: Path):
    told = header(table)
    assert re.search(r"^# source: \S.*https?://\S+", told, re.MULTILINE)
    assert re.search(r"^# simplified: \S", told, re.MULTILINE)
    as_of = re.search(r"^# as of: (\S+)$", told, re.MULTILINE)
    assert as_of is not None
    assert date(2024, 6, 1) < date.fromisoformat(as_of[1]) <= datetime.now(UTC).date()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_rates_are_fractions_that_orders_can_keep(table: Path):
    rows = read_rows(table)
    assert rows
    for row in rows:
        rates = [Decimal(row[name]) for name in ("standard", "clothing", "childrens_clothing") if row[name]]
        assert all(0 <= rate <= Decimal("0.27") and rate == round(rate, DECIMALS) for rate in rates), row
        assert rates[0] == max(rates), row
        assert re.fullmatch(r"([1-9]\d*\.\d\d)?", row["reduced_up_to"]), row
        assert row["shipping"] in {"taxed", "untaxed"}, row


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.stem)
def test_every_row_is_of_one_place_that_addresses_know(table: Path):
    seen = [(row["place"], code) for row in read_rows(table) for code in row["postal_codes"].split() or [""]]
    assert len(seen) == len(set(seen))
    for place, beginning in seen:
        country, _, region = place.partition("-")
        rules = country_rules(country)
        assert rules is not None, place
        assert not region or region in {one.code for one in rules.format.regions}, place
        assert not beginning or (place, "") in seen, place


def test_tables_have_all_member_states_states_and_provinces():
    places = {row["place"] for table in TABLES for row in read_rows(table)}
    assert {place for place in places if "-" not in place} == UNION | {"MC", "GB", "IM"}
    states = {place for place in places if place.startswith("US-")}
    assert (len(states), "US-DC" in states) == (51, True)
    assert len([place for place in places if place.startswith("CA-")]) == 13


@pytest.mark.parametrize(
    ("place", "goods", "clothes", "childrens"),
    [
        ("DE", "0.19", "0.19", "0.19"),
        ("IE", "0.23", "0.23", "0"),
        ("LU", "0.17", "0.17", "0.03"),
        ("GB", "0.20", "0.20", "0"),
        ("US-NJ", "0.06625", "0", "0"),
        ("US-PA", "0.06", "0", "0"),
        ("US-MN", "0.06875", "0", "0"),
        ("US-VT", "0.06", "0", "0"),
        ("US-OR", "0", "0", "0"),
        ("US-CA", "0.0725", "0.0725", "0.0725"),
        ("CA-ON", "0.13", "0.13", "0.05"),
        ("CA-QC", "0.14975", "0.14975", "0.14975"),
    ],
)
def test_clothes_are_taxed_as_their_place_does(place: str, goods: str, clothes: str, childrens: str):
    rates = rates_at(read_place(place))
    found = [rates.of(category, 4000) for category in (GOODS, CLOTHES, CHILDRENS)]
    assert found == [Decimal(goods), Decimal(clothes), Decimal(childrens)]


@pytest.mark.parametrize(
    ("place", "limit", "category"),
    [("US-NY", 10999, CLOTHES), ("US-MA", 17500, CLOTHES), ("US-RI", 25000, CHILDRENS), ("CA-MB", 15000, CHILDRENS)],
)
def test_dear_pieces_are_taxed_in_full_from_the_first_cent_above_the_limit(
    place: str, limit: int, category: TaxCategory
):
    rates = rates_at(read_place(place))
    assert rates.of(category, limit) < rates.standard
    assert rates.of(category, limit + 1) == rates.standard
    assert rates.of(GOODS, 1) == rates.standard


@pytest.mark.parametrize(
    ("place", "rate"),
    [
        (Place("ES", None, "28013"), "0.21"),
        (Place("ES", None, "35001"), "0"),
        (Place("PT", None, "9000-018"), "0.22"),
        (Place("PT", None, "9500-050"), "0.16"),
        (Place("AT", None, "6993"), "0.19"),
        (Place("DE", None, "27498"), "0"),
        (Place("DE", None, "27499"), "0.19"),
        (Place("FR", None, "971 10"), "0.085"),
    ],
)
def test_parts_of_a_country_with_a_rate_of_their_own_are_known_by_postal_code(place: Place, rate: str):
    assert rates_at(place).of(GOODS, 1000) == Decimal(rate)


def test_longest_beginning_of_a_postal_code_holds():
    empty = dict.fromkeys(("clothing", "childrens_clothing", "reduced_up_to"), "") | {"shipping": "taxed"}
    rows = [("XX", "", "0.1"), ("XX", "12", "0.2"), ("XX", "123 99", "0.3")]
    tables = TaxTables({"place": p, "postal_codes": codes, "standard": rate, **empty} for p, codes, rate in rows)
    found = [tables.at(Place("XX", None, code)).standard for code in ("1", "1245", "12345", "123", "999", None)]
    assert found == [Decimal(rate) for rate in ("0.1", "0.2", "0.3", "0.3", "0.3", "0.1")]


@pytest.mark.parametrize("place", ["JP", "AU", "GG", "US-PR", "US-AE", "US", "CA"])
def test_nothing_is_collected_where_no_table_knows_the_place(place: str):
    assert rates_at(read_place(place)) == UNTAXED
    assert rates_at(read_place(place)).of_shipping([]) == 0


def test_shipping_is_taxed_at_the_highest_rate_of_the_goods_or_not_at_all():
    standard, none = Decimal("0.23"), Decimal(0)
    assert rates_at(Place("IE")).of_shipping([none, standard]) == standard
    assert rates_at(Place("IE")).of_shipping([none, none]) == 0
    assert rates_at(Place("IE")).of_shipping([]) == standard
    assert rates_at(Place("US", "CA")).of_shipping([Decimal("0.0725")]) == 0


def test_tables_are_csv_that_any_program_reads():
    for table in TABLES:
        lines = [line for line in table.read_text("utf-8").splitlines() if not line.startswith("#")]
        assert {len(row) for row in csv.reader(lines)} == {7}
        assert not any("\t" in line or line != line.strip() for line in lines)
