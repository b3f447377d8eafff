"""The schema: every noun's root fields together."""

import strawberry
from graphql import GraphQLSchema, parse
from strawberry.schema.config import StrawberryConfig

from auth.access_log import recorder, records
from auth.masks import mask
from auth.permissions import ANYONE, denial, is_guarded, is_masked, is_public, operation_denial
from auth.sessions import BROUGHT, is_claimed, viewer_session
from reads.declare import any_entities, any_entity, value
from reads.engine import Engine
from reads.operations import Parse
from reads.permissions import Permissions
from reads.sqltext import Sources
from resolvers.account import AccountMutation, AccountQuery
from resolvers.address import AddressMutation, AddressQuery
from resolvers.alteration import AlterationMutation, AlterationQuery
from resolvers.brand import BrandMutation
from resolvers.cart import CartMutation, CartQuery
from resolvers.catalogue import CatalogueQuery
from resolvers.category import CategoryMutation
from resolvers.context import ShopFacts
from resolvers.customer import CustomerMutation, CustomerQuery
from resolvers.data_access import DataAccessQuery
from resolvers.discount import DiscountMutation, DiscountQuery
from resolvers.email_change import EmailChangeMutation
from resolvers.fulfillment import FulfillmentMutation
from resolvers.login_session import LoginSessionMutation
from resolvers.measurement import MeasurementMutation
from resolvers.order import OrderCancelMutation, OrderMutation, OrderPaymentMutation, OrderQuery
from resolvers.order_updates import OrderSubscription
from resolvers.partner import PartnerMutation, PartnerQuery
from resolvers.password import PasswordMutation
from resolvers.payment import PaymentMethodMutation
from resolvers.policy import PolicyQuery
from resolvers.preference import PreferenceMutation
from resolvers.product import ProductMutation
from resolvers.refund import RefundMutation
from resolvers.registration import RegistrationMutation
from resolvers.return_request import ReturnRequestMutation, ReturnRequestQuery
from resolvers.second_factor import SecondFactorMutation
from resolvers.shipping import ShippingMutation, ShippingQuery
from resolvers.shop import ShopQuery
from resolvers.staff import StaffMutation, StaffQuery
from resolvers.stock import StockMutation
from resolvers.till import TillMutation, TillQuery
from resolvers.till_sale import TillSaleMutation
from resolvers.viewer import ViewerQuery
from schema.common import Node
from schema.scalars import SCALARS


@value(readers=ANYONE, name="Query")
class Query(
    AccountQuery,
    AddressQuery,
    AlterationQuery,
    CartQuery,
    CatalogueQuery,
    CustomerQuery,
    DataAccessQuery,
    DiscountQuery,
    OrderQuery,
    PartnerQuery,
    PolicyQuery,
    ReturnRequestQuery,
    ShippingQuery,
    ShopQuery,
    StaffQuery,
    TillQuery,
    ViewerQuery,
):
    node: Node | None = any_entity()
    nodes: list[Node | None] = any_entities()


@value(readers=ANYONE, name="Mutation")
class Mutation(
    AccountMutation,
    AddressMutation,
    BrandMutation,
    CategoryMutation,
    AlterationMutation,
    CartMutation,
    CustomerMutation,
    DiscountMutation,
    EmailChangeMutation,
    FulfillmentMutation,
    LoginSessionMutation,
    MeasurementMutation,
    OrderCancelMutation,
    OrderMutation,
    OrderPaymentMutation,
    PartnerMutation,
    PasswordMutation,
    PaymentMethodMutation,
    PreferenceMutation,
    ProductMutation,
    RefundMutation,
    RegistrationMutation,
    ReturnRequestMutation,
    SecondFactorMutation,
    ShippingMutation,
    StaffMutation,
    StockMutation,
    TillMutation,
    TillSaleMutation,
):
    pass


@value(readers=ANYONE, name="Subscription")
class Subscription(OrderSubscription):
    pass


SCHEMA = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
)


def open_engine(parse: Parse = parse, facts: ShopFacts | None = None) -> Engine:
    """What executes the schema, with the shop's own sessions and permissions. `parse` gives each new document.

    Without `facts` the shop cannot tell what it is called.
    """
    permissions = Permissions(denial, operation_denial, is_public, is_masked, mask, records, is_claimed, is_guarded)
    return Engine(core_schema(), Sources(viewer_session, recorder, BROUGHT), permissions, parse, facts)


def core_schema() -> GraphQLSchema:
    """The schema as graphql-core knows it."""
    return SCHEMA._schema  # noqa: SLF001  # Strawberry has no public name for it
