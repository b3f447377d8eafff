"""What the commands about payments do."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app import connections
from app.embedded import Services
from app.settings import Settings
from commerce.reconciling import Reconciled, reconcile
from gateways.payments import Charged
from migrations import runner
from models.ids import show_id
from models.order import Order, OrderStatus
from models.payment import ChargeStatus

HANDS_OFF = timedelta(seconds=3)
"""An order may be in the hands of whoever places it for so long: a running shop is not to be disturbed."""

_HELD = frozenset({ChargeStatus.PENDING, ChargeStatus.ACTION, ChargeStatus.AUTHORIZED})


async def charges(settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """What the gateway has in its book for this shop, oldest first, as the command prints it."""
    gateway = connections.payments(settings)
    try:
        async for charged in gateway.book():
            if charged.charge_id is not None:
                yield shown(charged)
    finally:
        await gateway.close()


def shown(charged: Charged) -> dict[str, Any]:
    """A charge as an object of JSON. What is not decided is AUTHORIZED: it may be taken, and is not yet."""
    return {
        "id": charged.gateway_key,
        "orderId": charged.order_id and show_id("ord", charged.order_id),
        "currencyCode": charged.currency,
        "captured": charged.captured,
        "refunded": charged.refunded,
        "status": ChargeStatus.AUTHORIZED if charged.status in _HELD else charged.status,
    }


async def settle(settings: Settings, services: Services, progress: runner.Progress) -> Reconciled:
    """Settles what the worker would, now. Waits a moment for orders that are being placed. Raises GatewayTimeout."""
    await runner.upgrade(services.database_url, progress)
    async with connections.tools(settings, services) as tools:
        if await tools.database.transact(_any_fresh):
            progress("waiting for orders that are being placed")
            await asyncio.sleep(HANDS_OFF.total_seconds())
        progress("asking the gateway")
        return await reconcile(tools.database, tools.payments, age=HANDS_OFF)


async def _any_fresh(transaction: AsyncConnection) -> bool:
    fresh = select(Order.id).where(
        Order.status == OrderStatus.PENDING_PAYMENT, Order.placed_at > datetime.now(UTC) - HANDS_OFF
    )
    return await transaction.scalar(fresh.limit(1)) is not None
