"""What a client hears of an error: a code on each (Apollo's words), and nothing from inside.

Messages of graphql-core repeat the client's value; that may be a password or somebody's address, and clients log what
they are told. So the value is cut off, and names of fields, types and variables stay.
"""

import re
import secrets
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import structlog
from graphql import FieldNode, GraphQLError, GraphQLSyntaxError

from models.database import DatabaseAway

log = structlog.get_logger("http")

Formatted = dict[str, Any]
"""An error in the form of the GraphQL specification, section 7.1.2."""

OUR_FAULT = "Something went wrong on our side."
AWAY = "The shop cannot answer at the moment. Try again shortly."


class Code(StrEnum):
    """`extensions.code` of errors that the edge itself makes; the first seven are Apollo's."""

    BAD_REQUEST = "BAD_REQUEST"
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    CARD_NUMBER_REFUSED = "CARD_NUMBER_REFUSED"
    RATE_LIMITED = "RATE_LIMITED"
    UNAUTHENTICATED = "UNAUTHENTICATED"


def refusal(code: Code, message: str, **extensions: Any) -> GraphQLError:
    """An error that is meant for the client as it is."""
    return GraphQLError(message, extensions={"code": code.value, **extensions})


def before_execution(errors: Iterable[GraphQLError]) -> list[Formatted]:
    """Errors of a document that does not parse or validate, or that was refused."""
    return [
        {**_formatted(error, _code(error) or _document_code(error)), "message": without_values(error.message)}
        for error in errors
    ]


def while_executing(errors: Iterable[GraphQLError], request_id: str) -> list[Formatted]:
    """Errors of an execution. What nobody raised on purpose is masked, and logged in one line without its message."""
    return [_execution_error(error, request_id) for error in errors]


def internal(
    error: BaseException, request_id: str, *, path: Sequence[str | int] | None = None, field: str | None = None
) -> Formatted:
    """An error of ours: the client gets a number to quote, the log what it was and where; neither gets its text.

    The log gets the field's name and not the path, whose aliases the client chose.
    """
    error_id = secrets.token_hex(6)
    log.error("fault", exc_info=error, error_id=error_id, request_id=request_id, fault=field)
    away = isinstance(error, DatabaseAway)
    code = Code.SERVICE_UNAVAILABLE if away else Code.INTERNAL_SERVER_ERROR
    formatted: Formatted = {
        "message": AWAY if away else OUR_FAULT,
        "extensions": {"code": code.value, "errorId": error_id},
    }
    if path is not None:
        formatted["path"] = list(path)
    return formatted


def _execution_error(error: GraphQLError, request_id: str) -> Formatted:
    code = _code(error)
    if code is not None:
        return _formatted(error, code)
    cause = _cause(error)
    if isinstance(cause, GraphQLError) and (error.path is None or _ARGUMENT.match(cause.message)):
        return _formatted(error, Code.BAD_USER_INPUT)
    return internal(cause, request_id, path=error.path, field=_field(error))


def _field(error: GraphQLError) -> str | None:
    node = error.nodes[0] if error.nodes else None
    return node.name.value if isinstance(node, FieldNode) else None


def _code(error: GraphQLError) -> str | None:
    return (error.extensions or {}).get("code")


def _document_code(error: GraphQLError) -> Code:
    if isinstance(error, GraphQLSyntaxError):
        return Code.GRAPHQL_PARSE_FAILED
    return Code.GRAPHQL_VALIDATION_FAILED


def _cause(error: BaseException) -> BaseException:
    """What was raised first; located errors wrap it."""
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error


def _formatted(error: GraphQLError, code: str) -> Formatted:
    formatted: Formatted = dict(error.formatted)
    if _code(error) is None:
        formatted["message"] = without_values(error.message)
    formatted["extensions"] = {**(error.extensions or {}), "code": str(code)}
    return formatted


_ARGUMENT = re.compile(r"Argument '")
_VALUES = (
    (re.compile(r" Did you mean .*\?", re.DOTALL), ""),
    (re.compile(r"(?:(?:[,;] found|\. Found): |, but encountered error ).*", re.DOTALL), "."),
    (re.compile(r"( cannot represent [^:']*value): .*", re.DOTALL), r"\1."),
    (re.compile(r"Value '.*' does not exist", re.DOTALL), "Value does not exist"),
    (re.compile(r"(Syntax Error: (?:.*, found|Unexpected) (?:Block)?(?:String|Int|Float)) .*", re.DOTALL), r"\1."),
    (re.compile(r"not to be None\b"), "not to be null"),
)


def without_values(message: str) -> str:
    """The message of graphql-core without the client's values, without suggestions of names, and with null for None."""
    for pattern, instead in _VALUES:
        message = pattern.sub(instead, message)
    return message
