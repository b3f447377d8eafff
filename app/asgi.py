"""The ASGI application: what a server process holds open, and what it answers to."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from app import health
from app.connections import redis_client
from app.embedded import Services
from app.settings import Settings
from models.database import Database


def create_app(settings: Settings, services: Services) -> Starlette:
    """The application on these servers. It opens connections when first needed and closes them at its shutdown."""
    database = Database(services.database_url)
    redis = redis_client(services.redis_url)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        await database.close()
        await redis.aclose()

    app = Starlette(routes=health.routes(database, redis), lifespan=lifespan)
    app.state.settings, app.state.database, app.state.redis = settings, database, redis
    return app
