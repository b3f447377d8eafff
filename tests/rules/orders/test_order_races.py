"""Many at once, on connections of their own: nothing is sold, charged, used or given back twice."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import Refusal
from commerce import cart, fulfillment, order_cancelling, order_writing, placing
from commerce.basket import Basket, LineDraft
from commerce.fulfillment import Shipment
from commerce.order_drafting import Purchase
from commerce.placing import Desk, Placed
from commerce.reconciling import look, reconcile
from gateways.payments import Charged, ChargeRequest, PaymentGateway
from models.cart import CartDiscount
from models.classification import Channel
from models.database import Database
from models.order import Order, OrderStatus
from models.payment import Charge, ChargeStatus
from tests.support.account import Post
from tests.support.ordering import (
    ON_HAND,
    PRICE,
    SHIPPING,
    Books,
    Buyer,
    again,
    at_gateway,
    books,
    buyer,
    codes_of,
    desk_of,
    in_cart,
    ledger_holds,
    open_counter,
    place,
    uses,
)
from tests.support.selling import discount, variant

ONE = PRICE + SHIPPING
Shopper = tuple[Buyer, Purchase]


@pytest.fixture
async def desk(committed_database: Database, tmp_path: Path) -> Desk:
    await committed_database.transact(open_counter)
    return desk_of(committed_database, tmp_path)


async def shoppers(desk: Desk, count: int, *, on_hand: int, token: str = "tok_visa") -> list[Shopper]:
    """So many customers, each with one piece of the same thing in the cart."""

    async def make(transaction: AsyncConnection) -> list[Shopper]:
        key = await variant(transaction, on_hand=on_hand)
        people = [await buyer(transaction) for _ in range(count)]
        line = LineDraft(key, 1)
        return [(one, await in_cart(transaction, one, line, total=ONE, token=token)) for one in people]

    return await desk.database.transact(make)


async def all_at_once(desk: Desk, wanted: Sequence[Shopper]) -> Counter[str]:
    """How often which answer: a code, or PLACED."""
    answers = await asyncio.gather(*(place(desk, *one) for one in wanted))
    return Counter(",".join(codes_of(one)) or "PLACED" for one in answers)


async def money_kept(desk: Desk) -> int:
    return sum(captured - refunded for _, captured, refunded in await at_gateway(desk))


async def test_last_piece_that_fifty_buy_at_once_is_sold_once(desk: Desk):
    wanted = await shoppers(desk, 50, on_hand=1)
    assert await all_at_once(desk, wanted) == {"PLACED": 1, "OUT_OF_STOCK": 49}
    assert await books(desk.database) == Books([OrderStatus.PLACED], [ChargeStatus.CAPTURED], carts=49)
    assert await ledger_holds(desk.database, 1)
    assert await at_gateway(desk) == [("CAPTURED", ONE, 0)]


@pytest.mark.parametrize("token", ["tok_visa", "tok_action", "tok_timeout"])
async def test_one_key_twenty_times_at_once_makes_one_order_and_one_charge(desk: Desk, token: str):
    [one] = await shoppers(desk, 1, on_hand=ON_HAND, token=token)
    answers = await asyncio.gather(*(place(desk, *one) for _ in range(20)))
    assert len({(answer.order_id, answer.action, *codes_of(answer)) for answer in answers}) == 1
    found = await books(desk.database)
    assert (len(found.orders), len(found.charges), found.on_hand, found.carts) == (1, 1, ON_HAND - 1, 0)
    assert len(await at_gateway(desk)) == 1


async def test_one_cart_with_twenty_keys_at_once_is_ordered_once(desk: Desk):
    [(who, purchase)] = await shoppers(desk, 1, on_hand=ON_HAND)
    assert await all_at_once(desk, [(who, again(purchase)) for _ in range(20)]) == {"PLACED": 1, "NOT_FOUND": 19}
    assert len(await at_gateway(desk)) == 1


async def test_one_key_with_ten_carts_at_once_orders_one_of_them(desk: Desk):
    [(who, purchase)] = await shoppers(desk, 1, on_hand=ON_HAND)
    key = await desk.database.transact(variant)
    carts = [await desk.database.transact(lambda t: in_cart(t, who, LineDraft(key, 1), total=ONE)) for _ in range(10)]
    wanted = [(who, replace(one, idempotency_key=purchase.idempotency_key)) for one in carts]
    assert await all_at_once(desk, wanted) == {"PLACED": 1, "IDEMPOTENCY_CONFLICT": 9}
    assert len(await at_gateway(desk)) == 1


async def test_cart_that_is_edited_while_it_is_ordered_is_ordered_as_it_is_then(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    """What was read of it without a lock holds no more: it is read again, and costs something else."""
    [(who, purchase)] = await shoppers(desk, 1, on_hand=ON_HAND)
    key, write = await desk.database.transact(variant), order_writing.place

    async def write_late(*given: Any) -> None:
        monkeypatch.setattr(order_writing, "place", write)
        edit = partial(cart.add, viewer=who.viewer, cart_id=purchase.cart.key, drafts=[LineDraft(key, 1)])
        assert isinstance(await desk.database.transact(edit), Basket)
        await write(*given)

    monkeypatch.setattr(order_writing, "place", write_late)
    refused = await place(desk, who, purchase)
    assert codes_of(refused) == ["PRICE_CHANGED"]
    assert refused.quoted is not None
    assert refused.quoted.price.total == ONE + PRICE
    assert await books(desk.database) == Books(on_hand=2 * ON_HAND, carts=1)


async def test_one_key_twenty_times_at_once_that_is_declined_leaves_nothing(desk: Desk):
    [one] = await shoppers(desk, 1, on_hand=ON_HAND, token="tok_declined")
    assert await all_at_once(desk, [one] * 20) == {"PAYMENT_DECLINED": 20}
    assert await books(desk.database) == Books(on_hand=ON_HAND, carts=1)
    assert await money_kept(desk) == 0


async def with_code(desk: Desk, wanted: Sequence[Shopper], **limits: Any) -> tuple[UUID, list[Shopper]]:
    """Ten percent off, for so many."""

    async def enter(transaction: AsyncConnection) -> UUID:
        key = await discount(transaction, "TEN", **limits)
        for _, purchase in wanted:
            row = {"cart_id": purchase.cart.key, "discount_id": key, "position": 0}
            await transaction.execute(insert(CartDiscount).values(row))
        return key

    key = await desk.database.transact(enter)
    cheaper = replace(wanted[0][1].expected, amount=(wanted[0][1].expected.amount - 2))
    return key, [(who, replace(purchase, expected=cheaper)) for who, purchase in wanted]


async def test_code_for_three_is_used_by_three_of_twenty(desk: Desk):
    code, wanted = await with_code(desk, await shoppers(desk, 20, on_hand=100), total_limit=3)
    found = await all_at_once(desk, wanted)
    assert found["PLACED"] == 3
    assert all("LIMIT_REACHED" in codes for codes in found if codes != "PLACED")
    assert await uses(desk.database, code) == (3, 3)
    assert len(await at_gateway(desk)) == 3


async def test_code_for_once_is_used_once_by_one_customer_with_ten_carts(desk: Desk):
    async def make(transaction: AsyncConnection) -> list[Shopper]:
        key, who = await variant(transaction, on_hand=100), await buyer(transaction)
        return [(who, await in_cart(transaction, who, LineDraft(key, 1), total=ONE)) for _ in range(10)]

    code, wanted = await with_code(desk, await desk.database.transact(make), per_customer_limit=1)
    assert (await all_at_once(desk, wanted))["PLACED"] == 1
    assert await uses(desk.database, code) == (1, 1)


# ---- those who settle, cancel and ship


async def test_order_is_cancelled_or_shipped_and_never_both(desk: Desk):
    wanted = await shoppers(desk, 12, on_hand=12)
    placed = await asyncio.gather(*(place(desk, *one) for one in wanted))

    async def cancel(who: Buyer, order_id: UUID) -> bool:
        given = {"id": str(order_id), "idempotency_key": "k"}
        work = partial(order_cancelling.cancel, viewer=who.viewer, order_id=order_id, given=given)
        return isinstance(await desk.database.transact(work), UUID)

    async def ship(order_id: UUID) -> bool:
        work = partial(fulfillment.fulfill, order_id=order_id, shipment=Shipment(None), channel=Channel.WEB)
        return isinstance(await desk.database.transact(work), UUID)

    pairs = [(who, one.order_id) for (who, _), one in zip(wanted, placed, strict=True) if one.order_id]
    racing = [work for who, key in pairs for work in (cancel(who, key), ship(key))]
    won = await asyncio.gather(*racing)
    assert [won[at] + won[at + 1] for at in range(0, len(won), 2)] == [1] * 12
    await Post(desk.database, payments=desk.payments).deliver()
    shipped = sum(won[1::2])
    assert (await books(desk.database)).on_hand == 12 - shipped
    assert await ledger_holds(desk.database, 12)
    assert await money_kept(desk) == shipped * ONE


def slowed(payments: PaymentGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are some time on their way to the gateway, and answers on their way back."""
    charge = payments.charge

    async def slow(request: ChargeRequest) -> Charged:
        await asyncio.sleep(random.uniform(0, 0.15))
        charged = await charge(request)
        await asyncio.sleep(random.uniform(0, 0.15))
        return charged

    monkeypatch.setattr(payments, "charge", slow)


@pytest.mark.parametrize("token", ["tok_visa", "tok_declined"])
async def test_reconciling_while_orders_are_placed_leaves_both_order_and_money_or_neither(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, token: str
):
    """Without regard to their age: some are undone between the two transactions of who places them."""
    wanted = await shoppers(desk, 16, on_hand=16, token=token)
    slowed(desk.payments, monkeypatch)
    placing_all = asyncio.gather(*(place(desk, *one) for one in wanted))
    while not placing_all.done():
        await reconcile(desk.database, desk.payments)
    answers = await placing_all
    await reconcile(desk.database, desk.payments)
    placed = [one for one in answers if not one.refusals]
    found = await books(desk.database)
    assert found.orders == [OrderStatus.PLACED] * len(placed)
    assert (found.on_hand, found.carts, found.hidden) == (16 - len(placed), 16 - len(placed), 0)
    assert await ledger_holds(desk.database, 16)
    assert await money_kept(desk) == len(placed) * ONE


async def test_whoever_brings_news_at_once_the_order_comes_to_one_truth(desk: Desk):
    [(who, purchase)] = await shoppers(desk, 1, on_hand=1, token="tok_action")
    order_id = (await place(desk, who, purchase)).order_id
    assert order_id is not None
    database, payments = desk.database, desk.payments
    [charge_id] = await database.transact(lambda t: t.scalars(select(Charge.id)))

    async def carry_on(at: int) -> Placed:
        given = {"id": str(order_id), "idempotency_key": f"{at}"}
        return await placing.carry_on(desk, who.viewer, order_id, given)

    async def cancel() -> UUID | list[Refusal]:
        given = {"id": str(order_id), "idempotency_key": "cancel"}
        return await database.transact(
            partial(order_cancelling.cancel, viewer=who.viewer, order_id=order_id, given=given)
        )

    work: list[Awaitable[Any]] = [carry_on(at) for at in range(6)]
    work += [look(database, payments, charge_id) for _ in range(6)] + [cancel()]
    await asyncio.gather(*work)
    await Post(database, payments=payments).deliver()
    await reconcile(database, payments)
    [status] = await database.transact(lambda t: t.scalars(select(Order.status)))
    assert status == OrderStatus.CANCELLED
    assert (await books(database)).on_hand == 1
    assert await ledger_holds(database, 1)
    assert await money_kept(desk) == 0
