"""Secrets that have to be read again are kept sealed: encrypted by a key that is not in the database (ASVS 11.3, 13.3).

A copy of the database alone opens none of them.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_FIRST = b"\x01"
_NONCE_LENGTH = 12
_SHORTEST_SECRET = 16


class Unsealable(Exception):
    """What is kept was sealed with another secret, for another place, or was changed."""


class Sealer:
    """Seals for one purpose with a key derived from the server's secret (AES-256-GCM, HKDF-SHA256).

    Raises ValueError for a secret of fewer than 16 bytes.
    """

    def __init__(self, secret: bytes, purpose: str) -> None:
        if len(secret) < _SHORTEST_SECRET:
            raise ValueError(f"the secret of sealed values needs {_SHORTEST_SECRET} bytes")
        key = HKDF(SHA256(), length=32, salt=None, info=f"layette:seal:{purpose}".encode()).derive(secret)
        self._cipher = AESGCM(key)

    def seal(self, value: bytes, place: bytes) -> bytes:
        """The value encrypted. `place` names the row it is for: moved to another one, it does not open."""
        nonce = os.urandom(_NONCE_LENGTH)
        return _FIRST + nonce + self._cipher.encrypt(nonce, value, _FIRST + place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The value that was sealed for this place. Raises Unsealable."""
        version, nonce, encrypted = sealed[:1], sealed[1 : 1 + _NONCE_LENGTH], sealed[1 + _NONCE_LENGTH :]
        if version != _FIRST or len(nonce) < _NONCE_LENGTH:
            raise Unsealable
        try:
            return self._cipher.decrypt(nonce, encrypted, _FIRST + place)
        except InvalidTag:
            raise Unsealable from None
