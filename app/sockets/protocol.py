"""uvicorn's WebSockets with what they lack: an end to waiting for a reader, and calm about what is no text."""

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

STALLED_SECONDS = 20.0
NO_TEXT = 1007


class PatientSocket(WebSocketsSansIOProtocol):
    """Waits `STALLED_SECONDS` for the other end to take what was sent, then hangs up.

    uvicorn would wait for ever: its own pings, and its close, stand behind what is not taken.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._patience: TimerHandle | None = None

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
