"""What a statement made of an entity, with its computed fields put in: an answer that is whole, and left as it is.

graphql-core would look at each of its values again. What this does not understand, or what goes wrong, it leaves to
graphql-core, which answers the same and knows how to tell of errors.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from inspect import iscoroutine
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLUnionType,
    get_named_type,
)
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental

from reads import declare
from reads.declare import field_reads
from reads.entities import strawberry_field
from reads.planning import Planning
from reads.shown import Details, Shape, Unfinished, shape_of


class Finished(dict[str, Any]):
    """An object as the answer has it."""


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


Made = tuple[str, Callable[..., Any], Shape]
"""A computed field: its response key, what makes it of what was read, and what the answer has of that."""


@dataclass(frozen=True, slots=True)
class Below:
    """An object, or a list of them, in which there are computed fields."""

    key: str
    many: bool
    steps: "Steps"


@dataclass(frozen=True, slots=True)
class Steps:
    """What is to be done with an object that was read.

    `made` are computed fields, those together that are made of the same: what was read for the first of them.
    """

    made: Sequence[Sequence[Made]]
    below: Sequence[Below]

    def __bool__(self) -> bool:
        return bool(self.made or self.below)


Later = tuple[dict[str, Any], str, Shape, Awaitable[Any]]
"""A computed field that has to be waited for: the object, the key, what is made of it, and what to wait for."""


async def finished(steps: Steps, found: dict[str, Any], info: Any) -> Finished:
    """The entity with its computed fields. Raises whatever the fields raise, and Unfinished."""
    later: list[Later] = []
    try:
        _put(steps, found, info, later)
        while later:
            whole, key, shape, made = later[0]
            whole[key] = shape(await made)
            del later[0]
    finally:
        for *_, made in later:
            _forget(made)
    return Finished(found)


def _put(steps: Steps, found: dict[str, Any], info: Any, later: list[Later]) -> None:
    for alike in steps.made:
        needs = found[alike[0][0]]
        for key, make, shape in alike:
            made = make(needs, info)
            if hasattr(made, "__await__"):
                later.append((found, key, shape, made))
            else:
                found[key] = shape(made)
    for step in steps.below:
        value = found[step.key]
        if value is not None:
            for one in value if step.many else (value,):
                _put(step.steps, one, info, later)


def unshared(steps: Steps | None, found: Any) -> Any:
    """The object as it was read, with what each computed field is made of where the field is."""
    if steps is not None and found is not None:
        for alike in steps.made:
            needs = found[alike[0][0]]
            for key, _, _ in alike:
                found[key] = needs
        for step in steps.below:
            below = found[step.key]
            for one in below if step.many else (below,):
                unshared(step.steps, one)
    return found


def _forget(made: Any) -> None:
    """Ends what nobody waits for any more."""
    if iscoroutine(made):
        made.close()


# ---- what is to be done, for one selection and one kind of caller


def steps_of(planning: Planning, type_: GraphQLObjectType, details: Details) -> Steps:
    """What is computed of an entity's selection, all of which the caller may read. Raises Unfinished."""
    made: dict[str, Made] = {}
    below: list[Below] = []
    selected = planning.selected(type_, details)
    for key, fields in selected.items():
        name = fields[0].node.name.value
        if name == "__typename":
            continue
        field, named = type_.fields[name], get_named_type(type_.fields[name].type)
        reads = field_reads(strawberry_field(type_, name))
        if isinstance(reads, declare.Computed):
            if field.args:
                raise Unfinished
            made[key] = key, reads.make, shape_of(planning, field.type, fields)
        elif isinstance(reads, declare.Related) and reads.fields is None and isinstance(named, GraphQLObjectType):
            inner = steps_of(planning, named, fields)
            if inner:
                below.append(Below(key, reads.many, inner))
        elif not isinstance(reads, declare.Value | declare.Embedded) and _computes(planning, named, fields):
            raise Unfinished
    return Steps([[made[key] for key in alike] for alike in planning.alike(type_, selected)], below)


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
