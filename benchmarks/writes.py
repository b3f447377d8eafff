"""Writes of the shop against bare transactions that write the same, taken in turns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.load import Generator, Slice, Target, percentile

SHOP, BARE = "compiled", "bare"
CONNECTIONS = 16


@dataclass(frozen=True)
class WriteCase:
    """`requests(port)` prepares the shop behind the port, and answers what to ask of each way in turn."""

    name: str
    title: str
    goal: float
    requests: Callable[[int], Mapping[str, tuple[bytes, ...]]]


@dataclass(frozen=True)
class WriteRow:
    """One case: rounds of a slice for each way."""

    case: WriteCase
    rounds: list[dict[str, Slice]]

    @property
    def ratio(self) -> float:
        """The shop's throughput as a part of the bare transaction's: the median over rounds."""
        return median(one[SHOP].rate / one[BARE].rate for one in self.rounds)

    @property
    def reached(self) -> bool:
        return self.ratio >= self.case.goal


def measure(
    cases: Sequence[WriteCase], ports: Mapping[str, int], generator: Generator, rounds: int, seconds: float
) -> Iterator[WriteRow]:
    """A row for each case."""
    for case in cases:
        asked = case.requests(ports[SHOP])
        targets = {way: Target(ports[way], asked[way]) for way in (SHOP, BARE)}
        for target in targets.values():
            generator.closed(target, CONNECTIONS, seconds).result()
        found = [_round(targets, generator, seconds, flipped=number % 2 == 1) for number in range(rounds)]
        yield WriteRow(case, found)


def _round(targets: Mapping[str, Target], generator: Generator, seconds: float, *, flipped: bool) -> dict[str, Slice]:
    ways = list(targets)[::-1] if flipped else list(targets)
    return {way: generator.closed(targets[way], CONNECTIONS, seconds).result() for way in ways}


def table(rows: Sequence[WriteRow]) -> str:
    """What was measured."""
    lines = [
        "| write | connections | shop / bare | goal | | shop/s | p50, p99 ms | bare/s | p50, p99 ms |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        verdict = "reached" if row.reached else "missed"
        cells = " | ".join(_cells([one[way] for one in row.rounds]) for way in (SHOP, BARE))
        goal = f"**{row.ratio:.2f}** | ≥ {row.case.goal:.2f} | {verdict}"
        lines.append(f"| {row.case.title} | {CONNECTIONS} | {goal} | {cells} |")
    return "\n".join(lines)


def _cells(slices: Sequence[Slice]) -> str:
    rate = median(one.rate for one in slices)
    return f"{rate:.0f} | {percentile(slices, 0.5):.2f}, {percentile(slices, 0.99):.2f}"
