"""Commands in processes of their own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.settings import ROOT

COMMAND = [sys.executable, "-m", "app"]
OPENED = re.compile(r"open at (http://\S+)")


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return kept | {"LAYETTE_HOME": str(home), "LAYETTE_SEED": "none", "NO_COLOR": "1"} | more


def run(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, env=environment(home, **more), capture_output=True, text=True, check=False
    )


@contextmanager
def serving(home: Path, **more: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """A shop that is open, and its address."""
    with subprocess.Popen(
        [*COMMAND, "serve"],
        cwd=ROOT,
        env=environment(home, LAYETTE_PORT="0", **more),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        said = ""
        for line in process.stderr:
            said += line
            if found := OPENED.search(line):
                yield process, found[1]
                break
        else:
            pytest.fail(said)
        process.kill()


def said(log: Path, words: re.Pattern[str], seconds: float = 30) -> re.Match[str]:
    """What a command that writes to `log` says, once it does. Fails where it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if log.exists() and (found := words.search(log.read_text())):
            return found
        time.sleep(0.02)
    raise AssertionError(f"it did not come so far:\n{log.read_text() if log.exists() else ''}")
