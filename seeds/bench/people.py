"""Customers of the large shop, with addresses and orders. Everything but the keys follows from a customer's number."""

from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

from commerce import postal
from commerce.postal import AddressDraft
from models.address import Address, AddressKind
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.ids import new_id
from models.order import OrderStatus
from models.preference import CommunicationPreference, Preference
from seeds.bench import words
from seeds.bench.catalogue import HEM, VARIANTS, Catalogue
from seeds.office import Office
from seeds.people import Person, add_account, valid
from seeds.purchases import USUAL_PAYMENT, Bought, Card, Purchase, order_number
from seeds.rows import Rows

ORDERS = 5
# None waits for its payment: the reconciler would bring all of them to an end at the first start.
_LATEST = tuple(status for status in OrderStatus if status is not OrderStatus.PENDING_PAYMENT)
_CURRENCIES = {"US": CurrencyCode.USD, "CA": CurrencyCode.CAD, "GB": CurrencyCode.GBP}


class People:
    """Makes customers one after another, and remembers their keys for reviews.

    Each orders the products that they review: the first line of order k is of the k-th.
    """

    def __init__(self, rows: Rows, catalogue: Catalogue, office: Office, password_hash: str, now: datetime) -> None:
        self._rows = rows
        self._catalogue = catalogue
        self._office = office
        self._password_hash = password_hash
        self._now = now
        self.accounts: list[UUID] = []

    def add_customer(self, number: int, reviewed: list[int]) -> None:
        """The next customer; `number` counts from 0, `reviewed` are numbers of products, one an order."""
        first, last = words.FIRST_NAMES, words.LAST_NAMES
        name = f"{first[number % len(first)]} {last[number // 3 % len(last)]}"
        person = Person(
            id=new_id(),
            name=name,
            email=f"customer{number + 1}@example.com",
            channel=Channel.MOBILE if number % 3 == 0 else Channel.WEB,
            created_at=self._now - timedelta(days=500 + number % 300),
        )
        self.accounts.append(person.id)
        add_account(self._rows, person, self._password_hash)
        for choices in (Preference, CommunicationPreference):
            self._rows.add(choices, account_id=person.id, channel=person.channel)
        home = _place(number, name)
        self._add_address(person, home, "Home", [AddressKind.BILLING, AddressKind.SHIPPING])
        self._add_address(person, _place(number + 5, name), "Work", [AddressKind.SHIPPING, AddressKind.MAILING])
        for order, product in enumerate(reviewed):
            self._add_order(person, home, number, order, product)

    def _add_address(self, person: Person, place: AddressDraft, label: str, kinds: list[AddressKind]) -> None:
        self._rows.add(
            Address,
            id=new_id(),
            account_id=person.id,
            channel=person.channel,
            label=label,
            kinds=kinds,
            is_default_shipping=label == "Home",
            is_default_billing=label == "Home",
            **asdict(place),
        )

    def _add_order(self, person: Person, home: AddressDraft, number: int, order: int, product: int) -> None:
        status = order_status(number, order)
        purchase = Purchase(
            number=order_number(number * ORDERS + order),
            placed_at=placed_at(self._now, number, order),
            channel=person.channel,
            status=status,
            payment=USUAL_PAYMENT[status],
            currency=_CURRENCIES.get(home.country_code or "", CurrencyCode.EUR),
            lines=self._lines(number, order, product, altered=status is OrderStatus.IN_ALTERATION),
            card=Card("visa", f"{number * 7 % 10_000:04}"),
            buyer=person,
            shipping=home,
            billing=home,
        )
        self._office.add_order(purchase)

    def _lines(self, number: int, order: int, product: int, *, altered: bool) -> list[Bought]:
        other = (number * 31 + order * 17) % len(self._catalogue.products)
        return [
            Bought(self._catalogue.item(product, number % VARIANTS), 1, (HEM,) if altered else ()),
            Bought(self._catalogue.item(other, order % VARIANTS), 1 + number % 2),
        ]


def order_status(number: int, order: int) -> OrderStatus:
    """A customer's latest order is in any state, those before have arrived."""
    return _LATEST[number % len(_LATEST)] if order == 0 else OrderStatus.DELIVERED


def placed_at(now: datetime, number: int, order: int) -> datetime:
    """When a customer placed an order; 0 is the latest."""
    return now - timedelta(days=order * 80 + number % 40 + 1, minutes=number % 600)


def _place(number: int, name: str) -> AddressDraft:
    """An address written as its country does."""
    city, region, postal_code, country = words.PLACES[number % len(words.PLACES)]
    street = words.STREETS[number % len(words.STREETS)]
    typed = AddressDraft(
        recipient_name=name,
        line1=f"{1 + number % 199} {street}",
        city=city,
        region=region,
        postal_code=postal_code,
        country_code=country,
    )
    return valid(postal.normalise(typed))
