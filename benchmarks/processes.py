"""Starts processes of ours, and tells what CPU time processes have used and what memory they hold (Linux's /proc)."""

import subprocess
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from app.embedded.home import Home
from app.settings import ROOT, Settings

PROC = Path("/proc")


@contextmanager
def serving(way: str, environment: dict[str, str]) -> Generator[tuple[int, int]]:
    """A server process of `benchmarks.ways`: its process id and its port."""
    command = [sys.executable, "-m", "benchmarks.ways", way]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"the server of {way} did not start")
        yield process.pid, int(line)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def database_processes(settings: Settings) -> list[int]:
    """The embedded PostgreSQL's processes; none where DATABASE_URL names another."""
    try:
        postmaster = int((Home(settings.home).postgres_data / "postmaster.pid").read_text().split("\n", 1)[0])
    except FileNotFoundError:
        return []
    return [postmaster, *_children(postmaster)]


def _children(parent: int) -> list[int]:
    found = []
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def cpu_nanoseconds(processes: Iterable[int]) -> int:
    """What all threads of these processes have used so far."""
    return sum(_used(schedstat) for pid in processes for schedstat in (PROC / str(pid)).glob("task/*/schedstat"))


def _used(schedstat: Path) -> int:
    try:
        return int(schedstat.read_text().split()[0])
    except OSError:
        return 0


def resident_bytes(pid: int) -> int:
    """The memory that a process holds (RSS)."""
    status = (PROC / str(pid) / "status").read_text()
    return int(status.partition("\nVmRSS:")[2].split()[0]) * 1024
