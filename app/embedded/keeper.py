"""The process that runs the embedded servers while anyone uses them: `python -m app.embedded.keeper`.

It puts itself in the background. It is started with the keeper's lock already held, passed on as an open file. Its
standard output speaks to whoever started it, one line an event: `progress TEXT`, `ready`, `failed TEXT`.
"""

import argparse
import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import IO

from app.embedded.home import Home
from app.embedded.parts import PARTS
from app.embedded.postgres import PostgresServer
from app.embedded.server import Server

LOOK = 0.05  # seconds between two looks at users and servers
RESTARTS, RESTARTS_WITHIN = 5, 60.0  # more than so many in so many seconds, and the keeper gives up


class GivingUpError(Exception):
    """A server dies again and again."""


class Keeper:
    """Starts the servers, watches them, and stops them when told or when nobody uses them."""

    def __init__(self, home: Home, parts: list[str], *, durable: bool) -> None:
        self.home = home
        self.parts = parts
        self.servers: list[Server] = [PARTS[part](home, durable=durable) for part in parts]
        self.told_to_stop = False
        self._restarts: deque[float] = deque(maxlen=RESTARTS)

    def run(self) -> None:
        """Returns when the servers have stopped."""
        with self.home.users_lock.open("w") as users:
            try:
                self._start()
                while not self.told_to_stop and not _nobody(users):
                    self._revive()
                    time.sleep(LOOK)
            finally:
                self.home.state.unlink(missing_ok=True)
                for server in self.servers:
                    server.stop()

    def _start(self) -> None:
        for server in self.servers:
            if isinstance(server, PostgresServer) and not server.made:
                _say("progress making the PostgreSQL database folder")
                server.make()
            _say(f"progress starting {server.name}")
            server.start()
        self.home.state.write_text(json.dumps({"parts": self.parts, "pid": os.getpid()}))
        _say("ready")

    def _revive(self) -> None:
        for server in self.servers:
            if not server.alive:
                now = time.monotonic()
                if len(self._restarts) == RESTARTS and now - self._restarts[0] < RESTARTS_WITHIN:
                    raise GivingUpError(f"{server.name} died {RESTARTS} times in a minute")
                self._restarts.append(now)
                server.start()


def _nobody(users: IO[str]) -> bool:
    """Whether no user is left; if so, the lock taken keeps new ones waiting until the servers have stopped."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say(line: str) -> None:
    # Whoever started this process may be gone.
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{' '.join(line.split())}\n")
        sys.stdout.flush()


def main() -> None:
    """Runs until nobody uses the servers, or SIGTERM."""
    parser = argparse.ArgumentParser(prog="app.embedded.keeper")
    parser.add_argument("home", type=Path)
    parser.add_argument("lock", type=int)
    parser.add_argument("parts", nargs="+", choices=PARTS)
    parser.add_argument("--forgetful", action="store_true")
    arguments = parser.parse_args()
    if os.fork() != 0:  # whoever started it waits for this process only, and is not its parent for ever
        os._exit(0)
    os.set_inheritable(arguments.lock, False)
    keeper = Keeper(Home(arguments.home), arguments.parts, durable=not arguments.forgetful)
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)

    def stop(*_: object) -> None:
        keeper.told_to_stop = True

    signal.signal(signal.SIGTERM, stop)
    try:
        keeper.run()
    except Exception as error:
        _say(f"failed {error}")
        raise


if __name__ == "__main__":
    sys.exit(main())
