"""What became of orders afterwards, in all states that there are: returns, and what was paid back."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func

from models.classification import Channel
from models.fulfillment import Fulfillment, FulfillmentLine
from models.payment import Refund, RefundLine, RefundReason, RefundStatus
from models.return_request import ReturnLine, ReturnReason, ReturnRequest, ReturnStatus
from tests.support.planting import Planting


def plant_after_sales(  # whose order it is, and what of it
    planting: Planting,
    account: UUID,
    order: UUID,
    lines: Sequence[UUID],
    currency: str,
    variants: Sequence[UUID],
) -> None:
    """A shipment that may have arrived; requests with and without words; refunds of them and of nothing."""
    random = planting.random
    _shipment(planting, account, order, lines)
    for status in random.sample(list(ReturnStatus), len(lines)):
        request = planting.add(
            ReturnRequest,
            order_id=order,
            account_id=account,
            channel=Channel.WEB.value,
            rma=f"R-{len(planting.keys_of(ReturnRequest)):04}",
            status=status.value,
            created_at=planting.moment(),
            note=planting.maybe(planting.text()),
            message=planting.maybe(planting.text()),
        )
        for line in random.sample(lines, random.randint(0, len(lines))):
            planting.add(
                ReturnLine,
                return_request_id=request,
                order_line_id=line,
                quantity=2,
                received_quantity=1,
                restocked=random.randint(0, 1),
                reason=random.choice(list(ReturnReason)).value,
                exchange_variant_id=planting.maybe(random.choice(variants)),
            )
        if random.random() < 0.7:
            _refund(planting, order, planting.maybe(request), lines, currency)


def _shipment(planting: Planting, account: UUID, order: UUID, lines: Sequence[UUID]) -> None:
    arrived = planting.random.choice((None, planting.moment(), func.now() - timedelta(days=1)))
    whose = {"order_id": order, "account_id": account, "channel": Channel.WEB.value}
    shipment = planting.add(Fulfillment, shipped_at=planting.moment(), delivered_at=arrived, **whose)
    for line in lines:
        planting.add(FulfillmentLine, fulfillment_id=shipment, order_line_id=line, quantity=1)


def _refund(planting: Planting, order: UUID, request: UUID | None, lines: Sequence[UUID], currency: str) -> None:
    random = planting.random
    refund = planting.add(
        Refund,
        order_id=order,
        return_request_id=request,
        status=random.choice(list(RefundStatus)).value,
        reason=random.choice(list(RefundReason)).value,
        currency=currency,
        amount=10**15 + 1,
        shipping_amount=random.choice((0, 7)),
        created_at=planting.moment(),
    )
    for line in random.sample(lines, random.randint(0, len(lines))):
        planting.add(RefundLine, refund_id=refund, order_line_id=line, quantity=1, amount=10**15, currency=currency)
