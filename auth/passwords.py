"""Passwords, hashed with argon2id (P8).

A password is verified as it was received: case, spaces and length count, nothing is cut (P54, ASVS 6.2.8). Only its
Unicode form is made regular, to NFC as NIST SP 800-63B-4 asks for, so that é typed on another keyboard is the same é.
"""

import base64
import secrets
import unicodedata
from dataclasses import dataclass
from functools import partial

import argon2
from argon2.exceptions import VerifyMismatchError

from auth.threads import Threads

# Octets of UTF-8 as received. NIST asks for 64 characters at least.
LONGEST_PASSWORD = 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What a hash costs; the default is OWASP's minimum for argon2id, 16 ms of one core."""

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the password is right, and if so whether its hash was made with another cost and should be made anew."""

    ok: bool
    needs_rehash: bool = False


class PasswordHasher:
    """Hashes and verifies passwords in threads of its own, one at a time by default; open one for each process.

    `threads` is 1 or 2: each takes a core and 19 MiB while it hashes. At most `queue` more wait; then Busy is raised.
    """

    def __init__(self, cost: Cost | None = None, *, threads: int = 1, queue: int = 64) -> None:
        if threads not in (1, 2):
            raise ValueError("passwords are hashed in one or two threads")
        cost = cost or Cost()
        self._argon2 = argon2.PasswordHasher(cost.passes, cost.memory_kib, cost.lanes)
        self._nobodys_hash = _unmatched_hash(cost)
        self._threads = Threads("argon2", threads=threads, queue=queue)

    async def hash(self, password: str) -> str:
        """The hash to keep, in PHC's text form. Raises Busy, and ValueError for one longer than may be set."""
        octets = prepared(password)
        if octets is None:
            raise ValueError("the password is too long")
        return await self._threads.run(partial(self._argon2.hash, octets))

    async def verify(self, hash: str | None, password: str) -> Verdict:
        """Compares a password with a kept hash. Raises Busy.

        Without a hash (an unknown account) or with a password that none can be, the same work is done for nothing, so
        that the answer takes as long. A hash of another cost takes another time until its owner next signs in.
        """
        octets = prepared(password)
        if hash is None or octets is None:
            await self._threads.run(partial(self._matches, self._nobodys_hash, octets or b""))
            return Verdict(ok=False)
        ok = await self._threads.run(partial(self._matches, hash, octets))
        return Verdict(ok, needs_rehash=ok and self._argon2.check_needs_rehash(hash))

    def close(self) -> None:
        """Ends the threads, once what they are doing is done; what waits is dropped."""
        self._threads.close()

    def _matches(self, hash: str, octets: bytes) -> bool:
        try:
            return self._argon2.verify(hash, octets)
        except VerifyMismatchError:
            return False


def prepared(password: str) -> bytes | None:
    """What is hashed of a password: its NFC form in UTF-8; None where it is longer than LONGEST_PASSWORD."""
    if len(password) > LONGEST_PASSWORD or len(_octets(password)) > LONGEST_PASSWORD:
        return None
    return _octets(unicodedata.normalize("NFC", password))


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _unmatched_hash(cost: Cost) -> str:
    """A well-formed hash of this cost that belongs to no password: its digest is random."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${salt}${digest}"
