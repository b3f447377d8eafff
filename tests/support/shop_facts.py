"""What the shop of the tests says of itself."""

from commerce.tax import Place
from resolvers.context import ShopFacts

FACTS = ShopFacts("Layette", "help@shop.test", ("US", "FR"), "https://shop.test", Place("US", "NY"))
