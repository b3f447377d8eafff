"""Discount codes that are entered in a cart."""

from typing import Any
from uuid import UUID

import pytest

from auth.refusal import RefusalCode
from auth.viewer import ANONYMOUS, Viewer
from commerce import cart_codes
from commerce.basket import of_cart
from models.cart import CartDiscount
from tests.support import selling
from tests.support.account import rows
from tests.support.cart import filled, new_cart, refused
from tests.support.database import RolledBackDatabase
from tests.support.statements import statements

Code = RefusalCode


@pytest.fixture
async def held(database: RolledBackDatabase) -> tuple[UUID, Viewer]:
    return await new_cart(database.connection, ANONYMOUS)


async def enter(database: RolledBackDatabase, held: tuple[UUID, Viewer], *codes: str) -> Any:
    cart_id, holder = held
    return await cart_codes.enter(database.connection, holder, cart_id, codes)


async def test_codes_replace_those_before_in_their_order(database: RolledBackDatabase, held: tuple[UUID, Viewer]):
    keys = {word: await selling.discount(database.connection, word, combinable=True) for word in ("A", "B", "C")}
    for codes, kept in ((("A", "b ", "a"), ["A", "B"]), (("C", "A"), ["C", "A"]), ((), [])):
        with statements(database) as sent:
            found = filled(await enter(database, held, *codes))
        assert len(sent) == 2, sent
        assert found == await of_cart(database.connection, held[0])
        assert [terms.code for terms in found.codes] == kept
        assert {row.discount_id for row in await rows(database.connection, CartDiscount)} == {keys[one] for one in kept}


async def test_unknown_codes_are_not_found_and_nothing_changes(database: RolledBackDatabase, held: tuple[UUID, Viewer]):
    await selling.discount(database.connection, "A")
    filled(await enter(database, held, "A"))
    outcome = await enter(database, held, "A", "B", "", "\u00c4\x00")
    assert refused(outcome) == [(Code.NOT_FOUND, f"codes.{at}") for at in (1, 2, 3)]
    assert [terms.code for terms in (await of_cart(database.connection, held[0])).codes] == ["A"]


async def test_cart_takes_ten_codes(database: RolledBackDatabase, held: tuple[UUID, Viewer]):
    words = [f"C{at}" for at in range(11)]
    for word in words:
        await selling.discount(database.connection, word)
    assert len(filled(await enter(database, held, *words[:10])).codes) == 10
    assert refused(await enter(database, held, *words)) == [(Code.LIMIT_REACHED, "codes")]
