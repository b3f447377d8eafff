"""Threads for work that takes a core for a while: few, giving way to requests, with a queue that has an end."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

# How much such a thread gives way to requests. Measured with argon2id on two busy cores: at 10 the p99 of other
# requests is what it is without sign-ins, and 25 hashes are made a second (55 where a core is free). At 0 the
# throughput of others halves; at 19 only five to fifteen hashes are made, and sign-ins wait for seconds.
NICENESS = 10
RETRY_AFTER_SECONDS = 2.0

T = TypeVar("T")


class Busy(Exception):
    """Too much of this work waits to be done. Try again after `retry_after` seconds."""

    def __init__(self, retry_after: float = RETRY_AFTER_SECONDS) -> None:
        super().__init__("too much waits to be done")
        self.retry_after = retry_after


class Threads:
    """One thread or two, named `name`; at most `queue` pieces of work wait for them."""

    def __init__(self, name: str, *, threads: int, queue: int) -> None:
        self._room = threads + queue
        self._held = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=_give_way)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work()` answers, done in a thread. Raises Busy."""
        if self._held >= self._room:
            raise Busy
        self._held += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._held -= 1

    def close(self) -> None:
        """Ends the threads, once what they are doing is done; what waits is dropped."""
        self._pool.shutdown(cancel_futures=True)


def _give_way() -> None:
    # On Linux a priority is a thread's own, elsewhere the whole process would give way.
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
