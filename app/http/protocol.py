"""uvicorn's HTTP/1.1 with what it lacks: bounds on the time and the size of a request's head, and one write less."""

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.errors import Code

HEAD_SECONDS = 10.0
MAX_HEAD_BYTES = 64 * 1024
CONTINUE = b"HTTP/1.1 100 "


class JoinedWrites:
    """The transport as one response sees it: its head waits for the beginning of its body, and both go out as one.

    A write is a system call, and a packet that wakes the client.
    """

    __slots__ = ("_head", "_joined", "_transport")

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._head = b""
        self._joined = False

    def write(self, data: bytes) -> None:
        if self._joined or data.startswith(CONTINUE):
            self._transport.write(data)
        elif not self._head:
            self._head = data
        else:
            self._joined = True
            self._transport.write(self._head + data)

    def close(self) -> None:
        if self._head and not self._joined:
            self._transport.write(self._head)
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class PatientProtocol(HttpToolsProtocol):
    """Waits `HEAD_SECONDS` for a head, not for ever, and keeps `MAX_HEAD_BYTES` of it, not all that comes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = True
        self._head_bytes = 0
        self._patience: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEAD_SECONDS, self._lose_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        before = self.cycle
        super().on_headers_complete()
        cycle: Any = self.cycle
        if cycle is not before and self.scope["method"] != "HEAD":
            cycle.transport = JoinedWrites(self.transport)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head:
            if self._patience is not None:
                self._relax()
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too long.")
        elif self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self._lose_patience)

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP. uvicorn calls it."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _lose_patience(self) -> None:
        self._patience = None
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The headers took too long.")

    def _relax(self) -> None:
        self._head_bytes = 0
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._relax()
        if self.transport.is_closing():
            return
        body = orjson.dumps({"errors": [{"message": message, "extensions": {"code": Code.BAD_REQUEST.value}}]})
        head = (
            b"content-type: application/json; charset=utf-8\r\ncache-control: no-store\r\n"
            b"x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[status] + head % len(body) + body)
        self.transport.close()
