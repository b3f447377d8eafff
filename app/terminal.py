"""What commands say: their output on standard output, everything else aside."""

from collections.abc import Coroutine
from typing import Any, NoReturn

import uvloop
from rich.console import Console
from rich.text import Text

screen = Console(highlight=False, soft_wrap=True)
aside = Console(stderr=True, highlight=False, soft_wrap=True)


def progress(step: str) -> None:
    """Tells, beside the command's own output, what is being done."""
    aside.print(Text(f"  {step} …", style="dim"))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return uvloop.run(work)


def give_up(message: str) -> NoReturn:
    """Ends the command, saying why."""
    aside.print(Text(message, style="red"))
    raise SystemExit(1)
