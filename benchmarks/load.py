"""Generates load, cheaply: raw sockets with keep-alive, answers counted by their Content-Length.

`Generator` runs in a process of its own, so that what it measures is not its own interpreter waiting for the caller's.
"""

import asyncio
import http.client
import multiprocessing
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from time import perf_counter_ns
from typing import Any, Self

import uvloop

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "
OK = (b"HTTP/1.1 200", b"HTTP/1.1 304")


@dataclass(frozen=True)
class Target:
    """Requests in turn to a port of this machine. `lenient`: answers of any status count."""

    port: int
    requests: tuple[bytes, ...]
    lenient: bool = False


@dataclass(frozen=True)
class Slice:
    """What came back in `seconds`; `latencies` in nanoseconds, one an answer."""

    seconds: float
    latencies: "array[int]"

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


def percentile(slices: Sequence[Slice], part: float) -> float:
    """Milliseconds within which this part of the answers came."""
    ordered = sorted(latency for one in slices for latency in one.latencies)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] / 1e6


class Generator:
    """One process that generates load, one thing at a time."""

    def __init__(self) -> None:
        self._process = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.shutdown()

    def closed(self, target: Target, connections: int, seconds: float) -> "Future[Slice]":
        """Each connection asks again as soon as it is answered."""
        return self._process.submit(_run, _closed, target, connections, seconds)

    def paced(self, target: Target, connections: int, seconds: float, rate: float) -> "Future[Slice]":
        """`rate` requests a second, whatever the answers take: latencies count from when a request was due."""
        return self._process.submit(_run, _paced, target, connections, seconds, rate)


def _run(work: Callable[..., Any], *arguments: Any) -> Slice:
    return uvloop.run(work(*arguments))


class Caller(asyncio.Protocol):
    """One connection. `answered(caller)` is called with each whole answer; `done` fails where something goes wrong."""

    transport: asyncio.Transport

    def __init__(self, lenient: bool, answered: Callable[["Caller"], None], done: "asyncio.Future[None]") -> None:
        self.begun = 0
        self._lenient = lenient
        self._answered = answered
        self._done = done
        self._head = b""
        self._missing: int | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, request: bytes, begun: int) -> None:
        self.begun = begun
        self.transport.write(request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail("the connection was closed")

    def fail(self, why: str) -> None:
        if not self._done.done():
            self._done.set_exception(RuntimeError(why))

    def data_received(self, data: bytes) -> None:
        if self._missing is None:
            self._head += data
            end = self._head.find(HEAD_END)
            if end < 0:
                return
            if not self._lenient and not self._head.startswith(OK):
                self.fail(f"unexpected answer: {self._head[:2000]!r}")
                return
            self._missing = end + len(HEAD_END) + _length(self._head[:end]) - len(self._head)
        else:
            self._missing -= len(data)
        if self._missing == 0:
            self._head, self._missing = b"", None
            self._answered(self)


def _length(head: bytes) -> int:
    at = head.find(LENGTH)
    return 0 if at < 0 else int(head[at + len(LENGTH) :].partition(b"\r")[0])


async def _callers(
    target: Target, connections: int, answered: Callable[[Caller], None], done: "asyncio.Future[None]"
) -> list[Caller]:
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Caller(target.lenient, answered, done), "127.0.0.1", target.port)
        for _ in range(connections)
    ]
    return [caller for _, caller in made]


async def _closed(target: Target, connections: int, seconds: float) -> Slice:
    latencies = array("Q")
    requests = cycle(target.requests)
    done = asyncio.get_running_loop().create_future()
    end = 0
    waiting = connections

    def answered(caller: Caller) -> None:
        nonlocal waiting
        now = perf_counter_ns()
        latencies.append(now - caller.begun)
        if now < end:
            caller.ask(next(requests), now)
            return
        waiting -= 1
        if not waiting:
            done.set_result(None)

    callers = await _callers(target, connections, answered, done)
    begun = perf_counter_ns()
    end = begun + int(seconds * 1e9)
    for caller in callers:
        caller.ask(next(requests), begun)
    await done
    taken = perf_counter_ns() - begun
    for caller in callers:
        caller.transport.close()
    return Slice(taken / 1e9, latencies)


async def _paced(target: Target, connections: int, seconds: float, rate: float) -> Slice:
    latencies = array("Q")
    requests = cycle(target.requests)
    late: list[int] = []
    done = asyncio.get_running_loop().create_future()

    def answered(caller: Caller) -> None:
        latencies.append(perf_counter_ns() - caller.begun)
        if len(latencies) == int(rate * seconds):
            done.set_result(None)
        if late:
            caller.ask(next(requests), late.pop(0))
        else:
            idle.append(caller)

    idle = await _callers(target, connections, answered, done)
    callers = list(idle)
    for due in _schedule(rate, seconds):
        pause = due - perf_counter_ns()
        if pause > 0:
            await asyncio.sleep(pause / 1e9)
        if idle:
            idle.pop().ask(next(requests), min(due, perf_counter_ns()))
        else:
            late.append(due)
    await done
    for caller in callers:
        caller.transport.close()
    return Slice(seconds, latencies)


def _schedule(rate: float, seconds: float) -> Iterator[int]:
    begun = perf_counter_ns()
    return (begun + int(number * 1e9 / rate) for number in range(int(rate * seconds)))


def ask(port: int, request: bytes) -> bytes:
    """The body of the answer."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = dict(line.split(": ", 1) for line in lines)
    connection.request(*first.split(" ")[:2], body, headers)
    answer = connection.getresponse()
    found = answer.read()
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{first}: {answer.status} {found!r}")
    return found
