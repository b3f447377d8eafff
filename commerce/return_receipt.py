"""Receiving a return: what came, what can be sold again, and what is sent in exchange."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import exchange, return_letters, stock
from commerce.exchange import Wish
from commerce.order_status import edited, tell
from commerce.return_request import NOT_FOUND, Outcome, barred, find, set_status, stale
from models.classification import Channel
from models.order import OrderEventKind, OrderLine
from models.return_request import ReturnLine, ReturnStatus
from models.stock import StockEntryKind


@dataclass(frozen=True, slots=True)
class Receipt:
    """So many pieces of a return's line came, and whether they can be sold again."""

    return_line_id: UUID | None
    quantity: int
    restock: bool


@dataclass(slots=True)
class _Came:
    """What came of a line, by all its receipts."""

    line: Any
    quantity: int = 0
    restocked: int = 0


async def receive(
    transaction: AsyncConnection,
    request_id: UUID,
    receipts: Sequence[Receipt],
    channel: Channel,
    *,
    expected_version: int | None = None,
) -> Outcome:
    """Takes in what came of an approved return, once; what did not come may be asked to be returned anew.

    What was to be exchanged is ordered: OUT_OF_STOCK where that is gone, and nothing is written. ILLEGAL_TRANSITION for
    a return that is not approved, INVALID for more pieces than were asked for, or none at all.
    """
    request = await find(transaction, request_id)
    if request is None:
        return [NOT_FOUND]
    came = await _lines(transaction, request_id)
    refusals = _unknown(receipts, came)
    refused = stale(request, expected_version) or barred(request, (ReturnStatus.APPROVED,))
    refusals = refusals or ([refused] if refused else []) or _count(receipts, came)
    if refusals:
        return refusals
    exchanged = await _exchange(transaction, request, came, channel)
    if isinstance(exchanged, Refusal):
        return [exchanged]
    for one in came.values():
        await _take_in(transaction, one)
    await _restock(transaction, request.order_id, came)
    await edited(transaction, request.order_id)
    await set_status(transaction, request_id, ReturnStatus.RECEIVED, exchange_order_id=exchanged)
    await tell(transaction, request.order_id, OrderEventKind.RETURN_RECEIVED, return_request_id=request_id)
    await return_letters.promise_receipt(transaction, request_id)
    return request_id


async def _lines(transaction: AsyncConnection, request_id: UUID) -> dict[UUID, _Came]:
    lines = (
        select(ReturnLine.__table__, OrderLine.variant_id, OrderLine.unit_price)
        .join_from(ReturnLine, OrderLine, OrderLine.id == ReturnLine.order_line_id)
        .where(ReturnLine.return_request_id == request_id)
        .order_by(ReturnLine.id)
    )
    return {row.id: _Came(row) for row in await transaction.execute(lines)}


def _unknown(receipts: Sequence[Receipt], came: Mapping[UUID, _Came]) -> list[Refusal]:
    return [
        Refusal(RefusalCode.NOT_FOUND, "The return has no such line.", ("lines", str(at), "returnLineId"))
        for at, receipt in enumerate(receipts)
        if receipt.return_line_id not in came
    ]


def _count(receipts: Sequence[Receipt], came: Mapping[UUID, _Came]) -> list[Refusal]:
    """Adds up what came, and says where that is too little or too much."""
    for at, receipt in enumerate(receipts):
        assert receipt.return_line_id is not None
        one = came[receipt.return_line_id]
        one.quantity += receipt.quantity
        one.restocked += receipt.quantity if receipt.restock else 0
        if receipt.quantity < 0 or one.quantity > one.line.quantity:
            message = f"From 0 to {one.line.quantity} pieces can have come."
            return [Refusal(RefusalCode.INVALID, message, ("lines", str(at), "quantity"))]
    if not any(one.quantity for one in came.values()):
        return [Refusal(RefusalCode.INVALID, "Say what came: one piece or more.", ("lines",))]
    return []


async def _exchange(
    transaction: AsyncConnection, request: Any, came: Mapping[UUID, _Came], channel: Channel
) -> UUID | Refusal | None:
    wishes = [
        Wish(one.line.exchange_variant_id, one.quantity, one.line.unit_price)
        for one in came.values()
        if one.quantity and one.line.exchange_variant_id is not None
    ]
    return await exchange.place(transaction, request.order_id, wishes, channel) if wishes else None


async def _take_in(transaction: AsyncConnection, one: _Came) -> None:
    line = update(ReturnLine).where(ReturnLine.id == one.line.id)
    await transaction.execute(line.values(received_quantity=one.quantity, restocked=one.restocked))
    bought = update(OrderLine).where(OrderLine.id == one.line.order_line_id)
    await transaction.execute(bought.values(returned_quantity=OrderLine.returned_quantity + one.quantity))


async def _restock(transaction: AsyncConnection, order_id: UUID, came: Mapping[UUID, _Came]) -> None:
    pieces = Counter[UUID]()
    for one in came.values():
        if one.restocked and one.line.variant_id is not None:
            pieces[one.line.variant_id] += one.restocked
    await stock.give_back(transaction, pieces, StockEntryKind.RETURN, order_id)
