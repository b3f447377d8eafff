"""Refunding an order."""

from typing import Any
from uuid import UUID

import strawberry

from commerce import refund_settling
from commerce.idempotency import once
from commerce.money import Amount
from commerce.refund_request import Asked, OfLines, OfReturn, refund_order
from models.ids import read_id
from reads.declare import value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.errors import user_errors
from schema.fulfillment import LINE_PREFIX, ORDER_PREFIX
from schema.order_refund import REFUNDERS, OrderRefundInput, OrderRefundPayload
from schema.return_request import PREFIX as RETURN_PREFIX


@value(readers=REFUNDERS)
class RefundMutation:
    @strawberry.mutation(
        description="Pays back what came of a return, lines by their worth, or an amount; never more than is left of "
        "what was paid, and no piece twice: NOT_REFUNDABLE."
    )
    async def order_refund(self, info: Info, input: OrderRefundInput) -> OrderRefundPayload:
        context, sent, order_id = info.context, given(input), read_id(ORDER_PREFIX, input.id)
        member, version = context.account_id, sent.get("expected_version")
        asked = Asked(_what(sent), input.reason, bool(input.shipping), sent.get("tender"))
        outcome = await context.database.transact(
            lambda t: once(
                t,
                member,
                "orderRefund",
                sent | {"lines": asked.what},
                lambda: refund_order(t, order_id, asked, expected_version=version),
            )
        )
        if not isinstance(outcome, UUID):
            return OrderRefundPayload(order=None, refund=None, user_errors=user_errors(outcome))
        await refund_settling.settle_soon(context.database, context.services.payments, outcome)
        return OrderRefundPayload(order=refer(order_id), refund=refer(outcome), user_errors=[])


def _what(sent: dict[str, Any]) -> list[OfReturn | OfLines | Amount]:
    """What the refund is of, as far as it is given."""
    found: list[OfReturn | OfLines | Amount] = []
    if sent.get("return_request_id") is not None:
        found.append(OfReturn(read_id(RETURN_PREFIX, sent["return_request_id"])))
    if sent.get("lines") is not None:
        found.append(OfLines([(read_id(LINE_PREFIX, one.line_id), one.quantity) for one in sent["lines"]]))
    if sent.get("amount") is not None:
        found.append(Amount(sent["amount"].amount, sent["amount"].currency_code))
    return found
