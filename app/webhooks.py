"""`POST /webhooks/payments/{gateway}`: where the payment gateway tells that something became of a charge.

Nothing of a request is believed or looked at before its signature is, and nothing of it is ever logged.
"""

import asyncio
import socket
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from commerce import payment_event
from gateways.payments import BadSignature, PaymentGateway
from models.database import Database, DatabaseAway

PATH = "/webhooks/payments/"

MOST_BYTES = 256 * 1024
SECONDS = 10.0
"""How long a body may take to come in."""


def routes(database: Database, gateway: PaymentGateway) -> list[Route]:
    """The one address of the gateway that the shop has; another's is not there."""

    async def receive(request: Request) -> Response:
        try:
            async with asyncio.timeout(SECONDS):
                body = await _body(request)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408, headers={"connection": "close"})
        if body is None:
            return Response(status_code=413, headers={"connection": "close"})
        try:
            event = gateway.read_event(_headers(request), body)
        except BadSignature:
            return Response(status_code=400)
        try:
            await database.transact(partial(payment_event.note, gateway=gateway.name, event=event))
        except DatabaseAway:
            return Response(status_code=503, headers={"retry-after": "30"})
        return Response(status_code=200)

    return [Route(PATH + gateway.name, receive, methods=["POST"])]


async def _body(request: Request) -> bytes | None:
    """The whole body, or None where it is too long."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def _headers(request: Request) -> dict[str, str]:
    """Headers by lower-case name; lines of one name are one list (RFC 9110, section 5.3)."""
    return {name: ", ".join(request.headers.getlist(name)) for name in request.headers}


def own_url(bound: socket.socket, name: str) -> str:
    """Where this process itself takes the gateway's webhooks, by the socket it listens on."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # it is asked for, not listened on
    return f"http://[{host}]:{port}{PATH}{name}" if ":" in host else f"http://{host}:{port}{PATH}{name}"
