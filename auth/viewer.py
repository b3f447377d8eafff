"""Who a request is, as a frozen value."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models.classification import Channel


class ViewerKind(StrEnum):
    ANONYMOUS = "ANONYMOUS"
    CUSTOMER = "CUSTOMER"
    STAFF = "STAFF"
    PARTNER = "PARTNER"


@dataclass(frozen=True, slots=True)
class Viewer:
    """`token_digest` is the SHA-256 of the session's token: reads of owned data check it inside their own statement."""

    kind: ViewerKind = ViewerKind.ANONYMOUS
    account_id: UUID | None = None
    session_id: UUID | None = None
    token_digest: bytes | None = field(default=None, repr=False)
    permissions: frozenset[str] = frozenset()
    stepped_up_until: datetime | None = None
    channel: Channel = Channel.WEB

    @property
    def access(self) -> "Access":
        """What decides about permissions, and nothing else: the part of the viewer that plans are cached by."""
        return Access(self.kind, self.permissions)


@dataclass(frozen=True, slots=True)
class Access:
    kind: ViewerKind
    permissions: frozenset[str] = frozenset()


ANONYMOUS = Viewer()
