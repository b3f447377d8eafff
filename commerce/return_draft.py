"""What a return is asked for: its lines checked, and what would be paid back for them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import order_balance, refund_worth
from commerce.goods import Goods, Wanted, load
from commerce.order_balance import Balance, LineBalance
from commerce.refund_worth import Worth
from commerce.return_rules import AT_FAULT, ReturnIneligibility
from models.return_request import ReturnReason

MOST_LINES = 100

EXPLANATIONS: Mapping[ReturnIneligibility, str] = {
    ReturnIneligibility.NOT_DELIVERED: "was not delivered yet",
    ReturnIneligibility.WINDOW_CLOSED: "can no longer be returned",
    ReturnIneligibility.MADE_TO_MEASURE: "was made to measure, and cannot be returned",
    ReturnIneligibility.ALTERED: "was altered, and cannot be returned",
    ReturnIneligibility.ALREADY_RETURNED: "was returned, or is about to be",
    ReturnIneligibility.ORDER_CANCELLED: "was cancelled",
}


@dataclass(frozen=True, slots=True)
class LineDraft:
    """So many units of an order line for a reason; `exchange` where another variant is wanted, None for no such."""

    order_line_id: UUID | None
    quantity: int
    reason: ReturnReason
    exchange: bool = False
    exchange_variant_id: UUID | None = None


async def checked(transaction: AsyncConnection, balance: Balance, drafts: Sequence[LineDraft]) -> list[Refusal]:
    """What is wrong with the lines: NOT_FOUND before anything else, then INVALID, NOT_RETURNABLE and OUT_OF_STOCK.

    What is wanted instead is another variant of the same product, on sale at the same price.
    """
    wanted = {draft.exchange_variant_id for draft in drafts if draft.exchange_variant_id is not None}
    bought = {line.variant_id for line in balance.lines.values() if line.variant_id is not None}
    ids = list(wanted | bought) if wanted else []
    goods = (await load(transaction, None, Wanted(ids, currency=balance.currency))).goods if ids else {}
    missing = [refusal for at, draft in enumerate(drafts) for refusal in _missing(at, draft, balance, goods)]
    if missing:
        return missing
    if not 0 < len(drafts) <= MOST_LINES:
        code = RefusalCode.REQUIRED if not drafts else RefusalCode.LIMIT_REACHED
        return [Refusal(code, f"A return has 1 to {MOST_LINES} lines.", ("lines",))]
    return _wrong(balance, drafts) or _unexchangeable(balance, drafts, goods)


async def quoted(
    transaction: AsyncConnection, order_id: UUID, drafts: Sequence[LineDraft], now: datetime
) -> tuple[Balance, Worth, list[Refusal]]:
    """What would be paid back if it were asked for now; nothing where it would be refused."""
    balance = await order_balance.load(transaction, order_id)
    refusals = await checked(transaction, balance, drafts)
    return balance, Worth() if refusals else worth(balance, drafts, now), refusals


def worth(balance: Balance, drafts: Sequence[LineDraft], now: datetime) -> Worth:
    """What lines that are not exchanged are worth, with the shipping where it is due."""
    units = units_of(draft for draft in drafts if not draft.exchange)
    if not units:
        return Worth()
    back = {line.id: line.returned + line.asked_for + units[line.id] for line in balance.lines.values()}
    at_fault = any(draft.reason in AT_FAULT for draft in drafts if not draft.exchange)
    shipping = refund_worth.shipping_due(balance, back, now, at_fault=at_fault)
    payable = {key: min(count, balance.lines[key].refundable) for key, count in units.items()}
    return Worth(refund_worth.of_units(balance, payable), shipping).at_most(balance.left)


def units_of(drafts: Iterable[LineDraft]) -> Counter[UUID]:
    """How many units of which order line are asked for."""
    units: Counter[UUID] = Counter()
    for draft in drafts:
        assert draft.order_line_id is not None
        units[draft.order_line_id] += draft.quantity
    return units


def _missing(at: int, draft: LineDraft, balance: Balance, goods: Mapping[UUID, Goods]) -> list[Refusal]:
    found = []
    if draft.order_line_id not in balance.lines:
        found.append(Refusal(RefusalCode.NOT_FOUND, "The order has no such line.", _path(at, "orderLineId")))
    if draft.exchange and draft.exchange_variant_id not in goods:
        message = "There is nothing like that to exchange it for."
        found.append(Refusal(RefusalCode.NOT_FOUND, message, _path(at, "exchangeVariantId")))
    return found


def _path(at: int, name: str) -> tuple[str, ...]:
    return ("lines", str(at), name)


def _wrong(balance: Balance, drafts: Sequence[LineDraft]) -> list[Refusal]:
    """Too few or too many units: of a line that is there several times, the last place says so."""
    found, left = [], {line.id: line.returnable for line in balance.lines.values()}
    for at, draft in enumerate(drafts):
        assert draft.order_line_id is not None
        left[draft.order_line_id] -= draft.quantity
        if draft.quantity < 1:
            found.append(Refusal(RefusalCode.INVALID, "Return one piece or more.", _path(at, "quantity")))
        elif left[draft.order_line_id] < 0:
            message = _explained(balance.lines[draft.order_line_id])
            found.append(Refusal(RefusalCode.NOT_RETURNABLE, message, _path(at, "quantity")))
    return found


def _explained(line: LineBalance) -> str:
    if line.returnable:
        return f"Of {line.product_name}, no more than {line.returnable} can be returned."
    return f"{line.product_name} {EXPLANATIONS[line.reasons[0]]}."


def _unexchangeable(balance: Balance, drafts: Sequence[LineDraft], goods: Mapping[UUID, Goods]) -> list[Refusal]:
    found, taken = [], Counter[UUID]()
    for at, draft in enumerate(drafts):
        if draft.exchange_variant_id is None:
            continue
        assert draft.order_line_id is not None
        line, other = balance.lines[draft.order_line_id], goods[draft.exchange_variant_id]
        taken[other.variant_id] += draft.quantity
        path = _path(at, "exchangeVariantId")
        if not _is_like(line, other, goods):
            message = "Exchange it for another size or colour of the same product at the same price."
            found.append(Refusal(RefusalCode.INVALID, message, path))
        elif taken[other.variant_id] > other.on_hand:
            found.append(Refusal(RefusalCode.OUT_OF_STOCK, f"There are too few of {other.product_name}.", path))
    return found


def _is_like(line: LineBalance, other: Goods, goods: Mapping[UUID, Goods]) -> bool:
    """Another variant of the product at the price that was paid, or at what the variant costs by now."""
    if other.archived or other.product_id != line.product_id or other.variant_id == line.variant_id:
        return False
    own = goods.get(line.variant_id) if line.variant_id is not None else None
    return other.price is not None and other.price in {line.unit_price, own.price if own is not None else None}
