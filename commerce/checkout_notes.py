"""What is noted of an order when its payment is settled, or waits: many tables, one statement each."""

from typing import Any

from sqlalchemy import DateTime, Select, Text, Update, Uuid, bindparam, delete, func, insert, literal, select, update

from commerce.measurement import used_up
from commerce.order_status import moving
from gateways.jobs import promise
from models.cart import Cart, CartLine
from models.order import Order, OrderEvent, OrderEventKind, OrderPayment, OrderStatus, PaymentStatus
from models.payment import Charge
from models.statement import Statement

CONFIRMATION = "order.confirmation"

_ORDER = bindparam("order", type_=Uuid)
_EVENT = bindparam("event", type_=Uuid)
_CHARGE = bindparam("charge", type_=Uuid)
_JOB = bindparam("job", type_=Uuid)


def _charge(order_id: Any) -> Update:
    return (
        update(Charge)
        .where(Charge.id == _CHARGE, Charge.order_id == order_id)
        .values(status=bindparam("charge_status", type_=Text), gateway_key=bindparam("gateway_key", type_=Text))
    )


def _cart_gone(order_id: Any) -> tuple[Any, ...]:
    """The cart that was hidden for the order is gone, and with it the measurements that were for this order alone."""
    sets = select(CartLine.measurement_set_id).join(Cart, Cart.id == CartLine.cart_id)
    hidden = delete(Cart).where(Cart.placing_id == order_id)
    return used_up(sets.where(Cart.placing_id == order_id)).cte("sets"), hidden.cte("cart")


def _confirmed(order_id: Any) -> tuple[Any, ...]:
    return promise(CONFIRMATION, _JOB, order_id).cte("letter"), *_cart_gone(order_id)


def _paid(*, alone: bool) -> Select[Any]:
    """The charge's order is placed; answers its key, nothing where it does not wait or, `alone`, has other charges."""
    of_charge = select(Charge.order_id).where(Charge.id == _CHARGE).scalar_subquery()
    moving_order = moving(of_charge, OrderStatus.PLACED)
    if alone:
        other = Charge.__table__.alias("other")
        others = select(other.c.id).where(other.c.order_id == Order.id, other.c.id != _CHARGE)
        moving_order = moving_order.where(~others.correlate_except(other).exists())
    moved = moving_order.returning(Order.id).cte("moved")
    order_id = moved.c.id
    charge = _charge(order_id).values(settled_at=func.now(), expires_at=None).cte("settled")
    payment = update(OrderPayment).where(OrderPayment.order_id == order_id)
    payment = payment.values(
        status=PaymentStatus.CAPTURED, brand=bindparam("brand", type_=Text), last4=bindparam("last4", type_=Text)
    )
    row = select(_EVENT, order_id, literal(OrderEventKind.PAYMENT_SETTLED.value))
    event = insert(OrderEvent).from_select(["id", "order_id", "kind"], row, include_defaults=False)
    return select(order_id).add_cte(charge, payment.cte("payment"), event.cte("event"), *_confirmed(order_id))


def _waiting() -> Select[Any]:
    """Says once in the timeline that the payment is not settled yet."""
    kinds = select(OrderEvent.id).where(OrderEvent.order_id == _ORDER, OrderEvent.kind == _PENDING)
    row = select(_EVENT, _ORDER, literal(_PENDING.value)).where(~kinds.exists())
    event = insert(OrderEvent).from_select(["id", "order_id", "kind"], row, include_defaults=False)
    told = event.returning(OrderEvent.order_id).cte("told")
    order = update(Order).where(Order.id == told.c.order_id).values(version=Order.version + 1).cte("counted")
    charge = _charge(_ORDER).values(expires_at=bindparam("expires_at", type_=DateTime(timezone=True))).cte("noted")
    return select(literal(1)).add_cte(told, order, charge, *_cart_gone(_ORDER))


_PENDING = OrderEventKind.PAYMENT_PENDING

PAID = Statement(lambda: _paid(alone=False))
PAID_ALONE = Statement(lambda: _paid(alone=True))
WAITING = Statement(_waiting)
CONCLUDED = Statement(lambda: select(literal(1)).add_cte(*_confirmed(_ORDER)))
