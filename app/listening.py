"""What a server process takes before it does anything slow: its address, and the signals that stop it."""

import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager

from app.settings import Settings


class AddressInUseError(Exception):
    """Another program listens there."""


def bind(settings: Settings) -> socket.socket:
    """Takes the address, before anything slow is done. Raises AddressInUseError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
    except OSError as error:
        bound.close()
        raise AddressInUseError(f"{settings.address}: {error.strerror}") from error
    return bound


@contextmanager
def stopped_by_signals() -> Generator[None]:
    """SIGTERM and SIGINT end what runs inside, through its `finally` clauses, with exit status 0."""

    def stop(*_: object) -> None:
        raise SystemExit(0)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
