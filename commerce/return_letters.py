"""What customers are told of their returns: approved, declined, received."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce.tools import Tools
from gateways.jobs import Handler, Job, enqueue
from models.order import Order, OrderContact
from models.return_request import ReturnRequest

APPROVED = "return.approved_letter"
DECLINED = "return.declined_letter"
RECEIVED = "return.received_letter"


async def promise_decision(transaction: AsyncConnection, request_id: UUID, *, approved: bool) -> None:
    """A letter that tells of the decision."""
    if approved:
        await enqueue(transaction, Job(APPROVED, request_id))
    else:
        await enqueue(transaction, Job(DECLINED, request_id))


async def promise_receipt(transaction: AsyncConnection, request_id: UUID) -> None:
    """A letter that tells what came."""
    await enqueue(transaction, Job(RECEIVED, request_id))


async def _post(tools: Tools, request_id: UUID, letter: str) -> None:
    """Sends the letter to whoever ordered, if the shop still knows them."""
    found = await tools.database.transact(partial(_facts, request_id=request_id))
    if found is not None:
        values = {"rma": found.rma, "number": found.number, "message": found.message, "exchange": found.exchange}
        await tools.post(found.email, letter, **values)


async def _facts(transaction: AsyncConnection, request_id: UUID) -> Any:
    exchange = Order.__table__.alias()
    facts = (
        select(
            OrderContact.email,
            Order.number,
            ReturnRequest.rma,
            ReturnRequest.message,
            exchange.c.number.label("exchange"),
        )
        .join_from(ReturnRequest, Order, Order.id == ReturnRequest.order_id)
        .join(OrderContact, OrderContact.order_id == Order.id)
        .outerjoin(exchange, exchange.c.id == ReturnRequest.exchange_order_id)
        .where(ReturnRequest.id == request_id, OrderContact.email.is_not(None))
    )
    return (await transaction.execute(facts)).one_or_none()


async def write_approved(tools: Tools, request_id: UUID) -> None:
    await _post(tools, request_id, "return_approved")


async def write_declined(tools: Tools, request_id: UUID) -> None:
    await _post(tools, request_id, "return_declined")


async def write_received(tools: Tools, request_id: UUID) -> None:
    await _post(tools, request_id, "return_received")


HANDLERS: Mapping[str, Handler[Tools]] = {
    APPROVED: write_approved,
    DECLINED: write_declined,
    RECEIVED: write_received,
}
