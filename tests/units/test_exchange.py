"""The server's short way for what is there whole, and when it has to be the long one."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from app.http.protocol import MAX_MESSAGE_BYTES, Exchange, PatientProtocol
from app.http.request import (
    MAX_ADDRESS_BYTES,
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    WHOLE,
    HttpRefusal,
    HttpRequest,
)

HEAD = b"POST /graphql HTTP/1.1\r\nhost: shop.test\r\ncontent-length: %d\r\n%s\r\n"
CHUNKED = b"POST /graphql HTTP/1.1\r\nhost: shop.test\r\ntransfer-encoding: chunked\r\n\r\n"
LINES = b"content-length: 2\r\n"
SENT = b"HTTP/1.1 200 OK\r\n" + LINES


class Transport(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """uvicorn asks for it where a body is long."""

    def resume_reading(self) -> None:
        """The end of that."""


class Line:
    """A connection that asks for one thing; its application waits until it is let go."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.transport = Transport()
        self.release = asyncio.Event()
        config = uvicorn.Config(self._answer, log_config=None, lifespan="off", interface="asgi3")
        self.protocol = PatientProtocol(config, ServerState(), {}, asyncio.get_running_loop())
        self.protocol.connection_made(self.transport)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        await self.release.wait()

    async def asked(self, data: bytes) -> Exchange:
        """What the application is given with the request that these bytes begin."""
        self.protocol.data_received(data)
        await asyncio.sleep(0)
        return self.scopes[-1]["extensions"][WHOLE]

    async def over(self) -> None:
        self.release.set()
        await asyncio.gather(*self.protocol.tasks)
        self.protocol.connection_lost(None)


async def test_body_that_came_with_its_head_is_taken_once():
    line = Line()
    exchange = await line.asked(HEAD % (2, b"") + b"{}")
    assert (exchange.body(), exchange.body()) == (b"{}", None)
    exchange.send(200, LINES, b"{}")
    await line.over()


async def test_body_is_taken_when_all_of_it_is_there():
    line = Line()
    exchange = await line.asked(HEAD % (2, b"") + b"{")
    assert exchange.body() is None
    line.protocol.data_received(b"}")
    assert exchange.body() == b"{}"
    exchange.send(200, LINES, b"{}")
    await line.over()


@pytest.mark.parametrize("pieces", [1, 2, 7])
async def test_head_is_never_longer_than_is_said_of_it(pieces: int):
    line = Line()
    head = HEAD % (2, b"x-long: " + b"a" * 20_000 + b"\r\n")
    size = len(head) // pieces + 1
    *first, last = [head[at : at + size] for at in range(0, len(head), size)]
    for piece in first:
        line.protocol.data_received(piece)
    exchange = await line.asked(last + b"{}")
    assert exchange.head_bytes == len(head) + 2
    exchange.send(200, LINES, b"{}")
    following = await line.asked(HEAD % (2, b"") + b"{}")
    assert following.head_bytes == len(HEAD % (2, b"") + b"{}")
    following.send(200, LINES, b"{}")
    await line.over()


async def test_lines_behind_a_body_are_no_headers_also_of_a_request_that_waits_for_its_turn():
    line = Line()
    first = await line.asked(HEAD % (2, b"") + b"{}" + CHUNKED + b"0\r\n")
    line.protocol.data_received(b"authorization: a\r\naccept: " + b"a" * 90_000 + b"\r\n\r\n")
    first.send(200, LINES, b"{}")
    await asyncio.sleep(0)
    waited = line.scopes[-1]
    assert waited["headers"] == [(b"host", b"shop.test"), (b"transfer-encoding", b"chunked")]
    waited["extensions"][WHOLE].send(200, LINES, b"{}")
    await line.over()


async def test_requests_that_wait_for_their_turn_are_answered_one_after_the_other():
    line = Line()
    first = await line.asked(3 * (HEAD % (2, b"") + b"{}"))
    for _ in range(2):
        first.send(200, LINES, b"{}")
        await asyncio.sleep(0)
        first = line.scopes[-1]["extensions"][WHOLE]
    first.send(200, LINES, b"{}")
    assert line.transport.written == 3 * (SENT + b"\r\n{}")
    assert len(line.scopes) == 3
    await line.over()


async def test_connection_that_sends_without_end_is_closed():
    line = Line()
    await line.asked(CHUNKED + b"0\r\na: ")
    piece = b"a" * 2**20
    for _ in range(MAX_MESSAGE_BYTES // len(piece) - 1):
        line.protocol.data_received(piece)
    assert not line.transport.closed
    line.protocol.data_received(piece)
    assert line.transport.closed
    await line.over()


@pytest.mark.parametrize(
    ("head_bytes", "long", "many", "refusal"),
    [
        (MAX_ADDRESS_BYTES, 0, 0, None),
        (MAX_ADDRESS_BYTES + 1, 0, 0, None),
        (MAX_ADDRESS_BYTES + 1, MAX_HEADER_BYTES, 0, 431),
        (MAX_ADDRESS_BYTES, 0, MAX_HEADERS, 431),
    ],
)
def test_sizes_are_looked_at_where_the_head_may_be_too_long(head_bytes: int, long: int, many: int, refusal: int | None):
    lines = [(b"x-%d" % number, b"") for number in range(many)]
    headers = [(b"host", b"shop.test"), (b"x-long", b"a" * long), *lines]
    extensions = {WHOLE: SimpleNamespace(head_bytes=head_bytes)}
    request = HttpRequest({"method": "POST", "query_string": b"", "headers": headers, "extensions": extensions})
    if refusal is None:
        request.check()
        return
    with pytest.raises(HttpRefusal) as refused:
        request.check()
    assert refused.value.status == refusal


async def test_body_that_is_empty_or_too_long_goes_the_long_way():
    for length in (0, MAX_BODY_BYTES + 1):
        line = Line()
        exchange = await line.asked(HEAD % (length, b"") + b"a" * length)
        assert exchange.body() is None
        exchange.send(200, LINES, b"{}")
        await line.over()


@pytest.mark.parametrize("asked", [b"", b"connection: close\r\n"])
async def test_answer_is_one_write_and_ends_a_connection_that_is_not_kept(asked: bytes):
    line = Line()
    exchange = await line.asked(HEAD % (2, asked) + b"{}")
    assert exchange.send(200, LINES, b"{}")
    assert line.transport.written == SENT + asked + b"\r\n{}"
    assert line.transport.closed == bool(asked)
    await line.over()


async def test_answer_to_a_slow_reader_goes_the_long_way():
    line = Line()
    exchange = await line.asked(HEAD % (2, b"") + b"{}")
    line.protocol.pause_writing()
    assert not exchange.send(200, LINES, b"{}")
    line.protocol.resume_writing()
    assert exchange.send(200, LINES, b"{}")
    await line.over()


async def test_answer_to_who_has_left_is_not_written():
    line = Line()
    exchange = await line.asked(HEAD % (2, b"") + b"{}")
    line.protocol.connection_lost(None)
    assert not exchange.send(200, LINES, b"{}")
    assert line.transport.written == b""
    line.release.set()
    await asyncio.gather(*line.protocol.tasks)
