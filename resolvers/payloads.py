"""What payloads are made of."""

from typing import Any
from uuid import UUID

from auth.viewer import Viewer, ViewerKind
from reads.declare import Ref


def refer(key: UUID | None) -> Any:
    """A payload's entity by its key: it is read for the selection that was asked, as the caller may see it."""
    return Ref(key) if key is not None else None


def customer_of(viewer: Viewer) -> Any:
    """The viewer's own account; None for staff, who are no customers."""
    return refer(viewer.account_id if viewer.kind is ViewerKind.CUSTOMER else None)
