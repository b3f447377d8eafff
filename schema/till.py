"""Tills: registers in the store, their keys, and signing in at them."""

from datetime import datetime

import strawberry

from auth.permissions import ANYONE, staff
from models import till as tables
from reads.declare import entity, referenced, to, value
from schema.common import Node
from schema.errors import UserError
from schema.staff import StaffMember

PREFIX = "til"
MANAGERS = staff("till:manage")


@entity(tables.Till, prefix=PREFIX, readers=MANAGERS, visible=(to(MANAGERS),))
class Till(Node):
    """A register in the store. `keyPrefix` is how its key begins; the whole is shown once, when it is issued."""

    id: strawberry.ID
    version: int
    name: str
    disabled: bool
    key_prefix: str | None
    last_used_at: datetime | None


@strawberry.input(
    description="Without `id` it is a new till, and `name` is required. Disabling ends what is signed in to there."
)
class TillSaveInput:
    id: strawberry.ID | None = strawberry.UNSET
    expected_version: int | None = strawberry.UNSET
    name: str | None = strawberry.UNSET
    disabled: bool | None = strawberry.UNSET


@value(readers=MANAGERS)
class TillSavePayload:
    till: Till | None = referenced()
    user_errors: list[UserError]


@strawberry.input
class TillKeyIssueInput:
    till_id: strawberry.ID


@value(readers=MANAGERS)
class TillKeyIssuePayload:
    """`key` is shown here alone."""

    key: str | None = None
    till: Till | None = referenced()
    user_errors: list[UserError]


@strawberry.input(description="The till's key, and the address and PIN of who stands at it.")
class TillSignInInput:
    device_key: str
    staff_email: str
    pin: str


@strawberry.input(description="Six to twelve digits, and none that would be tried first.")
class StaffPinSetInput:
    pin: str


@value(readers=ANYONE)
class StaffPinSetPayload:
    staff: StaffMember | None = referenced()
    user_errors: list[UserError]
