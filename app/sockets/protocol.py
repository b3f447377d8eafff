"""uvicorn's WebSockets with what they lack: an end to waiting for a reader, and calm about a client's mistakes."""

from asyncio import TimerHandle
from typing import Any

import orjson
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app.errors import Code

STALLED_SECONDS = 20.0
UNREADABLE = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json; charset=utf-8\r\n"
    b"cache-control: no-store\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
)
NO_TEXT = 1007


class PatientSocket(WebSocketsSansIOProtocol):
    """Waits `STALLED_SECONDS` for the other end to take what was sent, then hangs up.

    uvicorn would wait for ever: its own pings, and its close, stand behind what is not taken.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._patience: TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Takes bytes in. A handshake that cannot be read would never be answered."""
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None and not self.transport.is_closing():
            error = {
                "message": "The handshake has a body, or headers that are too long or too many.",
                "extensions": {"code": Code.BAD_REQUEST.value},
            }
            body = orjson.dumps({"errors": [error]})
            self.transport.write(UNREADABLE % (len(body), body))
            self.transport.close()

    async def send(self, message: Any) -> None:
        """Sends what the application says. An answer by HTTP is one: uvicorn would log that there was none."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._relax()
        self._patience = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._relax()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        """Hangs up on who does not answer a ping, also where there is no taking leave any more."""
        super().keepalive_timeout()
        self.loop.call_later(self.close_timeout, self.transport.abort)

    def send_receive_event_to_app(self) -> None:
        """Passes a message on. uvicorn would log a traceback for one that is no UTF-8."""
        if self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self.conn.fail(NO_TEXT)
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def _relax(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
