"""Values as clients send them for the variables of an operation: most right, some wrong, drawn by type."""

from collections.abc import Iterator
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
)

RIGHT: dict[str, tuple[Any, ...]] = {
    "String": ("", "x", "ß\u0000"),
    "ID": ("crt_0", "", 7),
    "Int": (0, -(2**31), 2**31 - 1, 3.0),
    "Boolean": (True, False),
    "Decimal": ("19.90", "1E+3", 3, "-0.5"),
    "DateTime": ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.5+14:00"),
    "Date": ("2026-03-01", "2024-02-29"),
}
WRONG: tuple[Any, ...] = (None, "x", "", 1, 2**31, 1.5, True, [], {}, ["x"], [None], {"a": 1}, float("nan"))
HOW_OFTEN_WRONG = 0.02


def fields_with_arguments(schema: GraphQLSchema) -> Iterator[tuple[str, str, GraphQLField]]:
    """The root fields whose variables can be drawn: `query` or `mutation`, and the name. A file cannot."""
    for kind, root in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        for name, field in root.fields.items() if root is not None else ():
            if field.args and "file" not in field.args:
                yield kind, name, field


def operation_of(kind: str, name: str, field: GraphQLField) -> str:
    """The operation that takes each argument from a variable."""
    heads = ", ".join(f"${argument}: {one.type}" for argument, one in field.args.items())
    given = ", ".join(f"{argument}: ${argument}" for argument in field.args)
    return f"{kind} ({heads}) {{ {name}({given}) {{ __typename }} }}"


def drawn(random: Random, arguments: dict[str, GraphQLArgument]) -> dict[str, Any]:
    return {name: _of_type(random, one.type) for name, one in arguments.items() if _is_sent(random, one.type)}


def _is_sent(random: Random, type_: Any) -> bool:
    return random.random() > (HOW_OFTEN_WRONG if isinstance(type_, GraphQLNonNull) else 0.4)


def _of_type(random: Random, type_: Any) -> Any:
    if random.random() < HOW_OFTEN_WRONG:
        return random.choice(WRONG)
    if isinstance(type_, GraphQLNonNull):
        return _of_type(random, type_.of_type)
    if random.random() < 0.1 and not isinstance(type_, GraphQLNonNull):
        return None
    if isinstance(type_, GraphQLList):
        several = [_of_type(random, type_.of_type) for _ in range(random.randrange(3))]
        return several if random.random() > HOW_OFTEN_WRONG else _of_type(random, type_.of_type)
    if isinstance(type_, GraphQLEnumType):
        return random.choice(list(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        return _object(random, type_)
    return random.choice(RIGHT[type_.name])


def _object(random: Random, type_: GraphQLInputObjectType) -> dict[str, Any]:
    names = list(type_.fields)
    random.shuffle(names)
    sent = {
        name: _of_type(random, type_.fields[name].type) for name in names if _is_sent(random, type_.fields[name].type)
    }
    return sent | ({"nope": 1} if random.random() < HOW_OFTEN_WRONG else {})
