"""The ASGI application of `/graphql` for WebSockets."""

from contextlib import suppress

from app.http import answers
from app.http.cors import Origins
from app.http.negotiate import JSON
from app.http.proxies import TrustedProxies
from app.http.request import HttpRefusal, Receive, Scope, Send
from app.sockets import handshake
from app.sockets.connection import Connection, Limits
from app.sockets.messages import NO_SUBPROTOCOL, SUBPROTOCOL
from app.sockets.operations import Operations


class GraphQLSockets:
    """Opens sockets to those who may have them, and serves each."""

    def __init__(
        self,
        operations: Operations,
        *,
        origins: Origins,
        proxies: TrustedProxies,
        limits: Limits | None = None,
    ) -> None:
        self._operations = operations
        self._origins = origins
        self._proxies = proxies
        self._limits = limits or Limits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        with suppress(OSError):  # who has left does not hear
            try:
                handshake.check(scope, self._proxies, self._origins)
            except HttpRefusal as refused:
                await _refuse(scope, send, refused)
            else:
                await self._open(scope, receive, send)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        if SUBPROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": NO_SUBPROTOCOL, "reason": "Subprotocol not acceptable"})
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        await Connection(self._operations, self._proxies, self._limits, scope, receive, send).serve()


async def _refuse(scope: Scope, send: Send, refused: HttpRefusal) -> None:
    """Answers the handshake by HTTP, as far as the server lets us say why."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    answer = answers.refused(refused, JSON)
    headers = [(b"content-type", b"application/json; charset=utf-8"), answers.NO_STORE, *answers.SECURITY_HEADERS]
    await send({"type": "websocket.http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})
