"""The shop itself."""

import strawberry

from auth.permissions import ANYONE
from models.catalogue import CurrencyCode
from reads.declare import value
from resolvers.context import Info
from schema.shop import Shop


@value(readers=ANYONE)
class ShopQuery:
    @strawberry.field(description="What the shop is called, sells in and ships to.")
    def shop(self, info: Info) -> Shop:
        facts = info.context.services.shop
        return Shop(
            name=facts.name,
            currencies=list(CurrencyCode),
            ships_to=list(facts.ships_to),
            support_email=facts.support_email,
        )
