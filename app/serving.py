"""One server process: HTTP, and by default a worker beside it."""

import asyncio
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import structlog
import uvicorn

from app import connections
from app.asgi import create_app
from app.embedded import Services
from app.settings import Settings
from app.worker import work
from models.database import Database

log = structlog.get_logger("serve")


class AddressInUseError(Exception):
    """Another program listens there."""


class Server(uvicorn.Server):
    """uvicorn, saying when it listens."""

    def __init__(self, config: uvicorn.Config, opened: Callable[[], None]) -> None:
        super().__init__(config)
        self._opened = opened

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._opened()


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


async def serve(
    settings: Settings, services: Services, bound: socket.socket, *, with_worker: bool, opened: Callable[[], None]
) -> None:
    """Serves until a signal: then answers what has begun, lets the worker end its jobs, and returns."""
    config = uvicorn.Config(
        create_app(settings, services),
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # whom to believe is a setting of ours
        lifespan="on",
        ws_max_size=1 << 20,
        timeout_graceful_shutdown=20,
    )
    server = Server(config, opened)
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(settings, services, stop)) if with_worker else None
    if worker is not None:
        worker.add_done_callback(lambda _: server.handle_exit(signal.SIGTERM, None) if not stop.is_set() else None)
    try:
        await server.serve(sockets=[bound])
    finally:
        stop.set()
        if worker is not None:
            await worker


async def run_worker(settings: Settings, services: Services, stop: asyncio.Event) -> None:
    """Does jobs until `stop`, with connections of its own."""
    database = Database(services.database_url, readers=2, writers=6)
    redis = connections.redis_client(services.redis_url)
    try:
        await work(database, redis, settings, connections.mailer(settings), stop)
    finally:
        await database.close()
        await redis.aclose()
