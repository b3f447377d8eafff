"""The declarations behind the types and fields of a GraphQL schema."""

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
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


class Aliases:
    """Tells the rows of a statement apart: tables by other names, each with a number."""

    def __init__(self) -> None:
        self._numbers: defaultdict[Table, Iterator[int]] = defaultdict(count)

    def of(self, table: Table) -> Any:
        """The table by a name that is new in this statement."""
        return numbered(table, next(self._numbers[table]))


@lru_cache(maxsize=1024)
def numbered(table: Table, number: int) -> Any:
    """Kept, as the columns of one take long to make; numbers begin anew with each table, so that they are few."""
    return table.alias(f"t{number}_{table.name}")


def shown_id(entity: Entity) -> declare.Expression:
    """The public form of the row's key."""
    prefix = literal_column(f"'{entity.prefix}_'", Text)
    hexadecimal = literal_column("'hex'", Text)
    return lambda row: prefix + func.encode(func.uuid_send(entity.key(row)), hexadecimal, type_=Text)
