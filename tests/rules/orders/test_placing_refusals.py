"""Orders that are refused: why, and that nothing is left of them."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, update

from auth.viewer import ANONYMOUS, Viewer, ViewerKind
from commerce import placing
from commerce.basket import LineDraft
from commerce.money import Amount
from commerce.order_drafting import Named, Purchase
from commerce.placing import Desk
from models.catalogue import CurrencyCode, Product, Variant
from models.classification import Channel
from models.discount import Discount
from models.ids import new_id
from models.measurement import MeasurementName, MeasurementSet
from tests.support.database import RolledBackDatabase
from tests.support.ordering import (
    ON_HAND,
    PRICE,
    SHIPPING,
    TOTAL,
    Books,
    Buyer,
    Trousseau,
    again,
    at_gateway,
    books,
    buyer,
    codes_of,
    in_cart,
    ledger_holds,
    place,
    saved_card,
    uses,
)
from tests.support.selling import reprice

UNTOUCHED = Books(orders=[], charges=[], on_hand=ON_HAND, carts=1)


async def untouched(desk: Desk, database: RolledBackDatabase) -> None:
    assert await books(database) == UNTOUCHED
    assert await at_gateway(desk) == []


@pytest.mark.parametrize("viewer", [ANONYMOUS, Viewer(ViewerKind.STAFF, new_id()), Viewer(ViewerKind.PARTNER)])
async def test_only_customers_order_for_themselves(
    desk: Desk, database: RolledBackDatabase, purchase: Purchase, viewer: Viewer
):
    """P28: web and mobile purchases need a customer with credentials."""
    placed = await placing.place(desk, viewer, purchase, Channel.WEB)
    assert codes_of(placed) == ["CREDENTIALS_REQUIRED"]
    await untouched(desk, database)


@pytest.mark.parametrize("named", ["cart", "billing_address", "shipping_address", "saved_method"])
async def test_what_is_anothers_is_not_found(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, named: str
):
    other = await buyer(database.connection)
    theirs = {
        "billing_address": other.address_id,
        "shipping_address": other.address_id,
        "saved_method": await saved_card(desk, database.connection, other),
        "cart": purchase.cart.key,
    }
    asking = other if named == "cart" else ana
    placed = await place(desk, asking, replace(purchase, gateway_token=None, **{named: Named(theirs[named])}))
    assert codes_of(placed) == ["NOT_FOUND"]
    await untouched(desk, database)


async def test_another_price_than_expected_is_refused_with_the_new_one(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, romper: UUID
):
    await reprice(database.connection, romper, PRICE + 1)
    placed = await place(desk, ana, purchase)
    assert codes_of(placed) == ["PRICE_CHANGED"]
    assert placed.quoted is not None
    assert placed.quoted.price.total == TOTAL + 2
    await untouched(desk, database)


async def test_another_currency_than_expected_is_another_price(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    euros = replace(purchase, expected=Amount(purchase.expected.amount, CurrencyCode.EUR))
    assert codes_of(await place(desk, ana, euros)) == ["PRICE_CHANGED"]
    await untouched(desk, database)


async def test_empty_cart_is_not_ordered(desk: Desk, database: RolledBackDatabase, ana: Buyer):
    empty = await in_cart(database.connection, ana, total=SHIPPING)
    assert codes_of(await place(desk, ana, empty)) == ["CART_EMPTY"]


async def test_what_is_out_of_stock_is_not_ordered(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await database.connection.execute(update(Variant).values(on_hand=0))
    assert codes_of(await place(desk, ana, purchase)) == ["OUT_OF_STOCK"]
    assert await books(database) == Books(carts=1)


async def test_fewer_pieces_than_asked_for_are_out_of_stock_with_the_price_of_what_is_left(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase
):
    await database.connection.execute(update(Variant).values(on_hand=1))
    placed = await place(desk, ana, purchase)
    assert codes_of(placed) == ["OUT_OF_STOCK", "PRICE_CHANGED"]
    assert placed.quoted is not None
    assert placed.quoted.price.total == PRICE + SHIPPING


async def test_where_nothing_is_shipped_to_is_not_shippable(desk: Desk, database: RolledBackDatabase, romper: UUID):
    away = await buyer(
        database.connection, country_code="FR", region=None, city="Lyon", postal_code="69001", line1="1 rue Ney"
    )
    purchase = await in_cart(database.connection, away, LineDraft(romper, 2), total=TOTAL)
    placed = await place(desk, away, purchase)
    assert codes_of(placed) == ["NOT_SHIPPABLE"]
    await untouched(desk, database)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"shipping_method": "stork"}, ["INVALID"]),
        ({"shipping_address": None}, ["REQUIRED"]),
        ({"gateway_token": None}, ["REQUIRED"]),
        ({"gateway_token": "tok_unheard_of"}, ["INVALID"]),
        ({"gateway_token": "t" * 501}, ["INVALID"]),
        ({"gateway_token": "tok_declined"}, ["PAYMENT_DECLINED"]),
        ({"gateway_token": "tok_insufficient"}, ["PAYMENT_DECLINED"]),
        ({"idempotency_key": " "}, ["REQUIRED"]),
        ({"idempotency_key": "k" * 201}, ["TOO_LONG"]),
    ],
)
async def test_refusal_leaves_the_cart_and_nothing_else(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase, changes: dict[str, Any], codes: list[str]
):
    assert codes_of(await place(desk, ana, replace(purchase, **changes))) == codes
    assert await books(database) == UNTOUCHED
    assert await ledger_holds(database)
    assert all(captured == 0 for _, captured, _ in await at_gateway(desk))
    assert codes_of(await place(desk, ana, again(purchase))) == []


async def test_code_that_is_used_up_is_told_with_the_price_without_it(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, trousseau: Trousseau
):
    await database.connection.execute(update(Discount).values(used=1))
    placed = await place(desk, ana, trousseau.purchase)
    assert codes_of(placed) == ["LIMIT_REACHED", "PRICE_CHANGED"]
    assert placed.quoted is not None
    assert placed.quoted.price.total == 4600 + SHIPPING
    assert await uses(database, trousseau.discount_id) == (1, 0)


@pytest.mark.parametrize("lost", ["deleted", "too few"])
async def test_what_is_made_to_measure_needs_its_measurements(
    desk: Desk, database: RolledBackDatabase, ana: Buyer, trousseau: Trousseau, lost: str
):
    if lost == "deleted":
        await database.connection.execute(delete(MeasurementSet))
    else:
        more = [MeasurementName.WAIST, MeasurementName.HIP]
        await database.connection.execute(update(Product).values(required_measurements=more))
    assert codes_of(await place(desk, ana, trousseau.purchase)) == ["MEASUREMENTS_REQUIRED"]
    assert (await books(database)).orders == []


async def test_one_pays_one_way(desk: Desk, database: RolledBackDatabase, ana: Buyer, purchase: Purchase):
    card = await saved_card(desk, database.connection, ana)
    assert codes_of(await place(desk, ana, replace(purchase, saved_method=Named(card)))) == ["INVALID"]
    await untouched(desk, database)
