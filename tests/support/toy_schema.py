"""Small schemas that a test declares for itself."""

from functools import reduce
from operator import or_
from types import GenericAlias
from typing import Annotated, Any

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from auth.permissions import ANYONE
from reads.declare import value


def listed(type_: Any) -> Any:
    return GenericAlias(list, type_)


def union(called: str, *types: Any) -> Any:
    annotated: Any = Annotated
    return annotated[reduce(or_, types), strawberry.union(called)]


def shape(called: str, /, **hints: Any) -> Any:
    """An object type that is no entity, for everyone."""
    return value(readers=ANYONE)(type(called, (), {"__annotations__": hints}))


def schema_with(
    *, types: tuple[Any, ...] = (), scalars: Any = None, subscription: Any = None, **fields: tuple[Any, Any]
) -> GraphQLSchema:
    """A schema whose roots are these, by name, each with its type and what it reads."""
    hints = {name: type_ for name, (type_, _) in fields.items()}
    reads = {name: declared for name, (_, declared) in fields.items()}
    query = value(readers=ANYONE)(type("Query", (), {"__annotations__": hints, **reads}))
    config = StrawberryConfig(scalar_map=scalars or {})
    return strawberry.Schema(query, subscription=subscription, types=types, config=config)._schema
