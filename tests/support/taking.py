"""What an order takes of stock and codes, taken by itself."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import discount_use, stock
from commerce.stock import Pieces
from models.statement import Statement


def _taking() -> Any:
    moved, entries = stock.moving()
    return select(moved.c.id).add_cte(entries)


_TAKING = Statement(_taking)
_USING = Statement(lambda: select(literal(1)).add_cte(discount_use.using()))


async def take(transaction: AsyncConnection, pieces: Pieces, order_id: UUID) -> set[UUID]:
    """Answers the variants that there are."""
    return {row.id for row in await _TAKING.all(transaction, **stock.taken(pieces, order_id))}


async def use(transaction: AsyncConnection, order_id: UUID, account_id: UUID | None, codes: Iterable[UUID]) -> None:
    await _USING.run(transaction, **discount_use.used(order_id, account_id, codes))
