"""The schema: every noun's root fields together."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from auth.permissions import ANYONE
from reads.declare import any_entities, any_entity, value
from resolvers.account import AccountQuery
from resolvers.address import AddressMutation, AddressQuery
from resolvers.catalogue import CatalogueQuery
from resolvers.login_session import LoginSessionMutation
from resolvers.order import OrderQuery
from resolvers.shop import ShopQuery
from resolvers.viewer import ViewerQuery
from schema.common import Node
from schema.scalars import SCALARS


@value(readers=ANYONE, name="Query")
class Query(AccountQuery, AddressQuery, CatalogueQuery, OrderQuery, ShopQuery, ViewerQuery):
    node: Node | None = any_entity()
    nodes: list[Node | None] = any_entities()


@value(readers=ANYONE, name="Mutation")
class Mutation(AddressMutation, LoginSessionMutation):
    pass


SCHEMA = strawberry.Schema(Query, Mutation, config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True))
