"""What staff read of persons, recorded by the statement that reads it; the person sees it without the member's name."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Text, Uuid, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import Insert, insert

from auth.viewer import Access, Viewer, ViewerKind
from models.data_access import DataAccess


def records(access: Access) -> bool:
    """Whether what this kind of caller reads of persons is recorded for them."""
    return access.kind is ViewerKind.STAFF


def recorder(subjects: Any, parameter: Callable[..., ColumnElement[Any]]) -> Insert:
    """Writes a row for each person that was read: `subjects` has `subject` and `categories`.

    One request has one row for a person: what it reads of them later is added to it.
    """
    request = parameter(Text(), lambda variables, viewer: viewer.claim.request)
    columns = {
        DataAccess.id: _row_of(request, subjects.c.subject),
        DataAccess.account_id: subjects.c.subject,
        DataAccess.staff_id: parameter(Uuid(), lambda variables, viewer: member(viewer)),
        DataAccess.role: parameter(Text(), lambda variables, viewer: role(viewer)),
        DataAccess.purpose: parameter(Text(), lambda variables, viewer: viewer.claim.purpose),
        DataAccess.case_reference: parameter(Text(), lambda variables, viewer: viewer.claim.case),
        DataAccess.categories: subjects.c.categories,
    }
    # In one order, so that two statements of a request never wait for each other.
    rows = select(*columns.values()).order_by(subjects.c.subject)
    written = insert(DataAccess).from_select(list(columns), rows, include_defaults=False)
    return written.on_conflict_do_update(index_elements=[DataAccess.id], set_={"categories": _together(written)})


def _row_of(request: ColumnElement[str], subject: ColumnElement[Any]) -> ColumnElement[Any]:
    """The key of a request's row for a person, which nobody can guess who does not know the request's own."""
    digest = func.sha256(func.convert_to(request + cast(subject, Text), literal_column("'UTF8'")))
    hexadecimal = func.encode(digest, literal_column("'hex'"), type_=Text)
    return cast(func.left(hexadecimal, literal_column("32"), type_=Text), Uuid)


def _together(written: Any) -> ColumnElement[Any]:
    """The categories that the row has and the new ones."""
    both = func.unnest(DataAccess.categories + written.excluded.categories).column_valued("category")
    return func.array(select(both).distinct().order_by(both).scalar_subquery())


def member(viewer: Viewer) -> Any:
    return viewer.staff.staff_id if viewer.staff is not None else None


def role(viewer: Viewer) -> str:
    """The roles that the member has, in one order."""
    return ", ".join(sorted(viewer.staff.roles)) if viewer.staff is not None else ""
