"""Looks whether released migrations are as they were, and has squawk look for locks, rewrites and hazards in the SQL of
each: `python -m migrations.lint`.
"""

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from migrations.release import changed
from migrations.runner import as_sql


def main() -> int:
    """The exit status: 0 when there is nothing to complain of."""
    if complaints := changed():
        print(*complaints, sep="\n", file=sys.stderr)  # noqa: T201  # a command's answer
        return 1
    squawk = Path(sysconfig.get_path("scripts")) / "squawk"
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, text in as_sql().items():
            files.append(Path(folder) / f"{name}.sql")
            files[-1].write_text(text)
        return subprocess.run([squawk, "--config", ".squawk.toml", *files], check=False).returncode  # noqa: S603  # our own files


if __name__ == "__main__":
    sys.exit(main())
