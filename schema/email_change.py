"""What is given to change an account's address, and what is answered."""

import strawberry

from auth.permissions import ANYONE, OWNER
from reads.declare import referenced, value
from schema.account import Customer
from schema.errors import UserError


@strawberry.input
class EmailChangeRequestInput:
    new_email: str


@value(readers=OWNER)
class EmailChangeRequestPayload:
    """`accepted` is the same whether or not the address is somebody's: only its mailbox hears more."""

    accepted: bool
    user_errors: list[UserError]


@strawberry.input(description="`token` is from the letter to the new address.")
class EmailChangeConfirmInput:
    token: str


@value(readers=ANYONE)
class EmailChangeConfirmPayload:
    """`customer` is shown to a session of that account alone."""

    customer: Customer | None = referenced()
    user_errors: list[UserError]


@strawberry.input(description="`token` is from the letter to the old address, and good for seven days.")
class EmailChangeUndoInput:
    token: str


@value(readers=ANYONE)
class EmailChangeUndoPayload:
    undone: bool
    user_errors: list[UserError]
