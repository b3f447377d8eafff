"""Text that people type, made regular: what looks the same is stored the same, and nothing invisible gets in."""

import re
import unicodedata
from collections.abc import Iterable

from auth.refusal import Refusal, RefusalCode
from privacy.collection import card_number_in

# Pasted along unseen and meaning nothing here: soft hyphen, zero-width space, word joiner, direction and order marks.
_DROPPED = dict.fromkeys(map(ord, "\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\ufeff"))
# Scripts of India and Iran need them to join or part letters, emoji to combine.
_JOINERS = {"\u200c", "\u200d"}
# Letters by category, empty to the eye; and the sign of text that was damaged on its way.
_REFUSED = set("\u115f\u1160\u2800\u3164\uffa0\ufffd")
_REFUSED_CATEGORIES = {"Cc", "Cf", "Cn", "Co", "Cs"}
_WHITE_SPACE = re.compile(r"[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_LINE_END = re.compile(r"\r\n|[\n\v\f\r\u0085\u2028\u2029]")

# Real writing stacks up to four marks on a letter (pointed Hebrew with cantillation). UAX #15 caps what a program need
# take at thirty; more makes normalisation slow.
_MARKS_SEEN = 4
_MARKS_TAKEN = 30


def line(value: str | None, *, field: tuple[str, ...], limit: int, required: bool = False) -> str | Refusal:
    """One line of text: NFC, trimmed, white space collapsed to single spaces; `limit` counts code points.

    Nothing given is "". Refused are control and invisible characters, direction overrides, unassigned and private
    characters, lone surrogates and piles of marks (INVALID), card numbers (P4), and what is REQUIRED or TOO_LONG.
    """
    if _oversized(value, limit):
        return _too_long(field, limit)
    cleaned = _clean(value or "")
    if cleaned is None:
        return _unreadable(field)
    return _checked(_collapse(cleaned), field, limit, required)


def multiline(value: str | None, *, field: tuple[str, ...], limit: int, required: bool = False) -> str | Refusal:
    r"""Text of several lines, each as in `line`, joined by "\n", with at most one empty line in a row."""
    if _oversized(value, limit):
        return _too_long(field, limit)
    cleaned = _clean(value or "")
    if cleaned is None:
        return _unreadable(field)
    lines = map(_collapse, _LINE_END.split(cleaned))
    return _checked(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n"), field, limit, required)


def _checked(text: str, field: tuple[str, ...], limit: int, required: bool) -> str | Refusal:
    if not _visible(text):
        return Refusal(RefusalCode.REQUIRED, "This is needed.", field) if required else ""
    if len(text) > limit:
        return _too_long(field, limit)
    if card_number_in(text):
        return Refusal(
            RefusalCode.CARD_NUMBER_REFUSED, "This looks like a payment card number, which is never kept here.", field
        )
    return text


def _clean(value: str) -> str | None:
    """Composed and without what is dropped; None where a character is refused."""
    text = value.translate(_DROPPED)
    if any(map(_is_refused, text)) or _tallest_pile(text) > _MARKS_TAKEN:
        return None
    text = unicodedata.normalize("NFC", text)
    return None if _tallest_pile(text) > _MARKS_SEEN else text


def _is_refused(character: str) -> bool:
    if character.isascii():
        return not (character.isprintable() or _WHITE_SPACE.match(character))
    if character in _REFUSED:
        return True
    if character in _JOINERS or _WHITE_SPACE.match(character) or _is_ideograph(character):
        return False
    return unicodedata.category(character) in _REFUSED_CATEGORIES


def _is_ideograph(character: str) -> bool:
    """Planes 2 and 3 are set aside for ideographs; names use some that this Python's tables do not know yet."""
    code_point = ord(character)
    return 0x20000 <= code_point <= 0x3FFFF and code_point & 0xFFFF < 0xFFFE


def _tallest_pile(text: Iterable[str]) -> int:
    tallest = pile = 0
    for character in text:
        pile = pile + 1 if character > "\u02ff" and unicodedata.category(character) in {"Mn", "Me"} else 0
        tallest = max(tallest, pile)
    return tallest


def _visible(text: str) -> bool:
    return any(unicodedata.category(character)[0] in "LNPSC" and character not in _JOINERS for character in text)


def _collapse(text: str) -> str:
    return _WHITE_SPACE.sub(" ", text).strip(" ")


def _oversized(value: str | None, limit: int) -> bool:
    """Far beyond the limit, white space or not: refused before any work is done on it."""
    return value is not None and len(value) > 8 * limit + 1000


def _too_long(field: tuple[str, ...], limit: int) -> Refusal:
    return Refusal(RefusalCode.TOO_LONG, f"This may have at most {limit} characters.", field)


def _unreadable(field: tuple[str, ...]) -> Refusal:
    return Refusal(RefusalCode.INVALID, "This has characters that cannot be read or seen.", field)
