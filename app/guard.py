"""Looked at before anything of ours is imported."""

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def refuse_foreign_schema() -> None:
    """PyPI has another package named `schema`; with it first on the path nothing would be what it seems."""
    found = find_spec("schema")
    if found is None or found.origin is None or Path(found.origin).resolve().parent != ROOT / "schema":
        where = found.origin if found else "nowhere"
        raise SystemExit(f"the package `schema` comes from {where}, not from {ROOT}: uninstall it, and start in {ROOT}")
