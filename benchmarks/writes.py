"""Writes of the shop against bare transactions that write the same, taken in turns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.load import Generator, Slice, Target, percentile

SHOP, BARE = "compiled", "bare"
CONNECTIONS = 16


@dataclass(frozen=True)
class WriteCase:
    """`requests(shop's port, bare's port)` prepares the shop, and answers what to ask of each way in turn.

    `once`: each request is good once, so that every slice has requests of its own.
    """

    name: str
    title: str
    goal: float
    requests: Callable[[int, int], Mapping[str, tuple[bytes, ...]]]
    once: bool = False


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
        targets = _targets(case, ports)
        for target in targets.values():
            generator.closed(target, CONNECTIONS, seconds).result()
        found = []
        for number in range(rounds):
            targets = _targets(case, ports) if case.once else targets
            found.append(_round(targets, generator, seconds, flipped=number % 2 == 1))
            if case.once and any(len(found[-1][way].latencies) > len(targets[way].requests) for way in targets):
                raise SystemExit(f"{case.name}: too few requests for a slice")
        yield WriteRow(case, found)


def _targets(case: WriteCase, ports: Mapping[str, int]) -> dict[str, Target]:
    asked = case.requests(ports[SHOP], ports[BARE])
    return {way: Target(ports[way], asked[way]) for way in (SHOP, BARE)}


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
