"""The access log: what staff read of a person, as the person sees it, and as those see it who oversee the reading."""

from datetime import datetime

import strawberry
from sqlalchemy import DateTime, Uuid

from auth.permissions import ANYONE, OWNER, staff
from models import data_access as tables
from models.classification import Purpose
from models.ids import read_id
from reads.declare import Argument, Key, column, entity, one, to, value
from schema.common import PageInfo, shown_key
from schema.staff import StaffMember

PREFIX = "acc"
OVERSIGHT = staff("privacy:read")

LATEST_FIRST = (
    Key(lambda access, given: access.occurred_at, DateTime(timezone=True), descending=True),
    Key(lambda access, given: access.id, Uuid(), descending=True),
)


@entity(tables.DataAccess, prefix=PREFIX, readers=OWNER)
class DataAccess:
    """That somebody of the shop read of you: in what role, what for, and which categories of data; never who."""

    id: strawberry.ID
    occurred_at: datetime
    role: str
    purpose: Purpose
    case_reference: str | None
    categories: list[str]


@value(readers=ANYONE)
class DataAccessEdge:
    cursor: str
    node: DataAccess


@value(readers=ANYONE)
class DataAccessConnection:
    edges: list[DataAccessEdge]
    page_info: PageInfo


@entity(tables.DataAccess, prefix=PREFIX, readers=OVERSIGHT, visible=(to(OVERSIGHT),))
class StaffAccess:
    """A read of one request. Of whom, and under which case, is itself personal: seeing that needs a purpose."""

    id: strawberry.ID
    occurred_at: datetime
    customer_id: strawberry.ID | None = column(lambda access: shown_key("cus", access.account_id), nullable=False)
    staff: StaffMember | None = one(lambda access, member: member.id == access.staff_id)
    role: str
    purpose: Purpose
    case_reference: str | None
    categories: list[str]


@value(readers=ANYONE)
class StaffAccessEdge:
    cursor: str
    node: StaffAccess


@value(readers=ANYONE)
class StaffAccessConnection:
    edges: list[StaffAccessEdge]
    page_info: PageInfo


def of(prefix: str, name: str) -> Argument:
    """An argument that names whose accesses are shown; another type's id is nobody's."""
    return Argument(
        strawberry.ID | None,
        Uuid(),
        where=lambda access, key: access[name] == key,
        convert=lambda shown: read_id(prefix, shown),
    )
