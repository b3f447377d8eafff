"""Email addresses: kept as they were given, in regular form, and the same whatever the case of their letters."""

import re
from typing import Any

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, func

from auth.refusal import Refusal, RefusalCode
from privacy.collection import card_number_in

LIMIT = 254
"""Characters (RFC 3696, erratum 1690)."""

# A domain that begins with xn-- is kept by the letters that it stands for.
_PLAIN = re.compile(r"[a-z0-9._+-]+@(?!.*xn--)[a-z0-9.-]+")


def normalise(email: str, *, field: tuple[str, ...] = ("email",)) -> str | Refusal:
    """The address with its domain in small letters, and composed (NFC); nobody is asked whether it exists."""
    typed = email.strip()
    if not typed:
        return Refusal(RefusalCode.REQUIRED, "This is needed.", field)
    if len(typed) > LIMIT:
        return Refusal(RefusalCode.TOO_LONG, f"This may have at most {LIMIT} characters.", field)
    if card_number_in(typed):
        message = "This looks like a payment card number, which is never kept here."
        return Refusal(RefusalCode.CARD_NUMBER_REFUSED, message, field)
    try:
        # .test is set aside for trying things out (RFC 6761): it reaches nobody, and harms nobody.
        return validate_email(typed, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        return Refusal(RefusalCode.INVALID, "Enter an email address such as ana@example.com.", field)


def sought(typed: str) -> str:
    """What to look an address up by where `same` compares; empty where it can be nobody's.

    What is plainly written, as nearly all are, is not even checked: what is no address is nobody's.
    """
    plain = typed.strip().lower()
    if typed.isascii() and len(plain) <= LIMIT and _PLAIN.fullmatch(plain):
        return plain
    kept = normalise(typed)
    return kept if isinstance(kept, str) else ""


def same(column: Any, email: str | ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the column holds this address, in whatever case; as the indexes on it compare."""
    return func.lower(column) == func.lower(email)
