"""Waiting for what comes about beside a test."""

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    """Waits until something is so. Fails where it does not come to be so."""
    for _ in range(int(seconds / 0.005)):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to be so")
