"""Customers with all that the shop may know of them, with next to nothing, and with nothing at all."""

from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import func

from auth.roles import permissions_of, purposes_of
from auth.viewer import Claim, StaffFacts, Viewer, ViewerKind
from models.account import Account, AccountEvent, AccountEventKind, AccountKind, Acknowledgement, AgeBand, Credential
from models.address import Address, AddressKind
from models.catalogue import Brand, CurrencyCode
from models.classification import Channel, Purpose
from models.login_session import DeviceKind, LoginSession
from models.order import (
    Order,
    OrderAddress,
    OrderAddressKind,
    OrderContact,
    OrderEvent,
    OrderEventKind,
    OrderGift,
    OrderLine,
    OrderPayment,
    OrderStatus,
    PaymentStatus,
)
from models.payment import PaymentMethod
from models.preference import BrandPreference, CommunicationPreference, Preference, SizePreference
from models.second_factor import SecondFactor, SecondFactorMethod
from models.staff import StaffKind, StaffMember, StaffStatus
from tests.support.after_sales import plant_after_sales
from tests.support.catalogue import Catalogue
from tests.support.garments import plant_measurements, plant_work
from tests.support.planting import AWKWARD, NOON, Planting

ADDRESS = ("label", "recipient_name", "company", "line1", "line2", "city", "region", "postal_code", "phone")
REQUIRED = {"recipient_name", "line1"}
ORDERS = 14

ACCESS, PRODUCTS, LEGAL_SAFETY = (one.value for one in (Purpose.ACCESS, Purpose.PRODUCTS, Purpose.LEGAL_SAFETY))
STAFF = (
    (("owner",), Claim(ACCESS), True, True),
    (("owner",), Claim(LEGAL_SAFETY, "M-1"), True, True),
    (("owner",), Claim(), True, True),
    (("owner",), Claim(ACCESS), False, True),
    (("owner",), Claim(ACCESS), True, False),
    (("support",), Claim(ACCESS, "T-1"), True, True),
    (("support",), Claim(ACCESS), True, True),
    (("support",), Claim(PRODUCTS), True, True),
    (("floor", "tailor"), Claim(PRODUCTS), True, True),
    (("provider",), Claim(PRODUCTS), True, True),
    (("security",), Claim(LEGAL_SAFETY, "M-2"), True, True),
    (("legal",), Claim(LEGAL_SAFETY, "M-1"), True, True),
    (("marketing",), Claim(PRODUCTS), True, True),
    ((), Claim(ACCESS, "T-1"), True, True),
)
"""Roles, the purpose that is claimed, whether the obligations are acknowledged, whether a second factor was given."""


@dataclass
class Person:
    """An account, what it owns, and the viewer that a live session of it is."""

    id: UUID
    viewer: Viewer
    addresses: list[UUID] = field(default_factory=list)
    orders: list[UUID] = field(default_factory=list)
    sessions: list[UUID] = field(default_factory=list)
    as_staff: list[Viewer] = field(default_factory=list)


def plant_people(planting: Planting, catalogue: Catalogue) -> dict[str, Person]:
    """`full` has every value, `sparse` none that may be missing, `new` only the account; `clerk` works for the shop."""
    full = _person(planting, "full", AWKWARD[3])
    for number, text in enumerate(AWKWARD):
        _address(planting, full, text, kinds=list(AddressKind)[: number % 4], default=number == 3)
    for number in range(ORDERS):
        _order(planting, full, catalogue, number)
    sparse = _person(planting, "sparse", None)
    _address(planting, sparse, None, kinds=[], default=False)
    for number in range(3):
        _order(planting, sparse, catalogue, ORDERS + number)
    new, clerk = _person(planting, "new", None), _clerk(planting)
    return {"full": full, "sparse": sparse, "new": new, "clerk": clerk}


def _clerk(planting: Planting) -> Person:
    clerk = _person(planting, "clerk", None, kind=AccountKind.STAFF)
    member = planting.add(
        StaffMember,
        account_id=clerk.id,
        name="clerk",
        email="clerk@staff.example.com",
        kind=StaffKind.EMPLOYEE.value,
        status=StaffStatus.ACTIVE.value,
        channel=Channel.WEB.value,
        access_stamp=3,
    )
    digest = clerk.viewer.token_digest
    for roles, claim, acknowledged, second_factor in STAFF:
        facts = StaffFacts(member, 3, roles, frozenset(purposes_of(roles)), acknowledged, second_factor)
        held = permissions_of(roles)
        clerk.as_staff.append(
            Viewer(ViewerKind.STAFF, clerk.id, clerk.sessions[0], digest, held, staff=facts, claim=claim)
        )
    return clerk


def _person(planting: Planting, name: str, text: str | None, kind: AccountKind = AccountKind.CUSTOMER) -> Person:
    key = planting.add(
        Account,
        version=1 if text is None else 2**31 - 1,
        created_at=planting.moment(),
        channel=Channel.WEB.value,
        kind=kind.value,
        name=text or name,
        email=email_of(name),
        email_verified_at=None if text is None else NOON,
        username=text,
        phone=text and "+12025550143",
        age_band=AgeBand.ADULT.value,
    )
    planting.add(Preference, account_id=key, channel=Channel.WEB.value, interests=[text] if text else [])
    planting.add(CommunicationPreference, account_id=key, channel=Channel.WEB.value, sms=text is not None)
    if text is not None:
        _tastes(planting, key)
        _belongings(planting, key)
    sessions = [_session(planting, key, f"{name} {number}", text) for number in range(2)]
    for ended in ({"revoked_at": NOON}, {"expires_at": NOON}, {"last_used_at": NOON}):
        _session(planting, key, f"{name} {[*ended]}", text, **ended)
    viewer = Viewer(ViewerKind.CUSTOMER, key, sessions[0], digest_of(f"{name} 0"))
    return Person(key, viewer, sessions=sessions)


def _tastes(planting: Planting, account: UUID) -> None:
    for garment, size in (("shoe", "38"), (AWKWARD[3], AWKWARD[7])):
        planting.add(SizePreference, account_id=account, garment=garment, size=size, channel=Channel.WEB.value)
    for brand in planting.keys_of(Brand)[:2]:
        planting.add(BrandPreference, account_id=account, brand_id=brand, channel=Channel.WEB.value)


def _belongings(planting: Planting, account: UUID) -> None:
    """Cards, accepted policies, second factors, a history and measurements."""
    whose = {"account_id": account, "channel": Channel.WEB.value}
    planting.add(Credential, account_id=account, password_hash="a secret")
    for number, text in enumerate(AWKWARD[:8]):
        planting.add(
            PaymentMethod,
            gateway_token=f"a secret {number}",
            brand=text,
            last4="0042",
            expiry_month=number + 1,
            expiry_year=2030,
            is_default=number == 0,
            created_at=planting.moment(),
            **whose,
        )
        withdrawn = planting.maybe(NOON)
        planting.add(Acknowledgement, policy_version=text, withdrawn_at=withdrawn, acknowledged_at=NOON, **whose)
        planting.add(
            SecondFactor,
            method=SecondFactorMethod.TOTP.value,
            label=planting.maybe(text),
            confirmed_at=planting.maybe(NOON),
            last_used_at=planting.maybe(NOON),
            sealed=b"a secret",
            **whose,
        )
    for kind in AccountEventKind:
        where = planting.maybe(planting.text())
        facts = {"device_name": where, "device_kind": where and DeviceKind.MOBILE.value, "ip_network": where}
        planting.add(AccountEvent, kind=kind.value, occurred_at=planting.moment(), **facts, **whose)
    plant_measurements(planting, account)


def email_of(name: str) -> str:
    return f"{name}+\"'\\@example.com"


def digest_of(session: str) -> bytes:
    return sha256(session.encode()).digest()


def _session(planting: Planting, account: UUID, session: str, text: str | None, **ended: object) -> UUID:
    lasting = {"expires_at": func.now() + timedelta(days=9), "last_used_at": func.now()}
    return planting.add(
        LoginSession,
        account_id=account,
        token_digest=digest_of(session),
        created_at=planting.moment(),
        channel=Channel.WEB.value,
        idle_seconds=86_400,
        device_name=text,
        device_kind=DeviceKind.OTHER.value,
        ip_network=text and "203.0.113.0/24",
        public_computer=text is None,
        **lasting | ended,
    )


def _address(planting: Planting, person: Person, text: str | None, *, kinds: list[AddressKind], default: bool) -> None:
    values = {name: text if text is not None or name not in REQUIRED else "x" for name in ADDRESS}
    key = planting.add(
        Address,
        account_id=person.id,
        channel=Channel.WEB.value,
        country_code="US",
        kinds=[kind.value for kind in kinds],
        is_default_shipping=default,
        is_default_billing=default,
        **values,
    )
    person.addresses.append(key)


def _order(planting: Planting, person: Person, catalogue: Catalogue, number: int) -> None:
    random = planting.random
    currency = random.choice(list(CurrencyCode)).value
    key = planting.add(
        Order,
        account_id=person.id,
        number=f"LY-{number:04}",
        placed_at=planting.moment(),
        channel=random.choice(list(Channel)).value,
        status=list(OrderStatus)[number % len(OrderStatus)].value,
        currency=currency,
        subtotal=10**15 + number,
        total=10**15 + number,
        tax_total=number,
        refunded_total=random.choice((0, 1, 10**15)),
    )
    person.orders.append(key)
    lines = []
    for position in range(number % 4):
        line = _line(planting, key, position, currency, planting.maybe(random.choice(catalogue.variants)))
        lines.append(line)
        if number % 3 and position != 1:
            whose = {"account_id": person.id, "channel": Channel.WEB.value}
            planting.add(OrderGift, order_line_id=line, message=planting.text(), **whose)
    for kind in random.sample(list(OrderEventKind), number % 4):
        planting.add(OrderEvent, order_id=key, kind=kind.value, at=planting.moment())
    plant_work(planting, person.id, key, lines, currency)
    plant_after_sales(planting, person.id, key, lines, currency, catalogue.variants)
    if number % 3:  # the others were cut off from their person
        _purchaser(planting, person.id, key, planting.maybe(planting.text()))


def _line(planting: Planting, order: UUID, position: int, currency: str, variant: UUID | None) -> UUID:
    return planting.add(
        OrderLine,
        order_id=order,
        position=position,
        variant_id=variant,
        sku=planting.text(),
        product_name=planting.text(),
        size=planting.maybe(planting.text()),
        color=planting.maybe(planting.text()),
        quantity=position + 1,
        unit_price=1999,
        total=1999 * (position + 1),
        currency=currency,
        custom_made=position == 1,
    )


def _purchaser(planting: Planting, account: UUID, order: UUID, text: str | None) -> None:
    whose = {"order_id": order, "account_id": account, "channel": Channel.WEB.value}
    planting.add(OrderContact, name=text, email=text, phone=text, **whose)
    for kind in planting.random.sample(list(OrderAddressKind), 1 + (text is None)):
        lines = {name: text for name in ADDRESS if name != "label"}
        planting.add(OrderAddress, kind=kind.value, country_code=text and "FR", **lines, **whose)
    status = planting.random.choice(list(PaymentStatus)).value
    planting.add(OrderPayment, status=status, brand=text, last4=planting.maybe("4242"), **whose)
