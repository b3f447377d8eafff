"""Who a server runs as: PostgreSQL refuses to run as root, or as a user without a name, and Layette runs as anyone.

As root, the child either enters a user namespace in which root is called nobody (no file changes its owner), or, where
namespaces are not to be had (Docker's default profile), becomes nobody and keeps the one capability it needs to reach
a home below folders like /root. Nothing above the home is ever opened to others. A user whom the machine has no name
for, as in many containers, is called nobody too.
"""

import contextlib
import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path

NOBODY = 65534
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT = 1, 8, 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class Guise(Enum):
    """How a child that must not be root is made from this process."""

    SELF = "self"
    NAMESPACE = "namespace"
    NOBODY = "nobody"


def guise() -> Guise:
    """The guise that works on this machine."""
    if os.geteuid() != 0:
        return Guise.SELF if _has_name(os.geteuid()) or not _works(_enter_namespace) else Guise.NAMESPACE
    if sys.platform != "linux":
        raise PermissionError("PostgreSQL does not run as root: start Layette as another user")
    return Guise.NAMESPACE if _works(_enter_namespace) else Guise.NOBODY


def owner(worn: Guise) -> tuple[int, int]:
    """The user and group that must own a server's data."""
    return (NOBODY, NOBODY) if worn is Guise.NOBODY else (os.geteuid(), os.getegid())


def give(folder: Path, worn: Guise) -> None:
    """Makes a data folder belong to the one who will read it: it may come from a machine with another guise."""
    uid, gid = owner(worn)
    if os.geteuid() != 0 or not folder.exists() or folder.stat().st_uid == uid:
        return
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent) / name, uid, gid, follow_symlinks=False)
    os.chown(folder, uid, gid)  # last: an interrupted walk is walked again


def child(worn: Guise, dies_by: signal.Signals) -> Callable[[], None]:
    """What a new child does before it becomes the server; `dies_by` reaches it when its parent dies (Linux only)."""
    parent = os.getpid()

    def prepare() -> None:
        if worn is Guise.NAMESPACE:
            _enter_namespace()
        elif worn is Guise.NOBODY:
            _become_nobody()
        if sys.platform == "linux":
            # After every change of identity, for each of them clears it.
            _checked(_libc.prctl(PR_SET_PDEATHSIG, int(dies_by), 0, 0, 0), "prctl")
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _enter_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    _checked(_libc.unshare(CLONE_NEWUSER), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{NOBODY} {uid} 1"), ("gid_map", f"{NOBODY} {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _become_nobody() -> None:
    _checked(_libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "prctl")
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    kept = 1 << CAP_DAC_OVERRIDE
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0)), "capset")
    _checked(_libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0), "prctl")


def _works(step: Callable[[], None]) -> bool:
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            step()
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
