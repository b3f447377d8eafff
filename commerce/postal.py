"""Postal addresses, checked and written as their country writes them."""

import re
from dataclasses import dataclass, replace
from typing import TypeVar

from auth.refusal import Refusal, RefusalCode
from commerce import phone, postal_code, text
from commerce.postal_rules import AddressFormat, CountryRules, country_rules

# Capitals of Georgian are for headlines, and few fonts have them.
_GEORGIAN = re.compile("([\u10d0-\u10ff]+)")
_DOTTED_CAPITAL_I = {"AZ", "TR"}


@dataclass(frozen=True, slots=True)
class AddressDraft:
    """An address as it was typed, or normalised. None is a field left empty."""

    recipient_name: str | None
    line1: str | None
    country_code: str | None
    company: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    phone: str | None = None


_Outcome = str | Refusal
Draft = TypeVar("Draft", bound=AddressDraft)


def address_format(country_code: str) -> AddressFormat | None:
    """What to ask for in the country (ISO 3166-1 alpha-2, either case), None for an unknown one."""
    rules = _rules(country_code)
    return rules.format if rules else None


def normalise(draft: Draft) -> Draft | list[Refusal]:
    """The address as its country writes it, or everything that is wrong with it, each with the API's name of the field.

    Regions become their codes ("California" is "CA"), postal codes take their usual form, what the country's post wants
    in capitals is in capitals, a phone number becomes E.164. A region or a postal code in a country that has none is
    dropped: no letter bears it, and it may be left over from another country. A city is kept as it was named.
    """
    rules = _rules((draft.country_code or "").strip())
    if rules is None:
        return [_country_refusal(draft.country_code)]
    read = _read(draft, rules)
    refusals = [value for value in read.values() if isinstance(value, Refusal)]
    texts = {name: value or None for name, value in read.items() if isinstance(value, str)}
    return refusals or replace(draft, country_code=rules.format.country_code, **texts)


def _rules(country_code: str) -> CountryRules | None:
    """ASCII only: "ß" in capitals is South Sudan."""
    return country_rules(country_code.upper()) if country_code.isascii() else None


def _read(draft: AddressDraft, rules: CountryRules) -> dict[str, _Outcome]:
    region = _region(draft.region, rules)
    return {
        "recipient_name": text.line(draft.recipient_name, field=("recipientName",), limit=100, required=True),
        "company": text.line(draft.company, field=("company",), limit=100),
        "line1": _capitals(draft.line1, rules, "line1", 200),
        "line2": _capitals(draft.line2, rules, "line2", 200),
        "city": _capitals(draft.city, rules, "city", 100),
        "region": region,
        "postal_code": postal_code.normalise(
            draft.postal_code, rules, region=None if isinstance(region, Refusal) else region
        ),
        "phone": phone.normalise(draft.phone, region=rules.format.country_code),
    }


def _region(typed: str | None, rules: CountryRules) -> _Outcome:
    if not rules.uses("region"):
        return ""
    if not rules.format.regions:
        return _capitals(typed, rules, "region", 100)
    line = text.line(typed, field=("region",), limit=100, required=rules.requires("region"))
    if isinstance(line, Refusal) or not line:
        return line
    return rules.region_code(line) or Refusal(RefusalCode.INVALID, _region_advice(rules), ("region",))


def _region_advice(rules: CountryRules) -> str:
    first = rules.format.regions[0]
    known = first.code if first.code == first.name else f"{first.code} ({first.name})"
    return f"{rules.format.country_code} has no such region. Enter one that its address format lists, such as {known}."


def _capitals(typed: str | None, rules: CountryRules, field: str, limit: int) -> _Outcome:
    """One line of text, in capitals where the country's post wants them."""
    line = text.line(typed, field=(field,), limit=limit, required=rules.requires(field))
    if isinstance(line, Refusal) or field not in rules.upper:
        return line
    return text.line(_upper(line, rules.format.country_code), field=(field,), limit=limit)


def _upper(line: str, country_code: str) -> str:
    if country_code in _DOTTED_CAPITAL_I:
        line = line.replace("i\u0307", "i").replace("i", "İ")
    return "".join(part if _GEORGIAN.fullmatch(part) else part.upper() for part in _GEORGIAN.split(line))


def _country_refusal(typed: str | None) -> Refusal:
    if not (typed or "").strip():
        return Refusal(RefusalCode.REQUIRED, "Enter the country.", ("countryCode",))
    return Refusal(
        RefusalCode.INVALID, "Enter the two letters of a country (ISO 3166-1), such as US or DE.", ("countryCode",)
    )
