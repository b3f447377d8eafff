"""Keys: UUIDv7 (RFC 9562) made by the application, shown as a type's prefix and 32 hex digits."""

import os
import re
import threading
import time
from uuid import UUID

from asyncpg.pgproto import pgproto

_shown = re.compile(r"([a-z]{2,4})_([0-9a-f]{32})")


class _Clock:
    """Ticks of a 4096th of a millisecond, each greater than the one before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def tick(self) -> int:
        with self._lock:
            self._last = max(time.time_ns() * 4096 // 1_000_000, self._last + 1)
            return self._last


_clock = _Clock()


def new_id() -> UUID:
    """A UUIDv7, increasing within the process: 48 bits of milliseconds, 12 of sub-millisecond order, 62 random."""
    ticks = _clock.tick()
    milliseconds, fraction = divmod(ticks, 4096)
    tail = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    whole = (milliseconds << 80) | (0x7 << 76) | (fraction << 64) | (0b10 << 62) | tail
    return pgproto.UUID(whole.to_bytes(16))


def key_of(text: str) -> UUID:
    """The key that a text of hex digits is, made as asyncpg makes those of rows: a tenth of what `UUID` takes."""
    return pgproto.UUID(text)


def show_id(prefix: str, key: UUID) -> str:
    """`show_id("ord", key)` is the public form, `ord_` and 32 hex digits."""
    return f"{prefix}_{key.hex}"


def read_id(prefix: str, shown: str) -> UUID | None:
    """The key behind a public id, or None where it is another type's or none at all."""
    match = _shown.fullmatch(shown)
    return key_of(match[2]) if match and match[1] == prefix else None
