"""P1: a row cannot be written without the channel that it came through."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import ARRAY, Table, insert
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError

import models
from models.base import CHANNEL
from tests.support.database import RolledBackDatabase
from tests.support.planting import NOON

TABLES = [table for table in models.metadata.sorted_tables if CHANNEL in table.c]


def anything(column: Any) -> Any:
    """A value of the column's type; rules beyond that are looked at after what may not be null."""
    if isinstance(column.type, ARRAY):
        return []
    if isinstance(column.type, JSONB):
        return {}
    samples = {"UUID": uuid4(), "datetime": NOON, "date": NOON.date(), "bytes": b"x"}
    made = column.type.python_type
    return samples.get(made.__name__) or made(1)


@pytest.mark.parametrize("table", TABLES, ids=str)
async def test_p1_row_without_a_channel_is_not_written(database: RolledBackDatabase, table: Table):
    row = {column.name: anything(column) for column in table.columns if column.name != CHANNEL and not column.nullable}
    refused = f'null value in column "{CHANNEL}" of relation "{table.name}" violates not-null constraint'
    with pytest.raises(IntegrityError, match=refused):
        await database.transact(lambda transaction: transaction.execute(insert(table).values(row)))
