"""`python -m app staff`: who works for the shop, for whoever has the machine."""

from typing import Annotated

import typer
from rich.text import Text

from app.embedded import services
from app.settings import Settings
from app.terminal import aside, command, give_up, progress, run, screen
from auth.roles import ROLES
from models.staff import StaffKind

staff = typer.Typer(help="Who works for the shop.", no_args_is_help=True)


@staff.command()
def invite(
    name: Annotated[str, typer.Option(help="What they are called.")],
    email: Annotated[str, typer.Option(help="Where the invitation goes, and what they sign in by.")],
    role: Annotated[list[str], typer.Option(help=f"{', '.join(ROLES)}; may be given again.")],
    kind: Annotated[
        StaffKind, typer.Option(case_sensitive=False, help="How they work for the shop.")
    ] = StaffKind.EMPLOYEE,
) -> None:
    """Invite somebody by mail. So the first owner of a new shop gets in; later ones are invited by those who may."""
    from app import logging, staff_work

    settings = Settings()
    logging.configure(settings.log_format)
    with services(settings, progress=progress) as found:
        try:
            address, sent = run(staff_work.invite(settings, found, staff_work.Wish(name, email, kind, role), progress))
        except staff_work.RefusedError as refused:
            give_up(str(refused))
    if not sent:
        aside.print(Text(f"The invitation for {address} could not be mailed yet: the worker goes on trying."))
        return
    where = "" if settings.smtp_url else f"; read it with: {command('mail')}"
    aside.print(Text(f"An invitation was mailed to {address}{where}"))


@staff.command("reset-second-factors")
def reset_second_factors(
    email: Annotated[str, typer.Argument(help="What they sign in by.")],
) -> None:
    """Remove the lost second factors of a member, after you made sure who asks: their next sign-in enrols a new one."""
    from app import logging, staff_work

    settings = Settings()
    logging.configure(settings.log_format)
    with services(settings, progress=progress) as found:
        try:
            count = run(staff_work.reset_second_factors(found.database_url, email, progress))
        except staff_work.RefusedError as refused:
            give_up(str(refused))
    aside.print(f"{count} second factors removed; every session has ended, and the worker tells them by mail")


@staff.command("list")
def list_staff() -> None:
    """List the members by name: address, kind, state, roles, and when they signed in last."""
    from app import staff_work

    settings = Settings()
    with services(settings, progress=progress) as found:
        rows = run(staff_work.listing(found.database_url, progress))
    for row in rows:
        roles = ", ".join(row.roles) or "no role"
        seen = f"{row.last_sign_in_at:%Y-%m-%d}" if row.last_sign_in_at else "never signed in"
        screen.print(Text(f"{row.name}  {row.email}  {row.kind}  {row.status}  {roles}  {seen}"))
    if not rows:
        aside.print("nobody works here yet")
