"""The declarations behind the types and fields of a GraphQL schema."""

from functools import lru_cache
from typing import Any

from graphql import GraphQLNamedOutputType, GraphQLObjectType
from sqlalchemy import Table, Text, func, literal_column

from reads import declare
from reads.arguments import CannotCompile
from reads.declare import ENTITIES, Entity


def strawberry_field(parent: GraphQLObjectType, name: str) -> Any:
    return parent.fields[name].extensions["strawberry-definition"]


def entity_of(type_: GraphQLNamedOutputType) -> Entity:
    """The entity behind a GraphQL type."""
    definition = type_.extensions["strawberry-definition"]
    found = ENTITIES.get(definition.origin)
    if found is None:
        raise CannotCompile(f"{type_.name} is no entity")
    return found


@lru_cache(maxsize=256)
def numbered(table: Table, number: int) -> Any:
    """The table under the name `t` and a number. Kept, as the columns of one take long to make."""
    return table.alias(f"t{number}")


def shown_id(entity: Entity) -> declare.Expression:
    """The public form of the row's key."""
    prefix = literal_column(f"'{entity.prefix}_'", Text)
    hexadecimal = literal_column("'hex'", Text)
    return lambda row: prefix + func.encode(func.uuid_send(entity.key(row)), hexadecimal, type_=Text)
