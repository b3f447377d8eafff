"""The application as a process of its own, without a worker; `python -m tests.support.server_process`."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from app.embedded import Services
from app.listening import bind
from app.serving import serve
from app.settings import ROOT, Settings


@contextmanager
def server_process(settings: Settings, services: Services) -> Generator[str]:
    """Serves these servers at the URL that is given; killed at the end."""
    secret = settings.secret.get_secret_value() if settings.secret else ""
    environment = {**os.environ, "LAYETTE_HOME": str(settings.home), "LAYETTE_SECRET": secret}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.server_process", services.database_url, services.redis_url],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


async def _main(database_url: str, redis_url: str) -> None:
    settings = Settings(port=0, seed="none")
    bound = bind(settings)
    port = bound.getsockname()[1]
    services = Services(database_url, redis_url)
    await serve(settings, services, bound, with_worker=False, opened=lambda: print(port, flush=True))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2]))
