"""What staff read of persons, recorded by the statement that reads it; the person sees it without the member's name."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Insert, Text, Uuid, func, insert, select

from auth.viewer import Access, Viewer, ViewerKind
from models.data_access import DataAccess


def records(access: Access) -> bool:
    """Whether what this kind of caller reads of persons is recorded for them."""
    return access.kind is ViewerKind.STAFF


def recorder(subjects: Any, parameter: Callable[..., ColumnElement[Any]]) -> Insert:
    """Writes one row for each person that was read: `subjects` has `subject` and `categories`."""
    columns = {
        DataAccess.id: func.gen_random_uuid(),
        DataAccess.account_id: subjects.c.subject,
        DataAccess.staff_id: parameter(Uuid(), lambda variables, viewer: member(viewer)),
        DataAccess.role: parameter(Text(), lambda variables, viewer: role(viewer)),
        DataAccess.purpose: parameter(Text(), lambda variables, viewer: viewer.claim.purpose),
        DataAccess.case_reference: parameter(Text(), lambda variables, viewer: viewer.claim.case),
        DataAccess.categories: subjects.c.categories,
    }
    return insert(DataAccess).from_select(list(columns), select(*columns.values()), include_defaults=False)


def member(viewer: Viewer) -> Any:
    return viewer.staff.staff_id if viewer.staff is not None else None


def role(viewer: Viewer) -> str:
    """The roles that the member has, in one order."""
    return ", ".join(sorted(viewer.staff.roles)) if viewer.staff is not None else ""
