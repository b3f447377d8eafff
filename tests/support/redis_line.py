"""A line to Redis that can be cut and mended, as when it is stopped and started again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class RedisLine:
    """Passes bytes on between its own address and the Redis at `url`."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._ends: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return self._target._replace(scheme="redis", netloc=f"127.0.0.1:{self._port}", query="").geturl()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Closes what is open; whoever calls now finds nobody."""
        assert self._server is not None
        self._server.close()
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _join(self, caller: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        answers, forth = await self._reach()
        self._ends |= {back, forth}
        await asyncio.gather(_pass(caller, forth), _pass(answers, back))

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._target.scheme == "unix":
            return await asyncio.open_unix_connection(self._target.path)
        return await asyncio.open_connection(self._target.hostname, self._target.port or 6379)


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
    sink.close()


@asynccontextmanager
async def redis_line(url: str) -> AsyncGenerator[RedisLine]:
    line = RedisLine(url)
    await line.mend()
    try:
        yield line
    finally:
        await line.cut()
