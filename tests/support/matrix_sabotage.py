"""Ways to break who may read what, each of which the executed matrix has to find."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from graphql import GraphQLObjectType
from sqlalchemy import ColumnElement, func

import auth.access_log
import auth.permissions
import reads.planning
import resolvers.root
from auth.permissions import ANYONE, OWNER, staff
from reads.entities import strawberry_field
from reads.guards import Guard
from reads.nodes import Recorded
from reads.plan import Planner
from reads.planning import Planning
from reads.rows import RowReader
from reads.sqltext import SQLText
from reads.text import text

Sabotage = Callable[[pytest.MonkeyPatch], None]


def give(patch: pytest.MonkeyPatch, type_name: str, name: str, readers: Any) -> None:
    """Declares other readers of a field."""
    type_ = resolvers.root.core_schema().type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    declared = strawberry_field(type_, name)
    patch.setattr(declared, "metadata", MappingProxyType({**declared.metadata, "readers": readers}))


def a_reader_is_dropped(patch: pytest.MonkeyPatch) -> None:
    give(patch, "Customer", "username", OWNER)


def a_reader_is_added(patch: pytest.MonkeyPatch) -> None:
    give(patch, "Customer", "paymentMethods", OWNER + staff("customer:read"))


def an_owners_field_is_for_anyone(patch: pytest.MonkeyPatch) -> None:
    give(patch, "Address", "phone", ANYONE)


def a_root_is_for_more_staff(patch: pytest.MonkeyPatch) -> None:
    give(patch, "Query", "customers", staff("order:read"))


def a_mutation_is_for_all_staff(patch: pytest.MonkeyPatch) -> None:
    give(patch, "Mutation", "customerDisable", auth.permissions.MEMBER)


def purposes_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Guard, "personal", lambda self, field, elements: frozenset())


def purposes_are_not_asked_by_statements(patch: pytest.MonkeyPatch) -> None:
    personal = Guard.personal
    patch.setattr(
        Guard, "personal", lambda self, field, found: personal(self, field, found) if self.tolerant else frozenset()
    )


def purposes_are_not_asked_by_the_reference(patch: pytest.MonkeyPatch) -> None:
    personal = Guard.personal
    patch.setattr(
        Guard, "personal", lambda self, field, found: frozenset() if self.tolerant else personal(self, field, found)
    )


def relations_tell_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Planning, "told_by_relation", lambda self, field, reads, parent, table: frozenset())


def arguments_tell_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Planning, "told_by_argument", lambda self, field, name, readers, condition, table: frozenset())


def a_column_allows_all_purposes(patch: pytest.MonkeyPatch) -> None:
    objection = auth.permissions._objection
    patch.setattr(auth.permissions, "_objection", lambda access, personal: objection(access, []))


def a_role_reads_for_all_purposes(patch: pytest.MonkeyPatch) -> None:
    objection = auth.permissions._objection
    unknown = auth.permissions.Reason.PURPOSE_NOT_ALLOWED

    def lenient(access: Any, personal: Any) -> Any:
        found = objection(access, personal)
        return None if found is unknown and all(access.purpose in one.purposes for one in personal) else found

    patch.setattr(auth.permissions, "_objection", lenient)


def cases_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    objection = auth.permissions._objection
    missing = auth.permissions.Reason.CASE_REQUIRED
    patch.setattr(
        auth.permissions,
        "_objection",
        lambda access, personal: None if objection(access, personal) is missing else objection(access, personal),
    )


def obligations_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    standing = auth.permissions._standing
    due = auth.permissions.Reason.OBLIGATIONS_NOT_ACKNOWLEDGED
    patch.setattr(auth.permissions, "_standing", lambda access: None if standing(access) is due else standing(access))


def second_factors_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        auth.permissions,
        "_standing",
        lambda access: None if access.acknowledged else auth.permissions.Reason.OBLIGATIONS_NOT_ACKNOWLEDGED,
    )


def masks_are_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resolvers.root, "is_masked", lambda readers, access: False)


def masks_hide_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(resolvers.root, "mask", lambda personal, value: value)


def readers_are_masked_too(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        resolvers.root, "is_masked", lambda readers, access: any(one.masked for one in readers if one.admits(access))
    )


def nothing_is_recorded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Planning, "recorded", lambda self, parts, table, told=(): None)


def statements_record_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SQLText, "mark", lambda self, recorded, row: text(""))


def the_reference_records_nothing(patch: pytest.MonkeyPatch) -> None:
    async def forget(self: RowReader, recorder: Any) -> None:
        pass

    patch.setattr(RowReader, "record", forget)


def a_category_is_not_recorded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reads.planning, "Recorded", lambda subject, categories: Recorded(subject, categories[:1]))


def relations_are_not_recorded(patch: pytest.MonkeyPatch) -> None:
    personal_of = reads.planning.personal_of
    patch.setattr(
        reads.planning,
        "personal_of",
        lambda part: personal_of(part) if isinstance(part, reads.planning.Leaf) else frozenset(),
    )


def a_request_has_a_row_for_each_read(patch: pytest.MonkeyPatch) -> None:
    def another(request: Any, subject: Any) -> ColumnElement[Any]:
        return func.gen_random_uuid()

    patch.setattr(auth.access_log, "_row_of", another)


def others_rows_are_shown(patch: pytest.MonkeyPatch) -> None:
    visible = Planner.visible
    patch.setattr(Planner, "visible", lambda self, entity: visible(self, entity) and [])


def reasons_are_not_told(patch: pytest.MonkeyPatch) -> None:
    denial = auth.permissions.denial

    def silent(readers: Any, access: Any, personal: Any = ()) -> Any:
        found = denial(readers, access, personal)
        return found and auth.permissions.Denial(found.code)

    patch.setattr(resolvers.root, "denial", silent)


SABOTAGES: dict[Sabotage, str] = {
    a_reader_is_dropped: "support for PRODUCTS",
    a_reader_is_added: "support for PRODUCTS",
    an_owners_field_is_for_anyone: "support without a purpose",
    a_root_is_for_more_staff: "floor for PRODUCTS",
    a_mutation_is_for_all_staff: "floor for PRODUCTS",
    purposes_are_not_asked: "support without a purpose",
    purposes_are_not_asked_by_statements: "support without a purpose",
    purposes_are_not_asked_by_the_reference: "support without a purpose",
    relations_tell_nothing: "support without a purpose",
    arguments_tell_nothing: "floor without a purpose",
    a_column_allows_all_purposes: "legal for LEGAL_SAFETY with a case",
    a_role_reads_for_all_purposes: "support for LEGAL_SAFETY with a case",
    cases_are_not_asked: "support for ACCESS",
    obligations_are_not_asked: "support for PRODUCTS with a case, not acknowledged",
    second_factors_are_not_asked: "support for PRODUCTS with a case, no second factor",
    masks_are_dropped: "floor for PRODUCTS",
    masks_hide_nothing: "floor for PRODUCTS",
    readers_are_masked_too: "support for PRODUCTS",
    nothing_is_recorded: "support for PRODUCTS",
    statements_record_nothing: "support for PRODUCTS",
    the_reference_records_nothing: "support for PRODUCTS",
    a_category_is_not_recorded: "support for PRODUCTS",
    relations_are_not_recorded: "support for PRODUCTS",
    a_request_has_a_row_for_each_read: "support for PRODUCTS",
    others_rows_are_shown: "another customer",
    reasons_are_not_told: "floor for PRODUCTS",
}
"""Each with a caller who finds it."""
