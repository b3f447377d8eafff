"""The ASGI application: what a server process holds open, and what it answers to."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from types import CoroutineType
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import Lifespan, Receive, Scope, Send

import resolvers.context
from app import connections, graphiql, health
from app.context import context_maker
from app.embedded import Services
from app.http.cors import Origins
from app.http.endpoint import GraphQLEndpoint, Options
from app.http.persisted import PersistedDocuments
from app.http.proxies import TrustedProxies
from app.limits import Bounds
from app.partner_gate import PartnerGate, written_down
from app.settings import Settings
from auth.passwords import PasswordHasher
from auth.throttle import Throttle
from commerce.order_watch import OrderWatch
from gateways.notices import Notices
from commerce.tax import read_place
from models.database import Database
from reads.engine import Engine
from reads.operations import Parse
from resolvers.context import ShopFacts
from resolvers.root import open_engine


class Shop(Starlette):
    """Starlette's application, past whose middleware and router `/graphql` is answered: they cost 20 µs a request."""

    def __init__(self, graphql: GraphQLEndpoint, routes: Sequence[BaseRoute], lifespan: Lifespan[Any]) -> None:
        super().__init__(routes=routes, lifespan=lifespan)
        self._graphql = graphql

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> "CoroutineType[Any, Any, None]":
        if scope["type"] == "http" and scope["path"] == "/graphql":
            return self._graphql(scope, receive, send)
        return super().__call__(scope, receive, send)


def create_app(settings: Settings, services: Services, *, engine_of: Callable[[Parse], Engine] = open_engine) -> Shop:
    """The application on these servers. It opens connections when first needed and closes them at its shutdown.

    `engine_of` opens what executes operations, given what parses them.
    """
    database = Database(services.database_url)
    redis = connections.redis_client(services.redis_url)
    bounds = Bounds()
    engine = engine_of(bounds.parse)
    passwords = PasswordHasher()
    gateway = connections.payments(settings)
    secret = settings.server_secret
    shop = ShopFacts(
        settings.shop_name, settings.support_email, settings.ships_to, settings.shop_url, read_place(settings.store)
    )
    throttle = Throttle(redis, secret, scale=settings.rate_scale)
    gate = PartnerGate(database, throttle)
    notices = Notices(redis, secret)
    database.on_change = notices.tell
    orders = OrderWatch(database, notices)
    graphql = GraphQLEndpoint(
        engine,
        database,
        context_maker(resolvers.context.Services(database, engine, throttle, passwords, shop, secret, gateway, orders)),
        persisted=PersistedDocuments(redis),
        bounds=bounds,
        gate=gate,
        options=Options(Origins(settings.web_origins), TrustedProxies(settings.trusted_proxies), page="/graphiql"),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with written_down(gate.usage, database):
            yield
        await orders.close()
        await notices.close()
        passwords.close()
        await gateway.close()
        await database.close()
        await redis.aclose()

    app = Shop(graphql, [*health.routes(database, redis), *graphiql.routes()], lifespan)
    app.state.settings, app.state.database, app.state.redis = settings, database, redis
    app.state.payments = gateway
    return app
