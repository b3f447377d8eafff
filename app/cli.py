"""The command line: `python -m app`."""

import asyncio
import re
import shlex
import signal
import sys
import time
from typing import Annotated
from urllib.parse import unquote

import typer
import uvloop
from pydantic import ValidationError
from rich.text import Text

from app import logging
from app.catalogue_commands import catalogue
from app.embedded import Services, ServicesFailedError, addresses, minded, running, services
from app.embedded.home import UnsafeFolderError
from app.listening import AddressInUseError, bind, stopped_by_signals
from app.partner_commands import partner
from app.payments_commands import payments
from app.permissions_commands import permissions
from app.settings import Settings
from app.staff_commands import staff
from app.terminal import aside, command, give_up, progress, run, screen
from gateways.mail import read_mailbox
from seeds.sign_in import SignIn

cli = typer.Typer(
    name="layette",
    help="Layette: a boutique's commerce backend. Settings come from the environment (LAYETTE_*, DATABASE_URL, "
    "REDIS_URL); without them everything runs on this machine, from $LAYETTE_HOME (.layette).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they would print the values of variables
)
mail = typer.Typer(
    help="List the local mailbox, where mail goes while LAYETTE_SMTP_URL is not set, oldest first. "
    "`mail show N` prints one."
)
cli.add_typer(mail, name="mail")
cli.add_typer(catalogue, name="catalogue")
cli.add_typer(partner, name="partner")
cli.add_typer(payments, name="payments")
cli.add_typer(staff, name="staff")
cli.command()(permissions)


def main() -> None:
    """Runs the command that was given, with what goes wrong outside told in one line."""
    try:
        cli()
    except (ServicesFailedError, UnsafeFolderError, AddressInUseError) as error:
        give_up(str(error))
    except ValidationError as error:
        give_up("\n".join(": ".join([*map(str, each["loc"]), each["msg"]]) for each in error.errors()))
    except OSError as error:
        give_up(f"can't reach a server or a file: {error.strerror or type(error).__name__}")


@cli.command()
def serve(
    *, worker: Annotated[bool, typer.Option(help="Also do jobs (mail and the like) in this process.")] = True
) -> None:
    """Start the shop: servers, migrations, a fictional stock when empty, then HTTP until Ctrl-C."""
    from app import preparation, serving

    settings = Settings()
    logging.configure(settings.log_format)
    begun = time.monotonic()
    with stopped_by_signals(), bind(settings) as bound, services(settings, progress=progress) as found:
        # Port 0 is one that was free: links and addresses of pictures name it.
        settings = settings.model_copy(update={"port": bound.getsockname()[1]})
        sign_ins = uvloop.run(preparation.prepare(settings, found.database_url, progress))

        def opened() -> None:
            _welcome(settings, sign_ins, time.monotonic() - begun)

        with minded(settings):
            uvloop.run(serving.serve(settings, found, bound, with_worker=worker, opened=opened))


@cli.command()
def worker() -> None:
    """Do jobs (mail and the like) until stopped. Start as many as there is work for."""
    from app import serving

    settings = Settings()
    logging.configure(settings.log_format)

    async def until_told(found: Services) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        aside.print("  working; Ctrl-C stops")
        await serving.run_worker(settings, found, stop)

    with stopped_by_signals(), services(settings, progress=progress) as found, minded(settings):
        uvloop.run(until_told(found))


@cli.command()
def migrate(
    draft: Annotated[str, typer.Option(help="Write a new migration with this description instead.")] = "",
) -> None:
    """Bring the database to the newest revision."""
    from migrations import runner

    settings = Settings()
    with services(settings, progress=progress) as found:
        run(runner.upgrade(found.database_url, progress))
        if draft:
            run(runner.draft(found.database_url, draft))
    screen.print(f"at revision {runner.newest()}")


@cli.command()
def seed(
    what: Annotated[
        str, typer.Argument(help="demo, a small boutique, or bench:N, one of N products; LAYETTE_SEED when left out.")
    ] = "",
) -> None:
    """Fill an empty database with a fictional shop."""
    from app import preparation
    from migrations import runner

    settings = Settings(seed=what) if what else Settings()
    with services(settings, progress=progress) as found:
        run(runner.upgrade(found.database_url, progress))
        if not run(preparation.is_empty(found.database_url)):
            give_up("there are products or people in the database already: only an empty one is filled")
        planted = run(preparation.plant(settings, found.database_url, settings.seed, progress))
    _print_sign_ins(planted)


@cli.command()
def schema(
    *,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Fail if the committed files are not what this program makes, or if the schema breaks what "
            "schema/released.graphql promises to clients.",
        ),
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the committed files anew.")] = False,
    release: Annotated[
        bool,
        typer.Option(
            "--release",
            help="Promise this schema to clients: write schema/released.graphql, unless something in it goes that was "
            "not deprecated there until a day that has come.",
        ),
    ] = False,
) -> None:
    """Print the GraphQL schema; check or write schema/schema.graphql and the pages made from it, or release it."""
    from app import released, snapshot

    if release:
        if complaints := released.release(snapshot.sdl()):
            give_up("\n".join(complaints))
        screen.print(f"wrote {released.RELEASED}")
    elif write:
        for path in snapshot.write():
            screen.print(f"wrote {path}")
    elif check:
        if complaints := snapshot.complaints():
            give_up("\n".join(complaints))
    else:
        sys.stdout.write(snapshot.sdl())


@cli.command()
def env() -> None:
    """Print where the servers are, for other programs.

    After eval "$(python -m app env)": psql "$DATABASE_URL", and redis-cli -u "$REDIS_URL".

    The embedded Redis listens on a socket alone: redis-cli -s "$REDIS_SOCKET".
    """
    settings = Settings()
    found = addresses(settings)
    lines = {"DATABASE_URL": found.database_url, "REDIS_URL": found.redis_url}
    if found.redis_url.startswith("unix://"):
        lines["REDIS_SOCKET"] = unquote(found.redis_url.removeprefix("unix://"))
    for name, value in lines.items():
        # A shell takes these characters as they are where a variable is set; shlex would quote the question mark.
        plain = re.fullmatch(r"[\w@%+=:,./?-]*", value, re.ASCII)
        sys.stdout.write(f"{name}={value if plain else shlex.quote(value)}\n")
    if not running(settings):
        aside.print("The servers are not running: they are while `make run` is.", style="yellow")


@mail.callback(invoke_without_command=True)
def list_mail(context: typer.Context) -> None:
    """List the mails, oldest first; `mail show N` prints one."""
    if context.invoked_subcommand is not None:
        return
    settings = Settings()
    mails = read_mailbox(settings.home)
    for one in mails:
        screen.print(Text(f"{one.number:>4}  {one.sent_at:%Y-%m-%d %H:%M:%S}  {one.to}  {one.subject}"))
    if not mails:
        aside.print(Text(f"no mail in {settings.mailbox}"))


@mail.command("show")
def show_mail(number: Annotated[int, typer.Argument(help="The mail's number in the list.", min=1)]) -> None:
    """Print one mail."""
    chosen = next((one for one in read_mailbox(Settings().home) if one.number == number), None)
    if chosen is None:
        give_up(f"there is no mail {number}")
    screen.print(Text(f"Date: {chosen.sent_at:%Y-%m-%d %H:%M:%S} UTC\nTo: {chosen.to}\nSubject: {chosen.subject}\n"))
    screen.print(Text(chosen.text()))


def _welcome(settings: Settings, sign_ins: list[SignIn], seconds: float) -> None:
    address = settings.address
    aside.print(Text(f"\nLayette is open at {address} (ready after {seconds:.1f} s)", style="bold green"))
    aside.print(f"  GraphiQL  {address}/graphql")
    aside.print(Text(f"  Mail      {command('mail')}" if settings.smtp_url is None else "  Mail      over SMTP"))
    aside.print(Text(f"  Database  {command('env')}"))
    _print_sign_ins(sign_ins)
    aside.print("  Ctrl-C stops it.\n", style="dim")


def _print_sign_ins(sign_ins: list[SignIn]) -> None:
    if not sign_ins:
        return
    aside.print("  Sign-ins to try:")
    for one in sign_ins:
        aside.print(Text(f"    {one.email}  {one.password}  {one.note}".rstrip()))
