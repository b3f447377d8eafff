"""Returns, refunds and sales by many at once, each on a connection of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.refusal import RefusalCode
from commerce import placing, refund_settling, return_receipt, return_request
from commerce.basket import LineDraft
from commerce.money import Amount
from commerce.refund_request import Asked, OfLines, OfReturn, refund_order
from commerce.return_draft import LineDraft as Returned
from commerce.return_receipt import Receipt
from commerce.return_request import Draft
from commerce.till_drafting import Sale, Tendered
from commerce.till_sale import sell
from models.catalogue import CurrencyCode, Variant
from models.classification import Channel
from models.database import Database
from models.ids import new_id
from models.order import Order, OrderLine
from models.payment import Charge, Refund, RefundReason, TenderKind
from models.return_request import ReturnLine, ReturnReason, ReturnRequest
from tests.support.login_session import account_with
from tests.support.ordering import SHIPPING, buyer, desk_of, in_cart, ledger_holds, open_counter
from tests.support.returns import Bought, Counter, Sold, clerk, customer_of, on_hand, other_size, row_of, sold
from tests.support.selling import variant

CALLERS = 50
Work = Callable[[AsyncConnection], Awaitable[Any]]


async def at_once(database: Database, *works: Work) -> list[Any]:
    return list(await asyncio.gather(*(database.transact(work) for work in works)))


def codes(outcomes: list[Any]) -> list[RefusalCode]:
    return [outcome[0].code for outcome in outcomes if isinstance(outcome, list)]


async def delivered(database: Database, **options: Any) -> Sold:
    """Two dresses at 20.00, ten percent tax: 44.00."""

    async def write(transaction: AsyncConnection) -> Sold:
        return await sold(transaction, await account_with(transaction, None), [Bought(2)], **options)

    return await database.transact(write)


async def approved(database: Database, order: Sold, count: int, exchange: UUID | None = None) -> tuple[UUID, UUID]:
    """An approved return, and its line."""
    lines = [Returned(order.lines[0], count, ReturnReason.TOO_SMALL, exchange is not None, exchange)]

    async def write(transaction: AsyncConnection) -> tuple[UUID, UUID]:
        key = await return_request.create(transaction, clerk(), Channel.WEB, Draft(order.id, lines))
        assert isinstance(key, UUID), key
        line = await transaction.scalar(select(ReturnLine.id).where(ReturnLine.return_request_id == key))
        assert line is not None
        return key, line

    return await database.transact(write)


async def test_fifty_refunds_at_once_never_exceed_what_was_paid(committed_database: Database):
    database, order = committed_database, await delivered(committed_database)
    three = Asked([Amount(Decimal(3), CurrencyCode.USD)], RefundReason.GOODWILL)
    outcomes = await at_once(database, *([lambda t: refund_order(t, order.id, three)] * CALLERS))
    assert codes(outcomes) == [RefusalCode.NOT_REFUNDABLE] * (CALLERS - order.total // 300)
    begun = [outcome for outcome in outcomes if isinstance(outcome, UUID)]
    gateway = Counter()
    await asyncio.gather(*(refund_settling.settle(database, gateway.port, key) for key in begun * 2))
    row = await database.transact(lambda t: row_of(t, Order, order.id))
    assert row.refunded_total == sum(gateway.paid.values()) == 300 * len(begun) <= order.total
    charge = await database.transact(lambda t: row_of(t, Charge, order.charge_ids[0]))
    assert charge.refunded == row.refunded_total


async def test_each_piece_is_refunded_once_whoever_asks(committed_database: Database):
    order = await delivered(committed_database)
    one = Asked([OfLines([(order.lines[0], 1)])], RefundReason.OTHER)
    outcomes = await at_once(committed_database, *([lambda t: refund_order(t, order.id, one)] * 10))
    assert codes(outcomes) == [RefusalCode.NOT_REFUNDABLE] * 8
    whole = select(func.sum(Refund.amount))
    assert await committed_database.transact(lambda t: t.scalar(whole)) == order.total


async def test_return_is_received_once_by_two_who_hold_the_parcel(committed_database: Database):
    database, order = committed_database, await delivered(committed_database)
    key, line = await approved(database, order, 2)
    receipts = [Receipt(line, 2, restock=True)]
    receive: Work = lambda t: return_receipt.receive(t, key, receipts, Channel.WEB)  # noqa: E731
    assert codes(await at_once(database, receive, receive)) == [RefusalCode.ILLEGAL_TRANSITION]
    assert await database.transact(lambda t: on_hand(t, order.variant_ids[0])) == 7
    assert (await database.transact(lambda t: row_of(t, OrderLine, order.lines[0]))).returned_quantity == 2
    asked = Asked([OfReturn(key)], RefundReason.RETURN)
    outcomes = await at_once(database, *([lambda t: refund_order(t, order.id, asked)] * 5))
    assert codes(outcomes) == [RefusalCode.NOT_REFUNDABLE] * 4


async def test_same_pieces_are_asked_back_once(committed_database: Database):
    order = await delivered(committed_database)
    draft = Draft(order.id, [Returned(order.lines[0], 2, ReturnReason.TOO_LARGE)])
    viewer = customer_of(order.account_id)
    outcomes = await at_once(
        committed_database, *([lambda t: return_request.create(t, viewer, Channel.WEB, draft)] * 10)
    )
    assert codes(outcomes) == [RefusalCode.NOT_RETURNABLE] * 9
    assert await committed_database.transact(lambda t: t.scalar(select(func.count(ReturnRequest.id)))) == 1


async def test_customer_gives_up_or_the_shop_receives(committed_database: Database):
    database, order = committed_database, await delivered(committed_database)
    key, line = await approved(database, order, 1)
    owner = order.account_id
    assert owner is not None
    outcomes = await at_once(
        database,
        lambda t: return_request.cancel(t, owner, key),
        lambda t: return_receipt.receive(t, key, [Receipt(line, 1, restock=True)], Channel.WEB),
    )
    assert codes(outcomes) == [RefusalCode.ILLEGAL_TRANSITION]


async def test_last_piece_is_exchanged_once(committed_database: Database):
    database = committed_database
    order = await delivered(database)
    large = await database.transact(lambda t: other_size(t, order, on_hand=1))
    returns = [await approved(database, order, 1, large), await approved(database, order, 1, large)]
    outcomes = await at_once(
        database,
        *(
            lambda t, key=key, line=line: return_receipt.receive(t, key, [Receipt(line, 1, restock=True)], Channel.WEB)
            for key, line in returns
        ),
    )
    assert codes(outcomes) == [RefusalCode.OUT_OF_STOCK]
    assert await database.transact(lambda t: on_hand(t, large)) == 0
    assert await ledger_holds(database, planted=5 + 1)


async def test_till_and_web_sell_the_last_piece_once(committed_database: Database, tmp_path: Path):
    database, desk = committed_database, desk_of(committed_database, tmp_path)
    await database.transact(open_counter)
    dress = await database.transact(lambda t: variant(t, on_hand=1))
    member = await database.transact(lambda t: account_with(t, None))
    wanted = LineDraft(dress, 1)
    people = [await database.transact(buyer) for _ in range(4)]
    purchases = [
        await database.transact(lambda t, who=who: in_cart(t, who, wanted, total=2000 + SHIPPING)) for who in people
    ]
    paid = Tendered(TenderKind.CASH, Amount(Decimal(50), CurrencyCode.USD))
    sale = Sale([wanted], CurrencyCode.USD, [paid], str(new_id()))
    outcomes: list[Any] = await asyncio.gather(
        *(placing.place(desk, who.viewer, one, Channel.WEB) for who, one in zip(people, purchases, strict=True)),
        *(sell(desk, member, replace(sale, idempotency_key=str(new_id()))) for _ in range(4)),
    )
    refused = [one.refusals[0].code for one in outcomes if one.refusals]
    assert refused == [RefusalCode.OUT_OF_STOCK] * 7
    assert await database.transact(lambda t: t.scalar(select(Variant.on_hand).where(Variant.id == dress))) == 0
    assert await database.transact(lambda t: t.scalar(select(func.count(Order.id)))) == 1
    assert await ledger_holds(database, planted=1)


async def test_same_key_at_once_is_one_sale_and_one_charge(committed_database: Database, tmp_path: Path):
    database, desk = committed_database, desk_of(committed_database, tmp_path)
    await database.transact(open_counter)
    dress = await database.transact(variant)
    member = await database.transact(lambda t: account_with(t, None))
    tenders = [
        Tendered(TenderKind.CARD_TERMINAL, Amount(Decimal(20), CurrencyCode.USD), "tok_visa"),
        Tendered(TenderKind.CASH, Amount(Decimal(5), CurrencyCode.USD)),
    ]
    sale = Sale([LineDraft(dress, 1)], CurrencyCode.USD, tenders, str(new_id()))
    found = await asyncio.gather(*(sell(desk, member, sale) for _ in range(20)))
    assert len({one.order_id for one in found}) == len({one.change for one in found}) == 1
    assert [one.captured async for one in desk.payments.book()] == [2000]
    assert await database.transact(lambda t: t.scalar(select(func.count(Charge.id)))) == 1
    order = await database.transact(lambda t: row_of(t, Order, next(iter(found)).order_id or new_id()))
    assert order.status == "DELIVERED"
    assert await database.transact(lambda t: on_hand(t, dress)) == 9
