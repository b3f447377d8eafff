"""What the shop says of itself."""

from auth.permissions import ANYONE
from models.catalogue import CurrencyCode
from reads.declare import value


@value(readers=ANYONE)
class Shop:
    """`shipsTo` has country codes (ISO 3166-1 alpha-2); prices without a currency asked for are in the first."""

    name: str
    currencies: list[CurrencyCode]
    ships_to: list[str]
    support_email: str
