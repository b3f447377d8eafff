"""The shop as one starts it at home: `python -m app serve`, on a home and servers of its own."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from app.settings import ROOT
from tests.embedded.programs import wait_until_gone

PASSWORD = "three-otters-in-a-row"
READY_SECONDS = 90
STOP_SECONDS = 30
OPENED = re.compile(r"^Layette is open at (http://\S+) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class OpenShop:
    """Where the shop is reached, where it keeps its things, and the password of its seeded customers."""

    url: str
    home: Path
    password: str = field(default=PASSWORD, repr=False)


@contextmanager
def open_shop(output: Path) -> Generator[OpenShop]:
    """A shop with the fictional stock, writing what it has to say to `output`.

    At its end, what it logged must be without faults and without people.
    """
    # Sockets are in the home, and their paths may not be long.
    with tempfile.TemporaryDirectory(prefix="layette-clients-") as folder:
        home = Path(folder) / "home"
        with output.open("wb") as sink:
            process = _start(home, sink.fileno())
        try:
            yield OpenShop(_wait_until_open(process, output), home)
        finally:
            ended = process.poll()
            _stop(process)
            left_over = wait_until_gone(home, STOP_SECONDS)
        assert ended is None, f"the shop ended by itself with {ended}:\n{output.read_text()}"
        assert not left_over, "servers outlived the shop"
    _look_through_log(output)


def _start(home: Path, output: int) -> subprocess.Popen[bytes]:
    own = {
        "LAYETTE_HOME": str(home),
        # Any that is free: it tells which.
        "LAYETTE_PORT": "0",
        "LAYETTE_PUBLIC_URL": "https://shop.example",
        "LAYETTE_SEED": "demo",
        "LAYETTE_SEED_PASSWORD": PASSWORD,
        "LAYETTE_RATE_SCALE": "1000",
        "LAYETTE_LOG_FORMAT": "json",
    }
    # Nothing is seeded into, or deleted from, a database that others use.
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return subprocess.Popen(
        [sys.executable, "-m", "app", "serve"], cwd=ROOT, env={**kept, **own}, stdout=output, stderr=output
    )


def _wait_until_open(process: subprocess.Popen[bytes], output: Path) -> str:
    """The address of the shop, once it is ready there."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if opened := OPENED.search(output.read_text()):
            assert httpx.get(f"{opened.group(1)}/health/ready").is_success
            return opened.group(1)
        time.sleep(0.1)
    raise AssertionError(f"the shop did not open:\n{output.read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def _look_through_log(output: Path) -> None:
    lines = [line for line in output.read_text().splitlines() if line.startswith("{")]
    assert lines, "the shop logged nothing"
    faults = [line for line in lines if '"level":"error"' in line or '"level":"critical"' in line]
    assert not faults, "\n".join(faults)
    people = [line for line in lines if "@" in line or "lys_" in line or "lym_" in line]
    assert not people, "\n".join(people)
