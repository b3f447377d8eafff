"""Has squawk look for locks, rewrites and hazards in the SQL of all migrations: `python -m migrations.lint`."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from migrations.runner import as_sql


def main() -> int:
    """The exit status: squawk's, 0 when there is nothing to complain of."""
    squawk = Path(sysconfig.get_path("scripts")) / "squawk"
    arguments = [str(squawk), "--stdin-filepath", "migrations.sql"]
    return subprocess.run(arguments, input=as_sql(), text=True, check=False).returncode  # noqa: S603 - our own SQL


if __name__ == "__main__":
    sys.exit(main())
