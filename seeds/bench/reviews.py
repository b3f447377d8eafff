"""Reviews of the large shop: the i-th is of product i // 10 and by customer i modulo the number of customers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from models.classification import Channel
from models.ids import new_id
from models.order import OrderStatus
from models.review import Review, ReviewStatus
from seeds.bench import words
from seeds.bench.people import ORDERS, order_status, placed_at
from seeds.ratings import Tally
from seeds.rows import Rows

PER_PRODUCT = 10
_STARS = (5, 5, 4, 5, 3, 5, 4, 5, 4, 2, 5, 4, 1)


class Opinions:
    """Who says what, for a number of customers."""

    def __init__(self, customers: int, now: datetime) -> None:
        self._customers = customers
        self._now = now

    def reviewed_by(self, customer: int) -> list[int]:
        """The products that a customer reviews, one for each order."""
        return [(customer + self._customers * order) // PER_PRODUCT for order in range(ORDERS)]

    def tally(self, product: int) -> Tally:
        """The summary of a product's reviews."""
        tally = Tally()
        for number in range(product * PER_PRODUCT, (product + 1) * PER_PRODUCT):
            tally.add(_stars(number), verified=self._verified(number))
        return tally

    def add_review(self, rows: Rows, number: int, products: Sequence[UUID], accounts: Sequence[UUID]) -> None:
        order, author = divmod(number, self._customers)
        bought_at = placed_at(self._now, author, order)
        written_at = bought_at + min(timedelta(days=10, hours=number % 20), (self._now - bought_at) * 0.75)
        rows.add(
            Review,
            id=new_id(),
            product_id=products[number // PER_PRODUCT],
            account_id=accounts[author] if self._has_author(number) else None,
            channel=Channel.WEB,
            created_at=written_at,
            status=ReviewStatus.PUBLISHED,
            published_at=written_at + (self._now - written_at) / 100,
            rating=_stars(number),
            title=words.TITLES[number % len(words.TITLES)],
            body=" ".join(words.OPINIONS[(number + step) % len(words.OPINIONS)] for step in (0, 1, 4)),
            verified_purchase=self._verified(number),
            helpful_count=number * 11 % 29,
        )

    def _has_author(self, number: int) -> bool:
        """Nobody reviews a product twice, so that with few customers some authors are gone."""
        return number % PER_PRODUCT < self._customers

    def _verified(self, number: int) -> bool:
        order, author = divmod(number, self._customers)
        delivered = order_status(author, order) is OrderStatus.DELIVERED
        return delivered and self._has_author(number)


def _stars(number: int) -> int:
    return _STARS[number * 7 % len(_STARS)]
