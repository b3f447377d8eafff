"""Customers as they are written down, checked as the shop would check them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from commerce import phone, postal
from commerce.postal import AddressDraft
from models.account import AgeBand
from models.address import AddressKind
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.ids import new_id
from seeds.people import Person, valid
from seeds.purchases import Card

# The brands and last digits of the payment gateway's test cards.
CARDS = {"visa": Card("visa", "4242"), "mastercard": Card("mastercard", "4444")}

_CURRENCIES = {
    "US": CurrencyCode.USD,
    "CA": CurrencyCode.CAD,
    "GB": CurrencyCode.GBP,
    "JP": CurrencyCode.USD,
    "AU": CurrencyCode.USD,
}


@dataclass(frozen=True, slots=True)
class Place:
    """An address of an address book."""

    draft: AddressDraft
    label: str | None
    kinds: frozenset[AddressKind]


@dataclass(frozen=True, slots=True)
class Customer:
    """A person with what orders need to know; `text` is the person as written down."""

    person: Person
    text: Mapping[str, Any]
    places: Sequence[Place]
    card: Card
    currency: CurrencyCode

    def drafts(self, kind: AddressKind) -> list[AddressDraft]:
        """The addresses of this kind; the first is the default."""
        return [place.draft for place in self.places if kind in place.kinds]


def read_customer(text: Mapping[str, Any], number: int, created_at: datetime, random: Random) -> Customer:
    """The customer of this number. Raises ValueError where an address or a phone number is not one."""
    places = [_place(entry, text["name"]) for entry in text.get("address", ())]
    person = Person(
        id=new_id(),
        name=text["name"],
        email=f"customer{number}@example.com",
        channel=Channel(text["channel"]),
        created_at=created_at,
        phone=valid(phone.normalise(text.get("phone"))) or None,
        username=text.get("username"),
        age_band=AgeBand(text.get("age", AgeBand.ADULT)),
    )
    card = CARDS[text.get("card") or random.choice(sorted(CARDS))]
    country = places[0].draft.country_code if places else None
    return Customer(person, text, places, card, _CURRENCIES.get(country or "", CurrencyCode.EUR))


def _place(entry: Mapping[str, Any], name: str) -> Place:
    draft = AddressDraft(
        recipient_name=entry.get("recipient", name),
        company=entry.get("company"),
        line1=entry["line1"],
        line2=entry.get("line2"),
        city=entry["city"],
        region=entry.get("region"),
        postal_code=entry["postal_code"],
        country_code=entry["country"],
        phone=entry.get("phone"),
    )
    return Place(valid(postal.normalise(draft)), entry.get("label"), frozenset(map(AddressKind, entry["kinds"])))
