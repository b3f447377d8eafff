"""P4 at the door: a request that carries a payment card's number is answered without being executed.

Nothing of it is logged or kept. A mutation answers with a user error that names the field, as for any other text that a
person can mend; everything else gets a top-level error of the same code.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    build_schema,
    execute_sync,
    get_operation_ast,
    is_list_type,
    print_schema,
    validate,
)

from app.errors import Code, before_execution
from app.http import answers
from app.http.answers import Answer
from app.http.parameters import Parameters
from app.limits import CARD_NUMBER_MESSAGE, CardNumberRefused

NOTHING_DONE = {"Boolean": False, "Int": 0}
"""What a refused mutation says in fields that may not be null."""


def refuse(
    schema: GraphQLSchema, document: DocumentNode, asked: Parameters, where: tuple[str, ...], media: str
) -> Answer:
    """The answer to a request with a card's number, at a path into its variables or its document's arguments."""
    operation = get_operation_ast(document, asked.operation_name)
    if operation is not None and operation.operation is OperationType.MUTATION:
        data = _refused_mutation(_shape(schema), document, asked, where)
        if data is not None:
            return answers.executed(data, [], media, ())
    return answers.request_error(before_execution([CardNumberRefused(where)]), media)


def _refused_mutation(
    shape: GraphQLSchema, document: DocumentNode, asked: Parameters, where: tuple[str, ...]
) -> dict[str, Any] | None:
    """The payloads with their user error, or None where a payload has no place for it."""
    if shape.mutation_type is None or validate(shape, document):
        return None
    error = {"code": Code.CARD_NUMBER_REFUSED.value, "field": _input_field(where), "message": CARD_NUMBER_MESSAGE}
    result = execute_sync(
        shape,
        document,
        root_value=_payloads(shape.mutation_type, error),
        variable_values=asked.variables,
        operation_name=asked.operation_name,
    )
    return None if result.errors else result.data


@cache
def _shape(schema: GraphQLSchema) -> GraphQLSchema:
    """The schema without its resolvers: executing it does nothing."""
    return build_schema(print_schema(schema), assume_valid=True, no_location=True)


def _payloads(mutation: GraphQLObjectType, error: Mapping[str, Any]) -> dict[str, Any]:
    payloads = {}
    for name, field in mutation.fields.items():
        type_ = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
        if isinstance(type_, GraphQLObjectType) and "userErrors" in type_.fields:
            payloads[name] = {**_nothing_done(type_), "userErrors": [error]}
    return payloads


def _nothing_done(payload: GraphQLObjectType) -> dict[str, Any]:
    types = {name: field.type for name, field in payload.fields.items()}
    required = {name: type_.of_type for name, type_ in types.items() if isinstance(type_, GraphQLNonNull)}
    return {name: [] if is_list_type(type_) else NOTHING_DONE.get(str(type_)) for name, type_ in required.items()}


def _input_field(where: tuple[str, ...]) -> list[str]:
    """The path within the mutation's input: below the variable or the argument that is the input object."""
    path = where[1:]
    return list(path[1:] or path)
