"""Orders that somebody follows: told of each change, whoever made it, and no longer than the session lives.

PostgreSQL is asked once a second about all that is followed in this process, by one statement, and what it says
decides: a session that was revoked, expired or idle for too long ends what it follows whatever Redis does, and a change
is found whether or not anyone told of it. Hints make that question be asked sooner.
"""

import asyncio
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self
from uuid import UUID
from weakref import WeakSet

import structlog
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    LargeBinary,
    Select,
    Uuid,
    bindparam,
    case,
    func,
    select,
    true,
    union_all,
)
from sqlalchemy import literal_column as sql

from auth import sessions
from gateways.failure import describe
from gateways.notices import Notices, of_order
from models.account import Account
from models.alteration import Alteration
from models.base import Base
from models.database import Database
from models.fulfillment import Fulfillment
from models.order import Order, OrderEvent, OrderLine, OrderPayment
from models.payment import Refund
from models.return_request import ReturnRequest
from models.statement import Statement

PARTS = (OrderLine, OrderEvent, OrderPayment, Refund, Fulfillment, Alteration, ReturnRequest)
"""Tables whose rows belong to an order, and of what it shows change while it lives."""

ASK_EVERY = 1.0
"""Seconds between questions: a session that ended is followed by nobody after that."""

AT_A_TIME = 1000
"""How many are asked about by one statement."""

GATHER = 0.02
"""Seconds that a hint waits for others, so that many changes at once make one question."""

log = structlog.get_logger("orders")

Key = tuple[UUID, bytes]
"""An order, and the digest of the token of the session that follows it."""


class End(Enum):
    """Why nothing more is to be told."""

    SESSION = "SESSION"
    ORDER = "ORDER"


@dataclass(eq=False, slots=True, weakref_slot=True)
class Following:
    """The changes of one order, for one session: `async for` gives one turn for all that happened since the last.

    `end` says why it was over. Whoever lets go of it is told nothing more.
    """

    key: Key
    hint: bytes
    state: str
    end: End | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def order_id(self) -> UUID:
        return self.key[0]

    def learn(self, found: "str | End") -> None:
        """Takes in the order's state as it is now, or that there is no more to tell."""
        if isinstance(found, End):
            self.end = found
        elif found == self.state:
            return
        else:
            self.state = found
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> None:
        await self._news.wait()
        if self.end is not None:
            raise StopAsyncIteration
        self._news.clear()


class OrderWatch:
    """Watches the orders that are followed in this process; one a process."""

    def __init__(self, database: Database, notices: Notices) -> None:
        self._database = database
        self._notices = notices
        self._followed: WeakSet[Following] = WeakSet()
        self._hints: set[bytes] = set()
        self._hinted = asyncio.Event()
        self._every = ASK_EVERY
        self._watching: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether anybody follows anything."""
        return self._watching is not None

    async def follow(self, order_id: UUID, digest: bytes) -> Following | End:
        """Follows an order of the session's owner from now on. Raises DatabaseAway."""
        key = (order_id, digest)
        found = (await self._states([key]))[key]
        if isinstance(found, End):
            return found
        following = Following(key, self._notices.name(of_order(order_id)), found)
        self._followed.add(following)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        return following

    async def close(self) -> None:
        """Tells nobody anything more."""
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self) -> None:
        """Asks until nobody follows anything."""
        listening = asyncio.create_task(self._notices.listen(self._hear))
        try:
            while self._followed:
                at = _now() + self._every
                while hinted := await self._hinted_before(at):
                    await self._ask(hinted)
                await self._ask(list(self._followed))
        finally:
            self._watching = None
            listening.cancel()
            await asyncio.wait([listening])

    def _hear(self, name: bytes) -> None:
        self._hints.add(name)
        self._hinted.set()

    async def _hinted_before(self, at: float) -> list[Following]:
        """Waits for hints until then, and gives those whom they are for; nobody when it is time to ask about all."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(at):
                while True:
                    await self._hinted.wait()
                    await asyncio.sleep(GATHER)
                    hints, self._hints = self._hints, set()
                    self._hinted.clear()
                    if hinted := [one for one in self._followed if one.hint in hints]:
                        return hinted
        return []

    async def _ask(self, followed: Collection[Following]) -> None:
        try:
            states = await self._states({one.key for one in followed})
        except Exception as error:  # noqa: BLE001  # whatever it is: nothing is told meanwhile, and it is asked again
            log.warning("orders.not_watched", fault=describe(error))
            return
        for one in followed:
            one.learn(states[one.key])

    async def _states(self, keys: Iterable[Key]) -> dict[Key, str | End]:
        """The state of each order as its follower may see it: a text that changes with the order."""
        asked = list(keys)
        states: dict[Key, str | End] = dict.fromkeys(asked, End.SESSION)
        for begin in range(0, len(asked), AT_A_TIME):
            orders, digests = zip(*asked[begin : begin + AT_A_TIME], strict=True)
            async with self._database.reading() as connection:
                rows = await connection.fetch(_STATES.sql, orders, digests)
            for order_id, digest, state in rows:
                states[order_id, digest] = End.ORDER if state is None else state
        return states


def _now() -> float:
    return asyncio.get_running_loop().time()


def _states() -> Select[*tuple[Any, ...]]:
    """For each order and session that is live: the state of the order, null where it is not the session's owner's.

    A row's xmin is the transaction that wrote it: no writer has to remember to say that it changed something.
    """
    lists = [bindparam("orders", type_=ARRAY(Uuid)), bindparam("digests", type_=ARRAY(LargeBinary))]
    followed = func.unnest(*lists).table_valued(Column("order_id", Uuid), Column("digest", LargeBinary))
    followed = followed.render_derived(name="followed")
    live = sessions.live_session(followed.c.digest).where(Account.kind == sql("'CUSTOMER'")).lateral("live")
    own = (Order.id == followed.c.order_id) & (Order.account_id == live.c.account_id)
    parts = union_all(*(_written(table) for table in PARTS)).subquery("parts")
    written = select(func.concat(func.count(), sql("'/'"), func.sum(parts.c.written))).scalar_subquery()
    state = func.concat(sql("orders.xmin"), sql("'/'"), written)
    return (
        select(followed.c.order_id, followed.c.digest, case((Order.id.is_not(None), state)))
        .select_from(followed)
        .join(live, true())
        .outerjoin(Order, own)
    )


def _written(table: type[Base]) -> Select[*tuple[Any, ...]]:
    """Which transactions wrote the order's rows of a table."""
    name = table.__tablename__
    written = sql(f"{name}.xmin::text::bigint", BigInteger).label("written")
    return select(written).select_from(table).where(table.__table__.c.order_id == Order.id).correlate(Order)


_STATES = Statement(_states)
