"""Roles of staff, and the purposes they read personal data for: the code's own, as tables of constants."""

import strawberry
from sqlalchemy import ARRAY, Boolean, Column, Text

from auth import roles
from auth.permissions import MEMBER, staff
from models.classification import NotPersonal, Purpose
from reads.constants import constant_table
from reads.declare import entity, many, to

DECLARED = {"privacy": NotPersonal("declared in the code")}

strawberry.enum(
    Purpose, description="What personal data is used for: the headings of the privacy policy. `X-Purpose` names one."
)


class RoleTable:
    __table__ = constant_table(
        "role",
        [
            Column("name", Text, primary_key=True, info=DECLARED),
            Column("permissions", ARRAY(Text), nullable=False, info=DECLARED),
        ],
        [(role.name, sorted(role.permissions)) for role in roles.ROLES.values()],
    )


class RolePurposeTable:
    __table__ = constant_table(
        "role_purpose",
        [
            Column("role", Text, primary_key=True, info=DECLARED),
            Column("purpose", Text, primary_key=True, info=DECLARED),
            Column("case_required", Boolean, nullable=False, info=DECLARED),
        ],
        [
            (role.name, one.purpose.value, one.case_required)
            for role in roles.ROLES.values()
            for one in roles.purposes_of((role.name,))
        ],
    )


@entity(RolePurposeTable, readers=MEMBER)
class StaffPurpose:
    """A purpose that `X-Purpose` may name. With `caseRequired`, `X-Case` has to name the ticket or matter too."""

    purpose: Purpose
    case_required: bool


@entity(RoleTable, readers=MEMBER, visible=(to(staff("staff:read")),))
class Role:
    """What a member of staff may do: permissions are `noun:verb`, reading and writing apart."""

    name: str
    permissions: list[str]
    purposes: list[StaffPurpose] = many(
        lambda role, purpose: purpose.role == role.name, order=lambda purpose: (purpose.purpose,)
    )


def shown_purpose(purpose: roles.StaffPurpose) -> StaffPurpose:
    """A purpose as an object of the API."""
    return StaffPurpose(purpose=purpose.purpose, case_required=purpose.case_required)
