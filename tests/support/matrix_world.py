"""A small shop for the permission matrix: one customer of whom all is known, every value of it a canary, and everyone
who may ask for it."""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ARRAY, Text, func

from auth.roles import ROLES, permissions_of, purposes_of
from auth.scopes import SCOPES
from auth.viewer import ANONYMOUS, Claim, StaffFacts, Viewer, ViewerKind
from commerce.measurement import seal, sealer_of
from models.account import Account, AccountEvent, AccountEventKind, AccountKind, Acknowledgement, AgeBand
from models.address import Address
from models.alteration import Alteration
from models.cart import Cart, CartLine
from models.catalogue import Brand, Product, ProductPrice, Variant, VariantPrice
from models.classification import Channel, Personal, Purpose, classification
from models.data_access import DataAccess
from models.database import Database
from models.fulfillment import Fulfillment, FulfillmentLine
from models.ids import show_id
from models.login_session import DeviceKind, LoginSession
from models.measurement import MeasurementName, MeasurementSet, OrderMeasurement
from models.order import Order, OrderAddress, OrderContact, OrderEvent, OrderGift, OrderLine, OrderPayment
from models.partner import Partner, PartnerKey, PartnerUsage
from models.payment import PaymentMethod, Refund, RefundLine
from models.preference import BrandPreference, CommunicationPreference, Preference, SizePreference
from models.return_request import ReturnLine, ReturnRequest
from models.second_factor import SecondFactor
from models.staff import StaffKind, StaffMember, StaffRole, StaffStatus
from reads.disclosure import Disclosure, disclosures
from reads.engine import Engine
from resolvers.context import Client, Context, Services
from tests.support.matrix_page import Page, read_page
from tests.support.planting import NOON, Planting
from tests.support.shop_facts import FACTS

UNKNOWN_PURPOSE = "NONE"
CASE = "T-1"
SECRET = b"a secret of the tests, 32 or longer"
PLAIN = {
    "email": "ana.canary@example.com",
    "phone": "+12025550143",
    "last4": "7391",
    "city": "PORTLAND",
    "region": "OR",
    "postal_code": "97201",
    "country_code": "US",
}
"""Columns whose values cannot be any text."""


@dataclass(frozen=True)
class Caller:
    """`subject`: the person whose rows these tests ask for is the caller."""

    name: str
    viewer: Viewer

    def __str__(self) -> str:
        return self.name


class Overheard(Database):
    """A database that keeps what is sent to it by readers."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.heard: list[str] = []

    async def read_row(self, sql: str, *arguments: Any) -> asyncpg.Record | None:
        self.heard.append(sql)
        return await super().read_row(sql, *arguments)

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Any]:
        async with super().reading() as connection:
            yield Listening(connection, self.heard)

    def take(self) -> list[str]:
        """The statements since the last time."""
        found = list(self.heard)
        self.heard.clear()
        return found


def reads(sql: str, column: Any) -> bool:
    """Whether the column is in a statement, under one of the names that its table has there."""
    names = {column.table.name, *re.findall(rf'\b{column.table.name}"? AS (\w+)', sql)}
    return any(re.search(rf'\b{name}\."?{column.name}\b', sql) for name in names)


class Listening:
    """A connection that keeps its statements."""

    def __init__(self, connection: asyncpg.Connection, heard: list[str]) -> None:
        self._connection, self._heard = connection, heard

    async def fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        self._heard.append(sql)
        return await self._connection.fetch(sql, *arguments)

    async def fetchrow(self, sql: str, *arguments: Any) -> asyncpg.Record | None:
        self._heard.append(sql)
        return await self._connection.fetchrow(sql, *arguments)

    def transaction(self) -> Any:
        return self._connection.transaction()


@dataclass
class MatrixWorld:
    """`ids` are the public ids of Ana's rows by type; `planted` her values by table and column.

    `declared` is what each field and argument reads of persons.
    """

    database: Overheard
    engine: Engine
    callers: list[Caller] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    planted: dict[tuple[str, str], Any] = field(default_factory=dict)
    subjects: dict[str, UUID] = field(default_factory=dict)
    page: Page = field(default_factory=read_page)
    declared: dict[tuple[str, str], Disclosure] = field(default_factory=dict)

    def context(self, viewer: Viewer) -> Context:
        client = Client("203.0.113.9", "203.0.113.0/24", "Firefox", "DESKTOP")
        unused: Any = None
        services = Services(self.database, self.engine, unused, unused, FACTS, SECRET, unused, unused, unused)
        return Context(services, lambda: client, viewer)

    def named(self, name: str) -> Caller:
        return next(one for one in self.callers if one.name == name)

    async def taken_log(self) -> list[tuple[UUID, frozenset[str]]]:
        """What was recorded since the last time, whose and which categories; more than one row of a person shows."""
        taken = "DELETE FROM data_access WHERE id <> $1 RETURNING account_id, categories"
        async with Database.reading(self.database) as connection:
            rows = await connection.fetch(taken, self.subjects["access"])
        return sorted((row["account_id"], frozenset(row["categories"])) for row in rows)


async def open_matrix(url: str, engine: Engine) -> MatrixWorld:
    world, planting = MatrixWorld(Overheard(url), engine), Planting(11)
    world.declared = {(one.field.type_name, one.field.name): one for one in disclosures(engine.schema)}
    plant_ana(world, planting)
    bo = account(planting, "Bo Other", "bo.other@example.com")
    world.subjects["bo"] = bo
    planting.add(Preference, account_id=bo, channel="WEB")
    planting.add(CommunicationPreference, account_id=bo, channel="WEB")
    plant_partner(world, planting)
    world.callers = [
        Caller("anonymous", ANONYMOUS),
        Caller("owner of it", session_of(planting, world.subjects["ana"], ViewerKind.CUSTOMER)),
        Caller("another customer", session_of(planting, bo, ViewerKind.CUSTOMER)),
        *partners(world, planting),
        *(caller for role in ROLES for caller in members(world, planting, role)),
    ]
    await world.database.transact(planting.write)
    return world


# ---- what is known of Ana


def plant_ana(world: MatrixWorld, planting: Planting) -> None:
    ana = plant(world, planting, Account, version=3, email_verified_at=NOON, age_band=AgeBand.ADULT)
    world.subjects["ana"] = ana
    world.ids["Customer"] = show_id("cus", ana)
    owned = {"account_id": ana}
    plant(world, planting, Acknowledgement, policy_version="1", **owned)
    plant(world, planting, AccountEvent, kind=AccountEventKind.SIGNED_IN, occurred_at=NOON, **owned)
    both = {"is_default_shipping": True, "is_default_billing": True, "kinds": ["SHIPPING", "BILLING"]}
    world.ids["Address"] = show_id("adr", plant(world, planting, Address, **both, **owned))
    brand = planting.add(Brand, slug="brand", name="Brand")
    plant_goods(world, planting, brand)
    plant(world, planting, Preference, **owned)
    plant(world, planting, CommunicationPreference, sms=True, **owned)
    plant(world, planting, SizePreference, **owned)
    plant(world, planting, BrandPreference, brand_id=brand, **owned)
    card = {"expiry_month": 7, "expiry_year": 2031, "is_default": True}
    world.ids["PaymentMethod"] = show_id("pmt", plant(world, planting, PaymentMethod, **card, **owned))
    plant_order(world, planting, owned)
    plant_cart(world, planting, owned)
    factor = {"method": "TOTP", "sealed": b"sealed", "confirmed_at": NOON, "last_used_at": NOON}
    plant(world, planting, SecondFactor, **factor, **owned)


def plant_order(world: MatrixWorld, planting: Planting, owned: dict[str, Any]) -> None:
    facts = {"number": "LY-7391", "placed_at": NOON, "status": "PLACED", "currency": "USD", "subtotal": 5, "total": 5}
    order = plant(world, planting, Order, **facts, **owned)
    world.ids["Order"] = show_id("ord", order)
    line = {"position": 0, "quantity": 1, "unit_price": 5, "total": 5, "currency": "USD"}
    [variant] = planting.keys_of(Variant)
    bought = planting.add(OrderLine, order_id=order, variant_id=variant, sku="SKU-1", product_name="Dress", **line)
    plant_return(world, planting, order, bought, owned)
    plant_workshop(world, planting, order, bought, owned)
    plant(world, planting, OrderContact, order_id=order, **owned)
    plant(world, planting, OrderGift, order_line_id=bought, **owned)
    planting.add(OrderEvent, order_id=order, kind="PLACED")
    for kind in ("SHIPPING", "BILLING"):
        plant(world, planting, OrderAddress, order_id=order, kind=kind, **owned)
    plant(world, planting, OrderPayment, order_id=order, status="CAPTURED", **owned)


def plant_return(world: MatrixWorld, planting: Planting, order: UUID, bought: UUID, owned: dict[str, Any]) -> None:
    """What Ana sent back, and was paid back for it."""
    facts = {"order_id": order, "exchange_order_id": order, "rma": "R-7391", "status": "REFUNDED"}
    asked = plant(world, planting, ReturnRequest, **facts, **owned)
    world.ids["ReturnRequest"] = show_id("ret", asked)
    units = {"order_line_id": bought, "quantity": 1}
    [variant] = planting.keys_of(Variant)
    planting.add(ReturnLine, return_request_id=asked, reason="TOO_SMALL", exchange_variant_id=variant, **units)
    money = {"currency": "USD", "amount": 5}
    paid = {"status": "SUCCEEDED", "reason": "RETURN"} | money
    refund = planting.add(Refund, order_id=order, return_request_id=asked, **paid)
    planting.add(RefundLine, refund_id=refund, **units, **money)


def plant_goods(world: MatrixWorld, planting: Planting, brand: UUID) -> None:
    """A dress, made to measure."""
    product = planting.add(Product, slug="brand", name="Dress", audience=[], custom_made=True, brand_id=brand)
    world.ids["Product"] = show_id("prd", product)
    variant = planting.add(Variant, product_id=product, sku="SKU-1", position=0, on_hand=3)
    world.ids["Variant"] = show_id("var", variant)
    planting.add(VariantPrice, variant_id=variant, currency="USD", price=5)
    planting.add(ProductPrice, product_id=product, currency="USD", minimum=5, maximum=5)


def plant_cart(world: MatrixWorld, planting: Planting, owned: dict[str, Any]) -> None:
    """What Ana is about to buy, made to her measurements."""
    cart = plant(world, planting, Cart, currency="USD", expires_at=func.now() + timedelta(days=9), **owned)
    world.ids["Cart"] = show_id("crt", cart)
    [measured], [variant] = planting.keys_of(MeasurementSet), planting.keys_of(Variant)
    line = {"position": 0, "quantity": 1, "seen_price": 5, "measurement_set_id": measured}
    plant(world, planting, CartLine, cart_id=cart, variant_id=variant, **line, **owned)


def plant_workshop(world: MatrixWorld, planting: Planting, order: UUID, bought: UUID, owned: dict[str, Any]) -> None:
    """What Ana measures, what the tailor does to it, and what was shipped."""
    body = {"person": "ADULT", "unit": "CM"} | owned
    sealer, waist = sealer_of(SECRET), {MeasurementName.WAIST: Decimal("71.5")}
    saved = planting.key()
    plant(
        world,
        planting,
        MeasurementSet,
        id=saved,
        sealed=seal(sealer, waist, saved),
        keep=False,
        keep_until=NOON,
        **body,
    )
    world.ids["MeasurementSet"] = show_id("mea", saved)
    plant(world, planting, OrderMeasurement, order_line_id=bought, sealed=seal(sealer, waist, bought), **body)
    work = {"ticket": "T-7391", "kind": "HEM", "status": "READY", "quantity": 1, "due_on": NOON.date()}
    lines = {"order_id": order, "order_line_id": bought, "price": 5, "currency": "USD"}
    world.ids["Alteration"] = show_id("alt", plant(world, planting, Alteration, **work, **lines, **owned))
    shipment = plant(world, planting, Fulfillment, order_id=order, carrier="DHL", delivered_at=NOON, **owned)
    world.ids["Fulfillment"] = show_id("ful", shipment)
    planting.add(FulfillmentLine, fulfillment_id=shipment, order_line_id=bought, quantity=1)


def plant(world: MatrixWorld, planting: Planting, model: Any, **values: Any) -> Any:
    """A row of Ana's whose texts are canaries."""
    table = model.__table__
    texts = {
        column.name: PLAIN.get(column.name, f"canary {table.name} {column.name}")
        for column in table.columns
        if isinstance(classification(column), Personal) and isinstance(column.type, Text) and column.name not in values
    }
    lists = {"interests": ["canary interest"]} if isinstance(table.columns.get("interests", Text()), ARRAY) else {}
    if "channel" in table.columns:
        values["channel"] = Channel.WEB.value
    row = {**texts, **lists, **values}
    world.planted |= {(table.name, name): value for name, value in row.items()}
    return planting.add(model, **row)


def account(planting: Planting, name: str, email: str, kind: AccountKind = AccountKind.CUSTOMER) -> UUID:
    adult = {"age_band": AgeBand.ADULT.value, "channel": Channel.WEB.value}
    return planting.add(Account, kind=kind.value, name=name, email=email, **adult)


# ---- who asks


def session_of(planting: Planting, owner: UUID, kind: ViewerKind) -> Viewer:
    digest = sha256(owner.bytes).digest()
    key = planting.add(
        LoginSession,
        account_id=owner,
        token_digest=digest,
        channel=Channel.WEB.value,
        expires_at=func.now() + timedelta(days=9),
        last_used_at=func.now(),
        idle_seconds=86_400,
        device_kind=DeviceKind.OTHER.value,
    )
    return Viewer(kind, owner, key, digest)


def members(world: MatrixWorld, planting: Planting, role: str) -> Iterator[Caller]:
    """The member of staff with this role, in every standing and for every purpose."""
    owner = account(planting, f"Staff {role}", f"{role}@staff.example.com", AccountKind.STAFF)
    staff = planting.add(
        StaffMember,
        account_id=owner,
        name=f"Staff {role}",
        email=f"{role}@staff.example.com",
        kind=StaffKind.EMPLOYEE.value,
        status=StaffStatus.ACTIVE.value,
        channel=Channel.WEB.value,
    )
    planting.add(StaffRole, staff_id=staff, role=role)
    if role == "owner":
        plant_access(world, planting, staff)
    viewer = session_of(planting, owner, ViewerKind.STAFF)
    purposes = frozenset(purposes_of((role,)))
    for name, claim, acknowledged, second_factor in standings(role):
        facts = StaffFacts(staff, 1, (role,), purposes, acknowledged, second_factor)
        held = permissions_of((role,))
        seen = Viewer(viewer.kind, owner, viewer.session_id, viewer.token_digest, held, staff=facts, claim=claim)
        yield Caller(f"{role}{name}", seen)


def plant_access(world: MatrixWorld, planting: Planting, staff: UUID) -> None:
    told = {"role": "owner", "purpose": "ACCESS", "categories": ["user.name"], "occurred_at": NOON}
    access = plant(world, planting, DataAccess, account_id=world.subjects["ana"], staff_id=staff, **told)
    world.subjects["access"] = access


def standings(role: str) -> Iterator[tuple[str, Claim, bool, bool]]:
    """Name, claim, whether the obligations are acknowledged, whether a second factor was given."""
    yield " without a purpose", Claim(), True, True
    for purpose in (*Purpose, UNKNOWN_PURPOSE):
        yield f" for {purpose}", Claim(purpose), True, True
        yield f" for {purpose} with a case", Claim(purpose, CASE), True, True
    for purpose in {one.purpose for one in ROLES[role].purposes} or {Purpose.ACCESS}:
        yield f" for {purpose} with a case, not acknowledged", Claim(purpose, CASE), False, True
        yield f" for {purpose} with a case, no second factor", Claim(purpose, CASE), True, False


def plant_partner(world: MatrixWorld, planting: Planting) -> None:
    key = planting.add(Partner, name="Partner", status="ACTIVE", scopes=sorted(SCOPES), networks=[])
    world.subjects["partner"] = key
    world.ids["Partner"] = show_id("prt", key)
    planting.add(PartnerUsage, partner_id=key, day=NOON.date(), requests=7, refused=1)


def partners(world: MatrixWorld, planting: Planting) -> Iterator[Caller]:
    """A partner by each scope, and by none."""
    partner = world.subjects["partner"]
    for scopes in ([], *([scope] for scope in SCOPES)):
        digest = sha256(str(scopes).encode()).digest()
        planting.add(PartnerKey, partner_id=partner, key_digest=digest, prefix="lyp_000000", scopes=scopes)
        viewer = Viewer(
            ViewerKind.PARTNER, token_digest=digest, permissions=frozenset(scopes), partner_id=world.subjects["partner"]
        )
        yield Caller(f"partner {', '.join(scopes) or 'without a scope'}", viewer)
