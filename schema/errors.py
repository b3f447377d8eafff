"""Refusals that a person can act on."""

from collections.abc import Iterable

import strawberry

from auth.permissions import ANYONE
from auth.refusal import Refusal, RefusalCode
from reads.declare import value

strawberry.enum(RefusalCode, name="UserErrorCode")


@value(readers=ANYONE)
class UserError:
    """Why a mutation did nothing, for the person who asked."""

    code: RefusalCode
    field: list[str] | None = None
    message: str


def user_errors(refusals: Refusal | Iterable[Refusal]) -> list[UserError]:
    """The refusals as a payload shows them."""
    found = [refusals] if isinstance(refusals, Refusal) else refusals
    return [UserError(code=r.code, field=list(r.field) or None, message=r.message) for r in found]
