"""Public reads that find no connection free wait together, and are answered by one statement.

Who asks the same shares one answer. A statement begins after all that it answers were asked, so that nobody is told
what was true before the question came.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from time import perf_counter
from typing import Any

from reads.sqltext import Statement

MOST = 8
"""Different questions in one statement."""

SECONDS = 0.002
"""What one statement may take by what its questions took before: beyond that they had better go side by side."""

SLOWER = 1.1
"""How much longer than before a question is believed to take at a time."""

REST = 10.0
"""Seconds for which questions that went wrong together go alone."""

Question = tuple[Any, ...]
Waiting = list["asyncio.Future[bytes]"]


def question(arguments: Iterable[Any]) -> Question | None:
    """The arguments as what can be compared with others'; None where they cannot be."""
    found = tuple(tuple(one) if isinstance(one, list) else one for one in arguments)
    try:
        hash(found)
    except TypeError:
        return None
    return found


@dataclass
class Standing:
    """A statement that answers everyone. `joined` answers several questions with a row for each.

    It is made when somebody has to wait for the first time. `seconds`: the least that a question took lately. `parted`:
    when questions last went wrong together.
    """

    statement: Statement
    joined: str | None = None
    has_joined: bool = False
    seconds: float = SECONDS
    parted: float = -inf

    def join(self, joined: str | None) -> None:
        """Sets the joined statement; None where there can be none."""
        self.joined, self.has_joined = joined, True

    def note(self, seconds: float) -> None:
        """A question took so long: mostly it waited for a processor, which is nothing against it."""
        self.seconds = min(seconds, self.seconds * SLOWER)

    def part(self) -> None:
        """Several questions went wrong together: they are not put together for a while."""
        self.parted = perf_counter()

    @property
    def most(self) -> int:
        """How many different questions may go together."""
        if self.joined is None or perf_counter() - self.parted < REST:
            return 1
        return max(1, min(MOST, int(SECONDS / self.seconds)))


@dataclass(eq=False)
class Group:
    """Questions that wait for a connection, each with those who asked it."""

    standing: Standing
    asked: dict[Question, Waiting] = field(default_factory=dict)
    is_closed: bool = False

    def takes(self, asked: Question) -> bool:
        return asked in self.asked or len(self.asked) < self.standing.most

    def join(self, asked: Question) -> "asyncio.Future[bytes]":
        answer = asyncio.get_running_loop().create_future()
        self.asked.setdefault(asked, []).append(answer)
        return answer

    async def fetch(self, connection: Any) -> None:
        """Answers all."""
        standing, begun = self.standing, perf_counter()
        if len(self.asked) == 1:
            rows = await connection.fetch(standing.statement.sql, *next(iter(self.asked)))
        else:
            rows = await connection.fetch(standing.joined, *zip(*self.asked, strict=True))
        standing.note((perf_counter() - begun) / len(rows))
        for waiting, row in zip(self.asked.values(), rows, strict=True):
            tell(waiting, row[0])

    async def part(self, database: Any) -> None:
        """Answers one by one: what is wrong with another, or with all of them together, is nobody's own fault."""
        self.standing.part()
        await asyncio.gather(*(self._alone(one, database) for one in self.asked))

    async def _alone(self, asked: Question, database: Any) -> None:
        try:
            row = await database.read_row(self.standing.statement.sql, *asked)
            tell(self.asked[asked], row[0])
        except Exception as error:  # noqa: BLE001  # told to those who asked
            fail(self.asked[asked], error)

    def fail(self, error: Exception) -> None:
        for waiting in self.asked.values():
            fail(waiting, error)

    def leave(self) -> None:
        """Who has no answer yet will have none."""
        for waiting in self.asked.values():
            for one in waiting:
                one.cancel()


class Together:
    """Those who wait, by the database and the statement that they wait for, and by the question if it goes alone."""

    def __init__(self) -> None:
        self._open: dict[tuple[Any, str, Question | None], Group] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def read(self, standing: Standing, asked: Question, database: Any) -> bytes:
        """The answer, once a connection is free. Raises what the database does."""
        place = database, standing.statement.sql, asked if standing.most == 1 else None
        group = self._open.get(place)
        if group is None or not group.takes(asked):
            group = self._open[place] = Group(standing)
            running = asyncio.create_task(self._answer(group, place))
            self._running.add(running)
            running.add_done_callback(self._running.discard)
        return await group.join(asked)

    async def _answer(self, group: Group, place: tuple[Any, str, Question | None]) -> None:
        database = place[0]
        try:
            async with database.reading() as connection:
                self._close(group, place)
                await group.fetch(connection)
        except Exception as error:  # noqa: BLE001  # told to those who asked
            if group.is_closed and len(group.asked) > 1:
                await group.part(database)
            else:
                group.fail(error)
        finally:
            self._close(group, place)
            group.leave()

    def _close(self, group: Group, place: tuple[Any, str, Question | None]) -> None:
        """Lets nobody else join."""
        group.is_closed = True
        if self._open.get(place) is group:
            del self._open[place]


def tell(waiting: Waiting, answer: bytes) -> None:
    for one in waiting:
        if not one.done():
            one.set_result(answer)


def fail(waiting: Waiting, error: Exception) -> None:
    for one in waiting:
        if not one.done():
            one.set_exception(error)
