"""Cells of a table: how flags, weights, amounts and words are written, and read back strictly."""

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from auth.refusal import Refusal, RefusalCode
from commerce.money import minor_units
from commerce.product_draft import HEAVIEST

Word = TypeVar("Word", bound=StrEnum)
Path = tuple[str, ...]

FLAGS = {"true": True, "false": False, "": False}


def flag(cell: str, path: Path) -> bool | Refusal:
    """`true` or `false`; an empty cell is false."""
    found = FLAGS.get(cell.strip().lower())
    return Refusal(RefusalCode.INVALID, "Write true or false.", path) if found is None else found


def written_flag(value: bool) -> str:  # it is what is written
    return "true" if value else "false"


def grams(cell: str, path: Path) -> int | Refusal | None:
    """Whole grams, None for an empty cell."""
    digits = cell.strip()
    if not digits:
        return None
    if digits.isascii() and digits.isdigit() and len(digits) < 9 and 0 < int(digits) <= HEAVIEST:
        return int(digits)
    return Refusal(RefusalCode.INVALID, f"A weight is 1 to {HEAVIEST} grams.", path)


def amount(cell: str, path: Path) -> int | Refusal | None:
    """Minor units of an amount like 19.90, None for an empty cell."""
    digits = cell.strip()
    if not digits:
        return None
    try:
        units = minor_units(Decimal(digits)) if digits.isascii() and "_" not in digits else None
    except InvalidOperation:
        units = None
    return Refusal(RefusalCode.INVALID, "An amount is written like 19.90.", path) if units is None else units


def written_amount(units: int | None) -> str:
    return "" if units is None else str(Decimal(units).scaleb(-2))


def one_word(cell: str, path: Path, words: type[Word]) -> Word | Refusal:
    """A word of the enum, in any case."""
    try:
        return words(cell.upper())
    except ValueError:
        return Refusal(RefusalCode.INVALID, f"Write {', '.join(words)}.", path)
