"""What is noted of an order when its payment is settled, or waits: many tables, one statement each."""

from typing import Any

from sqlalchemy import DateTime, Select, Text, Update, Uuid, bindparam, delete, func, insert, literal, select, update

from commerce.measurement import used_up
from commerce.order_status import moving
from gateways.jobs import promise
from models.cart import Cart, CartLine
from models.order import Order, OrderEvent, OrderEventKind, OrderPayment, OrderStatus, PaymentStatus
from models.payment import Charge

CONFIRMATION = "order.confirmation"

_ORDER = bindparam("order", type_=Uuid)
_EVENT = bindparam("event", type_=Uuid)


def _charge() -> Update:
    return (
        update(Charge)
        .where(Charge.id == bindparam("charge", type_=Uuid))
        .values(status=bindparam("charge_status", type_=Text), gateway_key=bindparam("gateway_key", type_=Text))
    )


def _cart_gone() -> tuple[Any, ...]:
    """The cart that was hidden for the order is gone, and with it the measurements that were for this order alone."""
    sets = select(CartLine.measurement_set_id).join(Cart, Cart.id == CartLine.cart_id)
    hidden = delete(Cart).where(Cart.placing_id == _ORDER)
    return used_up(sets.where(Cart.placing_id == _ORDER)).cte("sets"), hidden.cte("cart")


def _confirmed() -> tuple[Any, ...]:
    letter = promise(CONFIRMATION, bindparam("job", type_=Uuid), _ORDER)
    return letter.cte("letter"), *_cart_gone()


def _paid() -> Select[Any]:
    """The order's key where it was placed by this."""
    moved = moving(_ORDER, OrderStatus.PLACED).returning(Order.id).cte("moved")
    charge = _charge().values(settled_at=func.now(), expires_at=None).cte("settled")
    payment = update(OrderPayment).where(OrderPayment.order_id == _ORDER)
    payment = payment.values(
        status=PaymentStatus.CAPTURED, brand=bindparam("brand", type_=Text), last4=bindparam("last4", type_=Text)
    )
    event = insert(OrderEvent).values(id=_EVENT, order_id=_ORDER, kind=OrderEventKind.PAYMENT_SETTLED)
    notes = (charge, payment.cte("payment"), event.cte("event"), *_confirmed())
    return select(moved.c.id).add_cte(*notes)


def _waiting() -> Select[Any]:
    """Says once in the timeline that the payment is not settled yet."""
    kinds = select(OrderEvent.id).where(OrderEvent.order_id == _ORDER, OrderEvent.kind == _PENDING)
    row = select(_EVENT, _ORDER, literal(_PENDING.value)).where(~kinds.exists())
    event = insert(OrderEvent).from_select(["id", "order_id", "kind"], row, include_defaults=False)
    told = event.returning(OrderEvent.order_id).cte("told")
    order = update(Order).where(Order.id == told.c.order_id).values(version=Order.version + 1).cte("counted")
    charge = _charge().values(expires_at=bindparam("expires_at", type_=DateTime(timezone=True))).cte("noted")
    return select(literal(1)).add_cte(told, order, charge, *_cart_gone())


_PENDING = OrderEventKind.PAYMENT_PENDING

PAID = _paid()
WAITING = _waiting()
CONCLUDED = select(literal(1)).add_cte(*_confirmed())
