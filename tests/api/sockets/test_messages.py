"""Messages of graphql-transport-ws that are slow, broken or hostile, under uvicorn."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import orjson
import pytest
import websockets

from app.sockets import protocol
from app.sockets.messages import MAX_MESSAGE_BYTES
from tests.support.edge import ToyEngine, make_sockets
from tests.support.log import written_log
from tests.support.sockets import Line, Socket, connect, frame, open_by_hand, rest_of, serving
from tests.support.waiting import until

TICKS = "subscription { ticks }"


# ---- what is none of the protocol's

MALFORMED = {
    "list": "[]",
    "number": "7",
    "null": "null",
    "text": '"connection_init"',
    "no JSON": "{",
    "NaN": '{"type": NaN}',
    "surrogate": '{"type": "\\ud800"}',
    "deep": "[" * 20_000,
    "deep object": '{"type":"ping","payload":' + '{"a":' * 2000 + "1" + "}" * 2001,
    "empty": "",
    "no type": "{}",
    "type of no kind": '{"type": {}}',
    "unknown type": '{"type": "start", "id": "1", "payload": {}}',
    "server's type": '{"type": "next", "id": "1", "payload": {}}',
    "payload a list": '{"type": "ping", "payload": []}',
    "pong's payload a text": '{"type": "pong", "payload": "x"}',
    "complete without an id": '{"type": "complete"}',
    "subscribe without an id": '{"type": "subscribe", "payload": {"query": "{ hello }"}}',
    "id an object": '{"type": "subscribe", "id": {}, "payload": {"query": "{ hello }"}}',
    "id empty": '{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}',
    "id a number": '{"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}}',
    "id endless": '{"type": "subscribe", "id": "%s", "payload": {"query": "{ hello }"}}' % ("a" * 129),
    "no payload": '{"type": "subscribe", "id": "1"}',
    "payload null": '{"type": "subscribe", "id": "1", "payload": null}',
    "payload text": '{"type": "subscribe", "id": "1", "payload": "{ hello }"}',
    "no query": '{"type": "subscribe", "id": "1", "payload": {}}',
    "query a number": '{"type": "subscribe", "id": "1", "payload": {"query": 7}}',
    "variables a list": '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "variables": []}}',
    "name an object": '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "operationName": {}}}',
    "extensions text": '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "extensions": "x"}}',
    "binary": b'{"type": "ping"}',
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED)
async def test_malformed_message_closes_the_socket(opened: Socket, message: str | bytes):
    with written_log() as log:
        await opened.send(message)
        assert await opened.closed() == 4400
    assert list(log) == []


@pytest.mark.parametrize("message", ["[]", "null", b"{}", '{"type":"connection_init","payload":[]}'])
async def test_malformed_first_message_closes_the_socket(raw: Socket, message: str | bytes):
    await raw.send(message)
    assert await raw.closed() == 4400


@pytest.mark.parametrize(
    "payload",
    [{"Authorization": 7}, {"authorization": "a", "AUTHORIZATION": "b"}, {"X-Case": "💥"}, {"X-Purpose": "a" * 5000}],
)
async def test_credentials_that_can_be_none_close_the_socket(raw: Socket, payload: dict[str, Any]):
    await raw.send({"type": "connection_init", "payload": payload})
    assert await raw.closed() == 4400


async def test_message_that_is_too_long_closes_the_socket(opened: Socket):
    with written_log() as log:
        await opened.send({"type": "ping", "payload": {"a": "b" * MAX_MESSAGE_BYTES}})
        assert await opened.closed() == 1009
    assert list(log) == []


async def test_message_in_many_pieces_that_is_too_long_closes_the_socket(opened: Socket):
    async def pieces() -> AsyncGenerator[str]:
        yield '{"type": "ping", "payload": {"a": "'
        for _ in range(200):
            yield "b" * 1024

    sending = asyncio.create_task(opened.line.send(pieces()))
    assert await opened.closed() == 1009
    with contextlib.suppress(websockets.ConnectionClosed):
        await sending


async def test_text_that_is_no_utf8_closes_the_socket(opened: Socket):
    with written_log() as log:
        await opened.line.send(b'{"type": "ping\xff"}', text=True)
        assert await opened.closed() == 1007
    assert list(log) == []


# ---- pings


async def test_ping_is_answered_with_what_it_brought(raw: Socket):
    await raw.send({"type": "ping"})
    assert await raw.receive() == {"type": "pong"}
    await raw.init()
    await raw.send({"type": "ping", "payload": {"at": 7}})
    assert await raw.receive() == {"type": "pong", "payload": {"at": 7}}
    await raw.send({"type": "pong"})
    await raw.send({"type": "pong", "payload": {"at": 7}})
    assert await raw.quiet()


# ---- the other end


async def test_reader_that_reads_nothing_is_hung_up_on(line: Line, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(protocol, "STALLED_SECONDS", 0.3)
    reader, writer = await open_by_hand(line.url)
    ask = {"id": "1", "type": "subscribe", "payload": {"query": '{ hello(name: "%s") }' % ("a" * 30_000)}}
    with written_log() as log:
        with contextlib.suppress(ConnectionError):
            for number in range(2000):
                writer.write(frame(orjson.dumps({**ask, "id": str(number)})))
                await asyncio.wait_for(writer.drain(), 5)
        await asyncio.wait_for(rest_of(reader), 10)
    writer.close()
    assert list(log) == []


async def test_client_that_answers_no_ping_is_hung_up_on():
    engine, impatient = ToyEngine(), {"ws_ping_interval": 0.1, "ws_ping_timeout": 0.1}
    async with serving(make_sockets(engine), lifespan="off", **impatient) as url:
        reader, writer = await open_by_hand(url)
        writer.write(frame(orjson.dumps({"id": "1", "type": "subscribe", "payload": {"query": TICKS}})))
        await until(lambda: len(engine.listeners) == 1)
        async with connect(url) as patient:
            await patient.init()
            await asyncio.wait_for(rest_of(reader), 5)
            await until(lambda: not engine.listeners)
            assert await patient.ask("{ hello }") == {"data": {"hello": "Hello, you"}}
        writer.close()


async def test_sockets_are_told_that_the_server_stops():
    engine = ToyEngine()
    async with contextlib.AsyncExitStack() as stack:
        served = contextlib.AsyncExitStack()
        url = await served.enter_async_context(serving(make_sockets(engine), lifespan="off"))
        sockets = [await stack.enter_async_context(connect(url)) for _ in range(3)]
        for socket in sockets[:2]:
            await socket.init()
            await socket.subscribe(TICKS)
        await until(lambda: len(engine.listeners) == 2)
        with written_log() as log:
            stopping = asyncio.create_task(served.aclose())
            assert [await socket.closed() for socket in sockets] == [1012] * 3
            await asyncio.wait_for(stopping, 5)
    assert not engine.listeners
    assert list(log) == []
