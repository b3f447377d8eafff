"""Whether people who sign in without pause make others wait: product pages, quiet and beside eight who sign in."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from time import sleep

from benchmarks.load import Generator, Slice, Target, percentile

SIGNING_IN = 8
READERS = 8
RATE = 200.0
SETTLE = 0.5
"""Seconds that sign-ins go on before and after what is measured beside them."""

MOST = 3.0
"""How many times its quiet value p99 may be."""


@dataclass(frozen=True)
class Interference:
    """Slices of one kind of load, quiet and beside sign-ins; `sign_ins` a second."""

    load: str
    quiet: list[Slice]
    busy: list[Slice]
    sign_ins: float

    @property
    def ratio(self) -> float:
        return percentile(self.busy, 0.99) / percentile(self.quiet, 0.99)


def interference(
    reading: Target, signing_in: Target, seconds: float, rounds: int, generators: tuple[Generator, Generator]
) -> list[Interference]:
    """Measures readers at a steady pace, and one who reads as fast as answers come."""
    readers, others = generators
    loads: dict[str, Callable[[float], Future[Slice]]] = {
        f"{RATE:.0f} requests a second": lambda wait: readers.paced(reading, READERS, wait, RATE),
        "one connection without pause": lambda wait: readers.closed(reading, 1, wait),
    }
    found = []
    for name, start in loads.items():
        quiet, busy, entered = [], [], []
        for _ in range(rounds):
            quiet.append(start(seconds).result())
            entering = others.closed(signing_in, SIGNING_IN, seconds + 2 * SETTLE)
            sleep(SETTLE)
            busy.append(start(seconds).result())
            entered.append(entering.result().rate)
        found.append(Interference(name, quiet, busy, sum(entered) / len(entered)))
    return found
