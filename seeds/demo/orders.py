"""What the customers bought, and in which state it is."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from commerce.pricing import DiscountTerms
from commerce.tax import Place
from models.address import AddressKind
from models.catalogue import AlterationKind, CurrencyCode
from models.classification import Channel
from models.order import OrderStatus, PaymentStatus
from seeds.demo.bodies import Bodies
from seeds.demo.catalogue import Goods
from seeds.demo.people import CARDS, Customer
from seeds.demo.shelves import Shelves
from seeds.purchases import USUAL_PAYMENT, Bought, Purchase, Service, order_number
from seeds.terms import EXPRESS, EXPRESS_COUNTRIES, STANDARD, Offers

OLDEST_DAYS = 560
SALES_TO_NOBODY = 4
EXPRESS_SHARE = 0.2

_YOUNGEST_DAYS = {
    OrderStatus.PENDING_PAYMENT: 0,
    OrderStatus.PLACED: 1,
    OrderStatus.IN_ALTERATION: 4,
    OrderStatus.PARTIALLY_FULFILLED: 6,
    OrderStatus.FULFILLED: 8,
    OrderStatus.CANCELLED: 12,
    OrderStatus.DELIVERED: 16,
}
_ENDED = {OrderStatus.DELIVERED, OrderStatus.CANCELLED}
_SHORTEST_PAUSE = 9
_IN_PARTS = {OrderStatus.PARTIALLY_FULFILLED, PaymentStatus.PARTIALLY_REFUNDED}
_SENT_BACK = {PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED}

_NOTES = {
    AlterationKind.HEM: "Three centimetres shorter, please.",
    AlterationKind.TAKE_IN: "A little closer at the waist.",
    AlterationKind.LET_OUT: "As far as the seam allows.",
    AlterationKind.SHORTEN_SLEEVES: "To the wrist bone.",
    AlterationKind.LENGTHEN: "All that is in the hem.",
    AlterationKind.MONOGRAM: "Initials in the colour of the cloth.",
}
_CARDS_TO_GIFTS = ("Welcome to the world!", "For the first cold day.", "With love from all of us.", "Happy birthday!")


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
        # The newest that has ended came so lately that it may still be sent back.
        pause = longest_pause if any(wish.status in _ENDED for wish in wishes) else _SHORTEST_PAUSE + 4
        days += random.randint(_SHORTEST_PAUSE, pause) if status in _ENDED else 1
        days = min(max(days, _YOUNGEST_DAYS[status]), OLDEST_DAYS)
        wishes.append(Wish(status, PaymentStatus(payment) if payment else USUAL_PAYMENT[status], days))
    return wishes


@dataclass(frozen=True, slots=True)
class Premises:
    """Where things are sold, and on which terms."""

    shelves: Shelves
    offers: Offers
    bodies: Bodies
    store: Place


class Till:
    """Makes purchases of what was in the shop at the time, and numbers them."""

    def __init__(self, stock: Sequence[Goods], premises: Premises, now: datetime, random: Random) -> None:
        self._stock = stock
        self._premises = premises
        self._now = now
        self._random = random
        self._count = 0
        self._to_be_reviewed = Counter({goods.id: len(goods.text["reviews"]) for goods in stock})

    def purchases(self, customer: Customer, wishes: Sequence[Wish]) -> Iterator[Purchase]:
        """The customer's purchases, newest first."""
        for left, wish in enumerate(wishes, start=1):
            yield self._purchase(customer, wish, first=left == len(wishes))

    def lately(self, purchase: Purchase) -> bool:
        """Whether its first line may still be sent back."""
        young = purchase.placed_at > self._now - timedelta(days=_YOUNGEST_DAYS[OrderStatus.DELIVERED] + 10)
        kept = purchase.status is OrderStatus.DELIVERED and purchase.payment is PaymentStatus.CAPTURED
        return young and kept and purchase.buyer is not None and not purchase.lines[0].has_work

    def sales_to_nobody(self) -> Iterator[Purchase]:
        """What was bought in the store by people who left no name; every other in cash."""
        for number in range(SALES_TO_NOBODY):
            wish = Wish(OrderStatus.DELIVERED, PaymentStatus.CAPTURED, self._random.randint(20, 200))
            placed_at = self._moment(wish)
            yield Purchase(
                number=self._number(),
                placed_at=placed_at,
                channel=Channel.IN_STORE,
                status=wish.status,
                payment=wish.payment,
                currency=CurrencyCode.USD,
                lines=self._lines(wish, placed_at, None),
                card=CARDS["visa"] if number % 2 else None,
            )

    def _purchase(self, customer: Customer, wish: Wish, *, first: bool) -> Purchase:
        placed_at = self._moment(wish)
        shipping = customer.drafts(AddressKind.SHIPPING)
        billing = customer.drafts(AddressKind.BILLING)
        in_store = not shipping or self._in_store(customer, wish)
        address = None if in_store else self._random.choice(shipping)
        fast = address and address.country_code in EXPRESS_COUNTRIES and self._random.random() < EXPRESS_SHARE
        return Purchase(
            number=self._number(),
            placed_at=placed_at,
            channel=Channel.IN_STORE if in_store else customer.person.channel,
            status=wish.status,
            payment=wish.payment,
            currency=customer.currency,
            lines=self._lines(wish, placed_at, customer),
            card=customer.card,
            buyer=customer.person,
            shipping=address,
            billing=None if in_store else billing[0],
            method=EXPRESS if fast else STANDARD,
            codes=self._codes(customer, first=first),
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
        home, store = customer.places[0].draft, self._premises.store
        near = (home.country_code, home.region) == (store.country_code, store.region)
        return near and wish.status is OrderStatus.DELIVERED and self._random.random() < 0.3

    def _codes(self, customer: Customer, *, first: bool) -> tuple[DiscountTerms, ...]:
        """A welcome at the first order, now and then another code."""
        chance = self._random.random()
        if first and chance < 0.4:
            codes = ["WELCOME10"]
        else:
            codes = [code for code, most in (("SUMMER20", 0.1), ("BABY5", 0.2), ("FREESHIP", 0.26)) if chance < most]
        return tuple(self._premises.offers.terms(code, customer.currency) for code in codes[:1])

    def _lines(self, wish: Wish, placed_at: datetime, customer: Customer | None) -> list[Bought]:
        stock = [goods for goods in self._stock if goods.created_at < placed_at]
        if customer is None or wish.payment in _SENT_BACK:
            stock = [goods for goods in stock if not goods.text.get("custom_made")]
        if wish.status is OrderStatus.IN_ALTERATION:
            chosen = [self._random.choice([goods for goods in stock if goods.altered])]
        else:
            chosen = []
        least = 2 if _IN_PARTS & {wish.status, wish.payment} else 1
        chosen += self._favourites(stock, self._random.choices((least, 2, 3), (5, 3, 2))[0], chosen)
        if wish.status is OrderStatus.DELIVERED:
            self._to_be_reviewed -= Counter(goods.id for goods in chosen)
        return [self._line(wish, goods, customer, first=place == 0) for place, goods in enumerate(chosen)]

    def _favourites(self, stock: Sequence[Goods], count: int, chosen: Sequence[Goods]) -> list[Goods]:
        """Different products, above all those of which somebody has yet to say what is written about them."""
        taken: set[UUID] = {goods.id for goods in chosen}
        found: list[Goods] = []
        while len(found) < count:
            left = [goods for goods in stock if goods.id not in taken]
            found += self._random.choices(left, [1 + 20 * self._to_be_reviewed[goods.id] for goods in left])
            taken.add(found[-1].id)
        return found

    def _line(self, wish: Wish, goods: Goods, customer: Customer | None, *, first: bool) -> Bought:
        gift = "BABY" in goods.text["audience"] and customer is not None and self._random.random() < 0.15
        return Bought(
            self._random.choice(goods.items),
            self._quantity(goods),
            self._services(wish, goods, first=first),
            self._premises.bodies.measure(customer, goods.text["audience"])
            if goods.measurements and customer is not None
            else None,
            self._random.choice(_CARDS_TO_GIFTS) if gift else None,
        )

    def _services(self, wish: Wish, goods: Goods, *, first: bool) -> tuple[Service, ...]:
        """What is altered does not come back; what an order waits for is its first line."""
        kinds = [AlterationKind(word) for word in goods.text.get("alterations", ())]
        asked = (first and wish.status is OrderStatus.IN_ALTERATION) or self._random.random() < 0.12
        if not kinds or not asked or wish.payment in _SENT_BACK:
            return ()
        kind = self._random.choice(kinds)
        terms = self._premises.shelves.alterations[kind]
        return (Service(kind, _NOTES.get(kind), terms.days, terms.prices),)

    def _quantity(self, goods: Goods) -> int:
        return 1 if goods.text.get("custom_made") or self._random.random() < 0.85 else 2
