"""What commands say: their output on standard output, everything else aside."""

import shlex
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NoReturn

import uvloop
from rich.console import Console
from rich.text import Text

screen = Console(highlight=False, soft_wrap=True)
aside = Console(stderr=True, highlight=False, soft_wrap=True)


def progress(step: str) -> None:
    """Tells, beside the command's own output, what is being done."""
    aside.print(Text(f"  {step} …", style="dim"))


def command(words: str) -> str:
    """What to type to give this program another command, from the folder that it was started in."""
    python, here = Path(sys.executable), Path.cwd()
    shown = python.relative_to(here) if python.is_relative_to(here) else python
    return f"{shlex.quote(str(shown))} -m app {words}"


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return uvloop.run(work)


def give_up(message: str) -> NoReturn:
    """Ends the command, saying why."""
    aside.print(Text(message, style="red"))
    raise SystemExit(1)
