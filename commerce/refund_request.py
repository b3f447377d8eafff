"""Refunds that staff decide on: what came back, lines by their worth, or an amount of goodwill.

Never more than is left of what was paid, and no unit of a line twice: NOT_REFUNDABLE, also when many ask at once, for
the order stays locked from the reckoning to the reservation.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import order_balance, refund, refund_worth
from commerce.money import Amount, minor_units
from commerce.order import NOT_FOUND, VERSION_CONFLICT, lock
from commerce.order_balance import Balance
from commerce.refund_backing import backing
from commerce.refund_worth import Worth
from commerce.return_rules import AT_FAULT
from models.payment import Refund, RefundReason, RefundStatus, TenderKind
from models.return_request import ReturnLine, ReturnRequest, ReturnStatus

NO_RETURN = Refusal(RefusalCode.NOT_FOUND, "The order has no such return.", ("returnRequestId",))
ONE_OF = Refusal(RefusalCode.INVALID, "Give exactly one of returnRequestId, lines and amount.")
NOT_RECEIVED = Refusal(
    RefusalCode.NOT_REFUNDABLE, "Nothing was received of this return that is not paid back.", ("returnRequestId",)
)
NOTHING = Refusal(RefusalCode.NOT_REFUNDABLE, "There is nothing left to pay back.")

Outcome = UUID | list[Refusal]


@dataclass(frozen=True, slots=True)
class OfReturn:
    """What was received of a return."""

    request_id: UUID | None


@dataclass(frozen=True, slots=True)
class OfLines:
    """Order lines, each with how many units of it."""

    units: Sequence[tuple[UUID | None, int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a refund is asked to be of: exactly one of `what`. `shipping`: that of the order too."""

    what: Sequence[OfReturn | OfLines | Amount]
    reason: RefundReason
    shipping: bool = False
    tender: TenderKind | None = None


async def refund_order(
    transaction: AsyncConnection, order_id: UUID | None, asked: Asked, *, expected_version: int | None = None
) -> Outcome:
    """Begins the refund and answers its key.

    NOT_FOUND for unknown orders, returns and lines, before anything else; VERSION_CONFLICT, INVALID, NOT_REFUNDABLE.
    """
    order = await lock(transaction, order_id) if order_id is not None else None
    if order is None:
        return [NOT_FOUND]
    balance = await order_balance.load(transaction, order.id)
    missing = await _missing(transaction, balance, asked)
    if missing:
        return [missing]
    if expected_version not in {None, order.version}:
        return [VERSION_CONFLICT]
    worth = await _worth(transaction, balance, asked)
    if isinstance(worth, Refusal):
        return [worth]
    refused = await _unpayable(transaction, order.id, worth, asked.tender)
    if refused is not None:
        return [refused]
    return await refund.begin(
        transaction,
        order.id,
        amount=worth.total,
        reason=asked.reason,
        lines=worth.lines,
        shipping_amount=worth.shipping,
        return_request_id=next((one.request_id for one in asked.what if isinstance(one, OfReturn)), None),
        tender=asked.tender,
    )


async def _missing(transaction: AsyncConnection, balance: Balance, asked: Asked) -> Refusal | None:
    for what in asked.what:
        if isinstance(what, OfReturn):
            own = select(ReturnRequest.id).where(
                ReturnRequest.id == what.request_id, ReturnRequest.order_id == balance.order_id
            )
            if await transaction.scalar(own) is None:
                return NO_RETURN
        elif isinstance(what, OfLines):
            for at, (line_id, _) in enumerate(what.units):
                if line_id not in balance.lines:
                    message = "The order has no such line."
                    return Refusal(RefusalCode.NOT_FOUND, message, ("lines", str(at), "lineId"))
    return None


async def _worth(transaction: AsyncConnection, balance: Balance, asked: Asked) -> Worth | Refusal:
    if len(asked.what) != 1:
        return ONE_OF
    match asked.what[0]:
        case OfReturn(request_id):
            return await _worth_of_return(transaction, balance, request_id, shipping=asked.shipping)
        case OfLines(units):
            return _worth_of_lines(balance, units, shipping=asked.shipping)
        case Amount() as amount:
            return _goodwill(balance, amount, shipping=asked.shipping)


async def _worth_of_return(
    transaction: AsyncConnection, balance: Balance, request_id: UUID | None, *, shipping: bool
) -> Worth | Refusal:
    """What was received and not exchanged, with the shipping where the rules or the caller want it; what is left at
    most, for goodwill may have gone before.
    """
    paid = select(Refund.id).where(Refund.return_request_id == request_id, Refund.status != RefundStatus.FAILED)
    columns = select(ReturnRequest.status, ReturnRequest.created_at, paid.exists().label("paid"))
    request = (await transaction.execute(columns.where(ReturnRequest.id == request_id))).one()
    received = select(ReturnLine.__table__).where(
        ReturnLine.return_request_id == request_id,
        ReturnLine.received_quantity > 0,
        ReturnLine.exchange_variant_id.is_(None),
    )
    rows = (await transaction.execute(received)).all()
    units = Counter[UUID]()
    for row in rows:
        units[row.order_line_id] += row.received_quantity
    payable = {key: min(count, balance.lines[key].refundable) for key, count in units.items()}
    if request.status != ReturnStatus.RECEIVED or request.paid or not any(payable.values()):
        return NOT_RECEIVED
    back = {line.id: line.returned for line in balance.lines.values()}
    at_fault = any(row.reason in AT_FAULT for row in rows)
    due = refund_worth.shipping_due(balance, back, request.created_at, at_fault=at_fault)
    of_shipping = balance.shipping_left if shipping else due
    return Worth(refund_worth.of_units(balance, payable), of_shipping).at_most(balance.left)


def _worth_of_lines(balance: Balance, units: Sequence[tuple[Any, int]], *, shipping: bool) -> Worth | Refusal:
    counted = Counter[UUID]()
    for at, (line_id, quantity) in enumerate(units):
        counted[line_id] += quantity
        path = ("lines", str(at), "quantity")
        if quantity < 1:
            return Refusal(RefusalCode.INVALID, "Refund one piece or more.", path)
        if counted[line_id] > balance.lines[line_id].refundable:
            message = f"Of {balance.lines[line_id].product_name}, that many are not left to pay back."
            return Refusal(RefusalCode.NOT_REFUNDABLE, message, path)
    return Worth(refund_worth.of_units(balance, counted), balance.shipping_left if shipping else 0)


def _goodwill(balance: Balance, given: Amount, *, shipping: bool) -> Worth | Refusal:
    if shipping:
        return Refusal(RefusalCode.INVALID, "An amount is the whole of it.", ("shipping",))
    if given.currency != balance.currency:
        message = f"The order was paid in {balance.currency}."
        return Refusal(RefusalCode.INVALID, message, ("amount", "currencyCode"))
    units = minor_units(given.amount)
    if not units:
        message = "An amount is above 0, with two decimals at most."
        return Refusal(RefusalCode.INVALID, message, ("amount", "amount"))
    return Worth(goodwill=units)


async def _unpayable(
    transaction: AsyncConnection, order_id: UUID, worth: Worth, tender: TenderKind | None
) -> Refusal | None:
    if worth.total == 0:
        return NOTHING
    parts = await backing(transaction, order_id, worth.total, tender)
    return parts if isinstance(parts, Refusal) else None
