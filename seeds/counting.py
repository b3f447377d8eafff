"""How far the planting has come."""

import time
from collections.abc import Callable

Progress = Callable[[str], None]

SECONDS_BETWEEN = 1.0


class Counting:
    """Tells `progress` how many of `total` there are: at the end, and before that once a second."""

    def __init__(self, progress: Progress, what: str, total: int) -> None:
        self._progress = progress
        self._what = what
        self._total = total
        self._told = time.monotonic()

    def reached(self, done: int) -> None:
        now = time.monotonic()
        if done == self._total or now - self._told >= SECONDS_BETWEEN:
            self._told = now
            self._progress(f"{self._what}: {done:,} of {self._total:,}")
