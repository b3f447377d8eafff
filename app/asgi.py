"""The ASGI application: what a server process holds open, and what it answers to."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from types import CoroutineType
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import Lifespan, Receive, Scope, Send

import resolvers.context
from app import connections, graphiql, health, media, webhooks
from app.context import context_maker
from app.embedded import Services
from app.http.cors import Origins
from app.http.endpoint import GraphQLEndpoint, Options
from app.http.persisted import PersistedDocuments
from app.http.proxies import TrustedProxies
from app.limits import Bounds
from app.partner_gate import PartnerGate, written_down
from app.settings import Settings
from app.sockets.endpoint import GraphQLSockets
from app.sockets.operations import Operations
from auth.passwords import PasswordHasher
from auth.throttle import Throttle
from commerce.order_watch import OrderWatch
from commerce.pictures import PictureStudio
from commerce.product_media import Gallery
from commerce.tax import read_place
from gateways.notices import Notices
from models.database import Database
from reads.engine import Engine
from reads.operations import Parse
from resolvers.context import ShopFacts
from resolvers.root import open_engine


class Shop(Starlette):
    """Starlette's application, past whose middleware and router `/graphql` is answered: they cost 20 µs a request."""

    def __init__(
        self,
        graphql: GraphQLEndpoint,
        sockets: GraphQLSockets,
        routes: Sequence[BaseRoute],
        lifespan: Lifespan[Any],
    ) -> None:
        super().__init__(routes=routes, lifespan=lifespan)
        self._graphql = graphql
        self._sockets = sockets

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> "CoroutineType[Any, Any, None]":
        if scope["type"] == "http" and scope["path"] == "/graphql":
            return self._graphql(scope, receive, send)
        if scope["type"] == "websocket" and scope["path"] == "/graphql":
            return self._sockets(scope, receive, send)
        return super().__call__(scope, receive, send)


def create_app(
    settings: Settings, services: Services, *, engine_of: Callable[[Parse, ShopFacts], Engine] = open_engine
) -> Shop:
    """The application on these servers. It opens connections when first needed and closes them at its shutdown.

    `engine_of` opens what executes operations, given what parses them and what the shop says of itself.
    """
    database = Database(services.database_url)
    redis = connections.redis_client(services.redis_url)
    bounds = Bounds()
    passwords = PasswordHasher()
    gateway = connections.payments(settings)
    gallery = Gallery(PictureStudio(), connections.storage(settings), settings.media_base)
    secret = settings.server_secret
    shop = ShopFacts(
        settings.shop_name, settings.support_email, settings.ships_to, settings.shop_url, read_place(settings.store)
    )
    engine = engine_of(bounds.parse, shop)
    throttle = Throttle(redis, secret, scale=settings.rate_scale)
    gate = PartnerGate(database, throttle)
    notices = Notices(redis, secret)
    database.on_change = notices.tell
    orders = OrderWatch(database, notices)
    origins, proxies = Origins(settings.web_origins), TrustedProxies(settings.trusted_proxies)
    make_context = context_maker(
        resolvers.context.Services(database, engine, throttle, passwords, shop, secret, gateway, orders, gallery)
    )
    graphql = GraphQLEndpoint(
        engine,
        database,
        make_context,
        persisted=PersistedDocuments(redis),
        bounds=bounds,
        gate=gate,
        options=Options(origins, proxies, page="/graphiql"),
    )
    sockets = GraphQLSockets(Operations(graphql, engine, bounds, make_context, gate), origins=origins, proxies=proxies)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with written_down(gate.usage, database):
            yield
        await orders.close()
        await notices.close()
        passwords.close()
        gallery.studio.close()
        await gateway.close()
        await database.close()
        await redis.aclose()

    routes = [
        *health.routes(database, redis),
        *graphiql.routes(),
        *media.routes(gallery.storage),
        *webhooks.routes(database, gateway),
    ]
    app = Shop(graphql, sockets, routes, lifespan)
    app.state.settings, app.state.database, app.state.redis = settings, database, redis
    app.state.payments = gateway
    return app
