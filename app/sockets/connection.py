"""One socket, from its first message to its end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from app import errors
from app.errors import Code
from app.http.parameters import Parameters
from app.http.proxies import TrustedProxies
from app.http.request import Headers, HttpRefusal, Receive, Scope, Send
from app.sockets import messages
from app.sockets.handshake import SocketRequest, brought_in
from app.sockets.messages import (
    BAD_REQUEST,
    DUPLICATE_ID,
    INIT_TIMEOUT,
    INTERNAL_ERROR,
    TOO_MANY_INITS,
    UNAUTHORIZED,
    Closing,
    Complete,
    Init,
    Message,
    Ping,
    Pong,
    Subscribe,
)
from app.sockets.operations import Operations, Refused, asked_in


@dataclass(frozen=True, slots=True)
class Limits:
    """`init_seconds`: how long the first message may take.

    `operations`: how many may be open at a time. `at_once`: how many queries and mutations are worked on at a time.
    """

    init_seconds: float = 5.0
    operations: int = 100
    at_once: int = 8


class Gone(Exception):
    """The other end has left, or was told to."""


@dataclass(eq=False, slots=True)
class Open:
    """An operation that the client waits for. A subscription is stopped when it no longer does; another ends by itself,
    and nobody hears of it.
    """

    name: str
    subscription: bool
    task: asyncio.Task[None] | None = None


class Connection:
    """Reads messages and answers them. What is sent waits until the other end has taken what was sent before."""

    def __init__(
        self,
        operations: Operations,
        proxies: TrustedProxies,
        limits: Limits,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._operations = operations
        self._proxies = proxies
        self._limits = limits
        self._scope = scope
        self._receive_event, self._send_event = receive, send
        self._brought: Headers = []
        self._open: dict[str, Open] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()
        self._working = asyncio.Semaphore(limits.at_once)
        self._closed = False

    async def serve(self) -> None:
        """Serves the socket, which was accepted, until one of both ends closes it."""
        try:
            await self._talk()
        except Gone:
            pass
        finally:
            await self._end()

    async def _talk(self) -> None:
        """Raises Gone, at the latest when it has closed the socket itself."""
        try:
            await self._begin()
            while True:
                await self._take(messages.parse(await self._receive()))
        except Closing as closing:
            await self._close(closing)
        except Gone:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is: logged without its text
            errors.internal(error, self._request().id)
            await self._close(Closing(INTERNAL_ERROR, errors.OUR_FAULT))

    # ---- what comes in

    async def _begin(self) -> None:
        """Waits for the first message, and takes the credentials in it."""
        try:
            async with asyncio.timeout(self._limits.init_seconds):
                message = messages.parse(await self._receive())
                while isinstance(message, Ping | Pong | Complete):
                    await self._take(message)
                    message = messages.parse(await self._receive())
        except TimeoutError:
            raise Closing(INIT_TIMEOUT, "Connection initialisation timeout") from None
        if not isinstance(message, Init):
            raise Closing(UNAUTHORIZED, "Unauthorized")
        self._brought = brought_in(message.payload)
        try:
            self._request().check()
        except HttpRefusal as refused:
            raise Closing(BAD_REQUEST, refused.message) from None
        await self._send(messages.ACK)

    async def _take(self, message: Message) -> None:
        match message:
            case Init():
                raise Closing(TOO_MANY_INITS, "Too many initialisation requests")
            case Ping():
                await self._send(messages.pong(message.payload))
            case Complete():
                self._stop(message.id)
            case Subscribe():
                await self._subscribe(message)

    async def _subscribe(self, message: Subscribe) -> None:
        """Begins an operation. A subscription hears of all that happens after this, even by the very next message."""
        if message.id in self._open:
            raise Closing(DUPLICATE_ID, "Subscriber for this id already exists")
        try:
            asked = asked_in(message.payload)
            if len(self._tasks) >= self._limits.operations:
                raise _too_many(self._limits.operations)
            request = self._request()
            responses = await self._operations.begin(request, asked)
        except Refused as refused:
            await self._send(messages.errors_of(message.id, refused.errors))
            return
        opened = Open(message.id, responses is not None)
        if responses is None:
            work = partial(self._answer, opened, request, asked)
        else:
            work = partial(self._deliver, opened, responses)
        self._open[message.id] = opened
        opened.task = asyncio.create_task(self._run(opened, work))
        self._tasks.add(opened.task)
        opened.task.add_done_callback(self._tasks.discard)

    def _request(self) -> SocketRequest:
        return SocketRequest(self._scope, self._proxies, self._brought)

    async def _receive(self) -> str | None:
        event = await self._receive_event()
        if event["type"] != "websocket.receive":
            raise Gone
        return event.get("text")

    # ---- what is done

    async def _run(self, opened: Open, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
            last = messages.complete(opened.name)
        except Refused as refused:
            last = messages.errors_of(opened.name, refused.errors)
        except Gone:
            return
        if self._open.get(opened.name) is opened:
            del self._open[opened.name]  # the client may use the id again as soon as it hears
            try:
                await self._send(last)
            except Gone:
                return

    async def _answer(self, opened: Open, request: SocketRequest, asked: Parameters) -> None:
        async with self._working:
            await self._tell(opened, await self._operations.answer(request, asked))

    async def _deliver(self, opened: Open, responses: AsyncGenerator[bytes]) -> None:
        async with aclosing(responses):
            async for response in responses:
                await self._tell(opened, response)

    def _stop(self, name: str) -> None:
        opened = self._open.pop(name, None)
        if opened is not None and opened.subscription and opened.task is not None:
            opened.task.cancel()

    async def _end(self) -> None:
        """Stops what waits, and lets end what has begun: a mutation is not left in the middle."""
        self._closed = True
        for name in list(self._open):
            self._stop(name)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ---- what goes out

    async def _tell(self, opened: Open, response: bytes) -> None:
        if self._open.get(opened.name) is opened:
            await self._send(messages.next_of(opened.name, response))

    async def _send(self, text: str) -> None:
        async with self._sending:
            if self._closed:
                raise Gone
            await self._pass({"type": "websocket.send", "text": text})

    async def _close(self, closing: Closing) -> None:
        async with self._sending:
            self._closed = True
            await self._pass({"type": "websocket.close", "code": closing.code, "reason": closing.reason})

    async def _pass(self, event: dict[str, Any]) -> None:
        try:
            await self._send_event(event)
        except OSError:  # of which the server's own for this is one
            raise Gone from None


def _too_many(most: int) -> Refused:
    message = f"A socket may have {most} operations at a time."
    return Refused([{"message": message, "extensions": {"code": Code.RATE_LIMITED.value}}])
