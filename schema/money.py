"""Money that does not come from a row: what clients send, and what is reckoned."""

from decimal import Decimal

import strawberry

from commerce.money import Amount
from models.catalogue import CurrencyCode
from schema.common import Money


@strawberry.input(description='An exact amount of a currency: "19.90".')
class MoneyInput:
    amount: Decimal
    currency_code: CurrencyCode


def exact_money(minor: int, currency: CurrencyCode) -> Money:
    """Minor units as an object of the API; every currency of the shop has two decimals."""
    return Money(amount=Decimal(minor).scaleb(-2), currency_code=currency)


def amounts_of(given: list[MoneyInput]) -> list[Amount]:
    return [Amount(one.amount, one.currency_code) for one in given]
