"""Sales and value-added tax: which rates hold at a place. The port is `Taxes`; the adapter here reads tables.

The tables are beside this file, each with its source, its date and what it simplifies. The shop collects wherever a
table knows the place, by destination, and nowhere else.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from commerce.pricing import TaxRates
from models.catalogue import TaxCategory

FOLDER = Path(__file__).with_name("tax_rates")


@dataclass(frozen=True, slots=True)
class Place:
    """Where goods go, as addresses keep it: ISO 3166-1 alpha-2, and what the country's post calls its regions."""

    country_code: str
    region: str | None = None
    postal_code: str | None = None


def read_place(written: str) -> Place:
    """A place by its ISO 3166-2 code: `US-NY`, or `DE` where the region does not matter."""
    country_code, _, region = written.partition("-")
    return Place(country_code, region or None)


@dataclass(frozen=True, slots=True)
class PlaceRates:
    """The rates at a place; clothes cost less tax up to `reduced_up_to` a piece, in minor units, or always."""

    standard: Decimal = Decimal(0)
    clothing: Decimal = Decimal(0)
    childrens_clothing: Decimal = Decimal(0)
    reduced_up_to: int | None = None
    shipping_taxed: bool = False

    def of(self, category: TaxCategory, piece: int) -> Decimal:
        """The rate on goods of which one piece costs so much after discounts."""
        if self.reduced_up_to is not None and piece > self.reduced_up_to:
            return self.standard
        match category:
            case TaxCategory.CLOTHING:
                return self.clothing
            case TaxCategory.CHILDRENS_CLOTHING:
                return self.childrens_clothing
        return self.standard

    def of_shipping(self, goods: Sequence[Decimal]) -> Decimal:
        """The highest of the rates of the goods that are shipped, where shipping is taxed."""
        return max(goods, default=self.standard) if self.shipping_taxed else Decimal(0)


UNTAXED = PlaceRates()
"""Where the shop collects nothing: goods are exported there."""


class Taxes(Protocol):
    """The port: what knows the rates of places."""

    def at(self, place: Place) -> TaxRates: ...

    def by_region(self, country_code: str) -> bool:
        """Whether the country's rates are its regions', so that one has to be known."""
        ...


class TaxTables:
    """Rates by country or region; those of the longest listed beginning of a postal code go before its country's."""

    def __init__(self, rows: Iterable[Mapping[str, str]]) -> None:
        self._places: dict[str, PlaceRates] = {}
        self._postal: dict[str, dict[str, PlaceRates]] = {}
        for row in rows:
            place, rates = row["place"], _rates(row)
            beginnings = row["postal_codes"].split()
            if beginnings:
                self._postal.setdefault(place, {}).update(dict.fromkeys(beginnings, rates))
            else:
                self._places[place] = rates
        self._by_region = {place.partition("-")[0] for place in self._places if "-" in place}

    def at(self, place: Place) -> PlaceRates:
        """The rates at a place, none where no table knows it."""
        if place.country_code in self._by_region:
            return self._places.get(f"{place.country_code}-{place.region}", UNTAXED)
        code = (place.postal_code or "").replace(" ", "").replace("-", "")
        beginnings = self._postal.get(place.country_code, {})
        listed = next((beginnings[code[:end]] for end in range(len(code), 0, -1) if code[:end] in beginnings), None)
        return listed or self._places.get(place.country_code, UNTAXED)

    def by_region(self, country_code: str) -> bool:
        return country_code in self._by_region


def read_rows(path: Path) -> list[dict[str, str]]:
    """A table's rows by the names of their columns; lines that begin with # are its header."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def _rates(row: Mapping[str, str]) -> PlaceRates:
    """Empty is the same as for goods in general: of children's clothes as of clothes, of clothes as of all."""
    standard = row["standard"]
    clothing = row["clothing"] or standard
    limit = row["reduced_up_to"]
    return PlaceRates(
        Decimal(standard),
        Decimal(clothing),
        Decimal(row["childrens_clothing"] or clothing),
        int(Decimal(limit) * 100) if limit else None,
        row["shipping"] == "taxed",
    )


TABLES = TaxTables(row for path in sorted(FOLDER.glob("*.csv")) for row in read_rows(path))


def rates_at(place: Place) -> PlaceRates:
    """The rates at a place by the shop's tables."""
    return TABLES.at(place)
