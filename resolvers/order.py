"""Order queries; placing, paying and cancelling orders."""

from uuid import UUID

import strawberry

from auth.permissions import ANYONE, OWNER, staff
from auth.refusal import Refusal
from commerce import order as orders
from commerce import order_cancelling, placing
from commerce.measurement import sealer_of
from commerce.money import Amount
from commerce.order_drafting import Named, Purchase
from commerce.placing import Desk
from models.ids import read_id
from models.order import OrderCancelReason
from reads.declare import one, page, value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema import quote
from schema.address import PREFIX as ADDRESS
from schema.cart import PREFIX as CART
from schema.common import by_id
from schema.errors import user_errors
from schema.order import PREFIX, Order, OrderConnection
from schema.order_filter import ORDER_FILTER, ORDER_SORTS, OrderSort
from schema.order_placement import (
    OrderCancelInput,
    OrderCancelPayload,
    OrderPaymentContinueInput,
    OrderPaymentContinuePayload,
    OrderPlaceInput,
    OrderPlacePayload,
)
from schema.payment import PREFIX as PAYMENT_METHOD
from schema.payment_action import shown_action


@value(readers=ANYONE)
class OrderQuery:
    order: Order | None = one(arguments={"id": by_id(PREFIX, required=True)})
    orders: OrderConnection = page(
        sorts=ORDER_SORTS, sort=OrderSort.NEWEST, filter=ORDER_FILTER, readers=staff("order:read")
    )


@value(readers=ANYONE)
class OrderMutation:
    @strawberry.mutation(
        description="Orders and pays what is in a cart. With each refusal but PAYMENT_ACTION_REQUIRED nothing is "
        "taken and the cart stays."
    )
    async def order_place(self, info: Info, input: OrderPlaceInput) -> OrderPlacePayload:
        channel = info.context.client.channel
        placed = await placing.place(_desk(info), info.context.viewer, _purchase(input), channel)
        return OrderPlacePayload(
            order=refer(placed.order_id),
            payment_action=shown_action(placed.action),
            quote=quote.shown(placed.quoted) if placed.quoted else None,
            user_errors=user_errors(placed.refusals),
        )


@value(readers=OWNER)
class OrderPaymentMutation:
    @strawberry.mutation(description="Asks how the customer's paymentAction ended, and settles the order by that.")
    async def order_payment_continue(self, info: Info, input: OrderPaymentContinueInput) -> OrderPaymentContinuePayload:
        key = read_id(PREFIX, input.id)
        placed = await placing.carry_on(_desk(info), info.context.viewer, key, given(input))
        return OrderPaymentContinuePayload(
            order=refer(placed.order_id),
            payment_action=shown_action(placed.action),
            user_errors=user_errors(placed.refusals),
        )


@value(readers=OWNER + staff(order_cancelling.PERMISSION))
class OrderCancelMutation:
    @strawberry.mutation(
        description="Cancels an order of which nothing was shipped or cut, and pays back what was paid."
    )
    async def order_cancel(self, info: Info, input: OrderCancelInput) -> OrderCancelPayload:
        key, sent, viewer = read_id(PREFIX, input.id), given(input), info.context.viewer
        outcome: UUID | list[Refusal] = [orders.NOT_FOUND]
        if key is not None:
            outcome = await info.context.database.transact(
                lambda t: order_cancelling.cancel(
                    t,
                    viewer,
                    key,
                    sent,
                    reason=input.reason or OrderCancelReason.CHANGED_MIND,
                    expected_version=sent.get("expected_version"),
                )
            )
        if isinstance(outcome, list):
            return OrderCancelPayload(order=None, user_errors=user_errors(outcome))
        return OrderCancelPayload(order=refer(key), user_errors=[])


def _desk(info: Info) -> Desk:
    services = info.context.services
    return Desk(services.database, services.payments, services.shop.store, sealer_of(services.secret))


def _purchase(input: OrderPlaceInput) -> Purchase:
    """What the input asks for. An id that is none names what nobody has."""
    expected = input.expected_total
    return Purchase(
        Named(read_id(CART, input.cart_id)),
        Amount(expected.amount, expected.currency_code),
        Named(read_id(ADDRESS, input.billing_address_id)),
        input.shipping_method,
        input.idempotency_key,
        Named(read_id(ADDRESS, input.shipping_address_id)) if input.shipping_address_id else None,
        Named(read_id(PAYMENT_METHOD, input.payment_method_id)) if input.payment_method_id else None,
        input.gateway_token or None,
    )
