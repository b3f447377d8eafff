"""`python -m app partner`: partners and their keys, for whoever has the machine."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from app.embedded import services
from app.settings import Settings
from app.terminal import aside, give_up, progress, run, screen
from auth.scopes import SCOPES

partner = typer.Typer(help="Partners and their keys.", no_args_is_help=True)


@partner.command("issue-key")
def issue_key(
    name: Annotated[str, typer.Option("--partner", help="The partner's name; it is made if there is none.")],
    scope: Annotated[list[str], typer.Option(help=f"{', '.join(SCOPES)}; may be given again.")],
    label: Annotated[str, typer.Option(help="What tells the key from the partner's others.")] = "",
    expires_in: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Days that the key is good for; without it until it is revoked.")
    ] = None,
    *,
    extend: Annotated[bool, typer.Option("--extend", help="Give the partner the scopes that it lacks.")] = False,
) -> None:
    """Make a key and print it, alone, on standard output. It is shown here only."""
    from app import partner_work

    if unknown := sorted(set(scope) - set(SCOPES)):
        give_up(f"there is no scope {', '.join(unknown)}; there is {', '.join(SCOPES)}")
    expires_at = None if expires_in is None else datetime.now(UTC) + timedelta(days=expires_in)
    wish = partner_work.Wish(name, scope, label, expires_at, extend)
    settings = Settings()
    with services(settings, progress=progress) as found:
        try:
            key, notes = run(partner_work.issue(found.database_url, wish, progress))
        except partner_work.RefusedError as refused:
            give_up(str(refused))
    for note in notes:
        aside.print(Text(note))
    sys.stdout.write(f"{key}\n")


@partner.command("list")
def list_partners() -> None:
    """List the partners by name: state, scopes, networks, and how many of their keys neither ended nor were revoked."""
    from app import partner_work

    settings = Settings()
    with services(settings, progress=progress) as found:
        rows = run(partner_work.listing(found.database_url, progress))
    for row in rows:
        scopes, networks = ", ".join(row.scopes) or "no scope", ", ".join(row.networks) or "any network"
        screen.print(Text(f"{row.name}  {row.status}  {scopes}  {networks}  {row.keys} keys"))
    if not rows:
        aside.print("there are no partners")
