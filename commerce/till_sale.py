"""Selling in the store: with or without a customer, for cash and cards, from the same stock as everywhere.

A sale for cash is one transaction. With cards it goes as on the web: written first, then paid, then settled; a card
that is declined leaves nothing behind, and what another card paid is given back. Asked again with the same key, it goes
on where it was.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce import checkout, fulfillment, idempotency, order_writing
from commerce.checkout import Fate, Settlement
from commerce.order_drafting import Refused
from commerce.order_writing import drawing_numbers
from commerce.placing import DECLINED, Desk, taken
from commerce.quote import Quoted
from commerce.releasing import give_up
from commerce.till_drafting import Payment, Sale, draft, payment_of, priced
from gateways.payments import Charged, ChargeRequest, GatewayTimeout, InvalidToken
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.idempotency import Idempotency
from models.ids import new_id
from models.order import Order, OrderPayment, OrderStatus, PaymentStatus
from models.payment import Charge, ChargeStatus, TenderKind

OPERATION = "orderPlaceInStore"


@dataclass(frozen=True, slots=True)
class Sold:
    """What the till is answered: the order, what it costs, and what is given back in cash, in minor units."""

    order_id: UUID | None = None
    quoted: Quoted | None = None
    change: int | None = None
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Begun:
    """An order that is written; `requests` are to be asked of the gateway still.

    `resumed`: an earlier request wrote it, and may have been answered. `failed`: by now it was cancelled for want of
    its payment.
    """

    order_id: UUID | None
    change: int
    quoted: Quoted | None = None
    requests: Sequence[ChargeRequest] = ()
    resumed: bool = False
    failed: bool = False


async def sell(desk: Desk, member_id: UUID, sale: Sale) -> Sold:
    """Sells in the store: DELIVERED at once where it is handed over, else PLACED to be collected.

    NOT_FOUND for unknown customers, variants, measurements and codes; OUT_OF_STOCK, MEASUREMENTS_REQUIRED,
    CODE_NOT_APPLICABLE, LIMIT_REACHED, NOT_FULFILLABLE, PAYMENT_DECLINED, and INVALID for tenders that do not cover the
    total: of all these nothing is left.
    """
    try:
        if sale.dry_run:
            return await desk.database.transact(lambda t: _try_out(t, desk, sale))
        begun = await drawing_numbers(lambda: desk.database.transact(lambda t: _begin(t, desk, member_id, sale)))
    except Refused as refused:
        return Sold(quoted=refused.quoted, refusals=refused.refusals)
    for at, request in enumerate(begun.requests):
        fate, refusal = await _pay(desk, member_id, sale, request, resumed=begun.resumed)
        if fate not in {Fate.PLACED, Fate.WAITING}:
            order_id = begun.order_id if fate is Fate.CANCELLED else None
            return Sold(order_id, begun.quoted, refusals=[_unknown(sale, at) if refusal is None else refusal])
    if begun.failed:
        return Sold(begun.order_id, refusals=[DECLINED])
    return Sold(begun.order_id, begun.quoted, begun.change)


async def _try_out(transaction: AsyncConnection, desk: Desk, sale: Sale) -> Sold:
    """What it would cost, and what would be refused, tenders aside as long as there are none."""
    quoted, _, obstacles = await priced(transaction, desk, sale)
    payment = payment_of(sale, quoted.price.total) if sale.tenders else None
    if isinstance(payment, Refusal):
        return Sold(None, quoted, None, [*obstacles, payment])
    return Sold(None, quoted, payment.change if payment else None, obstacles)


# ---- the first transaction


async def _begin(transaction: AsyncConnection, desk: Desk, member_id: UUID, sale: Sale) -> _Begun:
    order_id = new_id()
    earlier = await idempotency.begin(transaction, member_id, OPERATION, asdict(sale), order_id)
    if isinstance(earlier, list):
        raise Refused(earlier)
    if earlier != order_id:
        return await _resume(transaction, sale, earlier)
    quoted, contact, obstacles = await priced(transaction, desk, sale)
    if obstacles:
        raise Refused(obstacles, quoted)
    payment = payment_of(sale, quoted.price.total)
    if isinstance(payment, Refusal):
        raise Refused([payment], quoted)
    order = await draft(transaction, desk, sale, quoted, contact, payment, order_id)
    await taken(order_writing.place(transaction, order))
    if not order.charges:
        await checkout.conclude(transaction, order_id)
        await _hand_over(transaction, sale, order_id)
    requests = [
        ChargeRequest(charge.id, order_id, charge.amount, order.currency, token)
        for charge, (_, token) in zip(order.charges, payment.cards, strict=True)
    ]
    return _Begun(order_id, payment.change, quoted, requests)


async def _resume(transaction: AsyncConnection, sale: Sale, order_id: UUID) -> _Begun:
    """Where the first request with this key is: its tenders were these, for the total that the order has."""
    order = select(Order.status, Order.currency, Order.total, OrderPayment.status.label("paid"))
    order = order.join(OrderPayment, OrderPayment.order_id == Order.id).where(Order.id == order_id)
    row = (await transaction.execute(order)).one()
    payment = payment_of(sale, row.total)
    assert isinstance(payment, Payment)
    requests = []
    if row.status == OrderStatus.PENDING_PAYMENT:
        charges = select(Charge.id, Charge.amount).where(Charge.order_id == order_id).order_by(Charge.id)
        rows = (await transaction.execute(charges)).all()
        requests = [
            ChargeRequest(charge.id, order_id, charge.amount, CurrencyCode(row.currency), token)
            for charge, (_, token) in zip(rows, payment.cards, strict=True)
        ]
    failed = row.paid == PaymentStatus.FAILED
    return _Begun(order_id, payment.change, None, requests, resumed=True, failed=failed)


# ---- the gateway, and the second transaction


async def _pay(
    desk: Desk, member_id: UUID, sale: Sale, request: ChargeRequest, *, resumed: bool
) -> tuple[Fate, Refusal | None]:
    """Takes one card's part, and answers what becomes of the order; no refusal where the token is unknown.

    A terminal has no page of a bank's: a card that asks for one is as good as declined.
    """
    charge_id = request.charge_id
    try:
        charged: Charged | None = await desk.payments.charge(request)
    except GatewayTimeout:
        waiting = await desk.database.transact(lambda t: checkout.wait(t, charge_id))
        return waiting.fate, DECLINED
    except InvalidToken:
        charged = None
    news = None if charged is not None and charged.status is ChargeStatus.ACTION else charged
    settlement = await desk.database.transact(lambda t: _settle(t, member_id, sale, charge_id, news, resumed=resumed))
    unwanted = news is None or settlement.fate is Fate.GONE
    if unwanted and charged is not None and charged.held:
        with suppress(GatewayTimeout):  # the reconciler finds what is held for no order
            await give_up(desk.payments, charge_id)
    return settlement.fate, None if charged is None else DECLINED


async def _settle(  # whose order it is, and what is known of its charge
    transaction: AsyncConnection,
    member_id: UUID,
    sale: Sale,
    charge_id: UUID,
    charged: Charged | None,
    *,
    resumed: bool,
) -> Settlement:
    order_id = await transaction.scalar(select(Charge.order_id).where(Charge.id == charge_id))
    settlement = await checkout.settle(transaction, charge_id, charged, unanswered=not resumed)
    if settlement.fate is Fate.PLACED and settlement.order_id is not None:
        await _hand_over(transaction, sale, settlement.order_id)
    if settlement.fate is Fate.UNDONE:
        key = delete(Idempotency).where(Idempotency.account_id == member_id, Idempotency.result_id == order_id)
        await transaction.execute(key)
    return settlement


async def _hand_over(transaction: AsyncConnection, sale: Sale, order_id: UUID) -> None:
    """Gives the goods to the customer, unless somebody else did: what the tailor has was refused before."""
    placed = select(Order.id).where(Order.id == order_id, Order.status == OrderStatus.PLACED)
    if sale.handed_over and await transaction.scalar(placed) is not None:
        await fulfillment.hand_over(transaction, order_id, Channel.IN_STORE)


def _unknown(sale: Sale, at: int) -> Refusal:
    """Which tender's token the gateway does not know; `at` counts cards alone."""
    cards = [place for place, one in enumerate(sale.tenders) if one.kind is TenderKind.CARD_TERMINAL]
    message = "The payment provider does not know this card."
    return Refusal(RefusalCode.INVALID, message, ("tenders", str(cards[at]), "gatewayToken"))
