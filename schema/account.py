"""Customers, as they see themselves."""

from datetime import datetime

import strawberry

from auth.permissions import OWNER, staff
from auth.sessions import is_live
from models import account as tables
from reads.declare import column, entity, many, one, page, to
from schema.address import Address
from schema.common import Node
from schema.login_session import LoginSession
from schema.order import NEWEST_FIRST, OrderConnection

READERS = OWNER + staff("customer:read")


@entity(
    tables.Account,
    name="Customer",
    prefix="cus",
    readers=READERS,
    visible=(to(OWNER, lambda viewer, account: account.id == viewer.account_id), to(staff("customer:read"))),
)
class Customer(Node):
    """A person with an account. Everything personal is nullable: null to those who may not see it."""

    id: strawberry.ID
    version: int
    created_at: datetime
    name: str | None
    email: str | None
    email_verified: bool | None = column(lambda account: account.email_verified_at.is_not(None), nullable=False)
    username: str | None
    phone: str | None
    addresses: list[Address] | None = many(
        lambda account, address: address.account_id == account.id, order=lambda address: (address.id,)
    )
    default_shipping_address: Address | None = one(
        lambda account, address: (address.account_id == account.id) & address.is_default_shipping
    )
    default_billing_address: Address | None = one(
        lambda account, address: (address.account_id == account.id) & address.is_default_billing
    )
    orders: OrderConnection | None = page(
        lambda account, order: order.account_id == account.id, sorts=NEWEST_FIRST, readers=OWNER + staff("order:read")
    )
    sessions: list[LoginSession] | None = many(
        lambda account, session: session.account_id == account.id,
        order=lambda session: (session.created_at.desc(), session.id.desc()),
        when=is_live,
        readers=OWNER,
    )
    disabled_at: datetime | None
