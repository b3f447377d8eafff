"""What the fictional shop is made of, as TOML."""

import tomllib
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def read(name: str) -> dict[str, Any]:
    """The contents of `<name>.toml`."""
    return tomllib.loads((_HERE / f"{name}.toml").read_text("utf-8"))
