"""Return requests: asked for, decided by rule or by staff, given up.

    REQUESTED → APPROVED → RECEIVED → REFUNDED        REQUESTED, APPROVED → DECLINED, CANCELLED

Every function locks the order first: what is returnable changes under nobody's hands. A request of another customer is
NOT_FOUND, before any other refusal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.viewer import Viewer
from commerce import order_balance, return_letters, return_rules, text
from commerce.numbers import new_number
from commerce.order import lock, lock_for
from commerce.order_status import tell
from commerce.refund_worth import Worth, of_units
from commerce.return_draft import LineDraft, checked, units_of
from gateways.notices import of_order
from models.classification import Channel
from models.database import note_change
from models.ids import new_id
from models.order import OrderEventKind
from models.return_request import ReturnLine, ReturnRequest, ReturnStatus

RMA = "R"
TALK_LIMIT = 1000
WRITING = "return:write"

OPEN = (ReturnStatus.REQUESTED, ReturnStatus.APPROVED)
"""Until something was received."""

NOT_FOUND = Refusal(RefusalCode.NOT_FOUND, "There is no such return.", ("id",))
NO_ORDER = Refusal(RefusalCode.NOT_FOUND, "There is no such order.", ("orderId",))
VERSION_CONFLICT = Refusal(RefusalCode.VERSION_CONFLICT, "The return was changed meanwhile.", ("expectedVersion",))

Outcome = UUID | list[Refusal]


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be sent back, and what its customer says about it."""

    order_id: UUID | None
    lines: Sequence[LineDraft]
    note: str | None = None


async def create(transaction: AsyncConnection, viewer: Viewer, channel: Channel, draft: Draft) -> Outcome:
    """Asks for a return of what is returnable; by rule it is approved at once, as is what staff ask for.

    NOT_FOUND for an order that is not the viewer's, unless they write returns; the refusals of `return_draft.checked`.
    """
    order = await lock_for(transaction, viewer, draft.order_id, WRITING) if draft.order_id is not None else None
    if order is None:
        return [NO_ORDER]
    balance = await order_balance.load(transaction, order.id)
    note = text.multiline(draft.note, field=("note",), limit=TALK_LIMIT)
    refusals = await checked(transaction, balance, draft.lines)
    if refusals:
        return refusals
    if isinstance(note, Refusal):
        return [note]
    status = ReturnStatus.REQUESTED
    if WRITING in viewer.permissions or await _approves_itself(transaction, order.account_id, balance, draft.lines):
        status = ReturnStatus.APPROVED
    values = {"order_id": order.id, "account_id": order.account_id, "channel": channel, "status": status}
    request_id = await _insert(transaction, values | {"note": note or None})
    lines = [
        {
            "id": new_id(),
            "return_request_id": request_id,
            "order_line_id": line.order_line_id,
            "quantity": line.quantity,
            "reason": line.reason,
            "exchange_variant_id": line.exchange_variant_id,
        }
        for line in draft.lines
    ]
    await transaction.execute(insert(ReturnLine), lines)
    await tell(transaction, order.id, OrderEventKind.RETURN_REQUESTED, return_request_id=request_id)
    if status is ReturnStatus.APPROVED:
        await _announce(transaction, order.id, request_id, status)
    return request_id


async def _approves_itself(
    transaction: AsyncConnection, account_id: UUID | None, balance: order_balance.Balance, lines: Sequence[LineDraft]
) -> bool:
    earlier = select(func.count()).where(
        ReturnRequest.account_id == account_id,
        ReturnRequest.status != ReturnStatus.CANCELLED,
        ReturnRequest.created_at > func.now() - return_rules.TRUSTED_SPAN,
    )
    recent = await transaction.scalar(earlier) or 0
    worth = Worth(of_units(balance, units_of(lines))).total
    return return_rules.approves_itself({line.reason for line in lines}, worth, recent)


async def _insert(transaction: AsyncConnection, values: dict[str, Any]) -> UUID:
    """Writes the request; draws another number where this one was drawn before."""
    while True:
        row = insert_or_skip(ReturnRequest).values(id=new_id(), rma=new_number(RMA), **values)
        made = await transaction.scalar(
            row.on_conflict_do_nothing(index_elements=[ReturnRequest.rma]).returning(ReturnRequest.id)
        )
        if made is not None:
            return made


async def cancel(
    transaction: AsyncConnection, owner_id: UUID, request_id: UUID, *, expected_version: int | None = None
) -> Outcome:
    """Gives up a return of one's own that nothing was received of: ILLEGAL_TRANSITION from then on."""
    request = await find(transaction, request_id)
    if request is None or request.account_id != owner_id:
        return [NOT_FOUND]
    refused = stale(request, expected_version) or barred(request, OPEN)
    if refused:
        return [refused]
    await set_status(transaction, request_id, ReturnStatus.CANCELLED)
    note_change(transaction, *of_order(request.order_id))
    return request_id


async def decide(
    transaction: AsyncConnection,
    request_id: UUID,
    *,
    approve: bool,
    message: str | None = None,
    expected_version: int | None = None,
) -> Outcome:
    """Approves or declines a return, also against what a rule decided, until something is received.

    ILLEGAL_TRANSITION from then on, and for one that was declined or given up. To approve again changes nothing.
    """
    request = await find(transaction, request_id)
    if request is None:
        return [NOT_FOUND]
    answer = text.multiline(message, field=("message",), limit=TALK_LIMIT)
    refused = stale(request, expected_version) or barred(request, OPEN)
    if refused or isinstance(answer, Refusal):
        return [found for found in (refused, answer) if isinstance(found, Refusal)]
    status = ReturnStatus.APPROVED if approve else ReturnStatus.DECLINED
    if request.status == status and not answer:
        return request_id
    await set_status(transaction, request_id, status, message=answer or None)
    await _announce(transaction, request.order_id, request_id, status)
    return request_id


async def _announce(transaction: AsyncConnection, order_id: UUID, request_id: UUID, status: ReturnStatus) -> None:
    await tell(transaction, order_id, OrderEventKind.RETURN_DECIDED, return_request_id=request_id)
    await return_letters.promise_decision(transaction, request_id, approved=status is ReturnStatus.APPROVED)


# ---- what every step of a return needs


async def find(transaction: AsyncConnection, request_id: UUID) -> Any:
    """The request's row, its order locked; None where there is none."""
    order_id = await transaction.scalar(select(ReturnRequest.order_id).where(ReturnRequest.id == request_id))
    if order_id is None or await lock(transaction, order_id) is None:
        return None
    request = select(ReturnRequest.__table__).where(ReturnRequest.id == request_id)
    return (await transaction.execute(request)).one_or_none()


def stale(request: Any, expected_version: int | None) -> Refusal | None:
    return None if expected_version in {None, request.version} else VERSION_CONFLICT


def barred(request: Any, sources: Sequence[ReturnStatus]) -> Refusal | None:
    """ILLEGAL_TRANSITION where the request is in none of these."""
    if request.status in sources:
        return None
    message = f"That cannot be done with a return that is {request.status.lower()}."
    return Refusal(RefusalCode.ILLEGAL_TRANSITION, message, ("id",))


async def set_status(transaction: AsyncConnection, request_id: UUID, status: ReturnStatus, **values: Any) -> None:
    request = update(ReturnRequest).where(ReturnRequest.id == request_id)
    await transaction.execute(request.values(status=status, version=ReturnRequest.version + 1, **values))
