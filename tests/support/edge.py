"""A small schema and engine behind the real endpoint: what these tests are about is in front of them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    subscribe,
    validate,
)
from starlette.applications import Starlette
from starlette.routing import Route

from app.http.cors import Origins
from app.http.endpoint import GraphQLEndpoint, Options
from app.http.persisted import PersistedDocuments
from app.http.proxies import TrustedProxies
from app.http.request import HttpRequest
from app.limits import Bounds
from app.sockets.connection import Limits
from app.sockets.endpoint import GraphQLSockets
from app.sockets.operations import Operations
from auth.viewer import ANONYMOUS, Viewer, ViewerKind
from reads.engine import Body, Outcome
from reads.operations import RequestErrors
from schema.upload import UploadedFile, read_upload, refuse_literal

SDL = """
type Query {
  hello(name: String): String!
  me: Person
  product(first: Int, last: Int, ids: [ID!], filter: Filter): Product
  forbidden: String
  unauthenticated: String!
  broken: String
  brokenForGood: String!
  argument(size: Int = 3): String
  empty: String!
}
type Product { name: String related(first: Int): Product reviews(first: Int): Product }
type Person { name: String }
input Filter { text: String size: Size and: [Filter!] }
enum Size { S M L }
scalar Upload
type Mutation {
  save(input: SaveInput!): Saved!
  signOut: Boolean
  shout(text: String!): String!
  keep(file: Upload!, more: [Upload]): Int!
}
type Subscription { ticks(of: String): Int! brokenTicks: Int }
input SaveInput { label: String! phone: String count: Int note: String lines: [String!] inner: SaveInput }
type Saved { label: String done: Boolean! times: Int! lines: [String!]! userErrors: [UserError!]! }
type UserError { code: Code! field: [String!] message: String! }
enum Code { INVALID CARD_NUMBER_REFUSED }
"""
SECRET = "the database's password is hunter2"


@dataclass
class Operation:
    text: str
    document: Any
    node: Any
    notes: dict[Any, Any] = field(default_factory=dict)


@dataclass
class Response:
    headers: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Context:
    """Every token, in a header or a cookie, is a customer's; `gone` is one of a session that ended."""

    engine: "ToyEngine"
    viewer: Viewer = ANONYMOUS
    response: Response = field(default_factory=Response)

    async def identify(self) -> Viewer:
        self.engine.identified += 1
        if self.viewer.token_digest == b"gone":
            self.viewer = ANONYMOUS
        return self.viewer

    async def note_use(self) -> None:
        self.engine.noted += 1


def claimed(request: HttpRequest) -> Viewer:
    token = request.bearer_token or request.cookie("__Host-layette")
    return Viewer(ViewerKind.CUSTOMER, token_digest=token.encode()) if token else ANONYMOUS


class ToyEngine:
    """Compiles operations that ask for `hello` (public) or `me` (owned) alone; graphql-core does the others."""

    def __init__(self) -> None:
        self.schema = build_schema(SDL)
        upload = self.schema.get_type("Upload")
        assert isinstance(upload, GraphQLScalarType)
        upload.coerce_input_value, upload.coerce_input_literal = read_upload, refuse_literal
        for name, begin in SUBSCRIBERS.items():
            assert self.schema.subscription_type is not None
            self.schema.subscription_type.fields[name].subscribe = begin
            self.schema.subscription_type.fields[name].resolve = _tick
        for name, resolve in RESOLVERS.items():
            owner = self.schema.get_type("Mutation" if name in {"save", "signOut", "keep"} else "Query")
            assert isinstance(owner, GraphQLObjectType)
            owner.fields[name].resolve = resolve
        self.prepared: dict[tuple[str, str | None], Operation] = {}
        self.identified = self.noted = self.reads = 0
        self.saved: list[Mapping[str, Any]] = []
        self.listeners: list[asyncio.Queue[Any]] = []
        self.executes = asyncio.Event()
        self.executes.set()

    def known(self, text: str, operation_name: str | None) -> Operation | None:
        return self.prepared.get((text, operation_name))

    def prepare(self, text: str, operation_name: str | None) -> Operation:
        key = (text, operation_name)
        if key not in self.prepared:
            document = parse(text)
            errors = validate(self.schema, document)
            if errors:
                raise RequestErrors(errors)
            self.prepared[key] = Operation(text, document, get_operation_ast(document, operation_name))
        return self.prepared[key]

    def let_stand(self, operation: Any, variables: Mapping[str, Any], viewer: Viewer) -> None:
        """No operation here is answered without being looked at."""

    async def read_standing(
        self, text: str, operation_name: str | None, variables: Mapping[str, Any], viewer: Viewer, database: Any
    ) -> bytes | None:
        """As above."""

    async def read(self, operation: Any, variables: Mapping[str, Any], viewer: Viewer, database: Any) -> Body | Outcome:
        self.reads += 1
        fields = {
            selected.name.value for selected in operation.node.selection_set.selections if hasattr(selected, "name")
        }
        if not fields <= {"hello", "me"}:
            return Outcome.EXECUTE
        if "me" in fields and viewer.token_digest == b"gone":
            return Outcome.SESSION_GONE
        context = Context(self, viewer)
        result = execute_sync(self.schema, operation.document, variable_values=dict(variables), context_value=context)
        if result.errors:
            return Outcome.EXECUTE
        return Body(orjson.dumps({"data": result.data}), fields == {"hello"}, stale=viewer.token_digest == b"stale")

    async def execute(self, operation: Any, variables: Mapping[str, Any], context: Any) -> ExecutionResult:
        await self.executes.wait()
        return execute_sync(
            self.schema, operation.document, variable_values=dict(variables), context_value=context,
            operation_name=operation.node.name and operation.node.name.value,
        )  # fmt: skip

    async def subscribe(self, operation: Any, variables: Mapping[str, Any], context: Any) -> Any:
        return subscribe(
            self.schema, operation.document, variable_values=dict(variables), context_value=context,
            operation_name=operation.node.name and operation.node.name.value,
        )  # fmt: skip

    def tick(self, tick: Any) -> None:
        """Tells everybody who listens: a number, an error, or None for the end."""
        for listener in self.listeners:
            listener.put_nowait(tick)


async def _ticks(_: Any, info: GraphQLResolveInfo, of: str | None = None) -> AsyncGenerator[Any]:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    listeners = info.context.engine.listeners
    listeners.append(queue)
    try:
        while (tick := await queue.get()) is not None:
            if isinstance(tick, Exception):
                raise tick
            yield tick
    finally:
        listeners.remove(queue)


def _broken_ticks(*_: Any) -> Any:
    raise RuntimeError(SECRET)


def _tick(event: int, *_: Any, **__: Any) -> int | None:
    return event if event >= 0 else None


SUBSCRIBERS = {"ticks": _ticks, "brokenTicks": _broken_ticks}


def _forbidden(*_: Any) -> str:
    raise GraphQLError("Not for you.", extensions={"code": "FORBIDDEN"})


def _broken(*_: Any) -> str:
    raise RuntimeError(SECRET)


def _save(_: Any, info: GraphQLResolveInfo, **arguments: Any) -> dict[str, Any]:
    info.context.engine.saved.append(arguments["input"])
    return {**arguments["input"], "userErrors": []}


def _keep(_: Any, info: GraphQLResolveInfo, file: UploadedFile, more: Sequence[UploadedFile | None] = ()) -> int:
    info.context.engine.saved.append({"file": file, "more": more})
    return sum(len(one.content) for one in (file, *(more or ())) if one)


def _sign_out(_: Any, info: GraphQLResolveInfo) -> bool:
    info.context.response.headers += [("set-cookie", "__Host-layette=; Max-Age=0"), ("clear-site-data", '"cookies"')]
    return True


RESOLVERS = {
    "hello": lambda _, __, name="you": f"Hello, {name}",
    "me": lambda _, info: {"name": info.context.viewer.kind} if info.context.viewer.kind != "ANONYMOUS" else None,
    "product": lambda *_, **__: {"name": "Romper", "related": {"name": "Hat"}},
    "forbidden": _forbidden,
    "unauthenticated": _forbidden,
    "broken": _broken,
    "brokenForGood": _broken,
    "empty": lambda *_: None,
    "save": _save,
    "keep": _keep,
    "signOut": _sign_out,
}


@dataclass
class Edge:
    """The endpoint on a toy engine, and a client of it."""

    engine: ToyEngine
    app: Starlette
    client: httpx.AsyncClient

    async def post(self, query: str | None = None, *, headers: Any = None, **parameters: Any) -> httpx.Response:
        body = parameters if query is None else {"query": query, **parameters}
        return await self.client.post("/graphql", json=body, headers=headers)


def make_app(
    engine: ToyEngine, *, persisted: PersistedDocuments | None = None, options: Options | None = None
) -> Starlette:
    bounds = Bounds()
    endpoint = GraphQLEndpoint(
        engine, None, lambda request: Context(engine, claimed(request)),
        persisted=persisted or PersistedDocuments(None), bounds=bounds, options=options,
    )  # fmt: skip
    return Starlette(routes=[Route("/graphql", endpoint)])


def make_sockets(engine: ToyEngine, *, origins: Origins | None = None, limits: Limits | None = None) -> GraphQLSockets:
    """The same for sockets."""
    bounds = Bounds()

    def make_context(request: HttpRequest) -> Context:
        return Context(engine, claimed(request))

    endpoint = GraphQLEndpoint(engine, None, make_context, persisted=PersistedDocuments(None), bounds=bounds)
    operations = Operations(endpoint, engine, bounds, make_context)
    return GraphQLSockets(operations, origins=origins or Origins(()), proxies=TrustedProxies(), limits=limits)


@asynccontextmanager
async def open_edge(**options: Any) -> AsyncGenerator[Edge]:
    engine = ToyEngine()
    app = make_app(engine, **options)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=True), base_url="http://shop.test"
    ) as client:
        yield Edge(engine, app, client)


def codes(response: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]
