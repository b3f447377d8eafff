"""GraphQL over HTTP, from bytes to bytes.

A read that the engine can compile costs this endpoint some tens of microseconds: the request is checked, the operation
looked up, and the answer is the database's own text. Everything else is executed by graphql-core.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, OperationType

from app import errors
from app.http import answers, card_numbers, parameters
from app.http.answers import Answer
from app.http.cors import ALLOWED_METHODS, Origins
from app.http.negotiate import GRAPHQL, JSON, is_json, media_type, prefers_html
from app.http.parameters import Parameters
from app.http.patience import Patience
from app.http.persisted import PersistedDocuments, digest
from app.http.proxies import TrustedProxies
from app.http.request import Headers, HttpRefusal, HttpRequest, Receive, Scope, Send
from app.http.uploads import FORM, Uploads, is_form
from app.limits import Admitted, Bounds, CardNumberRefused, UploadLimits
from app.partner_gate import PartnerGate, Visit
from auth.viewer import ANONYMOUS, Viewer
from reads.engine import Body, Outcome
from reads.operations import RequestErrors

PUBLIC = "public"
"""The note on an operation that its last answer was of public data alone."""

ADMITTED = "admitted"
"""The note on an operation of how it was admitted."""


class Operation(Protocol):
    """A parsed and validated operation, with room for notes."""

    @property
    def document(self) -> DocumentNode: ...

    @property
    def notes(self) -> MutableMapping[Any, Any]: ...


class Engine(Protocol):
    """What runs operations: `reads.engine.Engine`."""

    @property
    def schema(self) -> GraphQLSchema: ...

    def known(self, text: str, operation_name: str | None) -> Any: ...

    def prepare(self, text: str, operation_name: str | None) -> Any: ...

    def let_stand(self, operation: Any, variables: Mapping[str, Any], viewer: Any) -> None: ...

    async def read_standing(
        self, text: str, operation_name: str | None, variables: Mapping[str, Any], viewer: Any, database: Any
    ) -> bytes | None: ...

    async def read(
        self, operation: Any, variables: Mapping[str, Any], viewer: Any, database: Any
    ) -> Body | Outcome: ...

    async def execute(self, operation: Any, variables: Mapping[str, Any], context: Any) -> ExecutionResult: ...


class Response(Protocol):
    """What an execution adds to its answer: headers, by name and value."""

    @property
    def headers(self) -> list[tuple[str, str]]: ...


class Context(Protocol):
    """One request's context for resolvers. `viewer` is a claim until `identify` has looked: compiled reads check it."""

    viewer: Viewer

    @property
    def response(self) -> Response: ...

    async def identify(self) -> Viewer:
        """Who is asking, found out once and only where the answer may depend on it. It sets `viewer`."""
        ...

    async def note_use(self) -> None:
        """Notes that the caller's session is still in use."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """`public_seconds`: how long anyone may keep a public answer. `page`: where a browser's visit is sent.

    `body_seconds`: how long a body may take to come in.
    """

    origins: Origins = field(default_factory=lambda: Origins(()))
    proxies: TrustedProxies = field(default_factory=TrustedProxies)
    public_seconds: int = 60
    body_seconds: float = 10.0
    uploads: UploadLimits = field(default_factory=UploadLimits)
    page: str | None = None


class GraphQLEndpoint:
    """The ASGI application of `/graphql`: POST for everything, GET for queries."""

    def __init__(
        self,
        engine: Engine,
        database: Any,
        make_context: Callable[[HttpRequest], Context],
        *,
        persisted: PersistedDocuments,
        bounds: Bounds | None = None,
        gate: PartnerGate | None = None,
        options: Options | None = None,
    ) -> None:
        self._engine = engine
        self._database = database
        self._make_context = make_context
        self._persisted = persisted
        self._bounds = bounds or Bounds()
        self._gate = gate
        self._options = options or Options()
        self._origins, self._proxies = self._options.origins, self._options.proxies
        self._patience = Patience(self._options.body_seconds)
        self._uploads = Uploads(self._options.uploads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HttpRequest(scope, self._proxies)
        try:
            answer = await self._answer(request, receive)
        except HttpRefusal as refused:
            answer = answers.refused(refused, media_type(request.headers.get(b"accept")))
        except Exception as error:  # noqa: BLE001  # whatever it is: masked, and logged without its text
            answer = answers.fault(error, request.id, media_type(request.headers.get(b"accept")) or JSON)
        more = self._headers(request) if self._origins.listed or request.visit is not None else ()
        if more or not answer.sent_whole(request):
            await answer.send(request, send, more)

    def _headers(self, request: HttpRequest) -> Headers:
        """What answers have in common beside what is said of themselves."""
        headers = self._origins.headers(request)
        return headers if request.visit is None else [*headers, *request.visit.headers]

    async def _answer(self, request: HttpRequest, receive: Receive) -> Answer:
        request.check()
        headers = request.headers
        if self._gate is not None and b"authorization" in headers:
            await self._gate.enter(request)
        if request.method != "POST":
            instead = self._instead(request)
            if instead is not None:
                return instead
        media = media_type(headers.get(b"accept"))
        if media is None:
            raise HttpRefusal(HTTPStatus.NOT_ACCEPTABLE, f"Accept {GRAPHQL} or {JSON}.")
        if b"content-encoding" in headers:
            _check_coding(headers[b"content-encoding"])
        if request.method == "GET":
            asked = parameters.from_address(request.scope["query_string"])
        elif is_json(headers.get(b"content-type")):
            asked = parameters.from_body(request.body_at_hand() or await request.body(receive, self._patience))
        else:
            _check_form(request)
            asked = await self._uploads.read(request, receive, self._make_context(request))
        return await self.answer(request, asked, media)

    def _instead(self, request: HttpRequest) -> Answer | None:
        """What answers a request that is neither a POST nor a GET of a query."""
        if request.method == "OPTIONS":
            return self._origins.preflight(request)
        if request.method != "GET":
            raise HttpRefusal(HTTPStatus.METHOD_NOT_ALLOWED, "Use GET or POST.", [("allow", ALLOWED_METHODS)])
        page = self._options.page
        if page and not request.scope["query_string"] and prefers_html(request.headers.get(b"accept")):
            return Answer(HTTPStatus.SEE_OTHER, b"", None, [(b"location", page.encode())])
        return None

    async def answer(self, request: HttpRequest, asked: Parameters, media: str) -> Answer:
        """The answer to what was asked, whatever brought it. Raises HttpRefusal."""
        try:
            text = asked.query if asked.persisted is None else await self.document(asked)
            if text is None:
                return answers.persisted_query_not_found(media)
            if _only_reads(request, asked):
                name, variables = asked.operation_name, asked.variables
                data = await self._engine.read_standing(text, name, variables, ANONYMOUS, self._database)
                if data is not None:
                    return self._read(request, data, media, public=True)
            operation, admitted = self._admit(request, asked, text)
            if request.visit is not None:
                await self._charge(request.visit, operation, asked.variables)
            if asked.card_number is not None:
                return card_numbers.refuse(self._engine.schema, operation.document, asked, asked.card_number, media)
            run = self._query if admitted.kind is OperationType.QUERY else self._change
            answer = run(request, operation, asked.variables, media)
            return await (answer if asked.persisted is None else self._kept(answer, asked, operation, admitted))
        except RequestErrors as found:
            return answers.request_error(errors.before_execution(found.errors), media)
        except CardNumberRefused as found:
            return self._refuse_card_number(request, asked, found, media)
        except GraphQLError as error:
            return answers.request_error(errors.before_execution([error]), media)

    def _admit(self, request: HttpRequest, asked: Parameters, text: str) -> tuple[Operation, Admitted]:
        """The operation, if it may run so: of one that is known only what depends on the variables is looked at."""
        operation = self._engine.known(text, asked.operation_name)
        admitted: Admitted | None = None if operation is None else operation.notes.get(ADMITTED)
        if admitted is None:
            admitted = self._bounds.admit(text, asked.operation_name, asked.variables)
        elif admitted.price is not None:
            self._bounds.check_cost(admitted, asked.variables)
        if admitted.kind is not OperationType.QUERY:
            _check_kind(admitted.kind, request.method)
        if operation is None:
            operation = self._engine.prepare(text, asked.operation_name)
        operation.notes[ADMITTED] = admitted
        return operation, admitted

    def _refuse_card_number(
        self, request: HttpRequest, asked: Parameters, found: CardNumberRefused, media: str
    ) -> Answer:
        if found.document is None or request.method == "GET":
            return answers.request_error(errors.before_execution([found]), media)
        return card_numbers.refuse(self._engine.schema, found.document, asked, found.where, media)

    async def _charge(self, visit: Visit, operation: Operation, variables: Mapping[str, Any]) -> None:
        if self._gate is not None:
            await self._gate.pay_for(visit, self._bounds.cost_of(operation, variables))

    async def _kept(
        self, running: Awaitable[Answer], asked: Parameters, operation: Operation, admitted: Admitted
    ) -> Answer:
        """The answer, once the document is kept by its hash.

        String literals may be personal, and what is kept is kept for a day: only public reads may spell them.
        """
        answer = await running
        keeps = not admitted.spells_strings or operation.notes.get(PUBLIC)
        if keeps and asked.persisted is not None and asked.query is not None:
            await self._persisted.keep(asked.persisted, asked.query)
        return answer

    async def _query(
        self, request: HttpRequest, operation: Operation, variables: Mapping[str, Any], media: str
    ) -> Answer:
        if operation.notes.get(PUBLIC):
            found = await self._engine.read(operation, variables, ANONYMOUS, self._database)
            if isinstance(found, Body) and found.public:
                if operation.notes[ADMITTED].price is None:
                    self._engine.let_stand(operation, variables, ANONYMOUS)
                return self._read(request, found.data, media, public=True)
        context = self._make_context(request)
        found = await self._engine.read(operation, variables, context.viewer, self._database)
        if found is Outcome.SESSION_GONE:
            await context.identify()
            found = await self._engine.read(operation, variables, context.viewer, self._database)
        if not isinstance(found, Body):
            await context.identify()
            return await self._execute(request, operation, variables, context, media)
        if found.stale:
            await context.note_use()
        operation.notes[PUBLIC] = found.public
        return self._read(request, found.data, media, public=found.public)

    async def _change(
        self, request: HttpRequest, operation: Operation, variables: Mapping[str, Any], media: str
    ) -> Answer:
        context = self._make_context(request)
        await context.identify()
        return await self._execute(request, operation, variables, context, media)

    async def document(self, asked: Parameters) -> str | None:
        """The text that was sent, or for which its hash stands. Raises HttpRefusal if the hash is another's."""
        text, hashed = asked.query, asked.persisted
        if hashed is None:
            return text
        if text is None:
            return await self._persisted.find(hashed)
        if not self._persisted.known(hashed, text) and digest(text) != hashed:
            raise HttpRefusal(HTTPStatus.BAD_REQUEST, "The hash is not that of the query.")
        return text

    def _read(self, request: HttpRequest, data: bytes, media: str, *, public: bool) -> Answer:
        if request.method == "POST" or not public:
            return Answer(200, data, media)
        shared = b"public" if request.visit is None else b"private"
        seconds, tags = self._options.public_seconds, request.headers.get(b"if-none-match")
        return answers.public(data, media, seconds, tags, shared=shared)

    async def _execute(
        self, request: HttpRequest, operation: Operation, variables: Mapping[str, Any], context: Context, media: str
    ) -> Answer:
        result = await self._engine.execute(operation, variables, context)
        found = errors.while_executing(result.errors or (), request.id)
        if result.data is None and all("path" not in error for error in found):
            return answers.request_error(found, media)
        return answers.executed(result.data, found, media, context.response.headers)


def _only_reads(request: HttpRequest, asked: Parameters) -> bool:
    """Whether a query needs no more than reading: it is not paid for, not refused, and no text has to be kept."""
    return request.visit is None and asked.card_number is None and not (asked.persisted and asked.query)


def _check_form(request: HttpRequest) -> None:
    if not is_form(request.headers.get(b"content-type")):
        accepted = [("accept-post", f"{JSON}, {FORM}")]
        raise HttpRefusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/json in UTF-8.", accepted)


def _check_coding(coding: bytes) -> None:
    if coding.strip().lower() not in {b"", b"identity"}:
        message = "Send the body without a content coding."
        raise HttpRefusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message, [("accept-encoding", "identity")])


def _check_kind(kind: OperationType, method: str) -> None:
    if kind is OperationType.SUBSCRIPTION:
        raise HttpRefusal(HTTPStatus.BAD_REQUEST, "Subscriptions are not served over HTTP.")
    if kind is OperationType.MUTATION and method == "GET":
        raise HttpRefusal(HTTPStatus.METHOD_NOT_ALLOWED, "Send mutations by POST.", [("allow", "POST")])
