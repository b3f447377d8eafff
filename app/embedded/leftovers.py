"""What a killed server leaves behind: processes that still end, and files that say it runs.

Called only while the keeper's lock is held, so no other keeper is at work on this home.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 30.0  # seconds; a fast shutdown writes a checkpoint first
INSISTENCE = 15.0  # seconds after which the polite signal is followed by SIGQUIT


class StillRunningError(Exception):
    """Processes of an earlier server don't end."""


def wait_for_end(data: Path, pid_file: Path, polite: signal.Signals) -> None:
    """Ends what is left of a server on this data folder, and waits until nothing of it runs.

    A postmaster started beside surviving backends of the last one would be refused, or worse.
    """
    begun = time.monotonic()
    asked: set[tuple[int, signal.Signals]] = set()
    while survivors := _processes_in(data, pid_file):
        waited = time.monotonic() - begun
        if waited > PATIENCE:
            raise StillRunningError(f"processes {sorted(survivors)} still use {data}")
        wanted = polite if waited < INSISTENCE else signal.SIGQUIT
        for pid in survivors:
            if (pid, wanted) not in asked and (_recorded(pid_file) == pid or wanted is signal.SIGQUIT):
                asked.add((pid, wanted))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, wanted)
        time.sleep(0.02)


def forget(*files: Path) -> None:
    """Removes pid and lock files; they would block a start when their pid is a zombie's or was given to another."""
    for file in files:
        file.unlink(missing_ok=True)


def _processes_in(data: Path, pid_file: Path) -> set[int]:
    found = {pid for pid in _pids() if _folder_of(pid) == str(data)} if sys.platform == "linux" else set()
    # Another user's working directory can't be seen without a capability, nor on other systems; its command can.
    recorded = _recorded(pid_file)
    if recorded and str(data) in _command_of(recorded):
        found.add(recorded)
    return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _folder_of(pid: int) -> str | None:
    # A zombie has no working directory any more, so it doesn't count.
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return None


def _command_of(pid: int) -> str:
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    listed = subprocess.run(["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout


def _recorded(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text().split("\n")[0])
    except (FileNotFoundError, ValueError):
        return None
