"""Customers, as they see themselves."""

from datetime import datetime

import strawberry
from sqlalchemy import ColumnElement, DateTime, Uuid, select

from auth.permissions import ANYONE, OWNER, recognised, staff
from auth.session_life import is_live
from models import account as tables
from models.account import AccountEventKind, AccountKind
from models.classification import Channel
from reads.declare import Columns, Key, column, entity, many, one, page, referenced, to, value
from schema.address import Address
from schema.common import Node, PageInfo, word
from schema.data_access import LATEST_FIRST as LATEST_ACCESSES_FIRST
from schema.data_access import DataAccessConnection
from schema.errors import UserError
from schema.login_session import LoginSession
from schema.measurement import MeasurementSet
from schema.order import OrderConnection
from schema.order_filter import NEWEST_FIRST
from schema.payment import PaymentMethod
from schema.preference import CommunicationPreferences, Preferences
from schema.return_request import NEWEST_FIRST as LATEST_RETURNS_FIRST
from schema.return_request import ReturnRequestConnection

strawberry.enum(AccountEventKind)

READERS = OWNER + staff("customer:read")
FINDERS = READERS + staff("customer:recognise")
MASKED = READERS + recognised("customer:recognise")

CREDENTIALS = tables.Credential.__table__


@entity(tables.Acknowledgement, prefix="ack", readers=OWNER)
class Acknowledgement:
    """That a version of the privacy policy was accepted, and where; consent to nothing else (P2)."""

    id: strawberry.ID
    version: str = column(lambda accepted: accepted.policy_version, nullable=False)
    channel: Channel
    acknowledged_at: datetime
    withdrawn_at: datetime | None


@entity(tables.AccountEvent, prefix="evt", readers=OWNER)
class AccountEvent:
    """What happened to an account: a sign-in, a failure, a change. Its network is coarse, never an address."""

    id: strawberry.ID
    kind: AccountEventKind
    occurred_at: datetime
    device_name: str | None
    device_kind: str | None
    ip_network: str | None


@value(readers=ANYONE)
class AccountEventEdge:
    cursor: str
    node: AccountEvent


@value(readers=ANYONE)
class AccountEventConnection:
    edges: list[AccountEventEdge]
    page_info: PageInfo


LATEST_FIRST = (
    Key(lambda event, given: event.occurred_at, DateTime(timezone=True), descending=True),
    Key(lambda event, given: event.id, Uuid(), descending=True),
)


def is_customer(account: Columns) -> ColumnElement[bool]:
    """The accounts of staff are nobody's customers."""
    return account.kind == word(AccountKind.CUSTOMER)


@entity(
    tables.Account,
    name="Customer",
    prefix="cus",
    readers=READERS,
    visible=(
        to(OWNER, lambda viewer, account: account.id == viewer.account_id),
        to(staff("customer:read") + staff("customer:recognise"), lambda viewer, account: is_customer(account)),
    ),
)
class Customer(Node):
    """A person with an account. Everything personal is nullable: null to those who may not see it."""

    id: strawberry.ID = column(readers=FINDERS)
    version: int = column(readers=FINDERS)
    created_at: datetime = column(readers=FINDERS)
    name: str | None = column(readers=MASKED)
    email: str | None = column(readers=MASKED)
    email_verified: bool | None = column(lambda account: account.email_verified_at.is_not(None), nullable=False)
    username: str | None
    phone: str | None = column(readers=MASKED)
    has_password: bool | None = column(
        lambda account: select(CREDENTIALS.c.account_id).where(CREDENTIALS.c.account_id == account.id).exists(),
        nullable=False,
        readers=OWNER,
    )
    addresses: list[Address] | None = many(
        lambda account, address: address.account_id == account.id, order=lambda address: (address.id,)
    )
    default_shipping_address: Address | None = one(
        lambda account, address: (address.account_id == account.id) & address.is_default_shipping
    )
    default_billing_address: Address | None = one(
        lambda account, address: (address.account_id == account.id) & address.is_default_billing
    )
    payment_methods: list[PaymentMethod] | None = many(
        lambda account, method: method.account_id == account.id,
        order=lambda method: (method.created_at, method.id),
        readers=OWNER,
    )
    measurements: list[MeasurementSet] | None = many(
        lambda account, measured: measured.account_id == account.id,
        order=lambda measured: (measured.created_at, measured.id),
        readers=OWNER,
    )
    preferences: Preferences | None = one(lambda account, taste: taste.account_id == account.id)
    communication_preferences: CommunicationPreferences | None = one(
        lambda account, wishes: wishes.account_id == account.id
    )
    orders: OrderConnection | None = page(
        lambda account, order: order.account_id == account.id, sorts=NEWEST_FIRST, readers=OWNER + staff("order:read")
    )
    return_requests: ReturnRequestConnection | None = page(
        lambda account, asked: asked.account_id == account.id,
        sorts=LATEST_RETURNS_FIRST,
        readers=OWNER + staff("return:read"),
    )
    sessions: list[LoginSession] | None = many(
        lambda account, session: session.account_id == account.id,
        order=lambda session: (session.created_at.desc(), session.id.desc()),
        when=is_live,
        readers=OWNER,
    )
    account_activity: AccountEventConnection | None = page(
        lambda account, event: event.account_id == account.id, sorts=LATEST_FIRST, readers=OWNER
    )
    data_accesses: DataAccessConnection | None = page(
        lambda account, access: access.account_id == account.id, sorts=LATEST_ACCESSES_FIRST, readers=OWNER
    )
    acknowledgements: list[Acknowledgement] | None = many(
        lambda account, accepted: accepted.account_id == account.id,
        order=lambda accepted: (accepted.acknowledged_at, accepted.id),
        readers=OWNER,
    )
    disabled_at: datetime | None


@strawberry.input(
    description="What is left out stays as it is; a username or phone number that is null is removed. A username is "
    "3 to 30 letters from A to Z, digits and single . _ - between them; a phone number has its country code."
)
class AccountUpdateInput:
    expected_version: int | None = strawberry.UNSET
    name: str | None = strawberry.UNSET
    username: str | None = strawberry.UNSET
    phone: str | None = strawberry.UNSET


@value(readers=OWNER)
class AccountUpdatePayload:
    customer: Customer | None = referenced()
    user_errors: list[UserError]
