"""The endpoint under uvicorn, as clients that are slow, broken or hostile meet it."""

import asyncio
import gc
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
import pytest
import pytest_asyncio
import uvicorn

from app.http import protocol
from app.http.endpoint import Options
from app.http.protocol import Exchange, PatientProtocol
from app.http.request import MAX_BODY_BYTES
from app.serving import Server
from tests.support.edge import SECRET, ToyEngine, make_app
from tests.support.log import written_log

HEAD = b"POST /graphql HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\n"
BODY = b'{"query":"{ hello }"}'
GOOD = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


@dataclass
class Reply:
    """An HTTP answer off the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in orjson.loads(self.body)["errors"]]


@dataclass
class Wire:
    """A connection to the server, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self) -> Reply:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Reply(int(head[0].split()[1]), headers, body)

    async def closed(self) -> bool:
        """Whether the server ends the connection, soon."""
        return await asyncio.wait_for(self.reader.read(), 5) == b""


@asynccontextmanager
async def serving() -> AsyncGenerator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            make_app(ToyEngine(), options=Options(body_seconds=0.3)),
            http=PatientProtocol,
            loop="asyncio",
            log_config=None,
            lifespan="off",
        )
        opened = asyncio.Event()
        server = Server(config, opened.set)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        await opened.wait()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def port() -> AsyncGenerator[int]:
    async with serving() as number:
        yield number


@pytest_asyncio.fixture(loop_scope="session")
async def wire(port: int) -> AsyncGenerator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield Wire(reader, writer)
    writer.close()


async def test_connection_is_kept_for_the_next_request(wire: Wire):
    for _ in range(3):
        await wire.send(GOOD)
        reply = await wire.reply()
        assert (reply.status, reply.body) == (200, b'{"data":{"hello":"Hello, you"}}')


async def test_answered_requests_leave_no_garbage(wire: Wire):
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            await wire.send(GOOD)
            await wire.reply()
        kept = [one for one in gc.get_objects() if isinstance(one, Exchange)]
    finally:
        gc.enable()
    assert len(kept) <= 1


async def test_pipelined_requests_are_answered_in_turn(wire: Wire):
    await wire.send(GOOD * 3)
    assert [(await wire.reply()).status for _ in range(3)] == [200, 200, 200]


async def test_body_in_pieces_is_put_together(wire: Wire):
    await wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for byte in BODY:
        await wire.send(b"1\r\n%c\r\n" % byte)
    await wire.send(b"0\r\n\r\n")
    assert (await wire.reply()).status == 200


async def test_body_that_does_not_come_is_not_waited_for(wire: Wire):
    await wire.send(HEAD + b"Content-Length: 100\r\n\r\n{")
    reply = await wire.reply()
    assert (reply.status, reply.codes, reply.headers["connection"]) == (408, ["BAD_REQUEST"], "close")
    assert await wire.closed()


async def test_body_that_comes_a_byte_at_a_time_is_not_waited_for(wire: Wire):
    await wire.send(HEAD + b"Content-Length: 100\r\n\r\n")
    reply = asyncio.create_task(wire.reply())
    while not reply.done():
        await wire.send(b" ")
        await asyncio.sleep(0.05)
    assert (await reply).status == 408


async def test_long_body_is_refused_by_its_announcement(wire: Wire):
    await wire.send(HEAD + b"Content-Length: 10000000000000\r\n\r\n")
    reply = await wire.reply()
    assert (reply.status, reply.codes) == (413, ["BAD_REQUEST"])
    assert await wire.closed()


async def test_client_that_sends_a_body_somewhat_too_long_can_read_why(wire: Wire):
    await wire.send(HEAD + b"Content-Length: %d\r\n\r\n" % (4 * MAX_BODY_BYTES) + b" " * (4 * MAX_BODY_BYTES))
    assert (await wire.reply()).status == 413


async def test_endless_body_is_cut_off(wire: Wire):
    await wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    sent = 0
    try:
        while sent < 50 * 1024 * 1024:
            await wire.send(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            sent += 0x10000
    except ConnectionError:
        pass
    assert sent < 20 * 1024 * 1024


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /graphql HTTP/9.9\r\n\r\n",
        HEAD + b"Content-Length: x\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"bad header\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_http_gets_an_answer_and_the_connection_ends(wire: Wire, request_: bytes):
    with written_log() as log:
        await wire.send(request_)
        reply = await wire.reply()
        assert await wire.closed()
    assert (reply.status, reply.codes) == (400, ["BAD_REQUEST"])
    assert "Traceback" not in log.text
    assert [line for line in log if line["level"] == "error"] == []


async def test_request_without_a_host_is_refused(wire: Wire):
    await wire.send(GOOD.replace(b"Host: shop.test\r\n", b""))
    assert (await wire.reply()).status == 400


async def test_headers_that_do_not_come_are_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    for begun in (b"", b"POST /graphql HTTP/1.1\r\nHost: shop", GOOD + b"POST /gra"):
        wire = Wire(*await asyncio.open_connection("127.0.0.1", port))
        await wire.send(begun)
        if begun.startswith(GOOD):
            assert (await wire.reply()).status == 200
        reply = await wire.reply()
        assert (reply.status, reply.codes) == (408, ["BAD_REQUEST"])
        assert await wire.closed()
        wire.writer.close()


async def test_headers_that_come_a_byte_at_a_time_are_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    wire = Wire(*await asyncio.open_connection("127.0.0.1", port))
    reply = asyncio.create_task(wire.reply())
    for byte in GOOD:
        if reply.done():
            break
        await wire.send(bytes([byte]))
        await asyncio.sleep(0.02)
    assert (await reply).status == 408
    wire.writer.close()


async def test_kept_connection_may_idle_and_then_ask_again(port: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    wire = Wire(*await asyncio.open_connection("127.0.0.1", port))
    for _ in range(2):
        await wire.send(GOOD)
        assert (await wire.reply()).status == 200
        await asyncio.sleep(0.3)
    wire.writer.close()


async def test_endless_headers_are_cut_off(wire: Wire):
    await wire.send(HEAD + b"X-Long: " + b"a" * (protocol.MAX_HEAD_BYTES + 1))
    reply = await wire.reply()
    assert (reply.status, reply.codes) == (431, ["BAD_REQUEST"])


async def test_client_that_goes_away_in_the_middle_leaves_no_line_in_the_log(port: int):
    with written_log() as log:
        for begun in (HEAD, HEAD + b"Content-Length: 100\r\n\r\n{", HEAD + b"Content-Length: 999999\r\n\r\n{"):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begun)
            await writer.drain()
            writer.transport.abort()
        await asyncio.sleep(0.5)
    assert list(log) == []


async def test_fault_keeps_the_connection_and_hides_its_cause(wire: Wire):
    body = b'{"query":"{ brokenForGood }"}'
    with written_log():
        await wire.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        reply = await wire.reply()
    assert reply.codes == ["INTERNAL_SERVER_ERROR"]
    assert SECRET.encode() not in reply.body
    await wire.send(GOOD)
    assert (await wire.reply()).status == 200
