"""Rows for tests, gathered and written at once, with keys that are the same in every run."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import ClauseElement, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import catalogue_search
from models import metadata
from models.base import Base
from models.catalogue import Product
from models.statement import connection_of

AWKWARD = (
    "plain",
    "",
    " ",
    'quoted "twice" and \\"thrice\\"',
    "back\\slash \\u0041 \\n",
    "it's 100% <b>bold</b> & more",
    "line\nfeed\r\n\ttab\b\f",
    "".join(map(chr, range(1, 32))),
    "\x01",
    "\x7f\x80\x9f\xad",
    "\u2028\u2029\ufeff\u200b\u202e",
    "Zoë ﬁt für \U0001f457\U0001f469\u200d\U0001f467",
    "e\u0301\u0323\U0010fffd\ufffd",
    "null",
    '{"data":null}',
    "$1 :name %s %(x)s {0} ${y}",
    "'; DROP TABLE product; --",
    "long " * 4000,
    "\U0001f9f5" * 1500,
)
"""Texts that a careless writer of JSON or SQL gets wrong."""

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Planting:
    """Rows by table, drawn from one repeatable source."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def add(self, model: type[Base], **values: Any) -> Any:
        """Keeps a row for `write` and answers its key, if the table has one column for it."""
        if "id" in model.__table__.columns:
            values.setdefault("id", self.key())
        self._rows.setdefault(model.__tablename__, []).append(values)
        return values.get("id")

    def keys_of(self, model: type[Base]) -> list[Any]:
        """The keys of the table's rows so far."""
        return [row["id"] for row in self._rows.get(model.__tablename__, ())]

    def key(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def maybe(self, value: Any) -> Any:
        """The value, or null."""
        return self.random.choice((value, value, None))

    def text(self) -> str:
        return self.random.choice(AWKWARD)

    def moment(self) -> datetime:
        """One of few, so that many rows share theirs; with and without fractions of a second."""
        micros = self.random.choice((0, 0, 1, 100, 999_999, 123_456))
        return NOON - timedelta(days=self.random.randrange(4), microseconds=micros)

    async def write(self, transaction: AsyncConnection) -> None:
        """Writes all rows, referenced tables first, many alike at a time."""
        for table in metadata.sorted_tables:
            alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
            for row in self._rows.pop(table.name, ()):
                if any(isinstance(value, ClauseElement) for value in row.values()):
                    await transaction.execute(insert(table).values(**row))
                else:
                    alike.setdefault(tuple(row), []).append(row)
            for rows in alike.values():
                await transaction.execute(insert(table), rows)
        products = await transaction.scalars(select(Product.id))
        await catalogue_search.index(connection_of(transaction), products.all())
