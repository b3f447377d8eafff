"""What the shop keeps of a customer beside orders: account, address book, preferences, saved card, activity."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from random import Random

from models.account import AccountEvent, AccountEventKind
from models.address import Address, AddressKind
from models.classification import Channel
from models.ids import new_id
from models.login_session import DeviceKind
from models.payment import PaymentMethod
from models.preference import BrandPreference, CommunicationPreference, Preference, SizePreference
from seeds.demo.people import Customer
from seeds.demo.shelves import Maker
from seeds.people import add_account
from seeds.rows import Rows

_WITH_PASSWORD = {Channel.WEB, Channel.MOBILE}
_DEVICES = {
    Channel.WEB: (("Firefox 143 on Windows", DeviceKind.DESKTOP), ("Safari 18 on macOS", DeviceKind.DESKTOP)),
    Channel.MOBILE: (("Safari 18 on iOS", DeviceKind.MOBILE), ("Chrome 141 on Android", DeviceKind.MOBILE)),
}
# Set aside for documentation (RFC 5737, RFC 3849).
_NETWORKS = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8:42::/48")


def add_customer(
    rows: Rows, customer: Customer, makers: Mapping[str, Maker], password_hash: str, now: datetime, random: Random
) -> None:
    """Adds everything but orders and reviews. Who came by telephone or into the store has no password."""
    person = customer.person
    has_password = person.channel in _WITH_PASSWORD
    add_account(rows, person, password_hash if has_password else None)
    _add_address_book(rows, customer)
    _add_preferences(rows, customer, makers)
    if "card" in customer.text:
        _add_saved_card(rows, customer)
    if has_password:
        _add_activity(rows, customer, now, random)


def _add_address_book(rows: Rows, customer: Customer) -> None:
    """As the shop does it, the first address of a kind is its default."""
    taken: set[AddressKind] = set()
    for place in customer.places:
        default_of = place.kinds - taken
        taken |= place.kinds
        rows.add(
            Address,
            id=new_id(),
            account_id=customer.person.id,
            channel=customer.person.channel,
            created_at=customer.person.created_at,
            updated_at=customer.person.created_at,
            label=place.label,
            kinds=[kind for kind in AddressKind if kind in place.kinds],
            is_default_shipping=AddressKind.SHIPPING in default_of,
            is_default_billing=AddressKind.BILLING in default_of,
            **asdict(place.draft),
        )


def _add_preferences(rows: Rows, customer: Customer, makers: Mapping[str, Maker]) -> None:
    text = customer.text
    owner = {"account_id": customer.person.id, "channel": customer.person.channel}
    rows.add(Preference, **owner, interests=text["interests"], personalization=text.get("personalization", True))
    for garment, size in text.get("sizes", {}).items():
        rows.add(SizePreference, **owner, garment=garment, size=size)
    for brand in text.get("brands", ()):
        rows.add(BrandPreference, **owner, brand_id=makers[brand].id)
    wishes = {way: way in text["marketing"] for way in ("email", "sms", "phone", "post")}
    rows.add(CommunicationPreference, **owner, **wishes)


def saved_card(customer: Customer) -> tuple[str, str]:
    """The gateway's token of the customer's saved card, and the test card's token that it behaves as."""
    return f"lpm_{customer.person.id.hex}", f"tok_{customer.card.brand}"


def _add_saved_card(rows: Rows, customer: Customer) -> None:
    """Dates of the payment gateway's test cards."""
    rows.add(
        PaymentMethod,
        id=new_id(),
        account_id=customer.person.id,
        created_at=customer.person.created_at,
        channel=customer.person.channel,
        gateway_token=saved_card(customer)[0],
        brand=customer.card.brand,
        last4=customer.card.last4,
        expiry_month=12,
        expiry_year=2034,
        is_default=True,
    )


def _add_activity(rows: Rows, customer: Customer, now: datetime, random: Random) -> None:
    """Oldest first: keys grow with time, and activity is listed by key."""
    device = random.choice(_DEVICES[customer.person.channel])
    network = random.choice(_NETWORKS)
    registered = customer.person.created_at
    _add_event(rows, customer, AccountEventKind.REGISTERED, registered, device, network)
    days = (now - registered).days
    for ago in sorted(random.sample(range(1, days), min(days - 1, random.randint(1, 6))), reverse=True):
        occurred = now - timedelta(days=ago, minutes=random.randint(0, 600))
        _add_event(rows, customer, AccountEventKind.SIGNED_IN, max(occurred, registered), device, network)


def _add_event(
    rows: Rows,
    customer: Customer,
    kind: AccountEventKind,
    occurred_at: datetime,
    device: tuple[str, DeviceKind],
    network: str,
) -> None:
    name, device_kind = device
    rows.add(
        AccountEvent,
        id=new_id(),
        account_id=customer.person.id,
        kind=kind,
        occurred_at=occurred_at,
        channel=customer.person.channel,
        device_name=name,
        device_kind=device_kind,
        ip_network=network,
    )
