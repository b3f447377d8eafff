"""`python -m app permissions`: who may read a field, and for what."""

import sys
from typing import Annotated

import typer

from app.terminal import give_up
from auth.roles import ROLES
from models.classification import Purpose


def permissions(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[TYPE[.FIELD]]",
            help='Such as Customer, Customer.email or "Query.customers(search)"; all of them when left out.',
        ),
    ] = "",
    role: Annotated[str, typer.Option(help="Of this role of staff only.")] = "",
    purpose: Annotated[Purpose | None, typer.Option(help="For staff who read for this only.")] = None,
) -> None:
    """Who may read a field, and for what? The whole answer is docs/permissions.md."""
    from app.permissions_answers import answers
    from resolvers.root import core_schema

    if role and role not in ROLES:
        give_up(f"there is no role {role}; there is {', '.join(ROLES)}")
    found = list(answers(core_schema(), what, role, purpose))
    if not found:
        give_up(f"there is no field {what}")
    sys.stdout.write("\n".join(found) + "\n")
