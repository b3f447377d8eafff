"""People who work for the shop: their roles, invitations and obligations."""

from datetime import datetime

import strawberry
from sqlalchemy import ColumnElement, Text, Uuid, func, select

from auth.permissions import ANYONE, MEMBER, staff
from commerce.second_factor import is_enrolled
from models import staff as tables
from models.second_factor import SecondFactor
from models.staff import StaffKind, StaffRole, StaffStatus
from reads.declare import Columns, Key, column, entity, many, referenced, to, value
from schema.common import Node, PageInfo
from schema.errors import UserError
from schema.login_session import SessionTransport
from schema.role import Role

PREFIX = "stf"
MANAGERS = staff("staff:manage")

HELD = StaffRole.__table__
FACTORS = SecondFactor.__table__

strawberry.enum(StaffKind)
strawberry.enum(
    StaffStatus,
    description="An INVITED member has not accepted yet; a DISABLED one has no session and cannot sign in.",
)


def has_role(member: Columns, role: Columns) -> ColumnElement[bool]:
    held = select(HELD.c.role).where(HELD.c.staff_id == member.id, HELD.c.role == role.name)
    return held.correlate_except(HELD).exists()


def has_confirmed_factor(member: Columns) -> ColumnElement[bool]:
    confirmed = select(FACTORS.c.id).where(FACTORS.c.account_id == member.account_id, is_enrolled(FACTORS.c))
    return confirmed.correlate_except(FACTORS).exists()


@entity(
    tables.StaffMember,
    prefix=PREFIX,
    readers=staff("staff:read") + MEMBER,
    visible=(to(staff("staff:read")), to(MEMBER, lambda viewer, member: member.account_id == viewer.account_id)),
)
class StaffMember(Node):
    """Someone who works for the shop, by an account that is apart from any they buy with."""

    id: strawberry.ID
    version: int
    name: str | None
    email: str | None
    kind: StaffKind
    status: StaffStatus
    roles: list[Role] = many(has_role, order=lambda role: (role.name,))
    has_second_factor: bool = column(has_confirmed_factor, nullable=False)
    obligations_version: str | None
    invited_at: datetime
    last_sign_in_at: datetime | None


@value(readers=staff("staff:read"))
class StaffEdge:
    cursor: str
    node: StaffMember


@value(readers=staff("staff:read"))
class StaffConnection:
    edges: list[StaffEdge]
    page_info: PageInfo


BY_NAME = (
    Key(lambda member, given: func.lower(member.name), Text()),
    Key(lambda member, given: member.id, Uuid()),
)


# ---- inviting


@strawberry.input(
    description="Roles are names of `roles`. An invitation that was not accepted yet is renewed: the one before dies."
)
class StaffInviteInput:
    name: str
    email: str
    kind: StaffKind
    roles: list[str]
    idempotency_key: str


@value(readers=ANYONE)
class StaffInvitePayload:
    staff: StaffMember | None = referenced()
    user_errors: list[UserError]


@strawberry.input(description="`token` is from the mail, and good for seven days.")
class StaffInviteAcceptInput:
    token: str
    password: str
    transport: SessionTransport | None = SessionTransport.TOKEN


# ---- changing what a member may do


@strawberry.input(description="All of the member's roles by their names. None may be given or taken that one lacks.")
class StaffRolesSetInput:
    id: strawberry.ID
    roles: list[str]
    expected_version: int | None = strawberry.UNSET


@value(readers=ANYONE)
class StaffRolesSetPayload:
    staff: StaffMember | None = referenced()
    user_errors: list[UserError]


@strawberry.input
class StaffDisableInput:
    id: strawberry.ID
    expected_version: int | None = strawberry.UNSET


@value(readers=ANYONE)
class StaffDisablePayload:
    staff: StaffMember | None = referenced()
    user_errors: list[UserError]


@strawberry.input
class StaffEnableInput:
    id: strawberry.ID
    expected_version: int | None = strawberry.UNSET


@value(readers=ANYONE)
class StaffEnablePayload:
    staff: StaffMember | None = referenced()
    user_errors: list[UserError]


# ---- obligations


@value(readers=MEMBER)
class ObligationsStatus:
    """What staff acknowledge before they read personal data. `current`: the version in force was acknowledged."""

    current: bool
    version: str
    text: str
    acknowledged_version: str | None
    acknowledged_at: datetime | None


@strawberry.input(description="`version` is the one in force, as `viewer.obligations` shows it.")
class ObligationsAcknowledgeInput:
    version: str


@value(readers=MEMBER)
class ObligationsAcknowledgePayload:
    obligations: ObligationsStatus | None
    user_errors: list[UserError]
