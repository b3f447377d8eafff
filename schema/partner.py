"""Partners and their keys, as staff see them and each partner sees itself."""

from datetime import date, datetime
from typing import Any

import strawberry
from graphql import GraphQLError
from sqlalchemy import ARRAY, Column, ColumnElement, Date, Integer, Text, Uuid, any_, cast, func, literal_column, select

from auth.permissions import PARTNER, staff
from models import partner as tables
from models.partner import PartnerStatus
from reads.declare import Argument, Columns, Key, column, entity, many, referenced, to, value
from schema.common import Node, PageInfo
from schema.errors import UserError

PREFIX = "prt"
KEY_PREFIX = "pky"
MOST_DAYS = 366

Day = date

READERS = staff("partner:read") + PARTNER

MANAGERS = staff("partner:manage")

PARTNERS = tables.Partner.__table__
TODAY = cast(func.timezone(literal_column("'UTC'"), func.now()), Date)

strawberry.enum(PartnerStatus, description="The keys of a DISABLED partner are no good.")


def scopes_now(key: Columns) -> ColumnElement[Any]:
    """What the key may do: those of its scopes that its partner has too."""
    own = func.unnest(key.scopes).table_valued(Column("scope", Text)).render_derived(name="own")
    held = select(own.c.scope).join_from(own, PARTNERS, PARTNERS.c.id == key.partner_id)
    held = held.where(own.c.scope == any_(PARTNERS.c.scopes)).order_by(own.c.scope)
    return func.array(held.correlate_except(own, PARTNERS).scalar_subquery(), type_=ARRAY(Text))


def few_days(days: int) -> int:
    if not 1 <= days <= MOST_DAYS:
        raise GraphQLError(f"`days` is 1 to {MOST_DAYS}.", extensions={"code": "BAD_USER_INPUT"})
    return days


@entity(
    tables.PartnerKey,
    prefix=KEY_PREFIX,
    readers=READERS,
    visible=(to(staff("partner:read")), to(PARTNER, lambda viewer, key: key.partner_id == viewer.partner_id)),
)
class PartnerKey:
    """A key of a partner. `prefix` is how it begins; the whole is shown once, when it is made."""

    id: strawberry.ID
    prefix: str
    label: str | None
    scopes: list[str] = column(scopes_now, nullable=False)
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@entity(
    tables.PartnerUsage,
    readers=READERS,
    description="Requests of a day (UTC), but for those of the last seconds. `refused` were beyond the budget, or "
    "came with a key that was no good.",
)
class PartnerUsage:
    date: Day = column(lambda usage: usage.day, nullable=False)
    requests: int
    refused: int


@entity(
    tables.Partner,
    prefix=PREFIX,
    readers=READERS,
    visible=(to(staff("partner:read")), to(PARTNER, lambda viewer, partner: partner.id == viewer.partner_id)),
    description="A company that reads from the shop by machine. `scopes` are what its keys may have; `networks` are "
    "the only ones they may be used from, none means any. `usage` has the days with requests, the latest first.",
)
class Partner(Node):
    id: strawberry.ID
    version: int
    name: str
    status: PartnerStatus
    scopes: list[str]
    networks: list[str]
    created_at: datetime
    keys: list[PartnerKey] = many(
        lambda partner, key: key.partner_id == partner.id, order=lambda key: (key.created_at.desc(), key.id.desc())
    )
    usage: list[PartnerUsage] = many(
        lambda partner, usage: usage.partner_id == partner.id,
        order=lambda usage: (usage.day.desc(),),
        arguments={
            "days": Argument(
                int, Integer(), where=lambda usage, days: usage.day > TODAY - days, convert=few_days, default=30
            )
        },
    )


BY_NAME = (Key(lambda partner, given: partner.name, Text()), Key(lambda partner, given: partner.id, Uuid()))


@value(readers=staff("partner:read"))
class PartnerEdge:
    cursor: str
    node: Partner


@value(readers=staff("partner:read"))
class PartnerConnection:
    edges: list[PartnerEdge]
    page_info: PageInfo


@strawberry.input(description="`networks` are CIDR blocks; none means any.")
class PartnerCreateInput:
    name: str
    scopes: list[str]
    networks: list[str] | None = strawberry.UNSET
    idempotency_key: str


@strawberry.input(
    description="What is left out stays as it is. `scopes` and `networks` are all of them: null leaves no scope, and "
    "lets in any network. What is taken away is gone with the next request."
)
class PartnerUpdateInput:
    id: strawberry.ID
    expected_version: int | None = strawberry.UNSET
    name: str | None = strawberry.UNSET
    scopes: list[str] | None = strawberry.UNSET
    networks: list[str] | None = strawberry.UNSET
    disabled: bool | None = strawberry.UNSET


@strawberry.input(description="`scopes` are some of the partner's, by default all it has now.")
class PartnerKeyIssueInput:
    partner_id: strawberry.ID
    label: str | None = strawberry.UNSET
    scopes: list[str] | None = strawberry.UNSET
    expires_at: datetime | None = strawberry.UNSET


@strawberry.input
class PartnerKeyRevokeInput:
    id: strawberry.ID


@value(readers=MANAGERS)
class PartnerCreatePayload:
    partner: Partner | None = referenced()
    user_errors: list[UserError]


@value(readers=MANAGERS)
class PartnerUpdatePayload:
    partner: Partner | None = referenced()
    user_errors: list[UserError]


@value(readers=MANAGERS)
class PartnerKeyIssuePayload:
    """`key` is in this answer alone."""

    key: str | None = None
    partner_key: PartnerKey | None = referenced()
    user_errors: list[UserError]


@value(readers=MANAGERS)
class PartnerKeyRevokePayload:
    partner_key: PartnerKey | None = referenced()
    user_errors: list[UserError]
