"""Customers with something in their carts, and a desk to order at, with a gateway whose book is forgotten."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.sealing import Sealer
from auth.viewer import Viewer, ViewerKind
from commerce import address, placing
from commerce.basket import LineDraft
from commerce.measurement import MEASUREMENTS
from commerce.money import Amount
from commerce.order_drafting import Named, Purchase
from commerce.placing import Desk, Placed
from commerce.tax import Place
from gateways.payments.local import LocalGateway
from models.address import Address, AddressKind
from models.cart import Cart
from models.catalogue import CurrencyCode, Variant
from models.classification import Channel
from models.database import Database
from models.discount import Discount, DiscountUse
from models.ids import new_id
from models.order import Order, OrderEvent, OrderEventKind
from models.payment import Charge, PaymentMethod
from models.shipping import ShippingMethod, ShippingPrice
from models.stock import StockEntry
from tests.support.address import account, entry
from tests.support.cart import new_cart

USD = CurrencyCode.USD
ON_HAND = 10
PRICE, SHIPPING = 2000, 500
TOTAL = 2 * PRICE + SHIPPING
"""Of two pieces."""
STORE = Place("US", "NY", None)
SECRET = b"a secret of the tests, 32 or longer"
SEALER = Sealer(SECRET, MEASUREMENTS)


def desk_of(database: Database, folder: Path, *, delay: float = 0.01) -> Desk:
    """Where orders are placed, with the local gateway's book in a folder of its own."""
    return Desk(database, LocalGateway(folder, SECRET, delay=delay), STORE, SEALER)


@dataclass(frozen=True, slots=True)
class Buyer:
    """A signed-in customer with an address in Oregon, where nothing is taxed."""

    viewer: Viewer
    address_id: UUID

    @property
    def account_id(self) -> UUID:
        assert self.viewer.account_id is not None
        return self.viewer.account_id


@dataclass(frozen=True, slots=True)
class Trousseau:
    """A dress made to measure, hemmed, with a card; ten percent off."""

    purchase: Purchase
    variant_id: UUID
    set_id: UUID
    discount_id: UUID


async def open_counter(transaction: AsyncConnection) -> None:
    """The ways to ship: `standard` to the US for 5.00 USD, `pickup` in the store."""
    for code, pickup, price in (("standard", False, SHIPPING), ("pickup", True, 0)):
        key = new_id()
        countries = [] if pickup else ["US"]
        row = insert(ShippingMethod).values(id=key, code=code, name=code.title(), countries=countries, pickup=pickup)
        await transaction.execute(row)
        await transaction.execute(insert(ShippingPrice).values(method_id=key, currency=USD, price=price))


async def buyer(transaction: AsyncConnection, **changes: Any) -> Buyer:
    owner = await account(transaction)
    both = frozenset({AddressKind.SHIPPING, AddressKind.BILLING})
    created = await address.create(transaction, owner, entry(kinds=both, **changes), Channel.WEB)
    assert isinstance(created, UUID), created
    return Buyer(Viewer(ViewerKind.CUSTOMER, owner), created)


async def in_cart(
    transaction: AsyncConnection, who: Buyer, *drafts: LineDraft, total: int, token: str | None = "tok_visa"
) -> Purchase:
    """What is to be ordered: a new cart with these lines, paid with a token of the local gateway."""
    cart_id, _ = await new_cart(transaction, who.viewer, *drafts)
    return Purchase(
        Named(cart_id),
        Amount(Decimal(total).scaleb(-2), USD),
        Named(who.address_id),
        "standard",
        str(new_id()),
        shipping_address=Named(who.address_id),
        gateway_token=token,
    )


async def place(desk: Desk, who: Buyer, purchase: Purchase) -> Placed:
    return await placing.place(desk, who.viewer, purchase, Channel.WEB)


def again(purchase: Purchase, **changes: Any) -> Purchase:
    """Another attempt, with a key of its own."""
    return replace(purchase, idempotency_key=str(new_id()), **changes)


def codes_of(placed: Placed) -> list[str]:
    return [one.code.value for one in placed.refusals]


# ---- what is there afterwards


@dataclass(frozen=True, slots=True)
class Books:
    """Orders by status, charges by status, pieces on hand, and carts: how many, and how many are hidden."""

    orders: list[str] = field(default_factory=list)
    charges: list[str] = field(default_factory=list)
    on_hand: int = 0
    carts: int = 0
    hidden: int = 0


async def books(database: Database) -> Books:
    """The shop as it stands."""

    async def read(transaction: AsyncConnection) -> Books:
        return Books(
            list(await transaction.scalars(select(Order.status).order_by(Order.status))),
            list(await transaction.scalars(select(Charge.status).order_by(Charge.status))),
            await transaction.scalar(select(func.sum(Variant.on_hand))) or 0,
            await transaction.scalar(select(func.count(Cart.id))) or 0,
            await transaction.scalar(select(func.count(Cart.placing_id))) or 0,
        )

    return await database.transact(read)


async def at_gateway(desk: Desk) -> list[tuple[str, int, int]]:
    """The gateway's book: status, captured and refunded of each charge, oldest first."""
    return [(one.status.value, one.captured, one.refunded) async for one in desk.payments.book()]


async def timeline(database: Database, order_id: UUID | None) -> list[OrderEventKind]:
    kinds = select(OrderEvent.kind).where(OrderEvent.order_id == order_id).order_by(OrderEvent.id)
    return [OrderEventKind(kind) for kind in await database.transact(lambda t: t.scalars(kinds))]


async def ledger_holds(database: Database, planted: int = ON_HAND) -> bool:
    """Whether what is on hand is what was planted, without an entry, and what the ledger says came and went."""
    moved = select(func.coalesce(func.sum(StockEntry.change), 0)).scalar_subquery()
    have = select(func.sum(Variant.on_hand) - moved)
    return await database.transact(lambda t: t.scalar(have)) == planted


async def uses(database: Database, discount_id: UUID) -> tuple[int, int]:
    """How often a code counts as used, and how many orders use it."""

    async def read(transaction: AsyncConnection) -> tuple[int, int]:
        used = await transaction.scalar(select(Discount.used).where(Discount.id == discount_id))
        rows = select(func.count()).select_from(DiscountUse).where(DiscountUse.discount_id == discount_id)
        return used or 0, await transaction.scalar(rows) or 0

    return await database.transact(read)


async def saved_card(desk: Desk, transaction: AsyncConnection, who: Buyer, token: str = "tok_visa") -> UUID:
    """A card that the gateway keeps for the customer."""
    kept = await desk.payments.save(token, new_id())
    assert kept is not None
    key = new_id()
    values = {"brand": kept.brand, "last4": kept.last4, "expiry_month": 12, "expiry_year": 2034}
    row = insert(PaymentMethod).values(
        id=key, account_id=who.account_id, channel=Channel.WEB, gateway_token=kept.token, **values
    )
    await transaction.execute(row)
    return key


async def addresses(transaction: AsyncConnection, who: Buyer) -> Sequence[Any]:
    return (await transaction.execute(select(Address.__table__).where(Address.account_id == who.account_id))).all()
