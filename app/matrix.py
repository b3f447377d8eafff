"""Who may read which field, for what: decided by the very functions that decide about requests, for every caller.

Of staff it is asked by role, purpose, and whether a ticket or matter is named.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product

from graphql import GraphQLSchema

from auth.permissions import denial, is_masked, is_public, operation_denial
from auth.roles import ROLES, permissions_of, purposes_of
from auth.scopes import SCOPES
from auth.viewer import Access, ViewerKind
from models.classification import Purpose
from reads.disclosure import Disclosure, disclosures


class Verdict(StrEnum):
    READ = "READ"
    MASKED = "MASKED"
    REFUSED = "REFUSED"


@dataclass(frozen=True)
class Ruling:
    """What a caller gets of a field. `code` and `reason` are those of the error, where it is refused."""

    verdict: Verdict
    code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What staff read for. `with_case`: X-Case names a ticket or matter."""

    purpose: Purpose
    with_case: bool

    def __str__(self) -> str:
        return f"{self.purpose} with a case" if self.with_case else self.purpose.value


READINGS = tuple(Reading(purpose, with_case) for purpose, with_case in product(Purpose, (False, True)))


def ruling(schema: GraphQLSchema, disclosure: Disclosure, access: Access) -> Ruling:
    """What a caller with this access gets of the field."""
    field, personal = disclosure.field, disclosure.personal
    called = {type_.name for type_ in (schema.mutation_type, schema.subscription_type) if type_ is not None}
    if field.type_name in called:
        refused = operation_denial(field.readers, access)
    else:
        refused = denial(field.readers, access, personal)
    if refused is not None:
        return Ruling(Verdict.REFUSED, refused.code, refused.reason)
    masked = bool(personal) and not is_public(field.readers) and is_masked(field.readers, access)
    return Ruling(Verdict.MASKED if masked else Verdict.READ)


def in_role(role: str, reading: Reading | None = None) -> Access:
    """A member of staff in good standing who has this one role, and reads for this."""
    access = Access(
        ViewerKind.STAFF,
        permissions_of((role,)),
        frozenset(purposes_of((role,))),
        acknowledged=True,
        second_factor=True,
    )
    return access if reading is None else replace(access, purpose=reading.purpose.value, has_case=reading.with_case)


OTHERS = {
    "anonymous": Access(ViewerKind.ANONYMOUS),
    "customer": Access(ViewerKind.CUSTOMER),
    "partner": Access(ViewerKind.PARTNER),
    **{f"partner, {scope}": Access(ViewerKind.PARTNER, frozenset({scope})) for scope in SCOPES},
}
"""Callers who are not staff. Which rows they see is not asked here: customers see their own."""


@dataclass(frozen=True)
class Row:
    """A field or an argument, and what each caller gets of it.

    Of staff in good standing: by role without a purpose, and for each reading.
    """

    disclosure: Disclosure
    others: dict[str, Ruling]
    plain: dict[str, Ruling]
    readings: dict[str, dict[Reading, Ruling]]


def rows(schema: GraphQLSchema) -> Iterator[Row]:
    """The whole matrix, by type."""
    plain = {role: in_role(role) for role in ROLES}
    reading = {role: {one: in_role(role, one) for one in READINGS} for role in ROLES}
    for disclosure in disclosures(schema):
        yield Row(
            disclosure,
            {caller: ruling(schema, disclosure, access) for caller, access in OTHERS.items()},
            {role: ruling(schema, disclosure, access) for role, access in plain.items()},
            {
                role: {one: ruling(schema, disclosure, access) for one, access in found.items()}
                for role, found in reading.items()
            },
        )
