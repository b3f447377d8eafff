"""What came back of seeded orders, and the money for it."""

from datetime import datetime
from uuid import UUID

from commerce.numbers import new_number
from commerce.return_request import RMA
from models.ids import new_id
from models.order import OrderEventKind
from models.payment import Refund, RefundLine, RefundPart, RefundReason, RefundStatus
from models.return_request import ReturnLine, ReturnReason, ReturnRequest, ReturnStatus
from models.stock import StockEntryKind
from seeds.case import Case, Event
from seeds.ledger import Ledger, Move
from seeds.rows import Rows

_REASONS = (ReturnReason.TOO_SMALL, ReturnReason.TOO_LARGE, ReturnReason.CHANGED_MIND)


def add_return(rows: Rows, case: Case, ledger: Ledger, now: datetime) -> tuple[UUID, list[Event]]:
    """Adds a return that was received and paid back; what may be sold again is back in stock."""
    asked, decided, received = (case.course.after_delivery(share, now) for share in (0.1, 0.2, 0.4))
    request_id = _add(rows, case, ReturnStatus.REFUNDED, asked, None)
    for position in case.back:
        line, item = case.draft.lines[position], case.purchase.lines[position].item
        rows.add(
            ReturnLine,
            id=new_id(),
            return_request_id=request_id,
            order_line_id=line.id,
            quantity=line.quantity,
            received_quantity=line.quantity,
            restocked=line.quantity if item.can_restock else 0,
            reason=_REASONS[position % len(_REASONS)],
        )
        if item.can_restock:
            ledger.note(item.id, Move(received, line.quantity, StockEntryKind.RETURN, case.draft.order_id))
    steps = {
        OrderEventKind.RETURN_REQUESTED: asked,
        OrderEventKind.RETURN_DECIDED: decided,
        OrderEventKind.RETURN_RECEIVED: received,
    }
    return request_id, [Event(kind, at, return_request_id=request_id) for kind, at in steps.items()]


def add_request(rows: Rows, case: Case, note: str, now: datetime) -> Event:
    """Adds a return of the first line that was asked for and waits for its answer."""
    line, asked = case.draft.lines[0], case.course.after_delivery(0.5, now)
    request_id = _add(rows, case, ReturnStatus.REQUESTED, asked, note)
    rows.add(
        ReturnLine,
        id=new_id(),
        return_request_id=request_id,
        order_line_id=line.id,
        quantity=line.quantity,
        received_quantity=0,
        restocked=0,
        reason=ReturnReason.OTHER,
    )
    return Event(OrderEventKind.RETURN_REQUESTED, asked, return_request_id=request_id)


def add_refund(rows: Rows, case: Case, return_id: UUID | None, now: datetime) -> Event:
    """Adds what was paid back, for what came back or was cancelled, to the charge or out of the drawer."""
    refund_id, paid_at = new_id(), case.course.after_delivery(0.5, now)
    rows.add(
        Refund,
        id=refund_id,
        order_id=case.draft.order_id,
        return_request_id=return_id,
        status=RefundStatus.SUCCEEDED,
        reason=RefundReason.CANCELLATION if case.cancelled else RefundReason.RETURN,
        currency=case.draft.currency,
        amount=case.refunded,
        shipping_amount=case.refunded_shipping,
        created_at=paid_at,
        settled_at=paid_at,
    )
    part = {"charge_id": case.charge_id, "status": RefundStatus.SUCCEEDED, "amount": case.refunded}
    rows.add(RefundPart, id=refund_id, refund_id=refund_id, **part)
    for position in case.back:
        line = case.draft.lines[position]
        amounts = {"quantity": line.quantity, "amount": line.priced.worth, "currency": case.draft.currency}
        rows.add(RefundLine, refund_id=refund_id, order_line_id=line.id, **amounts)
    return Event(OrderEventKind.REFUNDED, paid_at, refund_id=refund_id)


def _add(rows: Rows, case: Case, status: ReturnStatus, asked: datetime, note: str | None) -> UUID:
    request_id = new_id()
    rows.add(
        ReturnRequest,
        id=request_id,
        order_id=case.draft.order_id,
        account_id=case.draft.account_id,
        channel=case.draft.channel,
        rma=new_number(RMA),
        status=status,
        created_at=asked,
        note=note,
    )
    return request_id
