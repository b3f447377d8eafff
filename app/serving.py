"""One server process: HTTP, and by default a worker beside it."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable
from typing import Any

import structlog
import uvicorn

from app import connections, webhooks
from app.asgi import create_app
from app.embedded import Services
from app.http.protocol import PatientProtocol
from app.settings import Settings
from app.sockets.messages import MAX_MESSAGE_BYTES
from app.sockets.protocol import PatientSocket
from app.worker import work
from gateways.payments import PaymentGateway
from gateways.payments.local import LocalGateway
from gateways.payments.local_webhooks import deliver

log = structlog.get_logger("serve")


class Server(uvicorn.Server):
    """uvicorn, saying when it listens."""

    def __init__(self, config: uvicorn.Config, opened: Callable[[], None]) -> None:
        super().__init__(config)
        self._opened = opened

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            # The schema and all else that was made so far stays: looking for garbage in it would take 100 ms at a time.
            gc.collect()
            gc.freeze()
            self._opened()


def configuration(app: Callable[..., Any]) -> uvicorn.Config:
    """How uvicorn serves an ASGI application of ours."""
    return uvicorn.Config(
        app,
        interface="asgi3",
        http=PatientProtocol,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # whom to believe is a setting of ours
        lifespan="on",
        ws=PatientSocket,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # it takes memory and time for each of many small messages
        timeout_graceful_shutdown=20,
    )


async def serve(
    settings: Settings, services: Services, bound: socket.socket, *, with_worker: bool, opened: Callable[[], None]
) -> None:
    """Serves until a signal: then answers what has begun, lets the worker end its jobs, and returns."""
    app = create_app(settings, services)
    listening = asyncio.Event()

    def told() -> None:
        listening.set()
        opened()

    server = Server(configuration(app), told)
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(settings, services, stop)) if with_worker else None
    if worker is not None:
        worker.add_done_callback(lambda _: server.handle_exit(signal.SIGTERM, None) if not stop.is_set() else None)
    telling = asyncio.create_task(_tell(app.state.payments, bound, listening))
    try:
        await server.serve(sockets=[bound])
    finally:
        stop.set()
        telling.cancel()
        if worker is not None:
            await worker


async def _tell(gateway: PaymentGateway, bound: socket.socket, listening: asyncio.Event) -> None:
    """Sends the webhooks of a gateway that has no process of its own, to this one's own address."""
    await listening.wait()
    if isinstance(gateway, LocalGateway):
        await deliver(gateway, webhooks.own_url(bound, gateway.name))


async def run_worker(settings: Settings, services: Services, stop: asyncio.Event) -> None:
    """Does jobs until `stop`, with connections of its own."""
    async with connections.tools(settings, services, writers=6) as tools:
        await work(tools, stop)
