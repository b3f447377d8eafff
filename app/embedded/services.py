"""Attaching to the embedded servers, and starting their keeper when there is none."""

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from app.embedded.home import Home
from app.embedded.parts import PARTS
from app.settings import ROOT, Settings

Progress = Callable[[str], None]
# Seconds that the last user to leave waits: for the keeper to notice, and for the servers to stop.
NOTICING, STOPPING = 5.0, 90.0
MINDING = 1.0  # seconds between two looks whether there is a keeper still
REVIVING = 120.0  # seconds to wait for servers that another process is starting


class ServicesFailedError(Exception):
    """The embedded servers could not be started."""


@dataclass(frozen=True)
class Services:
    """Where PostgreSQL and Redis (or Valkey) answer."""

    database_url: str
    redis_url: str


def addresses(settings: Settings) -> Services:
    """Where the servers answer while they run."""
    home = Home(settings.home)
    return Services(settings.database_url or home.database_url, settings.redis_url or home.redis_url)


def running(settings: Settings) -> bool:
    """Whether what this process would use is there already: nothing of ours to start, or started by another."""
    home = Home(settings.home)
    return not _wanted(settings) or (home.state.exists() and not _keeper_is_gone(home))


@contextmanager
def services(settings: Settings, *, durable: bool = True, progress: Progress = lambda _: None) -> Generator[Services]:
    """The servers to use: those of the environment, else the embedded ones, kept running while this is open.

    `durable=False` is for tests: quicker, and a power cut loses data.
    """
    parts = _wanted(settings)
    if not parts:
        yield addresses(settings)
        return
    home = Home(settings.home)
    home.make()
    with home.users_lock.open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for a keeper that is just stopping
        try:
            _ensure_keeper(home, parts, durable, progress)
            yield addresses(settings)
        finally:
            last = _try_lock(users)
            fcntl.flock(users, fcntl.LOCK_UN)
            if last:
                _wait_for_keeper(home)


@contextmanager
def minded(settings: Settings) -> Generator[None]:
    """A keeper of the servers in use that is killed is replaced while this is open: for who uses them for long."""
    home, parts, left = Home(settings.home), _wanted(settings), threading.Event()
    if not parts:
        yield
        return

    def mind() -> None:
        while not left.wait(MINDING):
            if _keeper_is_gone(home):
                with suppress(ServicesFailedError, OSError):  # its log says why; it is tried again
                    _ensure_keeper(home, parts, True, lambda _: None)

    minder = threading.Thread(target=mind, name="minder of the keeper")
    minder.start()
    try:
        yield
    finally:
        left.set()
        minder.join()


def _wanted(settings: Settings) -> list[str]:
    wanted = {"postgres": settings.database_url is None, "valkey": settings.redis_url is None}
    return [part for part, is_wanted in wanted.items() if is_wanted]


def _try_lock(file: IO[str], how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ensure_keeper(home: Home, parts: list[str], durable: bool, progress: Progress) -> None:
    with home.start_lock.open("w") as start:
        fcntl.flock(start, fcntl.LOCK_EX)
        deadline = time.monotonic() + REVIVING
        while not _all_answer(home, parts):
            with home.keeper_lock.open("w") as lock:
                if _try_lock(lock):
                    home.state.unlink(missing_ok=True)
                    _start_keeper(home, lock, parts, durable, progress)
                    return
            # There is a keeper: it is starting its servers, one of them again maybe, or it is dying.
            if time.monotonic() > deadline:
                raise ServicesFailedError(f"the embedded servers don't answer: see {home.logs}")
            time.sleep(0.02)


def _all_answer(home: Home, parts: list[str]) -> bool:
    try:
        state = json.loads(home.state.read_text())
    except (FileNotFoundError, ValueError):
        return False
    if _keeper_is_gone(home):
        return False
    if missing := set(parts) - set(state["parts"]):
        raise ServicesFailedError(f"another process runs Layette's servers without {', '.join(missing)}: stop it first")
    return all(PARTS[part](home, durable=True).answers() for part in parts)


def _keeper_is_gone(home: Home) -> bool:
    with home.keeper_lock.open("w") as lock:
        return _try_lock(lock, fcntl.LOCK_SH)


def _start_keeper(home: Home, lock: IO[str], parts: list[str], durable: bool, progress: Progress) -> None:
    command = [sys.executable, "-m", "app.embedded.keeper", str(home.root), str(lock.fileno()), *parts]
    if not durable:
        command.append("--forgetful")
    # No more of the environment than it needs: secrets have no business in a server's process.
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    with (home.logs / "keeper.log").open("w") as log:
        keeper = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            pass_fds=(lock.fileno(),),
            start_new_session=True,
        )
    keeper.wait()  # it goes on as a process of its own
    _follow(keeper, progress, home.logs)


def _follow(keeper: subprocess.Popen[str], progress: Progress, logs: Path) -> None:
    assert keeper.stdout
    with keeper.stdout:
        for line in keeper.stdout:
            event, _, text = line.strip().partition(" ")
            if event == "ready":
                return
            if event == "failed":
                raise ServicesFailedError(text)
            progress(text)
    raise ServicesFailedError(f"the keeper of the servers ended: see {logs}")


def _wait_for_keeper(home: Home) -> None:
    begun = time.monotonic()
    while not _keeper_is_gone(home):
        # While its state is there it has not begun to stop: a new user may have come just in time.
        if time.monotonic() - begun > (NOTICING if home.state.exists() else STOPPING):
            return
        time.sleep(0.01)
