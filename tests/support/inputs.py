"""Mutations with an input that is valid by its types, for whoever is to be refused whatever they send."""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_input_field,
)

WORDS: dict[str, Any] = {
    "String": "x",
    "Boolean": True,
    "Int": 1,
    "Float": 1.0,
    "Decimal": "1.00",
    "DateTime": "2026-03-01T12:00:00Z",
    "Date": "2026-03-01",
    "Upload": b"no picture",
}
KNOWN: dict[str, Any] = {"email": "x@example.com", "countryCode": "US", "currencyCode": "USD"}

Id = Callable[[str], str]
"""Gives an id for the input's field of a name."""


def operation(name: str, field: GraphQLField) -> str:
    """The mutation, and what its payload says of refusals."""
    heads = ", ".join(f"${argument}: {one.type}" for argument, one in field.args.items())
    given = ", ".join(f"{argument}: ${argument}" for argument in field.args)
    return (
        f"mutation {f'({heads})' if heads else ''} {{ {name}{f'({given})' if given else ''} {{ {selection(field)} }} }}"
    )


def selection(field: GraphQLField) -> str:
    payload: Any = get_named_type(field.type)
    found = [name for name, one in payload.fields.items() if is_leaf_type(get_named_type(one.type))]
    if "userErrors" in payload.fields:
        found.append("userErrors { code field }")
    return " ".join(found or ["__typename"])


def variables(field: GraphQLField, make_id: Id, *, everything: bool = False) -> dict[str, Any]:
    """Arguments that are required, or all of them."""
    return {name: of_type(name, one, make_id, everything=everything) for name, one in field.args.items()}


def of_type(name: str, declared: GraphQLArgument | GraphQLInputField, make_id: Id, *, everything: bool) -> Any:
    type_: Any = declared.type
    inner = get_nullable_type(type_)
    if isinstance(inner, GraphQLList):
        return [of_named(name, get_named_type(type_), make_id, everything=everything)]
    return of_named(name, inner, make_id, everything=everything)


def of_named(name: str, type_: Any, make_id: Id, *, everything: bool) -> Any:
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        return {
            inner: of_type(inner, one, make_id, everything=everything)
            for inner, one in type_.fields.items()
            if everything or is_required_input_field(one)
        }
    if type_.name == "ID":
        return make_id(name)
    return KNOWN[name] if type_.name == "String" and name in KNOWN else WORDS[type_.name]


def id_fields(field: GraphQLField) -> set[str]:
    """Names of the input's fields that name something by its id."""
    found: set[str] = set()
    waiting = [(name, one.type) for name, one in field.args.items()]
    seen: set[str] = set()
    while waiting:
        name, type_ = waiting.pop()
        named = get_named_type(type_)
        if isinstance(named, GraphQLInputObjectType) and named.name not in seen:
            seen.add(named.name)
            waiting += [(inner, one.type) for inner, one in named.fields.items()]
        elif named.name == "ID":
            found.add(name)
    return found
