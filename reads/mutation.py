"""Mutations, past graphql-core for as long as nothing goes wrong.

Root fields are called one after the other, and each payload is completed, its entities read, before the next begins:
by plans that are kept. What these do not understand, and what goes wrong, is left to graphql-core, which tells of it;
it is given what has been done (`Done`) and goes on from there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLNonNull, GraphQLObjectType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path

from reads.calls import Call, calls_of
from reads.declare import Referenced, field_reads
from reads.entities import strawberry_field
from reads.finish import Finished, FinishingExecutor
from reads.operations import Operation
from reads.plan import Planner
from reads.reference import Done, Found, planner_of, read_entity
from reads.shown import Part, Unfinished, admitted, check, part_of


@dataclass(frozen=True, slots=True)
class Entity:
    """A payload's entity, by its response key and its Python name. `place` is what its statement is kept by."""

    key: str
    name: str
    field: GraphQLField
    nodes: list[FieldNode]
    path: Path
    steps: tuple[str, ...]
    place: Any


@dataclass(frozen=True, slots=True)
class Payload:
    """How a root field's object is completed: its values by response key, in order, entities among them as null."""

    type: GraphQLObjectType
    required: bool
    values: list[Part]
    entities: list[Entity]

    @property
    def weight(self) -> int:
        """About how many bytes keeping it costs."""
        return 4000 + 1000 * len(self.values)


Keep = Callable[[Operation, Any, Callable[[], Payload]], Payload | None]
"""Gives the payload that is kept by the key, or makes it; None where it cannot be made."""


@dataclass(slots=True)
class Mutation:
    """One that is executed. `executor` is graphql-core's, whose root is `done`."""

    operation: Operation
    executor: FinishingExecutor
    done: Done
    keep: Keep

    async def run(self) -> dict[str, Any] | None:
        """The data of the answer; None where graphql-core has to go on."""
        try:
            return {
                key: self._root.name if call is None else await self._answer(call)
                for key, call in calls_of(self.operation, self.executor).items()
            }
        except Exception:  # noqa: BLE001  # it goes wrong again where graphql-core tells of it
            return None

    @property
    def _root(self) -> GraphQLObjectType:
        root = self.executor.schema.mutation_type
        assert root is not None
        return root

    async def _answer(self, call: Call) -> Any:
        """What the answer has of a root field. Raises whatever goes wrong, and Unfinished."""
        context = self.executor.context_value
        if context.engine.permissions.operation_denial(call.readers, context.viewer.access) is not None:
            raise Unfinished
        arguments = call.arguments(self.executor.variable_values)
        info = self.executor.build_resolve_info(call.field, call.nodes, self._root, call.path)
        path = (call.key,)
        try:
            found = call.begin(info, arguments)
            if isawaitable(found):
                found = await found
        except Exception as error:
            self.done[path] = Found(error=error)
            raise
        self.done[path] = Found(found)
        completed = await self._completed(call, info, found)
        self.done[path] = Found(completed)
        return completed

    async def _completed(self, call: Call, info: GraphQLResolveInfo, value: Any) -> Finished | None:
        payload = self._payload(call, info)
        if value is None and not payload.required:
            return None
        found = Finished({key: shape(get(value)) for key, get, shape in payload.values})
        for entity in payload.entities:
            found[entity.key] = await self._read(entity, payload.type, getattr(value, entity.name))
        return found

    async def _read(self, entity: Entity, type_: GraphQLObjectType, ref: Any) -> Any:
        """A payload's entity; it is not read again, whatever comes of it."""
        found = None
        if ref is not None:
            info = self.executor.build_resolve_info(entity.field, entity.nodes, type_, entity.path)
            try:
                found = await read_entity(ref, info, whole=True, place=entity.place)
            except Exception as error:
                self.done[entity.steps] = Found(error=error)
                raise
            self.done[entity.steps] = Found(found)
        if type(found) is not Finished and (found is not None or isinstance(entity.field.type, GraphQLNonNull)):
            raise Unfinished
        return found

    # -- how payloads are completed

    def _payload(self, call: Call, info: GraphQLResolveInfo) -> Payload:
        """How it is done for the viewer as who they are by now. Raises Unfinished."""
        access = info.context.viewer.access
        shape = self.operation.shape_below(self.executor.variable_values.coerced)
        found = self.keep(self.operation, (call.key, access, shape), lambda: _planned(call, info, (access, shape)))
        if found is None:
            raise Unfinished
        return found


def _planned(call: Call, info: GraphQLResolveInfo, place: tuple[Any, ...]) -> Payload:
    """Raises Unfinished, and what a planner raises."""
    required = isinstance(call.field.type, GraphQLNonNull)
    type_ = call.field.type.of_type if isinstance(call.field.type, GraphQLNonNull) else call.field.type
    if not isinstance(type_, GraphQLObjectType):
        raise Unfinished
    check(type_)
    planner = planner_of(info, tolerant=False)
    values: list[Part] = []
    entities: list[Entity] = []
    for key, details in planner.selected(type_, call.details).items():
        entity = _entity(planner, type_, key, details, call.path, place)
        if entity is None:
            values.append(part_of(planner, type_, key, details))
        else:
            values.append((key, _nothing, _nothing))
            entities.append(entity)
    return Payload(type_, required, values, entities)


def _nothing(value: Any) -> None:
    """Stands for an entity until it is read."""


def _entity(
    planner: Planner, type_: GraphQLObjectType, key: str, details: list[FieldDetails], above: Path, place: Any
) -> Entity | None:
    """The entity that a field of the payload shows; None: the field shows none."""
    nodes = [one.node for one in details]
    name = nodes[0].name.value
    if name == "__typename" or not isinstance(field_reads(strawberry_field(type_, name)), Referenced):
        return None
    declared, field = admitted(planner, type_, name), type_.fields[name]
    path, steps = above.add_key(key, type_.name), (str(above.key), key)
    return Entity(key, declared.python_name, field, nodes, path, steps, (steps, *place))
