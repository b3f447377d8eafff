"""What a statement made of an entity, with its computed fields put in: an answer that is whole, and left as it is.

graphql-core would look at each of its values again. What this does not understand, or what goes wrong, it leaves to
graphql-core, which answers the same and knows how to tell of errors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetails
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental

from reads import declare
from reads.declare import ENTITIES, field_readers, field_reads
from reads.entities import strawberry_field
from reads.planning import Planning

Details = list[FieldDetails]
Shape = Callable[[Any], Any]


class Finished(dict[str, Any]):
    """An object as the answer has it."""


class Unfinished(Exception):
    """Something that is left to graphql-core."""


class FinishingExecutor(ExecutorThrowingOnIncremental):
    """graphql-core's, which leaves what is finished as it is."""

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: Any,
        info: GraphQLResolveInfo,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        if type(result) is Finished:
            return result
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)


@dataclass(frozen=True, slots=True)
class Made:
    """A computed field, by its response key."""

    key: str
    make: Callable[..., Any]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Below:
    """An object, or a list of them, in which there are computed fields."""

    key: str
    many: bool
    steps: "Steps"


Steps = Sequence[Made | Below]


async def finished(steps: Steps, found: dict[str, Any], info: Any) -> Finished:
    """The entity with its computed fields. Raises whatever the fields raise, and Unfinished."""
    await _put(steps, found, info)
    return Finished(found)


async def _put(steps: Steps, found: dict[str, Any], info: Any) -> None:
    for step in steps:
        value = found[step.key]
        if isinstance(step, Made):
            made = step.make(value, info)
            found[step.key] = step.shape(await made if hasattr(made, "__await__") else made)
        elif value is not None:
            for one in value if step.many else (value,):
                await _put(step.steps, one, info)


# ---- what is to be done, for one selection and one kind of caller


def steps_of(planning: Planning, type_: GraphQLObjectType, details: Details) -> Steps:
    """What is computed of an entity's selection, all of which the caller may read. Raises Unfinished."""
    found: list[Made | Below] = []
    for key, fields in planning.selected(type_, details).items():
        name = fields[0].node.name.value
        if name == "__typename":
            continue
        field, named = type_.fields[name], get_named_type(type_.fields[name].type)
        reads = field_reads(strawberry_field(type_, name))
        if isinstance(reads, declare.Computed):
            if field.args:
                raise Unfinished
            found.append(Made(key, reads.make, shape_of(planning, field.type, fields)))
        elif isinstance(reads, declare.Related) and reads.fields is None and isinstance(named, GraphQLObjectType):
            below = steps_of(planning, named, fields)
            if below:
                found.append(Below(key, reads.many, below))
        elif not isinstance(reads, declare.Value | declare.Embedded) and _computes(planning, named, fields):
            raise Unfinished
    return found


def _computes(planning: Planning, type_: Any, details: Details) -> bool:
    """Whether something in the selection may be computed."""
    if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
        return True
    if not isinstance(type_, GraphQLObjectType):
        return False
    for fields in planning.selected(type_, details).values():
        name = fields[0].node.name.value
        if name == "__typename":
            continue
        if isinstance(field_reads(strawberry_field(type_, name)), declare.Computed):
            return True
        if _computes(planning, get_named_type(type_.fields[name].type), fields):
            return True
    return False


def shape_of(planning: Planning, type_: Any, details: Details) -> Shape:
    """Makes a value of Python what the answer has of it. Raises Unfinished."""
    if isinstance(type_, GraphQLNonNull):
        return _required(shape_of(planning, type_.of_type, details))
    if isinstance(type_, GraphQLList):
        return _list(shape_of(planning, type_.of_type, details))
    if is_leaf_type(type_):
        return _leaf(type_)
    if isinstance(type_, GraphQLObjectType):
        return _object(planning, type_, details)
    raise Unfinished


def _required(shape: Shape) -> Shape:
    def required(value: Any) -> Any:
        found = shape(value)
        if found is None:
            raise Unfinished
        return found

    return required


def _list(item: Shape) -> Shape:
    def shape(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            raise Unfinished
        return [item(one) for one in value]

    return shape


def _leaf(type_: Any) -> Shape:
    if isinstance(type_, GraphQLEnumType):
        words = {one.value: name for name, one in type_.values.items()}
        return lambda value: None if value is None else words[value]
    write = _required(type_.coerce_output_value)
    return lambda value: None if value is None else write(value)


def _object(planning: Planning, type_: GraphQLObjectType, details: Details) -> Shape:
    """Of an object of plain attributes, each of which the caller may read."""
    check(type_)
    parts = [part_of(planning, type_, key, fields) for key, fields in planning.selected(type_, details).items()]

    def shape(value: Any) -> Any:
        if value is None:
            return None
        return {key: of(value) for key, of in parts}

    return shape


def part_of(planning: Planning, type_: GraphQLObjectType, key: str, details: Details) -> tuple[str, Shape]:
    """What the object has under a response key, of the object. Raises Unfinished."""
    name = details[0].node.name.value
    if name == "__typename":
        return key, lambda value: type_.name
    declared = admitted(planning, type_, name)
    if declared.base_resolver is not None or field_reads(declared) is not None:
        raise Unfinished
    get, shape = attrgetter(declared.python_name), shape_of(planning, type_.fields[name].type, details)
    return key, lambda value: shape(get(value))


def admitted(planning: Planning, type_: GraphQLObjectType, name: str) -> Any:
    """The declaration of a field without arguments of an object of Python, which the caller may read.

    Raises Unfinished.
    """
    declared = strawberry_field(type_, name)
    if type_.fields[name].args or planning.permissions.denial(field_readers(declared), planning.access) is not None:
        raise Unfinished
    return declared


def check(type_: GraphQLObjectType) -> None:
    """Raises Unfinished for a type whose values have to be looked at first."""
    if type_.is_type_of is not None or type_.extensions["strawberry-definition"].origin in ENTITIES:
        raise Unfinished
