"""Secrets that stand for someone: opaque, prefixed by what they are for, shown once and kept as hashes.

A token is `lys_` and 39 letters and digits: 33 random ones (196 bits, ASVS 7.2.3 asks for 128), then 6 that repeat the
CRC-32 of what stands before them. The checksum is no secret: it tells a mistyped token, which was never ours, from one
that has ended, without asking the database, and lets a scanner for leaked secrets recognise ours.
"""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from enum import StrEnum

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PAIRS = [low + high for high in _ALPHABET for low in _ALPHABET]
_RANDOM_LENGTH = 33
_CHECKSUM_LENGTH = 6

_SHORTEST_KEY = 16
_KEYED_HASH_LENGTH = 32


class Kind(StrEnum):
    """What a token is good for; the value is its prefix. One kind is never taken for another (ASVS 9.2.2)."""

    SESSION = "lys"
    PARTNER_KEY = "lyp"
    TILL_KEY = "lyt"
    MAIL_LINK = "lym"
    CHALLENGE = "lyc"
    CART = "lyk"


_KINDS = {kind.value: kind for kind in Kind}
_SHAPE = re.compile(rf"({'|'.join(Kind)})_[0-9A-Za-z]{{{_RANDOM_LENGTH + _CHECKSUM_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Token:
    """A new token: `text` for the one answer or mail it is shown in, `digest` (32 bytes) to be kept."""

    text: str = field(repr=False)
    digest: bytes = field(repr=False)


def new_token(kind: Kind) -> Token:
    body = f"{kind}_{_digits(secrets.randbelow(len(_ALPHABET) ** _RANDOM_LENGTH), _RANDOM_LENGTH)}"
    text = body + _checksum(body)
    return Token(text, digest(text))


def parse(text: str) -> tuple[Kind, bytes] | None:
    """The kind and the digest of a token as it came in; None for whatever cannot be one of ours."""
    shape = _SHAPE.fullmatch(text)
    if shape is None or _checksum(text[:-_CHECKSUM_LENGTH]) != text[-_CHECKSUM_LENGTH:]:
        return None
    return _KINDS[shape[1]], digest(text)


def digest(text: str) -> bytes:
    """What is kept of a token: its SHA-256. A token is long and random, so that it needs no slow hash."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def keyed_hash(secret: bytes, purpose: str, value: str) -> str:
    """A name for a value that cannot be turned back, nor guessed at without the secret: 32 hex digits (HMAC-SHA256).

    The same value has another name for every purpose, so that what is kept for one cannot be joined with another.
    Raises ValueError for a secret of fewer than 16 bytes.
    """
    if len(secret) < _SHORTEST_KEY:
        raise ValueError(f"the secret of keyed hashes needs {_SHORTEST_KEY} bytes")
    message = f"{len(purpose)}:{purpose}:{value}".encode("utf-8", "surrogatepass")
    return hmac.digest(secret, message, "sha256").hex()[:_KEYED_HASH_LENGTH]


def _checksum(body: str) -> str:
    return _digits(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _digits(number: int, length: int) -> str:
    """So many digits of the number in base 62, the lowest first."""
    pairs = []
    for _ in range(0, length, 2):
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    return "".join(pairs)[:length]
