"""Public reads that find no connection free wait together, and are answered by one statement.

Who asks the same shares one answer. A statement begins after all that it answers were asked, so that nobody is told
what was true before the question came.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from reads.sqltext import Statement

MOST = 8
"""Different questions in one statement."""

SECONDS = 0.002
"""What one statement may take by what its questions took before: beyond that they had better go side by side."""

SLOWER = 1.02
"""How fast it is believed that a question takes longer than before."""

Arguments = tuple[Any, ...]
Waiting = list["asyncio.Future[bytes]"]


@dataclass
class Standing:
    """A statement that answers everyone. `joined` answers a list of questions with a row for each.

    `seconds`: the least that a question took lately; None before the first time.
    """

    statement: Statement
    joined: str | None = None
    has_waited: bool = False
    seconds: float | None = None

    def wait(self, joined: str | None) -> None:
        """It is to wait for the first time: not before is it worth making the joined statement."""
        self.joined, self.has_waited = joined, True

    def note(self, seconds: float) -> None:
        """A question took so long: mostly it waited for a processor, which is nothing against it."""
        self.seconds = seconds if self.seconds is None else min(seconds, self.seconds * SLOWER)

    @property
    def is_shared(self) -> bool:
        """Whether questions can be told apart, and who asks the same may share an answer."""
        return self.joined is not None or not self.statement.getters

    @property
    def most(self) -> int:
        """How many different questions may go together."""
        if self.joined is None or self.seconds is None:
            return 1
        return max(1, min(MOST, int(SECONDS / self.seconds)))


@dataclass(eq=False)
class Group:
    """Questions that wait for a connection, each with those who asked it."""

    standing: Standing
    asked: dict[Arguments, Waiting] = field(default_factory=dict)

    def takes(self, arguments: Arguments) -> bool:
        return arguments in self.asked or len(self.asked) < self.standing.most

    def join(self, arguments: Arguments) -> "asyncio.Future[bytes]":
        answer = asyncio.get_running_loop().create_future()
        self.asked.setdefault(arguments, []).append(answer)
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


class Together:
    """Those who wait, by the statement that they wait for."""

    def __init__(self) -> None:
        self._open: dict[str, Group] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def read(self, standing: Standing, arguments: Sequence[Any], database: Any) -> bytes:
        """The answer, once a connection is free. Raises what the database does."""
        key, sql = tuple(arguments), standing.statement.sql
        group = self._open.get(sql)
        if group is None or not group.takes(key):
            group = self._open[sql] = Group(standing)
            running = asyncio.create_task(self._answer(group, database))
            self._running.add(running)
            running.add_done_callback(self._running.discard)
        return await group.join(key)

    async def _answer(self, group: Group, database: Any) -> None:
        try:
            async with database.reading() as connection:
                self._close(group)
                await group.fetch(connection)
        except Exception as error:  # noqa: BLE001  # told to those who asked
            self._close(group)
            if len(group.asked) == 1:
                fail(*group.asked.values(), error)
            else:
                await asyncio.gather(*(alone(group.standing, one, database) for one in group.asked.items()))

    def _close(self, group: Group) -> None:
        """Lets nobody else join."""
        sql = group.standing.statement.sql
        if self._open.get(sql) is group:
            del self._open[sql]


async def alone(standing: Standing, question: tuple[Arguments, Waiting], database: Any) -> None:
    """Answers one question by itself: what is wrong with another, or with all of them together, is not its fault."""
    arguments, waiting = question
    try:
        row = await database.read_row(standing.statement.sql, *arguments)
    except Exception as error:  # noqa: BLE001  # told to those who asked
        fail(waiting, error)
    else:
        tell(waiting, row[0])


def tell(waiting: Waiting, answer: bytes) -> None:
    for one in waiting:
        if not one.done():
            one.set_result(answer)


def fail(waiting: Waiting, error: Exception) -> None:
    for one in waiting:
        if not one.done():
            one.set_exception(error)
