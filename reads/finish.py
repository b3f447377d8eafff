"""What a statement made of an entity, with its computed fields put in: an answer that is whole, and left as it is.

graphql-core would look at each of its values again. What this does not understand, or what goes wrong, it leaves to
graphql-core, which answers the same and knows how to tell of errors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
            found.append(Made(key, reads.make, _shape(planning, field.type, fields)))
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


def _shape(planning: Planning, type_: Any, details: Details) -> Shape:
    """Makes a value of Python what the answer has of it."""
    if isinstance(type_, GraphQLNonNull):
        return _required(_shape(planning, type_.of_type, details))
    if isinstance(type_, GraphQLList):
        item = _shape(planning, type_.of_type, details)
        return lambda value: None if value is None else [item(one) for one in value]
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


def _leaf(type_: Any) -> Shape:
    if isinstance(type_, GraphQLEnumType):
        words = {one.value: name for name, one in type_.values.items()}
        return lambda value: None if value is None else words[value]
    write = type_.coerce_output_value
    return lambda value: None if value is None else write(value)


def _object(planning: Planning, type_: GraphQLObjectType, details: Details) -> Shape:
    """Of an object of plain attributes, each of which the caller may read."""
    if type_.extensions["strawberry-definition"].origin in ENTITIES:
        raise Unfinished
    parts: list[tuple[str, str | None, Shape]] = []
    for key, fields in planning.selected(type_, details).items():
        name = fields[0].node.name.value
        if name == "__typename":
            parts.append((key, None, lambda value, name=type_.name: name))
            continue
        declared, field = strawberry_field(type_, name), type_.fields[name]
        refused = planning.permissions.denial(field_readers(declared), planning.access)
        if refused is not None or declared.base_resolver is not None or field_reads(declared) is not None or field.args:
            raise Unfinished
        parts.append((key, declared.python_name, _shape(planning, field.type, fields)))

    def shape(value: Any) -> Any:
        if value is None:
            return None
        return {key: of(getattr(value, name) if name is not None else None) for key, name, of in parts}

    return shape
