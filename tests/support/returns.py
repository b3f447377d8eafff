"""Orders that were paid and delivered, for tests of returns and refunds, and a gateway that does as it is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from auth.roles import ROLES
from auth.viewer import Viewer, ViewerKind
from commerce import pricing
from commerce.alteration import Work
from commerce.order_writing import Contact, NewCharge, NewLine, NewTender, OrderDraft, write
from commerce.pricing import BasketLine
from gateways.payments import GatewayTimeout, PaymentGateway
from models.catalogue import CurrencyCode, TaxCategory, Variant
from models.classification import Channel
from models.ids import new_id, show_id
from models.order import Order, OrderLine, OrderStatus, PaymentStatus
from models.payment import Charge, ChargeStatus, RefundStatus, TenderKind
from tests.support.selling import product, variant

LONG_AGO = timedelta(days=31)
OWNER = ROLES["owner"].permissions


@dataclass(frozen=True, slots=True)
class TenPercent:
    def of(self, category: TaxCategory, piece: int) -> Decimal:
        return Decimal("0.10")

    def of_shipping(self, goods: Sequence[Decimal]) -> Decimal:
        return Decimal("0.10")


@dataclass(frozen=True, slots=True)
class Bought:
    """A line of a sale: pieces at a price, of a product of their own."""

    quantity: int = 1
    price: int = 2000
    work: tuple[Work, ...] = ()
    custom_made: bool = False


@dataclass(frozen=True, slots=True)
class Sold:
    """Keys of an order; `product_ids` and `variant_ids` are its lines'."""

    id: UUID
    account_id: UUID | None
    lines: list[UUID]
    product_ids: list[UUID]
    variant_ids: list[UUID]
    charge_ids: list[UUID]
    total: int

    @property
    def shown(self) -> str:
        return show_id("ord", self.id)


async def sold(  # what a sale may have that a test names
    transaction: AsyncConnection,
    account_id: UUID | None,
    lines: Sequence[Bought] = (Bought(),),
    *,
    currency: CurrencyCode = CurrencyCode.USD,
    shipping: int = 0,
    delivered_ago: timedelta | None = timedelta(days=1),
    tenders: Sequence[tuple[TenderKind, int]] = (),
    on_hand: int = 5,
) -> Sold:
    """A paid order, ten percent tax on or in it; delivered so long ago, None: not yet shipped."""
    products = [await product(transaction, custom_made=line.custom_made) for line in lines]
    variants = [
        await variant(transaction, key, prices={currency: line.price}, on_hand=on_hand)
        for key, line in zip(products, lines, strict=True)
    ]
    goods = [
        BasketLine(None, key, owner, line.quantity, line.price, tuple(work.price for work in line.work))
        for line, key, owner in zip(lines, variants, products, strict=True)
    ]
    basket = pricing.discount(goods, [], datetime.now(UTC), signed_in=True)
    price = pricing.price(basket, currency, shipping=shipping, rates=TenPercent())
    charges = [NewCharge("local", amount) for kind, amount in tenders if kind is TenderKind.CARD_TERMINAL]
    charges = charges if tenders else [NewCharge("local", price.total)]
    keys = iter(charges)
    draft = OrderDraft(
        account_id,
        Channel.IN_STORE if tenders else Channel.WEB,
        OrderStatus.PLACED,
        currency,
        price,
        tuple(
            NewLine(key, f"SKU-{at}", f"Dress {at}", "M", None, one.price, one.custom_made, priced, one.work)
            for at, (one, key, priced) in enumerate(zip(lines, variants, price.lines, strict=True))
        ),
        "standard",
        tax_place=("US", "NY"),
        contact=Contact("Ana Ruiz", "ana@example.com") if account_id is not None else None,
        payment=PaymentStatus.CAPTURED,
        charges=tuple(charges),
        tenders=tuple(
            NewTender(kind, amount, next(keys).id if kind is TenderKind.CARD_TERMINAL else None)
            for kind, amount in tenders
        ),
    )
    await write(transaction, draft)
    taken = update(Charge).where(Charge.order_id == draft.order_id)
    await transaction.execute(taken.values(status=ChargeStatus.CAPTURED, gateway_key="key"))
    found = Sold(
        draft.order_id,
        account_id,
        [line.id for line in draft.lines],
        products,
        variants,
        [one.id for one in charges],
        price.total,
    )
    if delivered_ago is not None:
        await deliver(transaction, found, delivered_ago)
    return found


async def deliver(transaction: AsyncConnection, order: Sold, ago: timedelta) -> None:
    """All of the order arrived so long ago."""
    shipped = update(OrderLine).where(OrderLine.order_id == order.id)
    await transaction.execute(shipped.values(fulfilled_quantity=OrderLine.quantity))
    row = update(Order).where(Order.id == order.id)
    await transaction.execute(row.values(status=OrderStatus.DELIVERED, delivered_at=func.now() - ago))


async def other_size(
    transaction: AsyncConnection, order: Sold, *, at: int = 0, price: int = 2000, on_hand: int = 5
) -> UUID:
    """Another variant of what was bought."""
    prices = {CurrencyCode.USD: price}
    return await variant(transaction, order.product_ids[at], prices=prices, on_hand=on_hand, position=1)


def customer_of(account_id: UUID | None) -> Viewer:
    return Viewer(ViewerKind.CUSTOMER, account_id)


def clerk(*permissions: str, account_id: UUID | None = None) -> Viewer:
    """A member of staff with these permissions, an owner's if none are named."""
    return Viewer(ViewerKind.STAFF, account_id or new_id(), permissions=frozenset(permissions) or OWNER)


def only(outcome: UUID | list[Refusal]) -> RefusalCode:
    """The code of the one refusal that an outcome is."""
    assert isinstance(outcome, list), outcome
    [refusal] = outcome
    return refusal.code


async def row_of(transaction: AsyncConnection, model: Any, key: UUID) -> Any:
    """The row of the model with the key."""
    return (await transaction.execute(select(model.__table__).where(model.id == key))).one()


async def on_hand(transaction: AsyncConnection, variant_id: UUID) -> int:
    return await transaction.scalar(select(Variant.on_hand).where(Variant.id == variant_id)) or 0


@dataclass
class Counter:
    """A gateway that pays back what it is asked to, once a key; or does what is in `answers`, in their order."""

    answers: list[RefundStatus | GatewayTimeout] = field(default_factory=list)
    asked: list[tuple[UUID, UUID, int]] = field(default_factory=list)
    paid: dict[UUID, int] = field(default_factory=dict)
    name: str = "local"

    async def refund(
        self, charge_id: UUID, refund_id: UUID, amount: int, *, gateway_key: str | None = None
    ) -> RefundStatus:
        self.asked.append((charge_id, refund_id, amount))
        answer = self.answers.pop(0) if self.answers else RefundStatus.SUCCEEDED
        if isinstance(answer, GatewayTimeout):
            raise answer
        if answer is RefundStatus.SUCCEEDED:
            self.paid[refund_id] = amount
        return answer

    @property
    def port(self) -> PaymentGateway:
        return cast("PaymentGateway", self)
