"""Placing orders: written first, then paid, then settled (docs/adr/0011).

Between the two transactions the gateway is asked, with the charge's key as its idempotency key. Whatever dies there, a
repetition of the request goes on where the first was, and the reconciler settles what nobody repeats.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.sealing import Sealer
from auth.viewer import Viewer, ViewerKind
from commerce import checkout, discount_use, idempotency, order_writing, stock
from commerce.checkout import Fate, Settlement
from commerce.order import NOT_FOUND
from commerce.order_drafting import Means, Purchase, Refused, draft
from commerce.order_writing import OrderDraft, drawing_numbers
from commerce.quote import Quoted
from commerce.releasing import give_up
from commerce.tax import Place
from gateways.payments import Action, Charged, ChargeRequest, GatewayTimeout, InvalidToken, PaymentGateway
from models.cart import Cart
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.order import Order, OrderStatus
from models.payment import Charge, ChargeStatus, PaymentMethod

PLACING = "orderPlace"
CONTINUING = "orderPaymentContinue"

CREDENTIALS_REQUIRED = Refusal(RefusalCode.CREDENTIALS_REQUIRED, "Sign in, or register, to order.")
DECLINED = Refusal(RefusalCode.PAYMENT_DECLINED, "The payment was declined: nothing was charged.")
ACTION_REQUIRED = Refusal(RefusalCode.PAYMENT_ACTION_REQUIRED, "Your bank asks you to confirm the payment first.")
UNKNOWN_TOKEN = Refusal(RefusalCode.INVALID, "The payment provider does not know this card.", ("gatewayToken",))
OUT_OF_STOCK = Refusal(RefusalCode.OUT_OF_STOCK, "Somebody else was faster: it is out of stock now.")
USED_UP = Refusal(RefusalCode.LIMIT_REACHED, "A code of yours is used up.")


@dataclass(frozen=True, slots=True)
class Desk:
    """What placing needs: the stores, where what is picked up is taxed, and what seals measurements."""

    database: Database
    payments: PaymentGateway
    store: Place
    sealer: Sealer


@dataclass(frozen=True, slots=True)
class Placed:
    """What the customer is answered. `action` is what they do at their bank first."""

    order_id: UUID | None = None
    action: Action | None = None
    quoted: Quoted | None = None
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Begun:
    """An order that is written. `request` is to be asked of the gateway still; `acting` waits for the customer."""

    order_id: UUID
    request: ChargeRequest | None = None
    acting: UUID | None = None


async def place(desk: Desk, viewer: Viewer, purchase: Purchase, channel: Channel) -> Placed:
    """Orders what is in the viewer's cart.

    CREDENTIALS_REQUIRED for all but customers (P28); NOT_FOUND for what is not theirs; CART_EMPTY, OUT_OF_STOCK,
    MEASUREMENTS_REQUIRED, NOT_SHIPPABLE, LIMIT_REACHED, PRICE_CHANGED with the price as it is, PAYMENT_DECLINED: of all
    these nothing is left. PAYMENT_ACTION_REQUIRED comes with an order that waits.
    """
    if viewer.kind is not ViewerKind.CUSTOMER:
        return Placed(refusals=[CREDENTIALS_REQUIRED])
    try:
        begun = await drawing_numbers(desk.database, lambda t: _begin(t, desk, viewer, purchase, channel))
    except Refused as refused:
        return Placed(quoted=refused.quoted, refusals=refused.refusals)
    if begun.request is not None:
        return await _pay(desk, begun.order_id, begun.request)
    if begun.acting is not None:
        return await _act(desk, begun.order_id, begun.acting)
    return Placed(begun.order_id)


# ---- the first transaction


async def _begin(
    transaction: AsyncConnection, desk: Desk, viewer: Viewer, purchase: Purchase, channel: Channel
) -> _Begun:
    account_id, order_id = viewer.account_id, new_id()
    assert account_id is not None
    earlier = await idempotency.begin(transaction, account_id, PLACING, asdict(purchase), order_id)
    if isinstance(earlier, list):
        raise Refused(earlier)
    if earlier != order_id:
        return await _resume(transaction, purchase, earlier)
    order, means = await draft(
        transaction,
        viewer,
        purchase,
        order_id=order_id,
        channel=channel,
        gateway=desk.payments.name,
        store=desk.store,
        sealer=desk.sealer,
    )
    await order_writing.write(transaction, order)
    await take(transaction, order)
    if means is None:
        await checkout.conclude(transaction, order_id)
        return _Begun(order_id)
    [charge] = order.charges
    return _Begun(order_id, _request(order_id, charge.id, charge.amount, order.currency, means))


async def take(transaction: AsyncConnection, order: OrderDraft) -> None:
    """Takes stock and codes. Raises Refused where others were faster."""
    pieces: dict[UUID, int] = {}
    for line in order.lines:
        pieces[line.variant_id] = pieces.get(line.variant_id, 0) + line.quantity
    if await stock.take(transaction, pieces, order.order_id):
        raise Refused([OUT_OF_STOCK])
    codes = {one.terms.id for one in order.price.codes if one.refusal is None}
    if await discount_use.use(transaction, order.order_id, order.account_id, codes):
        raise Refused([USED_UP])


async def _resume(transaction: AsyncConnection, purchase: Purchase, order_id: UUID) -> _Begun:
    """Where the first request with this key is: nobody may have been told of its order yet."""
    standing = (
        select(Order.status, Order.account_id, Order.currency, Charge.id, Charge.amount, Charge.status.label("charged"))
        .add_columns(select(Cart.id).where(Cart.placing_id == Order.id).exists().label("untold"))
        .join(Charge, Charge.order_id == Order.id)
        .where(Order.id == order_id, Order.status == OrderStatus.PENDING_PAYMENT)
    )
    row = (await transaction.execute(standing)).one_or_none()
    if row is None:
        return _Begun(order_id)
    if not row.untold:
        return _Begun(order_id, acting=row.id if row.charged == ChargeStatus.ACTION else None)
    means = await _means(transaction, row.account_id, purchase)
    if means is None:
        return _Begun(order_id)
    return _Begun(order_id, _request(order_id, row.id, row.amount, CurrencyCode(row.currency), means))


async def _means(transaction: AsyncConnection, account_id: UUID, purchase: Purchase) -> Means | None:
    """What the first request paid with; None where it was a saved card that is gone: then the reconciler settles."""
    if purchase.saved_method is None:
        return Means(purchase.gateway_token, saved=False) if purchase.gateway_token else None
    own = (PaymentMethod.account_id == account_id, PaymentMethod.id == purchase.saved_method.key)
    token = await transaction.scalar(select(PaymentMethod.gateway_token).where(*own))
    return Means(token, saved=True) if token is not None else None


def _request(order_id: UUID, charge_id: UUID, amount: int, currency: CurrencyCode, means: Means) -> ChargeRequest:
    return ChargeRequest(charge_id, order_id, amount, currency, means.token, means.saved)


# ---- the gateway, and the second transaction


async def _pay(desk: Desk, order_id: UUID, request: ChargeRequest) -> Placed:
    charge_id = request.charge_id
    try:
        charged = await desk.payments.charge(request)
    except GatewayTimeout:
        settlement = await desk.database.transact(lambda t: checkout.wait(t, charge_id))
        return _answer(settlement, None)
    except InvalidToken:
        await desk.database.transact(lambda t: checkout.settle(t, charge_id, None, unanswered=True))
        return Placed(refusals=[UNKNOWN_TOKEN])
    settlement = await desk.database.transact(lambda t: checkout.settle(t, charge_id, charged))
    if settlement.fate is Fate.GONE and charged.held:
        await give_up(desk.payments, charge_id)
    return _answer(settlement, charged)


def _answer(settlement: Settlement, charged: Charged | None) -> Placed:
    match settlement.fate:
        case Fate.PLACED:
            return Placed(settlement.order_id)
        case Fate.WAITING:
            acting = charged is not None and charged.status is ChargeStatus.ACTION
            refusals = [ACTION_REQUIRED] if acting else []
            return Placed(settlement.order_id, charged.action if charged and acting else None, None, refusals)
    return Placed(settlement.order_id, refusals=[DECLINED])


async def _act(desk: Desk, order_id: UUID, charge_id: UUID) -> Placed:
    """The action once more, for a client that lost the answer."""
    try:
        charged = await desk.payments.find(charge_id)
    except GatewayTimeout:
        return Placed(order_id)
    return _answer(Settlement(order_id, Fate.WAITING), charged)


# ---- after the customer was at their bank


async def carry_on(desk: Desk, viewer: Viewer, order_id: UUID | None, given: Mapping[str, Any]) -> Placed:
    """Asks how the action of the viewer's order ended; `given` is the whole input. NOT_FOUND for another's order.

    An order whose payment failed is CANCELLED, and PAYMENT_DECLINED says why; one that is settled is as it is.
    """
    standing = await desk.database.transact(lambda t: _standing(t, viewer, order_id, given))
    if isinstance(standing, list):
        return Placed(refusals=standing)
    settlement, charge_id = standing
    if charge_id is None:
        return _answer(settlement, None)
    try:
        charged = await desk.payments.resume(charge_id)
    except GatewayTimeout:
        return Placed(settlement.order_id)
    return _answer(await desk.database.transact(lambda t: checkout.settle(t, charge_id, charged)), charged)


async def _standing(
    transaction: AsyncConnection, viewer: Viewer, order_id: UUID | None, given: Mapping[str, Any]
) -> tuple[Settlement, UUID | None] | list[Refusal]:
    """How far the viewer's order is, and the charge that waits for them."""
    acting = (Charge.order_id == Order.id) & (Charge.status == ChargeStatus.ACTION)
    own = select(Order.id, Order.status, Charge.id.label("charge_id")).outerjoin(Charge, acting)
    row = (await transaction.execute(own.where(Order.id == order_id, Order.account_id == viewer.account_id))).first()
    if row is None or viewer.account_id is None:
        return [NOT_FOUND]
    earlier = await idempotency.begin(transaction, viewer.account_id, CONTINUING, given, row.id)
    if isinstance(earlier, list):
        return earlier
    if row.status == OrderStatus.PENDING_PAYMENT:
        return Settlement(row.id, Fate.WAITING), row.charge_id
    return Settlement(row.id, Fate.CANCELLED if row.status == OrderStatus.CANCELLED else Fate.PLACED), None
