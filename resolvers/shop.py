"""The shop itself."""

from auth.permissions import ANYONE
from models.catalogue import CurrencyCode
from reads.declare import known, value
from resolvers.context import ShopFacts
from schema.shop import Shop


def _shop(facts: ShopFacts) -> Shop:
    return Shop(
        name=facts.name,
        currencies=list(CurrencyCode),
        ships_to=list(facts.ships_to),
        support_email=facts.support_email,
    )


@value(readers=ANYONE)
class ShopQuery:
    shop: Shop = known(_shop, description="What the shop is called, sells in and ships to.")
