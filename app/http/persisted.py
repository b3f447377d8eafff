"""Automatic persisted queries (Apollo's protocol): a document's SHA-256 stands for a text that was sent once.

In Redis for all processes, each for `ttl`, and the most used also in this one. Without Redis, or while it is away, this
process alone remembers: a client that is told "not found" sends the text again.
"""

import asyncio
from hashlib import sha256
from time import monotonic

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from reads.cache import ByteBounded

log = structlog.get_logger("http")

DAY = 24 * 60 * 60
LONGEST = 32 * 1024
REDIS_SECONDS = 0.25
PAUSE_SECONDS = 5.0
PREFIX = "apq:"


def digest(text: str) -> str:
    """What the protocol names a document by."""
    return sha256(text.encode()).hexdigest()


class PersistedDocuments:
    """Texts by their SHA-256, in `memory` bytes here and for `ttl` seconds in Redis."""

    def __init__(self, redis: Redis | None, *, memory: int = 8 * 1024 * 1024, ttl: int = DAY) -> None:
        self._redis = redis
        self._ttl = ttl
        self._local: ByteBounded[str, str] = ByteBounded(memory)
        self._away_until = 0.0

    async def find(self, hashed: str) -> str | None:
        """The document of this SHA-256, if it was kept."""
        text = self._local.get(hashed)
        if text is None and (text := await self._fetch(hashed)) is not None:
            self._remember(hashed, text)
        return text

    def known(self, hashed: str, text: str) -> bool:
        """Whether this is the text that is kept here under the hash."""
        return self._local.get(hashed) == text

    async def keep(self, hashed: str, text: str) -> None:
        """Keeps a document whose digest was found to be `hashed`, unless it is very long."""
        if len(text) > LONGEST or self.known(hashed, text):
            return
        self._remember(hashed, text)
        if self._redis is None or monotonic() < self._away_until:
            return
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                await self._redis.set(PREFIX + hashed, text, ex=self._ttl)
        except (RedisError, OSError, TimeoutError) as error:
            self._pause(error)

    def _remember(self, hashed: str, text: str) -> None:
        self._local.put(hashed, text, len(text) * 2)

    async def _fetch(self, hashed: str) -> str | None:
        if self._redis is None or monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                found = await self._redis.getex(PREFIX + hashed, ex=self._ttl)
        except (RedisError, OSError, TimeoutError) as error:
            self._pause(error)
            return None
        if found is None:
            return None
        text = found if isinstance(found, str) else found.decode("utf-8", "replace")
        return text if digest(text) == hashed else None

    def _pause(self, error: Exception) -> None:
        self._away_until = monotonic() + PAUSE_SECONDS
        log.warning("persisted queries do without Redis", error=type(error).__name__)
