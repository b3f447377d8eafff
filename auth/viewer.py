"""Who a request is, as a frozen value."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from secrets import token_hex
from uuid import UUID

from auth.roles import StaffPurpose
from models.classification import Channel


class ViewerKind(StrEnum):
    ANONYMOUS = "ANONYMOUS"
    CUSTOMER = "CUSTOMER"
    STAFF = "STAFF"
    PARTNER = "PARTNER"


@dataclass(frozen=True, slots=True)
class StaffFacts:
    """What decides about a member of staff.

    `stamp` is StaffMember.access_stamp when this was read: statements check that it still holds. `acknowledged`: the
    obligations' current version. `second_factor`: one was given where one is due.
    """

    staff_id: UUID
    stamp: int
    roles: tuple[str, ...]
    purposes: frozenset[StaffPurpose]
    acknowledged: bool
    second_factor: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What the request says that a member of staff reads for: X-Purpose, and X-Case, a ticket or matter.

    `request` is a random word that each request has its own of: it holds together what is recorded of its reads.
    """

    purpose: str | None = None
    case: str | None = None
    request: str = field(default_factory=lambda: token_hex(16), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Viewer:
    """`token_digest` is the SHA-256 of the session's token: reads of owned data check it inside their own statement.

    `permissions` are a member's `noun:verb`s or a partner's scopes. `cart_digest` is the SHA-256 of the cart's token
    that came with the request.
    """

    kind: ViewerKind = ViewerKind.ANONYMOUS
    account_id: UUID | None = None
    session_id: UUID | None = None
    token_digest: bytes | None = field(default=None, repr=False)
    permissions: frozenset[str] = frozenset()
    stepped_up_until: datetime | None = None
    channel: Channel = Channel.WEB
    staff: StaffFacts | None = None
    claim: Claim = Claim()
    partner_id: UUID | None = None
    cart_digest: bytes | None = field(default=None, repr=False)

    @property
    def access(self) -> "Access":
        """What decides about permissions, and nothing else: the part of the viewer that plans are cached by."""
        if self.staff is None:
            return Access(self.kind, self.permissions) if self.permissions else USUAL[self.kind]
        return Access(
            self.kind,
            self.permissions,
            self.staff.purposes,
            self.claim.purpose,
            self.claim.case is not None,
            self.staff.acknowledged,
            self.staff.second_factor,
        )


@dataclass(frozen=True, slots=True)
class Access:
    """Kind and permissions; of staff also what they may read for, and what they say they do."""

    kind: ViewerKind
    permissions: frozenset[str] = frozenset()
    purposes: frozenset[StaffPurpose] = frozenset()
    purpose: str | None = None
    has_case: bool = False
    acknowledged: bool = False
    second_factor: bool = False
    _hash: int = field(init=False, repr=False, compare=False)
    """Reckoned once: plans are looked up by it at each request."""

    def __post_init__(self) -> None:
        facts = self.kind, self.permissions, self.purposes, self.purpose, self.has_case
        object.__setattr__(self, "_hash", hash((*facts, self.acknowledged, self.second_factor)))

    def __hash__(self) -> int:
        return self._hash


USUAL = {kind: Access(kind) for kind in ViewerKind}
"""Access by kind alone, which most requests have: made once, and equal by identity."""

ANONYMOUS = Viewer()
