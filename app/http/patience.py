"""A bound on waiting that costs next to nothing where there is no wait."""

import asyncio
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")
SWEEP_SECONDS = 0.25


class _Begun(Generic[T]):
    """A coroutine that has come to its first wait, to be awaited from there."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], first: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = first

    def __await__(self) -> Generator[Any, Any, T]:
        while True:
            try:
                sent = yield self._waits_for
            except BaseException as error:  # noqa: BLE001  # its business, not ours
                step = partial(self._coroutine.throw, error)
            else:
                step = partial(self._coroutine.send, sent)
            try:
                self._waits_for = step()
            except StopIteration as done:
                return done.value


class Patience:
    """Ends waits that last longer than `seconds`, all with one timer.

    asyncio.timeout() sets a timer for each, which is dearer than reading a body that is there already.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadlines: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What the coroutine gives. Raises TimeoutError when it takes too long; then it was cancelled."""
        try:
            first = coroutine.send(None)
        except StopIteration as done:
            return done.value  # it had nothing to wait for
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._deadlines[task] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(SWEEP_SECONDS, self._sweep, loop)
        try:
            return await _Begun(coroutine, first)
        except asyncio.CancelledError:
            if task in self._overdue and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            self._deadlines.pop(task, None)
            self._overdue.discard(task)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for task in [task for task, deadline in self._deadlines.items() if deadline < now]:
            del self._deadlines[task]
            self._overdue.add(task)
            task.cancel()
        if self._deadlines:
            self._timer = loop.call_later(SWEEP_SECONDS, self._sweep, loop)
