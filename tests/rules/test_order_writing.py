"""An order as it is written: all of it, by one statement, as it was priced."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, insert, select

from commerce import pricing
from commerce.alteration import Work
from commerce.order_writing import Contact, NewCharge, NewLine, NewTender, OrderDraft, drawing_numbers, write
from commerce.postal import AddressDraft
from commerce.pricing import BasketLine
from models.account import Account
from models.alteration import Alteration
from models.catalogue import AlterationKind, CurrencyCode, Product, TaxCategory, Variant
from models.classification import Channel
from models.ids import new_id
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
from models.payment import Charge, ChargeStatus, Tender, TenderKind
from tests.support.database import RolledBackDatabase
from tests.support.login_session import account_with
from tests.support.statements import statements

HOME = AddressDraft(
    recipient_name="Ana Reyes",
    line1="1 Elm St",
    city="Albany",
    region="NY",
    postal_code="12207",
    country_code="US",
    phone="+15185550100",
)
HEM = Work(AlterationKind.HEM, "two fingers", 500, 4)


class EightPercent:
    def of(self, category: TaxCategory, piece: int) -> Decimal:
        return Decimal("0.08")

    def of_shipping(self, goods: Sequence[Decimal]) -> Decimal:
        return Decimal(0)


@pytest.fixture
async def draft(database: RolledBackDatabase, password_hash: str) -> OrderDraft:
    """Two dresses hemmed with a card, and a hat made to measure, of a customer with an address."""
    owner = await account_with(database.connection, password_hash)
    product, dress, hat = new_id(), new_id(), new_id()
    await database.connection.execute(insert(Product).values(id=product, slug="dress", name="Dress", audience=[]))
    for position, (key, sku) in enumerate(((dress, "DRESS"), (hat, "HAT"))):
        row = insert(Variant).values(id=key, product_id=product, position=position, sku=sku, on_hand=9)
        await database.connection.execute(row)
    lines = [
        BasketLine(None, dress, product, 2, 4000, alterations=(500,)),
        BasketLine(None, hat, product, 1, 2500),
    ]
    price = pricing.price(
        pricing.discount(lines, [], datetime.now(UTC), signed_in=True),
        CurrencyCode.USD,
        shipping=700,
        rates=EightPercent(),
    )
    return OrderDraft(
        owner,
        Channel.WEB,
        OrderStatus.PENDING_PAYMENT,
        CurrencyCode.USD,
        price,
        (
            NewLine(dress, "DRESS", "Dress", "M", "red", 4000, False, price.lines[0], (HEM,), "With love"),
            NewLine(hat, "HAT", "Hat", None, None, 2500, True, price.lines[1]),
        ),
        "standard",
        tax_place=("US", "NY"),
        contact=Contact("Ana Reyes", "ana@shop.test"),
        shipping_address=HOME,
        billing_address=replace(HOME, line1="2 Elm St"),
        charges=(NewCharge("local", price.total),),
    )


async def rows(database: RolledBackDatabase, model: Any, *order: Any) -> list[Any]:
    return list(await database.connection.execute(select(model.__table__).order_by(*order)))


async def test_order_is_written_by_one_statement(database: RolledBackDatabase, draft: OrderDraft):
    with statements(database) as sent:
        await database.transact(lambda t: write(t, draft))
    assert len(sent) == 1


async def test_amounts_are_those_of_the_price_and_keep_the_identities(database: RolledBackDatabase, draft: OrderDraft):
    await write(database.connection, draft)
    [order] = await rows(database, Order)
    assert (order.subtotal, order.shipping_total, order.tax_total, order.total) == (11500, 700, 920, 13120)
    assert order.total == order.subtotal - order.discount_total + order.shipping_total + order.tax_total
    lines = await rows(database, OrderLine, OrderLine.position)
    assert [(line.sku, line.quantity, line.unit_price, line.total) for line in lines] == [
        ("DRESS", 2, 4000, 9000),
        ("HAT", 1, 2500, 2500),
    ]
    assert [(line.tax_rate, line.tax_total) for line in lines] == [(Decimal("0.08"), 720), (Decimal("0.08"), 200)]
    assert (order.tax_country, order.tax_region, order.prices_include_tax) == ("US", "NY", False)


async def test_person_is_in_tables_of_their_own(database: RolledBackDatabase, draft: OrderDraft):
    await write(database.connection, draft)
    [contact] = await rows(database, OrderContact)
    assert (contact.name, contact.email, contact.account_id) == ("Ana Reyes", "ana@shop.test", draft.account_id)
    billing, shipping = await rows(database, OrderAddress, OrderAddress.kind)
    assert (billing.kind, billing.line1) == (OrderAddressKind.BILLING, "2 Elm St")
    assert (shipping.kind, shipping.line1, shipping.phone) == (OrderAddressKind.SHIPPING, "1 Elm St", "+15185550100")
    [gift] = await rows(database, OrderGift)
    assert gift.message == "With love"


async def test_tailor_gets_tickets_for_what_was_asked_and_for_what_is_made_to_measure(
    database: RolledBackDatabase, draft: OrderDraft
):
    await write(database.connection, draft)
    made, hem = sorted(await rows(database, Alteration), key=lambda row: row.price)
    assert (hem.kind, hem.price, hem.quantity, hem.note) == (AlterationKind.HEM, 500, 2, "two fingers")
    assert (made.kind, made.price, made.quantity) == (AlterationKind.MADE_TO_MEASURE, 0, 1)
    assert made.ticket != hem.ticket


async def test_charge_and_timeline_begin_with_the_order(database: RolledBackDatabase, draft: OrderDraft):
    await write(database.connection, draft)
    [charge], [payment], [event] = [await rows(database, table) for table in (Charge, OrderPayment, OrderEvent)]
    assert (charge.id, charge.amount, charge.status) == (draft.charges[0].id, 13120, ChargeStatus.PENDING)
    assert (payment.status, payment.brand, payment.last4) == (PaymentStatus.PENDING, None, None)
    assert (event.kind, event.at) == (OrderEventKind.PLACED, draft.placed_at)


async def test_sale_without_a_customer_has_no_contact_and_no_address(database: RolledBackDatabase, draft: OrderDraft):
    bare = replace(draft, account_id=None, contact=None, shipping_address=None, billing_address=None, charges=())
    sale = replace(bare, channel=Channel.IN_STORE, tenders=(NewTender(TenderKind.CASH, draft.price.total),))
    await write(database.connection, sale)
    counts = [func.count(table.order_id) for table in (OrderContact, OrderAddress, Charge)]
    found = [await database.connection.scalar(select(count)) for count in counts]
    assert found == [0, 0, 0]
    [tender] = await rows(database, Tender)
    assert (tender.order_id, tender.kind, tender.amount) == (sale.order_id, TenderKind.CASH, 13120)
    assert await database.connection.scalar(select(func.count(Account.id))) == 1


async def test_number_that_is_taken_is_drawn_again(database: RolledBackDatabase, draft: OrderDraft):
    numbers = iter(["LL-AAAA-AAAA", "LL-AAAA-AAAA", "LL-BBBB-BBBB"])

    def drawn() -> OrderDraft:
        """Another order of the same things."""
        lines = tuple(replace(line, id=new_id()) for line in draft.lines)
        return replace(draft, order_id=new_id(), number=next(numbers), lines=lines, charges=())

    for _ in range(2):
        await drawing_numbers(lambda: database.transact(lambda t: write(t, drawn())))
    found = await rows(database, Order, Order.number)
    assert [order.number for order in found] == ["LL-AAAA-AAAA", "LL-BBBB-BBBB"]


async def test_other_violations_are_not_drawn_again(database: RolledBackDatabase, draft: OrderDraft):
    await database.transact(lambda t: write(t, draft))
    other = replace(draft, number="LL-CCCC-CCCC")
    with pytest.raises(asyncpg.UniqueViolationError):
        await drawing_numbers(lambda: database.transact(lambda t: write(t, other)))
