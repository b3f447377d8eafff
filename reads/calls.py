"""The root fields of a mutation, and how their resolvers are called: known once for an operation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLResolveInfo, VariableNode
from graphql.execution.collect_fields import FieldDetails, collect_fields
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path

from reads.declare import field_readers, field_reads
from reads.entities import strawberry_field
from reads.finish import FinishingExecutor
from reads.inputs import CannotMake, Make, maker
from reads.operations import Operation
from reads.reference import OWN_RESOLVER
from reads.shown import Unfinished

MOST_KEPT = 32
"""Ways of an operation to be called, by what @skip and @include say."""

Arguments = Callable[[VariableValues], dict[str, Any]]
Begin = Callable[[GraphQLResolveInfo, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A root field, by its response key. `begin` calls its resolver with its `arguments`, as graphql-core would."""

    key: str
    field: GraphQLField
    details: list[FieldDetails]
    nodes: list[FieldNode]
    path: Path
    readers: Any
    arguments: Arguments
    begin: Begin


Calls = Mapping[str, Call | None]
"""By response key, in order; None: its type's name."""


def calls_of(operation: Operation, executor: FinishingExecutor) -> Calls:
    """What a mutation calls. Raises what graphql-core would, and Unfinished."""
    kept = operation.notes.setdefault("calls", {})
    key = operation.directed(executor.variable_values.coerced)
    found = kept.get(key)
    if found is None:
        found = _collected(executor)
        if len(kept) >= MOST_KEPT:
            kept.clear()
        kept[key] = found
    return found


def _collected(executor: FinishingExecutor) -> Calls:
    type_ = executor.schema.mutation_type
    assert type_ is not None
    found = collect_fields(
        executor.schema, executor.fragments, executor.variable_values, type_, executor.operation, hide_suggestions=True
    )
    if found.new_defer_usages:
        raise Unfinished
    return {key: _call(type_, key, details) for key, details in found.grouped_field_set.items()}


def _call(type_: GraphQLObjectType, key: str, details: list[FieldDetails]) -> Call | None:
    nodes = [one.node for one in details]
    name = nodes[0].name.value
    if name == "__typename":
        return None
    field = type_.fields.get(name)
    if field is None:
        raise Unfinished
    declared = strawberry_field(type_, name)
    if field_reads(declared) is not None:
        raise Unfinished
    path, arguments = Path(None, key, type_.name), _arguments(field, nodes[0])
    return Call(key, field, details, nodes, path, field_readers(declared), arguments, _begin(field, declared))


# ---- what a resolver is called with


def _arguments(field: GraphQLField, node: FieldNode) -> Arguments:
    """What gives the coerced arguments. It raises GraphQLError."""

    def by_core(values: VariableValues) -> dict[str, Any]:
        return get_argument_values(field, node, values, hide_suggestions=True)

    given = {one.name.value: one.value for one in node.arguments or ()}
    names = {name: one.name.value for name, one in given.items() if isinstance(one, VariableNode)}
    if names.keys() != field.args.keys():
        return by_core

    def by_name(values: VariableValues) -> dict[str, Any]:
        coerced = values.coerced
        found = {name: coerced.get(variable) for name, variable in names.items()}
        return by_core(values) if any(one is None for one in found.values()) else found

    return by_name


def _begin(field: GraphQLField, declared: Any) -> Begin:
    """What calls the field's own resolver, past strawberry where that does nothing but make objects of the inputs."""
    own, resolver = field.extensions[OWN_RESOLVER], declared.base_resolver

    def by_strawberry(info: GraphQLResolveInfo, arguments: dict[str, Any]) -> Any:
        return own(None, info, **arguments)

    if resolver is None or declared.extensions or resolver.parent_parameter or resolver.root_parameter:
        return by_strawberry
    try:
        makers = {name: _maker(one) for name, one in field.args.items()}
    except CannotMake:
        return by_strawberry
    source = (None,) if resolver.self_parameter else ()
    told = resolver.info_parameter.name if resolver.info_parameter else None

    def begin(info: GraphQLResolveInfo, arguments: dict[str, Any]) -> Any:
        made: dict[str, Any] = {}
        for name, value in arguments.items():
            python_name, make = makers[name]
            made[python_name] = value if make is None else make(value)
        if told is not None:
            made[told] = strawberry.Info(info, declared)
        return resolver(*source, **made)

    return begin


def _maker(argument: Any) -> tuple[str, Make | None]:
    declared = argument.extensions["strawberry-definition"]
    if argument.out_name is not None:
        raise CannotMake
    return declared.python_name, maker(argument.type, declared.type)
