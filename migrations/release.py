"""Migrations that shops have run stay as they are: `python -m migrations.release` lists those of a new release."""

from hashlib import sha256
from pathlib import Path

VERSIONS = Path(__file__).resolve().parent / "versions"
RELEASED = VERSIONS.parent / "released.txt"
"""SHA-256 and file name, a line each, as `sha256sum` writes them."""


def changed(versions: Path = VERSIONS, released: Path = RELEASED) -> list[str]:
    """What is wrong with the released migrations, a sentence each. One that is not listed yet may still change."""
    there = _digests(versions)
    return [
        f"{name} is not what was released: shops that have run it will not run it again. Take your change back"
        f' (git checkout -- migrations/versions/{name}), and make it a migration of its own: make migration NAME="…"'
        for name, digest in _listed(released).items()
        if there.get(name) != digest
    ]


def release(versions: Path = VERSIONS, released: Path = RELEASED) -> None:
    """Lists the migrations that are not listed yet; those that are keep their line."""
    lines = [f"{digest}  {name}\n" for name, digest in (_digests(versions) | _listed(released)).items()]
    released.write_text("".join(lines))


def _listed(released: Path) -> dict[str, str]:
    lines = [line.split() for line in released.read_text().splitlines()]
    return {name: digest for digest, name in lines}


def _digests(versions: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(versions.glob("*.py"))}


if __name__ == "__main__":
    release()
