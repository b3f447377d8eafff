"""What was measured, as tables."""

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from app.settings import ROOT
from benchmarks.documents import Case
from benchmarks.load import Slice, percentile
from benchmarks.sign_ins import MOST, Interference

PAGE = ROOT / "docs" / "performance.md"
MEASURED = re.compile(r"(?<=<!-- measured: begin -->\n).*(?=<!-- measured: end -->)", re.DOTALL)


@dataclass(frozen=True)
class Measured:
    """A slice, and the CPU time that the server and the database used for it."""

    slice: Slice
    server_ns: int
    database_ns: int

    @property
    def server(self) -> float:
        """CPU microseconds a request."""
        return self.server_ns / len(self.slice.latencies) / 1000

    @property
    def database(self) -> float:
        return self.database_ns / len(self.slice.latencies) / 1000


@dataclass(frozen=True)
class Row:
    """One case at one number of connections: rounds of a slice for each way, for the reference way in some of them."""

    case: Case
    connections: int
    rounds: list[dict[str, Measured]]

    def of(self, way: str) -> list[Measured]:
        return [one[way] for one in self.rounds if way in one]

    def rate(self, way: str) -> float:
        return median(one.slice.rate for one in self.of(way))

    def ratio(self, way: str, other: str) -> float:
        """How many times the throughput of the other way: the median over rounds."""
        return median(one[way].slice.rate / one[other].slice.rate for one in self.rounds if {way, other} <= one.keys())

    def milliseconds(self, way: str, part: float) -> float:
        return percentile([one.slice for one in self.of(way)], part)

    def cost(self, way: str) -> tuple[float, float]:
        """CPU microseconds a request, of the server and of the database."""
        return median(one.server for one in self.of(way)), median(one.database for one in self.of(way))


def tables(rows: Sequence[Row], interference: Sequence[Interference]) -> str:
    return "\n\n".join("\n".join(lines) for lines in (goals(rows), details(rows), waits(interference)))


def goals(rows: Sequence[Row]) -> list[str]:
    lines = ["| case | connections | compiled / bare | goal | |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        found = row.ratio("compiled", "bare")
        lines.append(
            f"| {row.case.name} | {row.connections} | **{found:.2f}** | ≥ {row.case.goal:.2f} "
            f"| {verdict(found >= row.case.goal)} |"
        )
    return lines


def details(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| case | connections | way | requests/s | p50 ms | p99 ms | server µs | database µs | × reference |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        for way in sorted(row.rounds[0]):
            server, database = row.cost(way)
            lines.append(
                f"| {row.case.title} | {row.connections} | {way} | {row.rate(way):.0f} "
                f"| {row.milliseconds(way, 0.5):.2f} | {row.milliseconds(way, 0.99):.2f} "
                f"| {server:.0f} | {database:.0f} | {row.ratio(way, 'reference'):.1f} |"
            )
    return lines


def waits(interference: Sequence[Interference]) -> list[str]:
    lines = [
        "| product pages | quiet p50, p99 ms | beside sign-ins p50, p99 ms | sign-ins/s | p99 / quiet | goal | |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in interference:
        quiet, busy = (
            f"{percentile(found, 0.5):.2f}, {percentile(found, 0.99):.2f}" for found in (one.quiet, one.busy)
        )
        lines.append(
            f"| {one.load} | {quiet} | {busy} | {one.sign_ins:.0f} | **{one.ratio:.1f}** | ≤ {MOST:.0f} "
            f"| {verdict(one.ratio <= MOST)} |"
        )
    return lines


def verdict(reached: bool) -> str:
    return "reached" if reached else "missed"


def write(text: str, command: str) -> None:
    """Puts the tables into the page, with the day and the machine."""
    taken = f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, by `{command}`."
    page = PAGE.read_text()
    PAGE.write_text(MEASURED.sub(lambda _: f"\n{taken}\n\n{text}\n\n", page))


def machine() -> str:
    """The processor and how many of its cores there are."""
    lines = Path("/proc/cpuinfo").read_text().split("\n")
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
    cores = sum(line.startswith("processor\t") for line in lines)
    return f"{model}, {cores} cores, Python {platform.python_version()}"
