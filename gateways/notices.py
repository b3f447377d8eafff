"""Hints between processes that something has changed, over Redis: each is heard soon, late or never.

Nothing may be right only because a hint came; it makes sooner what would be found out anyway. What is sent is a keyed
hash of the id, which means nothing to whoever else listens there. Hints of the same moment go together, as sending one
takes a good part of the time that placing an order does.
"""

import asyncio
from collections.abc import Callable, Iterable
from hashlib import blake2b, sha256
from time import monotonic
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from models.database import Change

CHANNEL = "layette:changes"
NAME_BYTES = 16
REDIS_SECONDS = 0.5
PAUSE_SECONDS = 1.0
GATHERING_SECONDS = 0.02
MOST_AT_A_TIME = 500

log = structlog.get_logger("notices")


class Notices:
    """Tells other processes of changes, and hears of theirs. `secret` keys the hashes."""

    def __init__(self, redis: Redis, secret: bytes) -> None:
        self._redis = redis
        self._key = sha256(secret).digest()
        self._waiting: list[bytes] = []
        self._sending: asyncio.Task[None] | None = None
        self._away_until = 0.0

    def name(self, change: Change) -> bytes:
        """What is sent for a change of this thing."""
        kind, key = change
        return blake2b(key.bytes, digest_size=NAME_BYTES, key=self._key, person=kind.encode()).digest()

    def tell(self, changes: Iterable[Change]) -> None:
        """Sends hints without waiting for it. Where Redis is away or slow, they are dropped."""
        if monotonic() < self._away_until or len(self._waiting) >= MOST_AT_A_TIME:
            return
        self._waiting += [self.name(change) for change in changes]
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def listen(self, heard: Callable[[bytes], None]) -> None:
        """Calls `heard` with the name of each change that others tell of, until it is cancelled."""
        while not _cancelled():
            try:
                await self._listen(heard)
            except Exception as error:  # noqa: BLE001  # whatever it is: one does without, and tries again
                log.warning("notices.not_heard", error=type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)

    async def close(self) -> None:
        """Waits until what is on its way was sent."""
        if self._sending is not None:
            await self._sending

    async def _listen(self, heard: Callable[[bytes], None]) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as line:
            await line.subscribe(CHANNEL)
            while not _cancelled():
                message = await line.get_message(timeout=PAUSE_SECONDS)
                for name in [] if message is None else _names(message["data"]):
                    heard(name)

    async def _send(self) -> None:
        """Sends what waits, and what comes meanwhile."""
        try:
            while self._waiting:
                await asyncio.sleep(GATHERING_SECONDS)
                names, self._waiting = self._waiting, []
                async with asyncio.timeout(REDIS_SECONDS):
                    await self._redis.publish(CHANNEL, b"".join(names))
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = monotonic() + PAUSE_SECONDS
            self._waiting = []
            log.warning("notices.not_told", error=type(error).__name__)


def of_order(order_id: UUID) -> Change:
    """A change of an order, or of what belongs to it."""
    return "order", order_id


def _names(message: bytes) -> list[bytes]:
    """The names that were sent together; none in what is not of ours."""
    if len(message) % NAME_BYTES:
        return []
    return [message[at : at + NAME_BYTES] for at in range(0, len(message), NAME_BYTES)]


def _cancelled() -> bool:
    """Whether this task was asked to end: redis-py loses that where a message comes at the same time."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
