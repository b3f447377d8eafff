"""How a port says that something outside went wrong, without repeating what it was told."""

from pathlib import Path
from traceback import extract_tb

_ROOT = str(Path(__file__).resolve().parent.parent)


class GatewayFailure(Exception):
    """`reason` is a code or a word of ours: what a server answered may quote an address and is never kept."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TemporaryFailure(GatewayFailure):
    """Trying again later may help."""


class PermanentFailure(GatewayFailure):
    """Trying again cannot help."""


def describe(error: BaseException) -> str:
    """The error's class and the last line of ours it came through: its message may hold a person's data."""
    name = type(error).__qualname__
    if isinstance(error, GatewayFailure):
        return f"{name}: {error.reason}"
    ours = [
        f for f in extract_tb(error.__traceback__) if f.filename.startswith(_ROOT) and "-packages" not in f.filename
    ]
    if not ours:
        return name
    return f"{name} at {Path(ours[-1].filename).relative_to(_ROOT)}:{ours[-1].lineno}"
