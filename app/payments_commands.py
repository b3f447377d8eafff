"""`python -m app payments`: the payment gateway's book, and settling what is open with it."""

import sys

import orjson
import typer
from rich.text import Text

from app.embedded import services
from app.settings import Settings
from app.terminal import aside, give_up, progress, run, screen

payments = typer.Typer(help="The payment gateway's book.", no_args_is_help=True)


@payments.command()
def charges() -> None:
    """Print the gateway's charges, oldest first, one JSON object a line; amounts are minor units."""
    from app import logging, payments_work
    from gateways.payments import GatewayTimeout

    logging.configure(Settings().log_format)

    async def print_all() -> None:
        async for line in payments_work.charges(Settings()):
            sys.stdout.write(f"{orjson.dumps(line).decode()}\n")

    try:
        run(print_all())
    except GatewayTimeout as error:
        give_up(f"the payment gateway does not answer: {error}")


@payments.command()
def reconcile() -> None:
    """Settle now what the worker settles every minute: orders not settled, and charges without an order."""
    from app import logging, payments_work

    settings = Settings()
    logging.configure(settings.log_format)
    with services(settings, progress=progress) as found:
        done = run(payments_work.settle(settings, found, progress))
    screen.print(
        Text(
            f"{done.placed} placed, {done.cancelled} cancelled, {done.undone} undone, {done.waiting} waiting, "
            f"{done.given_back} given back"
        )
    )
    if done.unreached:
        aside.print(Text(f"the payment gateway did not answer {done.unreached} times: try again", style="red"))
        raise SystemExit(1)
