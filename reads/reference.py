"""graphql-core's resolvers for declared fields: all of them, from the declarations.

A root field plans and reads its own selection; the fields below look up what was read. Every field asks first whether
the caller may read it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import orjson
from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    default_field_resolver,
    get_named_type,
)
from graphql.execution.collect_fields import FieldDetails
from sqlalchemy import Uuid

from reads.arguments import CannotCompile
from reads.declare import ENTITIES, Computed, Known, Ref, Referenced, field_readers, field_reads
from reads.entities import strawberry_field
from reads.finish import Steps, finished, steps_of, unshared
from reads.guards import Field, refusal
from reads.nodes import Bind, Failed
from reads.permissions import Permissions
from reads.plan import Planner
from reads.rows import RowReader
from reads.shapes import TYPE
from reads.shown import Unfinished
from reads.text import BROKEN

Resolver = Callable[..., Any]

OWN_RESOLVER = "own-resolver"
OWN_SUBSCRIBER = "own-subscriber"


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a field that was resolved before graphql-core got to it."""

    value: Any = None
    error: Exception | None = None

    def again(self) -> Any:
        """The value, or raises what the field raised."""
        if self.error is not None:
            raise self.error
        return self.value


class Done(dict[tuple[str, ...], Found]):
    """What has been done of a mutation, by the paths of its fields: the root that graphql-core goes on from.

    It resolves none of them anew, so that nothing is done twice.
    """


def install(schema: GraphQLSchema, permissions: Permissions) -> None:
    """Replaces the resolvers of declared fields."""
    entities = {definition.name for definition in ENTITIES.values()}
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType):
            type_.resolve_type = type_of(type_.extensions.setdefault(OWN_RESOLVER, type_.resolve_type))
        if not isinstance(type_, GraphQLObjectType) or type_.name.startswith("__"):
            continue
        if type_.name in entities:
            type_.is_type_of = None
        for name, field in type_.fields.items():
            # Several engines of one process share the schema: each begins with what the field had before any.
            own = field.extensions.setdefault(OWN_RESOLVER, field.resolve)
            field.resolve = resolver(schema, permissions, type_, name, own)
            if type_ is schema.subscription_type:
                begin = field.extensions.setdefault(OWN_SUBSCRIBER, field.subscribe)
                field.subscribe = subscriber(permissions, type_, name, begin)


def type_of(own: Callable[..., Any] | None) -> Callable[..., Any]:
    """The name of the type of what was read; an object of Python is asked about as without an engine."""

    def resolve(value: Any, info: GraphQLResolveInfo, abstract: Any) -> Any:
        if isinstance(value, dict):
            return value[TYPE]
        assert own is not None
        return own(value, info, abstract)

    return resolve


def resolver(
    schema: GraphQLSchema, permissions: Permissions, parent: GraphQLObjectType, name: str, own: Resolver | None
) -> Resolver:
    declared = strawberry_field(parent, name)
    readers = field_readers(declared)
    reads = field_reads(declared)
    inner: Resolver
    if parent is schema.subscription_type:
        inner = read_event
    elif isinstance(reads, Referenced):
        inner = read_reference(declared.python_name)
    elif reads is not None and not isinstance(reads, Known) and parent is schema.query_type:
        inner = read_root
    else:
        inner = look_up(own or default_field_resolver, reads)
    finish = word(get_named_type(parent.fields[name].type))
    called = parent is schema.mutation_type or parent is schema.subscription_type
    decide = permissions.operation_denial if called else permissions.denial

    def resolve(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        refused = decide(readers, info.context.viewer.access)
        if refused is not None:
            raise refusal(refused, Field(parent.name, name, readers))
        return finish(inner(source, info, **arguments))

    def go_on(done: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        found = done.get((info.path.key,)) if isinstance(done, Done) else None
        return resolve(None, info, **arguments) if found is None else finish(found.again())

    return go_on if parent is schema.mutation_type else resolve


def subscriber(permissions: Permissions, parent: GraphQLObjectType, name: str, own: Resolver | None) -> Resolver:
    """What begins a subscription, for those who may."""
    assert own is not None
    readers = field_readers(strawberry_field(parent, name))

    async def subscribe(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        refused = permissions.operation_denial(readers, info.context.viewer.access)
        if refused is not None:
            raise refusal(refused, Field(parent.name, name, readers))
        events = own(source, info, **arguments)
        return await events if isawaitable(events) else events

    return subscribe


async def read_event(event: Ref, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    """The entity that an event is about, as the viewer may see it by now; for whom it is gone, that is an error.

    Who stops listening in the middle of a read lets it end: its connection would be lost otherwise.
    """
    found = await asyncio.shield(asyncio.ensure_future(read_entity(event, info)))
    if found is None:
        raise GraphQLError("There is no such object.", extensions={"code": "NOT_FOUND"})
    return found


def look_up(own: Resolver, reads: Any) -> Resolver:
    """What was read for the response key, or is made of it; for an object of Python, its own resolver."""

    def resolve(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        if isinstance(source, dict):
            found = source[info.path.key]
            if isinstance(found, Failed):
                raise found.error
            if not isinstance(reads, Computed):
                return found
            return own(found, info, **arguments) if arguments else reads.make(found, info)
        return own(source, info, **arguments)

    return resolve


def word(named: Any) -> Callable[[Any], Any]:
    """Turns an enum's text into the member that graphql-core serialises."""
    if not isinstance(named, GraphQLEnumType):
        return lambda value: value
    members = {name: value.value for name, value in named.values.items()}

    def finish(value: Any) -> Any:
        if isinstance(value, str):
            return members.get(value, value)
        return [finish(one) for one in value] if isinstance(value, list) else value

    return finish


async def read_root(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    context = info.context
    planner = planner_of(info, tolerant=True)
    node = planner.field(info.parent_type, None, [FieldDetails(node, None) for node in info.field_nodes], None)
    async with context.database.reading() as connection:
        found = await read_rows(connection, planner, node, context)
    if isinstance(found, Failed):
        raise found.error
    return found


async def read_rows(connection: Any, planner: Planner, node: Any, context: Any) -> Any:
    """Reads, and records what was read of persons in the same transaction."""
    reader = RowReader(connection, planner.values.coerced, context.viewer)
    if not planner.permissions.records(planner.access):
        return await reader.read(node)
    async with connection.transaction():
        found = await reader.read(node)
        await reader.record(context.engine.sources.recorder)
    return found


def planner_of(info: GraphQLResolveInfo, *, tolerant: bool) -> Planner:
    context = info.context
    return Planner(
        info.schema,
        info.operation,
        context.operation.fragments,
        info.variable_values,
        context.viewer.access,
        context.engine.permissions,
        tolerant=tolerant,
        viewer=context.viewer,
    )


def read_reference(name: str) -> Resolver:
    """A payload's entity: the payload's `Ref`, read by one compiled statement where nothing of it is refused."""

    def resolve(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        done = info.root_value
        found = done.get(tuple(info.path.as_list())) if isinstance(done, Done) else None
        if found is not None:
            return found.again()
        ref = getattr(source, name)
        if ref is None or isinstance(ref, dict):
            return ref
        assert isinstance(ref, Ref)
        return read_entity(ref, info, whole=True)

    return resolve


@dataclass(frozen=True)
class WithKey:
    """A viewer's attributes and the key of the entity that is read."""

    viewer: Any
    key: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.viewer, name)


async def read_entity(ref: Ref, info: GraphQLResolveInfo, *, whole: bool = False, place: Any = None) -> Any:
    """The entity as graphql-core completes it; `whole`: finished, if it can be.

    `place` is what its statement is kept by, where that is known: path, access and shape.
    """
    context = info.context
    named: Any = get_named_type(info.return_type)
    details = [FieldDetails(node, None) for node in info.field_nodes]
    key = Bind(Uuid(), lambda variables, viewer: viewer.key)
    viewer = WithKey(context.viewer, ref.key)

    def make() -> Any:
        planner = planner_of(info, tolerant=False)
        steps = steps_to_finish(planner, named, details)
        planner.sharing = steps is not None
        rows = planner.reference(named, details, key)
        if not hasattr(rows, "table"):
            raise CannotCompile("absent")
        return rows, planner.given.binds, steps

    if place is None:
        steps = tuple(step for step in info.path.as_list() if isinstance(step, str))
        place = (steps, context.viewer.access, context.operation.shape_below(context.variables))
    compiled = context.engine.compiled_entity(context.operation, place, make, context.viewer.access)
    async with context.database.reading() as connection:
        found = await entity_json(connection, compiled and compiled.statement, context.variables, viewer)
        if found is not None and BROKEN in found:
            return await read_again(ref, info, connection)
    if found is None:
        return None
    if whole and compiled.steps is not None:
        # Whatever goes wrong here goes wrong again where graphql-core tells of it.
        with suppress(Exception):
            return await finished(compiled.steps, orjson.loads(found), info)
    return typed(named.name, unshared(compiled.steps, orjson.loads(found)))


async def read_again(ref: Ref, info: GraphQLResolveInfo, connection: Any) -> Any:
    """The entity by rows, where no statement answers."""
    named: Any = get_named_type(info.return_type)
    details = [FieldDetails(node, None) for node in info.field_nodes]
    planner = planner_of(info, tolerant=True)
    node = planner.reference(named, details, Bind(Uuid(), lambda v, w: ref.key))
    return await read_rows(connection, planner, node, info.context)


def steps_to_finish(planner: Planner, named: Any, details: list[FieldDetails]) -> Steps | None:
    try:
        return steps_of(planner, named, details)
    except Unfinished:
        return None


async def entity_json(connection: Any, statement: Any, variables: Any, viewer: Any) -> bytes | None:
    """The entity's JSON, None where there is none, BROKEN where rows have to be read to find out what is wrong."""
    if statement is None:
        return BROKEN
    try:
        arguments = statement.arguments(variables, viewer)
    except GraphQLError:
        return BROKEN
    record = await connection.fetchrow(statement.sql, *arguments)
    return record[0] if record is not None else None


def typed(name: str, found: dict[str, Any] | None) -> dict[str, Any] | None:
    """The object with its type's name, which interfaces are resolved by."""
    return {**found, TYPE: name} if found is not None else None
