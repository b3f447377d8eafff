"""What the engine is given to decide who may read what."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement


@dataclass(frozen=True)
class Permissions:
    """What the engine asks about a field's readers, whose meaning is not its business.

    `denial(readers, access, personal)` is None where a caller with this access may read a field that holds this of
    persons, else the error's `code` and `reason`; `operation_denial(readers, access)` the same for a mutation.
    `is_public(readers)`: everyone may. `is_masked(readers, access)`: the caller sees a `mask(personal, expression)`.
    `is_guarded(readers, access)`: what the field shows of persons is recorded for them when this caller reads it, which
    `records(access)` says may be so at all. `is_claimed(access)`: a session has to bear the access out, for what is
    hidden as well as for what is shown.
    """

    denial: Callable[..., Any]
    operation_denial: Callable[[Any, Any], Any]
    is_public: Callable[[Any], bool]
    is_masked: Callable[[Any, Any], bool]
    mask: Callable[[Any, ColumnElement[Any]], ColumnElement[Any]]
    records: Callable[[Any], bool]
    is_claimed: Callable[[Any], bool]
    is_guarded: Callable[[Any, Any], bool]
