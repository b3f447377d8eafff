"""What payloads are made of."""

from typing import Any
from uuid import UUID

from reads.declare import Ref


def refer(key: UUID | None) -> Any:
    """A payload's entity by its key: it is read for the selection that was asked, as the caller may see it."""
    return Ref(key) if key is not None else None
