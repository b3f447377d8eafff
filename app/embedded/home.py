"""Where the embedded servers keep their things below `$LAYETTE_HOME`."""

import hashlib
import os
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

POSTGRES_SOCKET = ".s.PGSQL.5432"
VALKEY_SOCKET = "valkey.sock"
DATABASE = "layette"

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103


class UnsafeFolderError(Exception):
    """A folder that must be private to this user is not."""


@dataclass(frozen=True)
class Home:
    """The folders and files of one installation."""

    root: Path

    @property
    def postgres_data(self) -> Path:
        return self.root / "postgres18"

    @property
    def valkey_data(self) -> Path:
        return self.root / "valkey"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def run(self) -> Path:
        """Locks, the keeper's state and, where the path is short enough, the sockets."""
        return self.root / "run"

    @property
    def users_lock(self) -> Path:
        """Locked shared by every process that uses the servers, exclusively by the keeper that stops them."""
        return self.run / "users.lock"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper from before its start until its servers have stopped."""
        return self.run / "keeper.lock"

    @property
    def start_lock(self) -> Path:
        """Held by the process that finds or starts the keeper."""
        return self.run / "start.lock"

    @property
    def state(self) -> Path:
        """Written by the keeper when its servers answer: which they are."""
        return self.run / "services.json"

    @property
    def sockets(self) -> Path:
        """The 0700 folder of the sockets; they trust whoever reaches them, so nobody else may."""
        longest = max(len(os.fsencode(self.run / name)) for name in (POSTGRES_SOCKET, VALKEY_SOCKET))
        if longest <= LONGEST_SOCKET_PATH:
            return self.run
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"layette-{os.getuid()}-{digest}"

    @property
    def database_url(self) -> str:
        return f"postgresql://postgres@/{DATABASE}?host={quote(str(self.sockets))}"

    @property
    def redis_url(self) -> str:
        return f"unix://{quote(str(self.sockets / VALKEY_SOCKET))}"

    def make(self) -> None:
        """Makes the folders; refuses a socket folder that is a link, is another's or is open to others."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.logs, self.run, self.sockets):
            folder.mkdir(exist_ok=True, mode=0o700)
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise UnsafeFolderError(f"{self.sockets} is not a folder of this user")
        if stat.S_IMODE(found.st_mode) != 0o700:
            self.sockets.chmod(0o700)
