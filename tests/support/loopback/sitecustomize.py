"""On the path of a program that would listen on every interface: it listens on this machine alone."""

import socket
from typing import Any

_bind = socket.socket.bind


def _bind_here(self: socket.socket, address: Any) -> None:
    if isinstance(address, tuple) and address[0] == "::":
        address = ("::ffff:127.0.0.1", *address[1:])
    _bind(self, address)


socket.socket.bind = _bind_here  # ty: ignore[invalid-assignment]
