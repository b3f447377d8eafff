"""`python -m app catalogue`: the catalogue as a table, for whoever has the machine."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from app.embedded import services
from app.settings import Settings
from app.terminal import aside, give_up, progress, run, screen

MISTAKES_SHOWN = 200

catalogue = typer.Typer(
    help="The catalogue as CSV: one row a variant. Columns that a file does not have leave what they are about as it "
    "is, and so do rows that it does not have.",
    no_args_is_help=True,
)


@catalogue.command("export")
def export_catalogue(file: Annotated[Path, typer.Argument(help="Where to write it.", dir_okay=False)]) -> None:
    """Write the whole catalogue, archived products too, into a CSV file."""
    from app import catalogue_work

    settings = Settings()
    with services(settings, progress=progress) as found, _bar("writing") as told:
        content, count = run(catalogue_work.export(found.database_url, progress, told))
    catalogue_work.write_whole(file, content)
    screen.print(Text(f"{count} products in {file}"))


@catalogue.command("import")
def import_catalogue(
    file: Annotated[Path, typer.Argument(help="The CSV file.", exists=True, dir_okay=False, readable=True)],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
) -> None:
    """Bring a CSV file into the catalogue: all of it, or nothing where there is a mistake."""
    from app import catalogue_work

    settings, content = Settings(), file.read_bytes()
    with services(settings, progress=progress) as found, _bar("reading") as told:
        outcome = run(catalogue_work.bring(found.database_url, content, progress, told, dry_run=dry_run))
    if isinstance(outcome, list):
        for one in outcome[:MISTAKES_SHOWN]:
            aside.print(Text(str(one)))
        more = len(outcome) - MISTAKES_SHOWN
        give_up(f"{f'{more} mistakes more; ' if more > 0 else ''}nothing was changed")
    told_of = f"{outcome.new} new, {outcome.changed} changed, {outcome.unchanged} unchanged products"
    screen.print(Text(f"{told_of}{'; nothing was written' if dry_run else ''}"))


@contextmanager
def _bar(what: str) -> Generator[Callable[[int, int], None]]:
    """A bar on standard error while there is a person to see it: told how many of how many were dealt with."""
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=aside, transient=True, disable=not aside.is_terminal) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
