"""Two questions of whoever runs the process: does it live, and may it be sent requests."""

import asyncio
from functools import cache

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from migrations import runner
from models.database import Database

PATIENCE = 2.0  # seconds
NO_STORE = {"cache-control": "no-store"}

newest_revision = cache(runner.newest)


def routes(database: Database, redis: Redis) -> list[Route]:
    """`/health/live` and `/health/ready`."""

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"status": "live"}, headers=NO_STORE)

    async def ready(_: Request) -> JSONResponse:
        postgresql, redis_state = await asyncio.gather(_postgresql(database), _redis(redis))
        is_ready = postgresql == "ok"
        answer = {"status": "ready" if is_ready else "not ready", "postgresql": postgresql, "redis": redis_state}
        return JSONResponse(answer, 200 if is_ready else 503, headers=NO_STORE)

    return [Route("/health/live", live), Route("/health/ready", ready)]


async def _postgresql(database: Database) -> str:
    try:
        async with asyncio.timeout(PATIENCE), database.reading() as connection:
            revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        revision = None
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return "away"
    return "ok" if revision == newest_revision() else "behind: run python -m app migrate"


async def _redis(redis: Redis) -> str:
    """Without Redis the shop is slower, and open."""
    try:
        async with asyncio.timeout(PATIENCE):
            await redis.ping()
    except (OSError, TimeoutError, RedisError):
        return "degraded"
    return "ok"
