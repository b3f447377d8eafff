"""Postal codes, in the one form that their country's post prints."""

import re
import unicodedata
from collections.abc import Iterator

from auth.refusal import Refusal, RefusalCode
from commerce import text
from commerce.postal_rules import CountryRules

LIMIT = 20
FIELD = ("postalCode",)

_SEPARATORS = re.compile(r"[\s\-‐-―−ー.]+")


def normalise(typed: str | None, rules: CountryRules, *, region: str | None) -> str | Refusal:
    """The code in its usual form ("sw1a1aa" is "SW1A 1AA"); "" for none, and always in a country that has none.

    `region` is the code of the region that it must lie in, where the country's codes tell.
    """
    if not rules.uses("postalCode"):
        return ""
    line = text.line(typed, field=FIELD, limit=LIMIT, required=rules.requires("postalCode"))
    if isinstance(line, Refusal) or not line:
        return line
    code = _usual_form(line, rules)
    if code is None:
        return Refusal(RefusalCode.INVALID, _advice(rules), FIELD)
    start = rules.region_postal_codes.get(region or "")
    if start and not start.match(code):
        return Refusal(RefusalCode.INVALID, "This postal code does not belong to the region.", FIELD)
    return code


def _usual_form(typed: str, rules: CountryRules) -> str | None:
    plain = _SEPARATORS.sub("", _ascii_digits(typed)).upper()
    if rules.postal_code is None:
        return plain or None
    for bare in _with_and_without_prefix(plain, rules):
        forms = [form for form in _forms(bare) if rules.postal_code.fullmatch(form)]
        if forms:
            return _most_usual(forms, rules.postal_code_examples)
    return None


def _most_usual(forms: list[str], examples: tuple[str, ...]) -> str:
    """Parted as an example of the same length is, else as any example is, else not at all if that will do."""
    alike = {_shape(example) for example in examples if _length(example) == _length(forms[0])}
    shapes = alike or set(map(_shape, examples))
    return next((form for form in forms if _shape(form) in shapes), forms[0])


def _with_and_without_prefix(plain: str, rules: CountryRules) -> Iterator[str]:
    """Codes are written abroad with the country before them (CH-8001), which in a few is a part of the code (AD100)."""
    yield plain
    for prefix in rules.postal_code_prefixes:
        if plain.startswith(prefix):
            yield plain.removeprefix(prefix)
        elif rules.postal_code and rules.postal_code.pattern.startswith(prefix):
            yield prefix + plain


def _forms(plain: str) -> Iterator[str]:
    """The code in one piece, then parted in two in every way."""
    yield plain
    for separator in "- ":
        for place in range(1, len(plain)):
            yield f"{plain[:place]}{separator}{plain[place:]}"


def _shape(code: str) -> tuple[str, int]:
    """The separator of a code and how much follows it: ("-", 4) for 22162-1010, ("", 0) for 95014."""
    parted = re.search(r"[ \-]", code)
    return (parted[0], len(code) - parted.end()) if parted else ("", 0)


def _length(code: str) -> int:
    return len(_SEPARATORS.sub("", code))


def _ascii_digits(typed: str) -> str:
    """Full-width, Arabic and other digits as those that the patterns know."""
    compatible = unicodedata.normalize("NFKC", typed)
    return "".join(str(int(character)) if character.isdecimal() else character for character in compatible)


def _advice(rules: CountryRules) -> str:
    example = rules.format.postal_code_example
    country = rules.format.country_code
    return f"In {country} a postal code looks like {example}." if example else f"{country} has no such postal code."
