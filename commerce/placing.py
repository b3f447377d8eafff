"""Placing orders: written first, then paid, then settled (docs/adr/0011).

Between the two transactions the gateway is asked, with the charge's key as its idempotency key. Whatever dies there, a
repetition of the request goes on where the first was, and the reconciler settles what nobody repeats.
"""

from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.sealing import Sealer
from auth.viewer import Viewer, ViewerKind
from commerce import checkout, idempotency, order_writing, stock
from commerce.checkout import Fate, Settlement
from commerce.order import NOT_FOUND
from commerce.order_drafting import Means, Purchase, Refused, draft, look_up
from commerce.order_writing import ClientKey, CodesUsedUp, KeyTaken, drawing_numbers
from commerce.quote import Quoted
from commerce.releasing import give_up
from commerce.tax import Place
from gateways.payments import Action, Charged, ChargeRequest, GatewayTimeout, InvalidToken, PaymentGateway
from models.account import Account
from models.cart import Cart
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.database import Database, Overtaken
from models.ids import new_id
from models.order import Order, OrderStatus
from models.payment import Charge, ChargeStatus, PaymentMethod
from models.statement import Statement

PLACING = "orderPlace"
CONTINUING = "orderPaymentContinue"
MOST_TURNS = 50

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
    if viewer.kind is not ViewerKind.CUSTOMER or viewer.account_id is None:
        return Placed(refusals=[CREDENTIALS_REQUIRED])
    digests = idempotency.digests(viewer.account_id, PLACING, purchase.given)
    if isinstance(digests, list):
        return Placed(refusals=digests)
    asked = _Asked(desk, viewer, purchase, channel, ClientKey(viewer.account_id, digests))
    try:
        begun = await drawing_numbers(lambda: _write_down(asked))
    except Refused as refused:
        return Placed(quoted=refused.quoted, refusals=refused.refusals)
    if begun.request is not None:
        return await _pay(desk, begun.order_id, begun.request)
    if begun.acting is not None:
        return await _act(desk, begun.order_id, begun.acting)
    return Placed(begun.order_id)


# ---- the first transaction


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who asks for what."""

    desk: Desk
    viewer: Viewer
    purchase: Purchase
    channel: Channel
    key: ClientKey


async def _write_down(asked: _Asked) -> _Begun:
    """Reads what is ordered and writes the order, which is one statement that checks the cart's version.

    So nothing need be locked meanwhile. What others have changed, and what two statements write or a customer's own
    limit of a code depends on, is done again in turn. Raises Refused.
    """
    database = asked.desk.database
    with suppress(Overtaken):
        return await database.at_once(lambda t: _begin(t, asked, locked=False))
    for _ in range(MOST_TURNS):
        with suppress(Overtaken):
            return await database.transact(lambda t: _in_turn(t, asked))
    raise RuntimeError("the client's key was taken and given back all the time")


async def _in_turn(transaction: AsyncConnection, asked: _Asked) -> _Begun:
    await _LOCKED.run(transaction, account=asked.viewer.account_id, cart=asked.purchase.cart.key)
    return await _begin(transaction, asked, locked=True)


_LOCKED = Statement(
    lambda: (
        select(Account.id, Cart.id)
        .where(Account.id == bindparam("account", type_=Uuid), Cart.id == bindparam("cart", type_=Uuid))
        .with_for_update(key_share=True)
    )
)


async def _begin(transaction: AsyncConnection, asked: _Asked, *, locked: bool) -> _Begun:
    desk, viewer, purchase = asked.desk, asked.viewer, asked.purchase
    found = await look_up(transaction, viewer, purchase, asked.key.digests)
    if found.was_begun:
        earlier = found.earlier(asked.key.digests)
        if isinstance(earlier, list):
            raise Refused(earlier)
        return await _resume(transaction, purchase, earlier, locked=locked)
    try:
        order, means = await draft(
            transaction,
            viewer,
            purchase,
            found,
            order_id=new_id(),
            channel=asked.channel,
            gateway=desk.payments.name,
            store=desk.store,
            sealer=desk.sealer,
        )
        if not locked and (means is None or any(terms.per_customer_limit is not None for terms in order.codes)):
            raise Overtaken
        await taken(order_writing.place(transaction, order, asked.key))
    except KeyTaken as error:
        raise Overtaken from error
    if means is None:
        await checkout.conclude(transaction, order.order_id)
        return _Begun(order.order_id)
    [charge] = order.charges
    return _Begun(order.order_id, _request(order.order_id, charge.id, charge.amount, order.currency, means))


async def taken(placing: Awaitable[None]) -> None:
    """Awaits the writing of an order. Raises Refused where others were faster."""
    try:
        await placing
    except stock.TooFew as error:
        raise Refused([OUT_OF_STOCK]) from error
    except CodesUsedUp as error:
        raise Refused([USED_UP]) from error


async def _resume(transaction: AsyncConnection, purchase: Purchase, order_id: UUID, *, locked: bool) -> _Begun:
    """Where the first request with this key is: nobody may have been told of its order yet.

    Raises Overtaken where the order was undone since its key was looked up, which a locked cart keeps from happening.
    """
    row = await _STANDING.first(transaction, order=order_id)
    if row is None and not locked:
        raise Overtaken
    if row is None or row.status != OrderStatus.PENDING_PAYMENT:
        return _Begun(order_id)
    if not row.untold:
        return _Begun(order_id, acting=row.id if row.charged == ChargeStatus.ACTION else None)
    means = await _means(transaction, row.account_id, purchase)
    if means is None:
        return _Begun(order_id)
    return _Begun(order_id, _request(order_id, row.id, row.amount, CurrencyCode(row.currency), means))


_STANDING = Statement(
    lambda: (
        select(Order.status, Order.account_id, Order.currency, Charge.id, Charge.amount, Charge.status.label("charged"))
        .add_columns(select(Cart.id).where(Cart.placing_id == Order.id).exists().label("untold"))
        .outerjoin(Charge, Charge.order_id == Order.id)
        .where(Order.id == bindparam("order", type_=Uuid))
    )
)


async def _means(transaction: AsyncConnection, account_id: UUID, purchase: Purchase) -> Means | None:
    """What the first request paid with; None where it was a saved card that is gone: then the reconciler settles."""
    if purchase.saved_method is None:
        return Means(purchase.gateway_token, saved=False) if purchase.gateway_token else None
    token = await _SAVED.value(transaction, account=account_id, method=purchase.saved_method.key)
    return Means(token, saved=True) if token is not None else None


_SAVED = Statement(
    lambda: select(PaymentMethod.gateway_token).where(
        PaymentMethod.account_id == bindparam("account", type_=Uuid),
        PaymentMethod.id == bindparam("method", type_=Uuid),
    )
)


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
    settlement = await checkout.settle_at_once(desk.database, charge_id, charged)
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
    row = await _ACTING.first(transaction, order=order_id, account=viewer.account_id)
    if row is None or viewer.account_id is None:
        return [NOT_FOUND]
    earlier = await idempotency.begin(transaction, viewer.account_id, CONTINUING, given, row.id)
    if isinstance(earlier, list):
        return earlier
    if row.status == OrderStatus.PENDING_PAYMENT:
        return Settlement(row.id, Fate.WAITING), row.charge_id
    return Settlement(row.id, Fate.CANCELLED if row.status == OrderStatus.CANCELLED else Fate.PLACED), None


def _acting() -> Select[*tuple[Any, ...]]:
    acting = (Charge.order_id == Order.id) & (Charge.status == ChargeStatus.ACTION)
    own = select(Order.id, Order.status, Charge.id.label("charge_id")).outerjoin(Charge, acting)
    return own.where(Order.id == bindparam("order", type_=Uuid), Order.account_id == bindparam("account", type_=Uuid))


_ACTING = Statement(_acting)
