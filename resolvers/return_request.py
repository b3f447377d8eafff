"""Returns: queries and mutations."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.permissions import ANYONE, OWNER, staff
from auth.refusal import Refusal
from commerce import return_receipt, return_request
from commerce.idempotency import once
from commerce.return_receipt import Receipt
from commerce.return_request import NOT_FOUND, Draft
from models.ids import read_id
from reads.declare import one, page, value
from resolvers.context import Info
from resolvers.inputs import given
from resolvers.payloads import refer
from schema.common import by_id
from schema.errors import user_errors
from schema.return_quote import drafts_of
from schema.return_request import (
    LINE_PREFIX,
    NEWEST_FIRST,
    ORDER_PREFIX,
    PREFIX,
    STATUS,
    WRITERS,
    ReturnRequest,
    ReturnRequestCancelInput,
    ReturnRequestCancelPayload,
    ReturnRequestConnection,
    ReturnRequestCreateInput,
    ReturnRequestCreatePayload,
    ReturnRequestDecideInput,
    ReturnRequestDecidePayload,
    ReturnRequestReceiveInput,
    ReturnRequestReceivePayload,
)

Outcome = UUID | list[Refusal]


@value(readers=ANYONE)
class ReturnRequestQuery:
    return_request: ReturnRequest | None = one(arguments={"id": by_id(PREFIX, required=True)})
    return_requests: ReturnRequestConnection = page(
        sorts=NEWEST_FIRST, arguments={"status": STATUS}, readers=staff("return:read")
    )


@value(readers=WRITERS)
class ReturnRequestMutation:
    @strawberry.mutation(
        description="Asks to send something back, for its money or for another size or colour. What the shop's rules "
        "approve is approved at once, as is what staff ask for in the store.",
        metadata={"readers": OWNER + WRITERS},
    )
    async def return_request_create(self, info: Info, input: ReturnRequestCreateInput) -> ReturnRequestCreatePayload:
        context, sent = info.context, given(input)
        draft = Draft(read_id(ORDER_PREFIX, input.order_id), drafts_of(input.lines), sent.get("note"))
        outcome = await _once(
            info,
            "returnRequestCreate",
            sent | {"lines": draft.lines},
            lambda t: return_request.create(t, context.viewer, context.client.channel, draft),
        )
        return ReturnRequestCreatePayload(**_shown(outcome))

    @strawberry.mutation(
        description="Gives up a return of one's own, until something of it was received.", metadata={"readers": OWNER}
    )
    async def return_request_cancel(self, info: Info, input: ReturnRequestCancelInput) -> ReturnRequestCancelPayload:
        owner = info.context.account_id
        outcome = await _step(info, "returnRequestCancel", input, partial(return_request.cancel, owner_id=owner))
        return ReturnRequestCancelPayload(**_shown(outcome))

    @strawberry.mutation(
        description="Approves or declines a return, also against the rules' decision, until something was received."
    )
    async def return_request_decide(self, info: Info, input: ReturnRequestDecideInput) -> ReturnRequestDecidePayload:
        decide = partial(return_request.decide, approve=input.approve, message=given(input).get("message"))
        outcome = await _step(info, "returnRequestDecide", input, decide)
        return ReturnRequestDecidePayload(**_shown(outcome))

    @strawberry.mutation(
        description="Takes in what came of an approved return, once. What did not come may be asked for anew, and what "
        "was to be exchanged is ordered."
    )
    async def return_request_receive(self, info: Info, input: ReturnRequestReceiveInput) -> ReturnRequestReceivePayload:
        receipts = [Receipt(read_id(LINE_PREFIX, one.return_line_id), one.quantity, one.restock) for one in input.lines]
        receive = partial(return_receipt.receive, receipts=receipts, channel=info.context.client.channel)
        outcome = await _step(info, "returnRequestReceive", input, receive, lines=receipts)
        return ReturnRequestReceivePayload(**_shown(outcome))


async def _step(
    info: Info, operation: str, input: Any, step: Callable[..., Awaitable[Outcome]], **read: Any
) -> Outcome:
    """A step of the return with the input's id. `read`: parts of the input as they were read."""
    sent, request_id = given(input) | read, read_id(PREFIX, input.id)
    if request_id is None:
        return [NOT_FOUND]
    version = sent.get("expected_version")
    return await _once(info, operation, sent, lambda t: step(t, request_id=request_id, expected_version=version))


async def _once(
    info: Info, operation: str, sent: Mapping[str, Any], work: Callable[[AsyncConnection], Awaitable[Outcome]]
) -> Outcome:
    account_id = info.context.account_id
    return await info.context.database.transact(lambda t: once(t, account_id, operation, sent, lambda: work(t)))


def _shown(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, UUID):
        return {"return_request": refer(outcome), "user_errors": []}
    return {"return_request": None, "user_errors": user_errors(outcome)}
