"""Giving back what a gateway took or holds for no order: one that was cancelled, or that is no more."""

from uuid import NAMESPACE_OID, UUID, uuid5

import structlog

from commerce import checkout
from commerce.checkout import Fate
from commerce.tools import Tools
from gateways.failure import TemporaryFailure
from gateways.payments import Charged, PaymentGateway
from models.ids import show_id
from models.payment import ChargeStatus, RefundStatus

log = structlog.get_logger("payments")

_DECIDED = frozenset({ChargeStatus.CAPTURED, ChargeStatus.FAILED, ChargeStatus.VOIDED})


async def give_up(payments: PaymentGateway, charge_id: UUID) -> Charged | None:
    """Voids a charge of which there is no order, or pays all of it back. Done twice, it pays once.

    Raises GatewayTimeout.
    """
    charged = await payments.void(charge_id)
    if charged is not None:
        await _pay_back(payments, charge_id, charged)
    return charged


async def release(tools: Tools, charge_id: UUID) -> None:
    """Voids a charge that no order needs any more, or has it refunded; by its order, as long as there is one."""
    charged = await tools.payments.void(charge_id)
    if charged is not None and charged.status not in _DECIDED:
        raise TemporaryFailure("the gateway has not decided yet")
    settlement = await tools.database.transact(lambda t: checkout.settle(t, charge_id, charged))
    if settlement.fate is Fate.GONE and charged is not None:
        await _pay_back(tools.payments, charge_id, charged)


async def _pay_back(payments: PaymentGateway, charge_id: UUID, charged: Charged) -> None:
    left = charged.captured - charged.refunded
    if charged.status is not ChargeStatus.CAPTURED or left <= 0:
        return
    status = await payments.refund(charge_id, _refund_key(charge_id), left)
    event = "charge.not_given_back" if status is RefundStatus.FAILED else "charge.given_back"
    log.warning(event, id=show_id("chg", charge_id))


def _refund_key(charge_id: UUID) -> UUID:
    """The one key under which a charge without an order is paid back."""
    return uuid5(NAMESPACE_OID, f"layette.given-back.{charge_id}")


HANDLERS = {checkout.RELEASE: release}
