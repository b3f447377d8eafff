"""Hints over Redis, for tests."""

import asyncio

from redis.asyncio import Redis

from gateways.notices import CHANNEL


async def until_heard(redis: Redis) -> None:
    """Waits until somebody listens."""
    for _ in range(250):
        if (await redis.pubsub_numsub(CHANNEL))[0][1]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody listens")
