"""Customers, as staff find them and decide about them."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.permissions import staff
from auth.refusal import Refusal
from commerce import customer as customers
from commerce.customer import Decider
from models.ids import read_id
from reads.declare import one, page, value
from resolvers.context import Info
from resolvers.payloads import refer
from schema.account import Customer
from schema.common import by_id
from schema.customer import (
    CONTACT,
    NEWEST_FIRST,
    PREFIX,
    SEARCH,
    WRITERS,
    CustomerConnection,
    CustomerDisableInput,
    CustomerDisablePayload,
    CustomerEnableInput,
    CustomerEnablePayload,
)
from schema.errors import UserError, user_errors

Decision = Callable[[AsyncConnection, UUID | None, str, Decider], Awaitable[Refusal | None]]


@value(readers=staff("customer:read"))
class CustomerQuery:
    customers: CustomerConnection = page(
        sorts=NEWEST_FIRST,
        arguments={"search": SEARCH},
        description="Customers, newest first. A search finds by a part of the name, the email address or the phone "
        "number, and needs a purpose as reading those does.",
    )
    customer: Customer | None = one(arguments={"id": by_id(PREFIX, required=True)})
    customer_by_contact: Customer | None = one(
        arguments={"contact": CONTACT},
        readers=staff("customer:read") + staff("customer:recognise"),
        description="Whoever has this whole email address or phone number, as said at the till; needs a purpose.",
    )


@value(readers=WRITERS)
class CustomerMutation:
    @strawberry.mutation(description="Disables an account: every session ends at once, and nobody can sign in.")
    async def customer_disable(self, info: Info, input: CustomerDisableInput) -> CustomerDisablePayload:
        key, errors = await _decide(info, input.id, input.reason, customers.disable)
        return CustomerDisablePayload(customer=refer(key), user_errors=errors)

    @strawberry.mutation(description="Lets the owner of a disabled account sign in anew; no session comes back.")
    async def customer_enable(self, info: Info, input: CustomerEnableInput) -> CustomerEnablePayload:
        key, errors = await _decide(info, input.id, input.reason, customers.enable)
        return CustomerEnablePayload(customer=refer(key), user_errors=errors)


async def _decide(info: Info, shown: str, reason: str, decision: Decision) -> tuple[UUID | None, list[UserError]]:
    viewer, key = info.context.viewer, read_id(PREFIX, shown)
    assert viewer.staff is not None
    decider = Decider(viewer.staff.staff_id, info.context.client.channel)
    refused = await info.context.database.transact(lambda transaction: decision(transaction, key, reason, decider))
    return (None, user_errors(refused)) if refused is not None else (key, [])
