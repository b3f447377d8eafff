"""What is given to set or change a password, and what is answered."""

import strawberry

from auth.permissions import ANYONE, SIGNED_IN
from reads.declare import referenced, value
from schema.account import Customer
from schema.errors import UserError


@strawberry.input
class PasswordResetRequestInput:
    email: str


@value(readers=ANYONE)
class PasswordResetRequestPayload:
    """`accepted` is the same whether or not the address has an account: only its mailbox hears more."""

    accepted: bool
    user_errors: list[UserError]


@strawberry.input(description="`token` is from the letter.")
class PasswordResetInput:
    token: str
    new_password: str


@value(readers=ANYONE)
class PasswordResetPayload:
    """`customer` is always null: one signs in afterwards, with whatever else that takes."""

    customer: Customer | None = referenced()
    user_errors: list[UserError]


@strawberry.input
class PasswordChangeInput:
    current_password: str
    new_password: str


@value(readers=SIGNED_IN)
class PasswordChangePayload:
    customer: Customer | None = referenced()
    user_errors: list[UserError]
