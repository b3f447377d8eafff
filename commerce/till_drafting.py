"""From what a till scans to the draft of an order, while nothing is taken. Refusals are raised as `Refused`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal, RefusalCode
from commerce.basket import Basket, LineDraft, of_lines
from commerce.money import Amount, minor_units
from commerce.order_drafting import MOST_TOKEN, Refused, copied, measured
from commerce.order_writing import Contact, NewCharge, NewTender, OrderDraft
from commerce.placing import Desk
from commerce.pricing import DiscountRefusal
from commerce.quote import Quoted, in_store
from models.account import Account, AccountKind
from models.catalogue import CurrencyCode
from models.classification import Channel
from models.order import OrderEventKind, OrderStatus, PaymentStatus
from models.payment import TenderKind

PICKUP = "pickup"
"""The way to ship of what is sold in the store."""
MOST_TENDERS = 10

NO_CUSTOMER = Refusal(RefusalCode.NOT_FOUND, "There is no such customer.", ("customerId",))
NOT_COVERED = Refusal(RefusalCode.INVALID, "That does not cover the total.", ("tenders",))
CARDS_EXCEED = Refusal(RefusalCode.INVALID, "Cards pay the total at most; only cash may exceed it.", ("tenders",))
TOO_MANY = Refusal(RefusalCode.LIMIT_REACHED, f"A sale has at most {MOST_TENDERS} tenders.", ("tenders",))
TO_THE_TAILOR = Refusal(
    RefusalCode.NOT_FULFILLABLE, "The tailor works on some of this first: it is collected later.", ("handedOver",)
)


@dataclass(frozen=True, slots=True)
class Tendered:
    """What the customer gives: cash, or a card at the terminal, whose token it is."""

    kind: TenderKind
    amount: Amount
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Sale:
    """What is sold in the store. `named`: there is a customer, of this key. `dry_run`: only what it would cost."""

    lines: Sequence[LineDraft]
    currency: CurrencyCode
    tenders: Sequence[Tendered]
    idempotency_key: str = field(repr=False)
    codes: Sequence[str] = ()
    named: bool = False
    customer_id: UUID | None = None
    handed_over: bool = True
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """How a sale is paid, in minor units: by which cards, how much of the cash is kept, how much is given back."""

    cards: tuple[tuple[int, str], ...] = field(default=(), repr=False)
    cash: int = 0
    change: int = 0


async def priced(transaction: AsyncConnection, desk: Desk, sale: Sale) -> tuple[Quoted, Contact | None, list[Refusal]]:
    """What it costs in the store, whose it is, and what stands in the way. Raises Refused where it has no price."""
    contact = await _contact(transaction, sale)
    found = await of_lines(transaction, sale.currency, sale.lines, sale.codes, sale.customer_id)
    if isinstance(found, list):
        raise Refused(found)
    quoted = in_store(found, datetime.now(UTC), store=desk.store)
    obstacles = [*found.obstacles(), *quoted.refusals, *_useless_codes(quoted, sale.codes)]
    if sale.handed_over and _needs_tailor(found):
        obstacles.append(TO_THE_TAILOR)
    return quoted, contact, obstacles


async def draft(  # what an order is made of
    transaction: AsyncConnection,
    desk: Desk,
    sale: Sale,
    quoted: Quoted,
    contact: Contact | None,
    payment: Payment,
    order_id: UUID,
) -> OrderDraft:
    """The order as it would be. Raises Refused where measurements are missing."""
    lines = tuple(copied(*pair) for pair in zip(quoted.basket.lines, quoted.price.lines, strict=True))
    charges = tuple(NewCharge(desk.payments.name, amount) for amount, _ in payment.cards)
    cash = (NewTender(TenderKind.CASH, payment.cash),) if payment.cash else ()
    cards = tuple(NewTender(TenderKind.CARD_TERMINAL, one.amount, one.id) for one in charges)
    place = quoted.taxed_at
    return OrderDraft(
        sale.customer_id,
        Channel.IN_STORE,
        OrderStatus.PENDING_PAYMENT if charges else OrderStatus.PLACED,
        quoted.basket.currency,
        quoted.price,
        lines,
        PICKUP,
        tax_place=(place.country_code, place.region) if place else (None, None),
        contact=contact,
        payment=PaymentStatus.PENDING if charges else PaymentStatus.CAPTURED,
        charges=charges,
        tenders=cash + cards,
        measurements=await measured(transaction, sale.customer_id, quoted.basket, lines, desk.sealer),
        events=(OrderEventKind.PLACED,) if charges else (OrderEventKind.PLACED, OrderEventKind.PAYMENT_SETTLED),
        order_id=order_id,
    )


def payment_of(sale: Sale, total: int) -> Payment | Refusal:
    """How the tenders pay the total. INVALID where they do not cover it, or cards go beyond it."""
    cards: list[tuple[int, str]] = []
    cash = 0
    if len(sale.tenders) > MOST_TENDERS:
        return TOO_MANY
    for at, one in enumerate(sale.tenders):
        units = _units(one, sale.currency, at)
        if isinstance(units, Refusal):
            return units
        if one.kind is TenderKind.CASH:
            cash += units
        else:
            cards.append((units, one.token or ""))
    by_card = sum(amount for amount, _ in cards)
    if by_card + cash < total:
        return NOT_COVERED
    if by_card > total:
        return CARDS_EXCEED
    return Payment(tuple(cards), total - by_card, by_card + cash - total)


def _units(tendered: Tendered, currency: CurrencyCode, at: int) -> int | Refusal:
    path = ("tenders", str(at))
    units = minor_units(tendered.amount.amount)
    if not units:
        message = "An amount is above 0, with two decimals at most."
        return Refusal(RefusalCode.INVALID, message, (*path, "amount", "amount"))
    if tendered.amount.currency is not currency:
        message = f"The sale is in {currency}."
        return Refusal(RefusalCode.INVALID, message, (*path, "amount", "currencyCode"))
    if tendered.kind is TenderKind.CARD_TERMINAL and not tendered.token:
        return Refusal(RefusalCode.REQUIRED, "The terminal gives a token.", (*path, "gatewayToken"))
    if tendered.token is not None and len(tendered.token) > MOST_TOKEN:
        return Refusal(RefusalCode.INVALID, "The payment provider does not know this card.", (*path, "gatewayToken"))
    return units


async def _contact(transaction: AsyncConnection, sale: Sale) -> Contact | None:
    """Who buys, locked, so that limits of codes hold; nobody. Raises Refused for an unknown customer."""
    if not sale.named:
        return None
    account = (
        select(Account.name, Account.email, Account.phone)
        .where(Account.id == sale.customer_id, Account.kind == AccountKind.CUSTOMER)
        .with_for_update(key_share=True)
    )
    row = (await transaction.execute(account)).one_or_none()
    if row is None:
        raise Refused([NO_CUSTOMER])
    return Contact(row.name, row.email, row.phone)


def _useless_codes(quoted: Quoted, codes: Sequence[str]) -> list[Refusal]:
    """A code that takes nothing off is refused, so that nobody pays more than was promised."""
    words = [word.strip().upper() for word in codes]
    return [
        Refusal(
            RefusalCode.LIMIT_REACHED
            if one.refusal is DiscountRefusal.LIMIT_REACHED
            else RefusalCode.CODE_NOT_APPLICABLE,
            f"The code {one.terms.code} does not apply: {one.refusal.replace('_', ' ').lower()}.",
            ("discountCodes", str(words.index(one.terms.code))),
        )
        for one in quoted.price.codes
        if one.refusal is not None
    ]


def _needs_tailor(found: Basket) -> bool:
    return any(line.custom_made or line.alterations for line in found.lines)
