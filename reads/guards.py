"""May this caller read what a field shows of persons, by its value and by the conditions its rows are found under?"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError
from sqlalchemy import ColumnElement

from reads.arguments import CannotCompile
from reads.permissions import Permissions
from reads.traces import personal_in

REFUSED = "refused"


@dataclass(frozen=True)
class Field:
    """A field of a type, and who may read it."""

    type_name: str
    name: str
    readers: Any


@dataclass(frozen=True)
class Guard:
    """Decides for one kind of caller. A strict guard leaves what is refused to the reference way, which tells why."""

    permissions: Permissions
    access: Any
    tolerant: bool

    def admit(self, field: Field, personal: Iterable[Any] = ()) -> None:
        """Raises CannotCompile or, where it may be told, the error of a field that the caller may not read."""
        refused = self.permissions.denial(field.readers, self.access, personal)
        if refused is None:
            return
        if not self.tolerant:
            raise CannotCompile(REFUSED)
        raise refusal(refused, field)

    def personal(self, field: Field, elements: Iterable[ColumnElement[Any]]) -> frozenset[Any]:
        """What of persons these expressions tell the caller, who may read it: `admit` was asked.

        Nothing for those whom it tells without a purpose: they see their own rows, or what is public.
        """
        if not self.permissions.is_guarded(field.readers, self.access):
            return frozenset()
        found = personal_in(elements)
        self.admit(field, found)
        return found


def refusal(denial: Any, field: Field) -> GraphQLError:
    """The error of a field that this caller may not read."""
    extensions = {"code": str(denial.code)}
    if denial.reason is not None:
        extensions["reason"] = str(denial.reason)
    return GraphQLError(f"{field.type_name}.{field.name} is not for this caller.", extensions=extensions)
