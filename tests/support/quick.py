"""A folder for what tests make and throw away."""

import shutil
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  # a server's files go into a new folder of their own there
ROOM = 2 * 2**30
"""Bytes that have to be free: one process's servers take some three hundred million at most."""


def quick_folder() -> Path | None:
    """One in memory, where there is room; None: the usual one.

    Each database that a test has of its own is a thousand files, which a disk makes and removes five times slower.
    """
    try:
        return MEMORY if shutil.disk_usage(MEMORY).free > ROOM else None
    except OSError:
        return None
