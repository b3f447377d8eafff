"""Three applications that answer the same: the shop, the shop without compiled reads, and routes written by hand.

`python -m benchmarks.ways WAY` serves one of them as `python -m app serve` serves the shop, on a port that it prints.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import uvloop

from app import logging
from app.asgi import create_app
from app.embedded import Services, addresses
from app.listening import bind
from app.serving import Server, configuration
from app.settings import Settings
from benchmarks.bare import create_bare
from reads.engine import Body, Engine, Outcome
from reads.operations import Parse
from resolvers.context import ShopFacts
from resolvers.root import open_engine

Application = Callable[..., Any]


class ReferenceEngine(Engine):
    """Leaves every query to graphql-core."""

    async def read(self, operation: Any, variables: Mapping[str, Any], viewer: Any, database: Any) -> Body | Outcome:
        return Outcome.EXECUTE


def create_reference(settings: Settings, services: Services) -> Application:
    return create_app(settings, services, engine_of=open_reference)


def open_reference(parse: Parse, facts: ShopFacts) -> Engine:
    like = open_engine()
    return ReferenceEngine(like.schema, like.sources, like.permissions, parse, facts)


WAYS: dict[str, Callable[[Settings, Services], Application]] = {
    "compiled": create_app,
    "reference": create_reference,
    "bare": create_bare,
}


async def serve(way: str, settings: Settings) -> None:
    bound = bind(settings)
    port = bound.getsockname()[1]
    application = WAYS[way](settings, addresses(settings))
    server = Server(configuration(application), lambda: print(port, flush=True))
    await server.serve(sockets=[bound])


if __name__ == "__main__":
    logging.configure(Settings().log_format)
    uvloop.run(serve(sys.argv[1], Settings()))
