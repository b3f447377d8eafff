"""What a return would pay back, before it is asked for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from inspect import Parameter
from typing import Any

import strawberry

from auth.permissions import OWNER, staff
from commerce.return_draft import LineDraft, quoted
from models.ids import key_of, read_id, show_id
from reads.declare import computed, value
from schema.common import Money
from schema.errors import UserError, user_errors
from schema.money import exact_money
from schema.refund import RefundLine
from schema.return_request import ORDER_LINE_PREFIX, VARIANT_PREFIX, ReturnLineInput

READERS = OWNER + staff("order:read")


@value(readers=READERS)
class ReturnQuote:
    """total = what the lines are worth + shippingAmount. Shipping comes back where the shop is at fault, or where all
    of the order is sent back within 14 days of its delivery. Nothing where it would be refused, as userErrors say.
    """

    lines: list[RefundLine]
    shipping_amount: Money
    total: Money
    user_errors: list[UserError]


def drafts_of(inputs: Sequence[ReturnLineInput]) -> list[LineDraft]:
    """The lines of a return as the rules take them; an id that is no such is one that nobody has."""
    return [
        LineDraft(
            read_id(ORDER_LINE_PREFIX, one.order_line_id),
            one.quantity,
            one.reason,
            bool(one.exchange_variant_id),
            read_id(VARIANT_PREFIX, one.exchange_variant_id) if one.exchange_variant_id else None,
        )
        for one in inputs
    ]


async def _make(needs: Mapping[str, str | None], info: Any, lines: list[ReturnLineInput]) -> ReturnQuote:
    order_id = needs["id"]
    assert order_id is not None
    work = partial(quoted, order_id=key_of(order_id), drafts=drafts_of(lines), now=datetime.now(UTC))
    balance, worth, refusals = await info.context.database.transact(work)
    return ReturnQuote(
        lines=[
            RefundLine(
                order_line_id=strawberry.ID(show_id(ORDER_LINE_PREFIX, line.order_line_id)),
                quantity=line.quantity,
                amount=exact_money(line.amount, balance.currency),
            )
            for line in worth.lines
        ],
        shipping_amount=exact_money(worth.shipping, balance.currency),
        total=exact_money(worth.total, balance.currency),
        user_errors=user_errors(refusals),
    )


def return_quote() -> Any:
    """The field of an order."""
    return computed(_make, "id", arguments={"lines": (list[ReturnLineInput], Parameter.empty)})
