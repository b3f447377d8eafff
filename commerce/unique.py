"""Writes that a unique constraint may refuse, without losing the transaction."""

from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import violated


async def written(transaction: AsyncConnection, statement: Any, constraint: str) -> bool:
    """Whether the statement was done; False where the constraint of this name refused it."""
    try:
        async with transaction.begin_nested():
            await transaction.execute(statement)
    except IntegrityError as error:
        if violated(error) == constraint:
            return False
        raise
    return True
