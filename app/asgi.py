"""The ASGI application: what a server process holds open, and what it answers to."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route

import resolvers.context
from app import graphiql, health
from app.connections import redis_client
from app.context import context_maker
from app.embedded import Services
from app.http.cors import Origins
from app.http.endpoint import GraphQLEndpoint, Options
from app.http.persisted import PersistedDocuments
from app.http.proxies import TrustedProxies
from app.limits import Bounds
from app.settings import Settings
from auth.passwords import PasswordHasher
from auth.throttle import Throttle
from models.database import Database
from reads.engine import Engine
from reads.operations import Parse
from resolvers.context import ShopFacts
from resolvers.root import open_engine


def create_app(
    settings: Settings, services: Services, *, engine_of: Callable[[Parse], Engine] = open_engine
) -> Starlette:
    """The application on these servers. It opens connections when first needed and closes them at its shutdown.

    `engine_of` opens what executes operations, given what parses them.
    """
    database = Database(services.database_url)
    redis = redis_client(services.redis_url)
    bounds = Bounds()
    engine = engine_of(bounds.parse)
    passwords = PasswordHasher()
    secret = settings.server_secret
    shop = ShopFacts(settings.shop_name, settings.support_email, settings.ships_to, settings.shop_url)
    throttle = Throttle(redis, secret, scale=settings.rate_scale)
    graphql = GraphQLEndpoint(
        engine,
        database,
        context_maker(resolvers.context.Services(database, engine, throttle, passwords, shop, secret)),
        persisted=PersistedDocuments(redis),
        bounds=bounds,
        options=Options(Origins(settings.web_origins), TrustedProxies(settings.trusted_proxies), page="/graphiql"),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        yield
        passwords.close()
        await database.close()
        await redis.aclose()

    routes = [*health.routes(database, redis), *graphiql.routes(), Route("/graphql", graphql)]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.settings, app.state.database, app.state.redis = settings, database, redis
    return app
