"""Programs that tests start and kill, and looking for what runs on a home."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from app.embedded.home import Home
from app.settings import ROOT

# Uses the servers until its standard input closes.
USER = """
import sys
from pathlib import Path
from app.embedded import services
from app.settings import Settings
with services(Settings(home=Path(sys.argv[1])), durable=sys.argv[2] == "durable"):
    print("attached", flush=True)
    sys.stdin.read()
"""

# Commits one row after the other and prints each number when PostgreSQL has acknowledged it.
WRITER = """
import asyncio, sys
import asyncpg
async def write():
    connection = await asyncpg.connect(sys.argv[1])
    await connection.execute("CREATE TABLE IF NOT EXISTS note (number int PRIMARY KEY)")
    for number in range(10**6):
        await connection.execute("INSERT INTO note VALUES ($1)", number)
        print(number, flush=True)
asyncio.run(write())
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@contextmanager
def user(home: Path, durability: str = "durable") -> Generator[subprocess.Popen[str]]:
    """A process that uses the servers of this home, once they answer."""
    with start(USER, str(home), durability) as process:
        assert process.stdout
        assert process.stdout.readline() == "attached\n"
        yield process
        process.kill()


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def keeper_of(home: Path) -> int:
    return json.loads(Home(home).state.read_text())["pid"]


def found_keeper(home: Path) -> int | None:
    """The keeper, if its servers answer."""
    try:
        return keeper_of(home)
    except (FileNotFoundError, ValueError):
        return None


def postmaster_of(home: Path) -> int:
    return int((Home(home).postgres_data / "postmaster.pid").read_text().split("\n")[0])


def running_on(home: Path) -> set[int]:
    """The living processes whose command or working directory names this home, this one not counted."""
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal() and _is_on(entry, home)}


def wait_until_gone(home: Path, seconds: float = 20) -> set[int]:
    """Waits until nothing runs on this home; answers what does after that time."""
    deadline = time.monotonic() + seconds
    while (left := running_on(home)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _is_on(entry: Path, home: Path) -> bool:
    if entry.name == str(os.getpid()):
        return False
    try:
        command, folder = (entry / "cmdline").read_bytes(), (entry / "cwd").readlink()
    except OSError:
        return False
    return os.fsencode(home) in command or folder.is_relative_to(home)
