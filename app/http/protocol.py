"""uvicorn's HTTP/1.1 with what it lacks: bounds on the time and the size of a request's head, and a short way out."""

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any
from weakref import ref

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.errors import Code
from app.http.request import MAX_BODY_BYTES, WHOLE, Headers
from app.limits import UploadLimits

HEAD_SECONDS = 10.0
MAX_HEAD_BYTES = 64 * 1024
MAX_MESSAGE_BYTES = UploadLimits().request_bytes * 3 // 2
"""Of all behind a head: the largest request with files, and what frames it."""


class Trailers(Headers):
    """Lines behind a body, which are no headers of the request (RFC 9110, section 6.5.1): none is kept."""

    def append(self, _: tuple[bytes, bytes]) -> None:
        """Uvicorn gives each line to the list that it gave the headers to."""


TRAILERS = Trailers()


class Exchange:
    """The extension `WHOLE` of one request: `app.http.request.Whole`, past uvicorn's messages and their checks.

    ASGI's two messages of an answer take two system calls, and a look at each header: this takes 15 µs less. It holds
    uvicorn's part weakly, whose scope holds this: a request is to leave nothing that only a search for garbage finds.
    """

    __slots__ = ("_cycle", "_protocol", "head_bytes")

    def __init__(self, protocol: "PatientProtocol", cycle: RequestResponseCycle, head_bytes: int) -> None:
        self.head_bytes = head_bytes
        self._protocol = protocol
        self._cycle = ref(cycle)

    def body(self) -> bytes | None:
        cycle = self._cycle()
        if cycle is None or cycle.more_body or cycle.disconnected or not 0 < len(cycle.body) <= MAX_BODY_BYTES:
            return None
        body = bytes(cycle.body)
        cycle.body = bytearray()
        cycle.message_event.clear()
        self._protocol.flow.resume_reading()
        return body

    def send(self, status: int, head: bytes, body: bytes) -> bool:
        cycle, protocol = self._cycle(), self._protocol
        if cycle is None or protocol.flow.write_paused or cycle.disconnected:
            return False
        cycle.response_started = cycle.response_complete = True
        last = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        protocol.transport.write(b"".join((STATUS_LINE[status], protocol.default_head(), head, last, body)))
        cycle.message_event.set()
        if not cycle.keep_alive:
            protocol.transport.close()
        cycle.on_response()
        return True


class PatientProtocol(HttpToolsProtocol):
    """Waits `HEAD_SECONDS` for a head, not for ever, and keeps `MAX_HEAD_BYTES` of it, not all that comes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = True
        self._head_bytes = self._behind_head = self._arriving = 0
        self._patience: TimerHandle | None = None
        self._defaults: Headers | None = None
        self._default_lines = b""

    def connection_made(self, transport: Transport) -> None:
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEAD_SECONDS, self._lose_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._behind_head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        before = self.cycle
        super().on_headers_complete()
        cycle: Any = self.cycle
        if cycle is not before:
            cycle.scope["extensions"] = {WHOLE: Exchange(self, cycle, self._head_bytes + self._arriving)}
            self.headers = TRAILERS

    def default_head(self) -> bytes:
        """The headers of every answer, which the server renews once a second."""
        defaults = self.server_state.default_headers
        if defaults is not self._defaults:
            self._defaults = defaults
            self._default_lines = b"".join(b"%s: %s\r\n" % pair for pair in defaults)
        return self._default_lines

    def data_received(self, data: bytes) -> None:
        self._arriving = len(data)
        super().data_received(data)
        if not self._in_head:
            if self._patience is not None:
                self._relax()
            cycle: Any = self.cycle
            if cycle is not None and cycle.more_body:
                self._count_behind_head(len(data))
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too long.")
        elif self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self._lose_patience)

    def _count_behind_head(self, size: int) -> None:
        """Bodies are bounded by who reads them; what is none of a body, or is read by nobody, here."""
        self._behind_head += size
        if self._behind_head > MAX_MESSAGE_BYTES:
            self.transport.close()

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
