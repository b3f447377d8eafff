"""What a gateway tells of its own accord: a webhook is a hint to ask, never news to believe.

Events come twice and in any order. Each is acted on once; acting is to ask the gateway what is so now, and to settle.
"""

from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import checkout
from commerce.tools import Tools
from gateways.jobs import Handler, Job, Periodic, enqueue
from gateways.payments import GatewayEvent
from models.ids import new_id, show_id
from models.payment import Charge
from models.payment import GatewayEvent as Row

SETTLE = "payment.settle"

KEPT = timedelta(days=30)
"""How long an event is known again. No gateway repeats one for as long."""


async def note(transaction: AsyncConnection, gateway: str, event: GatewayEvent) -> None:
    """Promises to ask about the event's charge; an event that is known promises nothing more."""
    row = insert(Row).values(id=new_id(), gateway=gateway, event_key=event.event_key)
    fresh = await transaction.scalar(
        row.on_conflict_do_nothing(index_elements=[Row.gateway, Row.event_key]).returning(Row.id)
    )
    if fresh is not None and event.charge_id is not None:
        await enqueue(transaction, Job(SETTLE, event.charge_id), dedupe=show_id("chg", event.charge_id))


async def settle(tools: Tools, charge_id: UUID) -> None:
    """Asks the gateway about a charge of ours and brings its order to what it says. Raises GatewayTimeout.

    What the gateway says nothing of is left to the reconciler: there is no hurry to give an order up.
    """
    known, gateway_key = await tools.database.transact(partial(_look_up, charge_id=charge_id))
    if not known:
        return
    charged = await tools.payments.find(charge_id, gateway_key=gateway_key)
    if charged is not None:
        await tools.database.transact(partial(checkout.settle, charge_id=charge_id, charged=charged))


async def _look_up(transaction: AsyncConnection, charge_id: UUID) -> tuple[bool, str | None]:
    """Whether the charge is ours, and the gateway's key of it."""
    row = (await transaction.execute(select(Charge.gateway_key).where(Charge.id == charge_id))).one_or_none()
    return row is not None, row and row.gateway_key


async def forget(tools: Tools) -> None:
    """Deletes events that will not come again."""
    old = delete(Row).where(Row.received_at < func.now() - KEPT)
    await tools.database.transact(lambda transaction: transaction.execute(old))


HANDLERS: dict[str, Handler[Tools]] = {SETTLE: settle}
PERIODIC = (Periodic("payment.forget_events", timedelta(days=1), forget),)
