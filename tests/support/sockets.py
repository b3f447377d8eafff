"""A client of graphql-transport-ws that sends whatever a test wants, and a server for it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import websockets
from websockets.asyncio.client import ClientConnection

from app.serving import Server, configuration
from app.sockets.connection import Limits
from tests.support.edge import ToyEngine
from tests.support.waiting import until

LISTED = "https://shop.example"
"""An origin whose pages may connect."""

LIMITS = Limits(init_seconds=0.4, operations=10)

PATIENCE = 5.0
"""Seconds until a test gives up waiting for a message."""

SUBPROTOCOL = "graphql-transport-ws"


@dataclass
class Socket:
    """The client's end."""

    line: ClientConnection
    kept: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, message: Any) -> None:
        """Sends an object as JSON, and text or bytes as they are."""
        await self.line.send(message if isinstance(message, str | bytes) else orjson.dumps(message).decode())

    async def init(self, **payload: Any) -> None:
        """The first message, and its answer."""
        await self.send({"type": "connection_init", "payload": payload} if payload else {"type": "connection_init"})
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, query: str, *, name: str = "1", **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        await self.send({"id": name, "type": "subscribe", "payload": payload})

    async def settled(self) -> None:
        """Waits until all that was sent has been begun."""
        await self.send({"type": "ping"})
        kept = []
        while (message := await self.receive())["type"] != "pong":
            kept.append(message)
        self.kept += kept

    async def receive(self, within: float = PATIENCE) -> dict[str, Any]:
        if self.kept:
            return self.kept.pop(0)
        return orjson.loads(await asyncio.wait_for(self.line.recv(), within))

    async def ask(self, query: str, *, name: str = "q", **variables: Any) -> dict[str, Any]:
        """The response of a query or a mutation, or the errors instead of one. Nothing else may come meanwhile."""
        await self.subscribe(query, name=name, **variables)
        answer = await self.receive()
        assert answer["id"] == name
        if answer["type"] == "error":
            return {"errors": answer["payload"]}
        assert answer["type"] == "next"
        assert await self.receive() == {"id": name, "type": "complete"}
        return answer["payload"]

    async def quiet(self, seconds: float = 0.2) -> bool:
        """Whether nothing comes for a while."""
        try:
            await self.receive(seconds)
        except TimeoutError:
            return True
        return False

    async def closed(self, within: float = PATIENCE) -> int:
        """The code that the server closes the socket with, whatever it sends before."""
        try:
            async with asyncio.timeout(within):
                while True:
                    await self.line.recv()
        except websockets.ConnectionClosed:
            code = self.line.close_code
            assert code is not None
            return code


@dataclass
class Line:
    """A server with a toy engine, and its address."""

    engine: ToyEngine
    url: str

    async def listening(self, count: int = 1) -> None:
        """Waits until so many subscriptions listen."""
        await until(lambda: len(self.engine.listeners) == count)


@asynccontextmanager
async def connect(
    url: str, *, subprotocols: Sequence[str] = (SUBPROTOCOL,), headers: dict[str, str] | None = None, **options: Any
) -> AsyncGenerator[Socket]:
    """A socket to a server's `/graphql`; `url` is the server's."""
    offered: Any = list(subprotocols) or None
    line = websockets.connect(
        f"{url.replace('http', 'ws', 1)}/graphql",
        subprotocols=offered,
        additional_headers=headers,
        compression=None,
        proxy=None,
        **options,
    )
    async with line as connection:
        yield Socket(connection)


@asynccontextmanager
async def serving(app: Callable[..., Any], **changes: Any) -> AsyncGenerator[str]:
    """The application under uvicorn as the shop has it, in this very process; gives its URL."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = configuration(app)
        for name, value in changes.items():
            setattr(config, name, value)
        opened = asyncio.Event()
        server = Server(config, opened.set)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        await opened.wait()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


# ---- byte by byte


async def open_by_hand(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A socket after its first message, over a connection that takes in little by itself."""
    address = url.removeprefix("http://")
    host, _, port = address.partition(":")
    plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect((host, int(port)))
    reader, writer = await asyncio.open_connection(sock=plain, limit=1024)
    head = (
        "GET /graphql HTTP/1.1", f"Host: {address}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}", "", "",
    )  # fmt: skip
    writer.write("\r\n".join(head).encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    writer.write(frame(b'{"type":"connection_init"}'))
    assert b"connection_ack" in await reader.read(100)
    return reader, writer


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """What there is until the connection ends, whichever way."""
    with contextlib.suppress(ConnectionError):
        return await reader.read()
    return b""


def frame(text: bytes) -> bytes:
    """A text frame as clients send it, masked with zeros (RFC 6455, section 5.2)."""
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text
