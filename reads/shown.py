"""Values of Python as an answer has them: functions made once, for one selection and one kind of caller."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetails

from reads.coercion import LEFT_AS_THEY_ARE
from reads.declare import ENTITIES, field_readers, field_reads
from reads.entities import strawberry_field
from reads.planning import Planning

Details = list[FieldDetails]
Shape = Callable[[Any], Any]
"""Makes what the answer has of a value. It raises whatever goes wrong, and Unfinished."""

Part = tuple[str, Callable[[Any], Any], Shape]
"""A response key, what gives its value of the object, and what is made of that."""


class Unfinished(Exception):
    """Something that is left to graphql-core."""


def shape_of(planning: Planning, type_: Any, details: Details) -> Shape:
    """What values of a field's type become. Raises Unfinished."""
    if isinstance(type_, GraphQLNonNull):
        return _present(planning, type_.of_type, details)
    shape = _present(planning, type_, details)
    return lambda value: None if value is None else shape(value)


def _present(planning: Planning, type_: Any, details: Details) -> Shape:
    """The same where there has to be a value."""
    if isinstance(type_, GraphQLEnumType):
        # An enum has no word for null.
        return {one.value: name for name, one in type_.values.items()}.__getitem__
    if is_leaf_type(type_):
        return _scalar(type_)
    if isinstance(type_, GraphQLList):
        return _list(shape_of(planning, type_.of_type, details))
    if isinstance(type_, GraphQLObjectType):
        return _object(planning, type_, details)
    raise Unfinished


def _scalar(type_: Any) -> Shape:
    write, exact = type_.coerce_output_value, LEFT_AS_THEY_ARE.get(type_.name)

    def shape(value: Any) -> Any:
        if type(value) is exact:
            return value
        found = None if value is None else write(value)
        if found is None:
            raise Unfinished
        return found

    return shape


def _list(item: Shape) -> Shape:
    def shape(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise Unfinished
        return [item(one) for one in value]

    return shape


def _object(planning: Planning, type_: GraphQLObjectType, details: Details) -> Shape:
    """Of an object of plain attributes, each of which the caller may read."""
    check(type_)
    parts = [part_of(planning, type_, key, fields) for key, fields in planning.selected(type_, details).items()]

    def shape(value: Any) -> Any:
        if value is None:
            raise Unfinished
        return {key: of(get(value)) for key, get, of in parts}

    return shape


def part_of(planning: Planning, type_: GraphQLObjectType, key: str, details: Details) -> Part:
    """What an object has under a response key. Raises Unfinished."""
    name = details[0].node.name.value
    if name == "__typename":
        return key, lambda value: type_.name, str
    declared = admitted(planning, type_, name)
    if declared.base_resolver is not None or field_reads(declared) is not None:
        raise Unfinished
    return key, attrgetter(declared.python_name), shape_of(planning, type_.fields[name].type, details)


def admitted(planning: Planning, type_: GraphQLObjectType, name: str) -> Any:
    """The declaration of a field without arguments of an object of Python, which the caller may read.

    Raises Unfinished.
    """
    declared = strawberry_field(type_, name)
    if type_.fields[name].args or planning.permissions.denial(field_readers(declared), planning.access) is not None:
        raise Unfinished
    planning.rely_on(field_readers(declared))
    return declared


def check(type_: GraphQLObjectType) -> None:
    """Raises Unfinished for a type whose values have to be looked at first."""
    if type_.is_type_of is not None or type_.extensions["strawberry-definition"].origin in ENTITIES:
        raise Unfinished
