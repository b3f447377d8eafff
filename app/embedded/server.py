"""What PostgreSQL and Valkey have in common as children of the keeper."""

import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL, SIGQUIT, Signals

from app.embedded import leftovers, privileges
from app.embedded.home import Home

LARGEST_LOG = 10_000_000  # bytes; a larger one is put aside at the next start


class StartFailedError(Exception):
    """A server ended while it was to start; the message has the end of its log."""


class Server(ABC):
    """One server process on one data folder."""

    name: str
    stop_signal: Signals
    environment: Mapping[str, str] = {}
    """What the server's process has beside this one's environment."""

    def __init__(self, home: Home, *, durable: bool) -> None:
        self.home = home
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def data(self) -> Path: ...

    @property
    @abstractmethod
    def stale_files(self) -> tuple[Path, ...]:
        """What a killed server leaves and a new one must not find; the pid file first."""

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server accepts clients; of a server that another process started, too."""

    @property
    def guise(self) -> privileges.Guise:
        return privileges.Guise.SELF

    @property
    def log(self) -> Path:
        return self.home.logs / f"{self.name}.log"

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Starts the server and waits until it answers, recovery included, as long as it takes."""
        leftovers.wait_for_end(self.data, self.stale_files[0], self.stop_signal)
        leftovers.forget(*self.stale_files)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.data,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=privileges.child(self.guise, self.stop_signal),
            )
        while not self.answers():
            if not self.alive:
                raise StartFailedError(f"{self.name} did not start: {self._last_words()}")
            time.sleep(0.005)

    def stop(self) -> None:
        """Stops the server cleanly; insists only after a minute."""
        if self.process is None:
            return
        for sent, patience in ((self.stop_signal, 60), (SIGQUIT, 10), (SIGKILL, 10)):
            if not self.alive:
                return
            self.process.send_signal(sent)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue

    def _last_words(self) -> str:
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 600))
            return log.read().decode(errors="replace").strip()
