"""What the customers bought, and in which state it is."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from models.address import AddressKind
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.order import OrderStatus, PaymentStatus
from seeds.demo.catalogue import Goods
from seeds.demo.people import CARDS, Customer
from seeds.purchases import STORE, USUAL_PAYMENT, Item, Purchase, order_number

OLDEST_DAYS = 560
SALES_TO_NOBODY = 4

_YOUNGEST_DAYS = {
    OrderStatus.PENDING_PAYMENT: 0,
    OrderStatus.PLACED: 1,
    OrderStatus.IN_ALTERATION: 4,
    OrderStatus.PARTIALLY_FULFILLED: 6,
    OrderStatus.FULFILLED: 8,
    OrderStatus.CANCELLED: 12,
    OrderStatus.DELIVERED: 16,
}
_IN_PARTS = {OrderStatus.PARTIALLY_FULFILLED, PaymentStatus.PARTIALLY_REFUNDED}


@dataclass(frozen=True, slots=True)
class Wish:
    """An order as it is written down: its states, and how many days ago it was placed."""

    status: OrderStatus
    payment: PaymentStatus
    days_ago: int


def read_wishes(text: Mapping[str, Any], random: Random) -> list[Wish]:
    """A customer's orders, newest first."""
    wishes: list[Wish] = []
    days = 0
    longest_pause = min(140, OLDEST_DAYS // (1 + len(text["orders"])))
    for line in text["orders"]:
        name, _, payment = line.partition(" ")
        status = OrderStatus(name)
        ended = status in {OrderStatus.DELIVERED, OrderStatus.CANCELLED}
        days += random.randint(9, longest_pause) if ended else 1
        days = min(max(days, _YOUNGEST_DAYS[status]), OLDEST_DAYS)
        wishes.append(Wish(status, PaymentStatus(payment) if payment else USUAL_PAYMENT[status], days))
    return wishes


class Till:
    """Makes purchases of what was in the shop at the time, and numbers them."""

    def __init__(self, stock: Sequence[Goods], now: datetime, random: Random) -> None:
        self._stock = stock
        self._now = now
        self._random = random
        self._count = 0
        self._to_be_reviewed = Counter({goods.id: len(goods.text["reviews"]) for goods in stock})

    def purchases(self, customer: Customer, wishes: Sequence[Wish]) -> Iterator[Purchase]:
        for wish in wishes:
            yield self._purchase(customer, wish)

    def sales_to_nobody(self) -> Iterator[Purchase]:
        """What was bought in the store by people who left no name."""
        for _ in range(SALES_TO_NOBODY):
            wish = Wish(OrderStatus.DELIVERED, PaymentStatus.CAPTURED, self._random.randint(20, 200))
            placed_at = self._moment(wish)
            yield Purchase(
                number=self._number(),
                placed_at=placed_at,
                channel=Channel.IN_STORE,
                status=wish.status,
                payment=wish.payment,
                currency=CurrencyCode.USD,
                lines=self._lines(wish, placed_at),
                card=CARDS["visa"],
            )

    def _purchase(self, customer: Customer, wish: Wish) -> Purchase:
        placed_at = self._moment(wish)
        shipping = customer.drafts(AddressKind.SHIPPING)
        billing = customer.drafts(AddressKind.BILLING)
        in_store = not shipping or self._in_store(customer, wish)
        return Purchase(
            number=self._number(),
            placed_at=placed_at,
            channel=Channel.IN_STORE if in_store else customer.person.channel,
            status=wish.status,
            payment=wish.payment,
            currency=customer.currency,
            lines=self._lines(wish, placed_at),
            card=customer.card,
            buyer=customer.person,
            shipping=None if in_store else self._random.choice(shipping),
            billing=None if in_store else billing[0],
            discount_percent=10 if self._random.random() < 0.12 else 0,
        )

    def _number(self) -> str:
        self._count += 1
        return order_number(self._count)

    def _moment(self, wish: Wish) -> datetime:
        return self._now - timedelta(days=wish.days_ago, minutes=self._random.randint(5, 600))

    def _in_store(self, customer: Customer, wish: Wish) -> bool:
        """Those who live near the store come by now and then, to be fitted more often than not."""
        if customer.person.channel is Channel.IN_STORE:
            return True
        near = (customer.places[0].draft.country_code, customer.places[0].draft.region) == STORE
        return near and wish.status is OrderStatus.DELIVERED and self._random.random() < 0.3

    def _lines(self, wish: Wish, placed_at: datetime) -> list[tuple[Item, int]]:
        stock = [goods for goods in self._stock if goods.created_at < placed_at]
        if wish.status is OrderStatus.IN_ALTERATION:
            chosen = [self._random.choice([goods for goods in stock if goods.altered])]
        else:
            chosen = []
        least = 2 if _IN_PARTS & {wish.status, wish.payment} else 1
        chosen += self._favourites(stock, self._random.choices((least, 2, 3), (5, 3, 2))[0], chosen)
        if wish.status is OrderStatus.DELIVERED:
            self._to_be_reviewed -= Counter(goods.id for goods in chosen)
        return [(self._random.choice(goods.items), self._quantity(goods)) for goods in chosen]

    def _favourites(self, stock: Sequence[Goods], count: int, chosen: Sequence[Goods]) -> list[Goods]:
        """Different products, above all those of which somebody has yet to say what is written about them."""
        taken: set[UUID] = {goods.id for goods in chosen}
        found: list[Goods] = []
        while len(found) < count:
            left = [goods for goods in stock if goods.id not in taken]
            found += self._random.choices(left, [1 + 20 * self._to_be_reviewed[goods.id] for goods in left])
            taken.add(found[-1].id)
        return found

    def _quantity(self, goods: Goods) -> int:
        return 1 if goods.text.get("custom_made") or self._random.random() < 0.85 else 2
