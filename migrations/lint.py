"""Has squawk look for locks, rewrites and hazards in each migration's SQL: `python -m migrations.lint`."""

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from migrations.runner import as_sql


def main() -> int:
    """The exit status: squawk's, 0 when there is nothing to complain of."""
    squawk = Path(sysconfig.get_path("scripts")) / "squawk"
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, text in as_sql().items():
            files.append(Path(folder) / f"{name}.sql")
            files[-1].write_text(text)
        return subprocess.run([squawk, "--config", ".squawk.toml", *files], check=False).returncode  # noqa: S603  # our own files


if __name__ == "__main__":
    sys.exit(main())
