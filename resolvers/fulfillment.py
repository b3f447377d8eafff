"""Mutations that ship and deliver."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal
from commerce import fulfillment
from commerce import order as orders
from commerce.fulfillment import NO_SHIPMENT, Shipment
from commerce.idempotency import once
from models.ids import read_id
from reads.declare import value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.errors import user_errors
from schema.fulfillment import (
    LINE_PREFIX,
    ORDER_PREFIX,
    PREFIX,
    WRITERS,
    OrderFulfillInput,
    OrderFulfillPayload,
    OrderMarkDeliveredInput,
    OrderMarkDeliveredPayload,
)

Outcome = UUID | list[Refusal]


@value(readers=WRITERS)
class FulfillmentMutation:
    @strawberry.mutation(
        description="Ships what is ready of an order, or makes it ready to be collected. NOT_FULFILLABLE while the "
        "tailor has work with it."
    )
    async def order_fulfill(self, info: Info, input: OrderFulfillInput) -> OrderFulfillPayload:
        key, sent, channel = read_id(ORDER_PREFIX, input.id), given(input), info.context.client.channel
        tracking = (sent.get(name) for name in ("carrier", "tracking_number", "tracking_url"))
        shipment = Shipment(_lines(sent.get("lines")), *tracking)
        version = sent.get("expected_version")
        outcome = await _once(
            info,
            "orderFulfill",
            sent | {"lines": shipment.lines},
            key,
            lambda t, order_id: fulfillment.fulfill(t, order_id, shipment, channel, expected_version=version),
        )
        if isinstance(outcome, list):
            return OrderFulfillPayload(order=None, fulfillment=None, user_errors=user_errors(outcome))
        return OrderFulfillPayload(order=refer(key), fulfillment=refer(outcome), user_errors=[])

    @strawberry.mutation(
        description="Says that a shipment has arrived or was collected. The order is DELIVERED when all of it is, and "
        "the time to return it begins."
    )
    async def order_mark_delivered(self, info: Info, input: OrderMarkDeliveredInput) -> OrderMarkDeliveredPayload:
        key, sent = read_id(ORDER_PREFIX, input.id), given(input)
        shown, version = sent.get("fulfillment_id"), sent.get("expected_version")
        shipment_id = None if shown is None else read_id(PREFIX, shown)

        async def work(transaction: AsyncConnection, order_id: UUID) -> Outcome:
            if shown is not None and shipment_id is None:
                return [orders.NOT_FOUND if await orders.lock(transaction, order_id) is None else NO_SHIPMENT]
            return await fulfillment.deliver(
                transaction, order_id, fulfillment_id=shipment_id, expected_version=version
            )

        outcome = await _once(info, "orderMarkDelivered", sent, key, work)
        if isinstance(outcome, list):
            return OrderMarkDeliveredPayload(order=None, user_errors=user_errors(outcome))
        return OrderMarkDeliveredPayload(order=refer(outcome), user_errors=[])


def _lines(inputs: Any) -> list[tuple[UUID | None, int]] | None:
    return None if inputs is None else [(read_id(LINE_PREFIX, one.line_id), one.quantity) for one in inputs]


async def _once(
    info: Info,
    operation: str,
    sent: dict[str, Any],
    key: UUID | None,
    work: Callable[[AsyncConnection, UUID], Awaitable[Outcome]],
) -> Outcome:
    member = info.context.account_id
    if key is None:
        return [orders.NOT_FOUND]
    return await info.context.database.transact(lambda t: once(t, member, operation, sent, lambda: work(t, key)))
