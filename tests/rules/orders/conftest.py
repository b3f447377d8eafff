"""A desk, a customer, and what they are about to order."""

from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import insert

from commerce.basket import AlterationDraft, LineDraft
from commerce.measurement import SetDraft, save
from commerce.order_drafting import Purchase
from commerce.placing import Desk
from models.cart import CartDiscount
from models.catalogue import AlterationKind
from models.classification import Channel
from models.measurement import LengthUnit, MeasuredPerson, MeasurementName
from tests.support.database import RolledBackDatabase
from tests.support.ordering import (
    ON_HAND,
    SEALER,
    SHIPPING,
    TOTAL,
    Buyer,
    Trousseau,
    buyer,
    desk_of,
    in_cart,
    open_counter,
)
from tests.support.selling import discount, product, variant


@pytest.fixture
async def desk(database: RolledBackDatabase, tmp_path: Path) -> Desk:
    await open_counter(database.connection)
    return desk_of(database, tmp_path)


@pytest.fixture
async def ana(database: RolledBackDatabase) -> Buyer:
    return await buyer(database.connection)


@pytest.fixture
async def romper(database: RolledBackDatabase) -> UUID:
    return await variant(database.connection, on_hand=ON_HAND)


@pytest.fixture
async def purchase(database: RolledBackDatabase, ana: Buyer, romper: UUID) -> Purchase:
    """Two rompers by standard shipping, with a card that pays."""
    return await in_cart(database.connection, ana, LineDraft(romper, 2), total=TOTAL)


@pytest.fixture
async def trousseau(database: RolledBackDatabase, ana: Buyer) -> Trousseau:
    transaction = database.connection
    key = await product(
        transaction,
        services={AlterationKind.HEM: 300},
        custom_made=True,
        required_measurements=[MeasurementName.WAIST],
    )
    dress = await variant(transaction, key)
    draft = SetDraft("Me", MeasuredPerson.ADULT, LengthUnit.CM, [(MeasurementName.WAIST, Decimal("71.5"))], keep=False)
    set_id = await save(transaction, ana.account_id, draft, SEALER, Channel.WEB)
    assert isinstance(set_id, UUID)
    code = await discount(transaction, "TEN", total_limit=1, per_customer_limit=1)
    hem = AlterationDraft(AlterationKind.HEM, "two fingers")
    line = LineDraft(dress, 2, (hem,), set_id, "With love")
    purchase = await in_cart(transaction, ana, line, total=2 * 2300 - 460 + SHIPPING)
    assert purchase.cart.key is not None
    row = {"cart_id": purchase.cart.key, "discount_id": code, "position": 0}
    await transaction.execute(insert(CartDiscount).values(row))
    return Trousseau(purchase, dress, set_id, code)
