"""One operation of a socket, run by the endpoint that HTTP has: the same limits, the same errors, the same reads."""

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from graphql import ExecutionResult, GraphQLError, OperationType

from app import errors
from app.errors import Code, Formatted
from app.http import parameters
from app.http.endpoint import Context, GraphQLEndpoint
from app.http.negotiate import GRAPHQL
from app.http.parameters import Parameters
from app.http.request import HttpRefusal
from app.limits import Bounds, CardNumberRefused
from app.partner_gate import PartnerGate
from app.sockets.handshake import SocketRequest
from app.sockets.messages import BAD_REQUEST, Closing
from reads.operations import RequestErrors


class Engine(Protocol):
    """What runs subscriptions: `reads.engine.Engine`."""

    def prepare(self, text: str, operation_name: str | None) -> Any: ...

    async def subscribe(self, operation: Any, variables: Mapping[str, Any], context: Any) -> Any: ...


class Refused(Exception):
    """There is no answer, or no more of them, and these errors say why."""

    def __init__(self, found: list[Formatted]) -> None:
        super().__init__(f"{len(found)} errors")
        self.errors = found


def asked_in(payload: dict[str, Any]) -> Parameters:
    """The parameters of a request. Raises Closing for what is malformed, Refused for what may not be stored."""
    try:
        return parameters.from_object(payload)
    except HttpRefusal as refused:
        if refused.extensions["code"] == Code.BAD_REQUEST:
            raise Closing(BAD_REQUEST, refused.message) from None
        raise Refused(_told(refused, "")) from None


@dataclass(frozen=True, slots=True)
class Operations:
    """Runs what sockets ask for."""

    endpoint: GraphQLEndpoint
    engine: Engine
    bounds: Bounds
    make_context: Callable[[Any], Context]
    gate: PartnerGate | None = None

    async def begin(self, request: SocketRequest, asked: Parameters) -> AsyncGenerator[bytes] | None:
        """The responses of a subscription; None for another operation, which `answer` runs. Raises Refused.

        From here on the subscription hears of what happens.
        """
        with _refusing(request.id):
            request.check()
            if self.gate is not None:
                await self.gate.enter(request)
            text = await self.endpoint.document(asked)
            if text is None or not self._is_subscription(text, asked):
                return None
            events = await self._subscribe(request, asked, text)
        if isinstance(events, ExecutionResult):
            raise Refused(errors.while_executing(events.errors or (), request.id))
        return _responses(events, request.id)

    async def answer(self, request: SocketRequest, asked: Parameters) -> bytes:
        """The response to a query or a mutation. Raises Refused."""
        with _refusing(request.id):
            answer = await self.endpoint.answer(request, asked, GRAPHQL)
        if answer.errors is not None:
            raise Refused(answer.errors)
        return answer.body

    def _is_subscription(self, text: str, asked: Parameters) -> bool:
        try:
            return self.bounds.admit(text, asked.operation_name, asked.variables).kind is OperationType.SUBSCRIPTION
        except GraphQLError:
            return False  # `answer` comes to the same, and tells it as a mutation has to

    async def _subscribe(self, request: SocketRequest, asked: Parameters, text: str) -> Any:
        operation = self.engine.prepare(text, asked.operation_name)
        if asked.card_number is not None:
            raise CardNumberRefused(asked.card_number)
        if self.gate is not None and request.visit is not None:
            await self.gate.pay_for(request.visit, self.bounds.cost_of(operation, asked.variables))
        context = self.make_context(request)
        await context.identify()
        return await self.engine.subscribe(operation, asked.variables, context)


async def _responses(events: Any, request_id: str) -> AsyncGenerator[bytes]:
    """Each event's response. Raises Refused where there will be no other."""
    try:
        with _refusing(request_id):
            async for result in events:
                yield _response(result, request_id)
    finally:
        await events.aclose()


@contextmanager
def _refusing(request_id: str) -> Generator[None]:
    """Raises Refused for whatever goes wrong: told, or masked and logged."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is
        raise Refused(_told(error, request_id)) from None


def _response(result: ExecutionResult, request_id: str) -> bytes:
    found = errors.while_executing(result.errors or (), request_id)
    if result.data is None:
        raise Refused(found)
    return orjson.dumps({"errors": found, "data": result.data} if found else {"data": result.data})


def _told(error: Exception, request_id: str) -> list[Formatted]:
    """What the client hears of it."""
    match error:
        case HttpRefusal():
            return [{"message": error.message, "extensions": error.extensions}]
        case RequestErrors():
            return errors.before_execution(error.errors)
        case GraphQLError():
            return errors.before_execution([error])
    return [errors.internal(error, request_id)]
