"""Which PINs may be set for the till: six digits or more, and none that would be tried first."""

import re

from auth.password_rules import is_common
from auth.refusal import Refusal, RefusalCode

SHORTEST, LONGEST = 6, 12

_DIGITS = re.compile(rf"[0-9]{{{SHORTEST},{LONGEST}}}")
_REPEATED = re.compile(r"(.{1,6}?)\1+")
_FORWARD = "01234567890123456789"
_BACKWARD = _FORWARD[::-1]


def check(pin: str, *, field: tuple[str, ...] = ("pin",)) -> Refusal | None:
    """Why this PIN may not be set; None for one that may."""
    if not _DIGITS.fullmatch(pin):
        return Refusal(RefusalCode.INVALID, f"Use {SHORTEST} to {LONGEST} digits.", field)
    if pin in _FORWARD or pin in _BACKWARD or _REPEATED.fullmatch(pin) or is_common(pin):
        return Refusal(RefusalCode.WEAK_PASSWORD, "This PIN would be tried first. Choose another one.", field)
    return None
