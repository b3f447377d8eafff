"""Recovery codes: ten, each good once, for whoever has lost a second factor.

A code is 24 letters and digits, 120 random bits, shown as `abcd-efgh-jkmn-pqrs-tvwx-yz01`. From 112 bits on nobody
finds one by trying, and a plain SHA-256 of it may be kept (ASVS 6.5.2).
"""

import hashlib
import secrets
from dataclasses import dataclass, field

COUNT = 10
_LENGTH = 24
_GROUP = 4
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Crockford's base32: letters that look like digits stand for them, so that a code can be read off paper.
_READ_AS = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None})


@dataclass(frozen=True, slots=True)
class NewCode:
    """A new code: `text` for the one answer that shows it, `digest` (32 bytes) to be kept."""

    text: str = field(repr=False)
    digest: bytes = field(repr=False)


def new_codes() -> list[NewCode]:
    """A full set of new codes."""
    return [_new_code() for _ in range(COUNT)]


def digest_of(typed: str) -> bytes | None:
    """The digest of a code as somebody types it, in any case, with or without dashes; None for what can be no code."""
    code = "".join(typed.split()).lower().translate(_READ_AS)
    return _digest(code) if len(code) == _LENGTH and set(code) <= set(_ALPHABET) else None


def _new_code() -> NewCode:
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    shown = "-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))
    return NewCode(shown, _digest(code))


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
