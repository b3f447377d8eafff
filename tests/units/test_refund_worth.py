"""What is paid back adds up, however a line is divided (pure)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.order_balance import Balance, LineBalance
from commerce.refund_worth import RefundedLine, Worth, of_units, shipping_due
from models.catalogue import CurrencyCode

LINE, OTHER = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def line(key: UUID = LINE, **values: int) -> LineBalance:
    facts = {"unit_price": 1000, "worth": 3000, "quantity": 3, "returned": 0, "asked_for": 0, "exchanged": 0}
    facts |= {"refunded": 0, "refunded_amount": 0, "returnable": 0} | values
    return LineBalance(key, None, None, "Dress", reasons=(), **facts)


def balance(*lines: LineBalance, shipping: int = 500, delivered: datetime | None = NOW) -> Balance:
    return Balance(UUID(int=9), CurrencyCode.EUR, 10**9, shipping, delivered, {one.id: one for one in lines})


@given(st.integers(0, 10**9), st.integers(1, 60), st.data())
def test_refunds_of_a_line_add_up_to_its_worth(worth: int, quantity: int, data: st.DataObject):
    paid = count = 0
    while count < quantity:
        some = data.draw(st.integers(1, quantity - count))
        [part] = of_units(
            balance(line(worth=worth, quantity=quantity, refunded=count, refunded_amount=paid)), {LINE: some}
        )
        assert part.amount >= 0
        paid, count = paid + part.amount, count + some
    assert paid == worth


@given(st.lists(st.integers(0, 10**6), max_size=5), st.integers(0, 10**6), st.integers(0, 10**7))
def test_what_is_limited_adds_up_to_the_limit(amounts: list[int], shipping: int, limit: int):
    worth = Worth(tuple(RefundedLine(LINE, 1, amount) for amount in amounts), shipping)
    limited = worth.at_most(limit)
    assert limited.total == min(worth.total, limit)
    assert all(after.amount <= before.amount for before, after in zip(worth.lines, limited.lines, strict=True))
    assert limited.shipping <= shipping


def test_no_units_are_no_line():
    assert of_units(balance(line()), {LINE: 0}) == ()


@pytest.mark.parametrize(
    ("back", "days", "at_fault", "due"),
    [
        ({LINE: 3, OTHER: 3}, 14, False, 500),
        ({LINE: 3, OTHER: 3}, 14.01, False, 0),
        ({LINE: 3, OTHER: 2}, 1, False, 0),
        ({LINE: 3}, 1, False, 0),
        ({LINE: 1}, 30, True, 500),
    ],
)
def test_shipping_is_due_for_all_of_it_in_time_or_for_fault(
    back: dict[UUID, int], days: float, at_fault: bool, due: int
):
    both = balance(line(), line(OTHER))
    assert shipping_due(both, back, NOW + timedelta(days=days), at_fault=at_fault) == due


def test_shipping_is_not_due_where_something_was_exchanged_or_nothing_arrived():
    exchanged = balance(line(exchanged=1))
    assert shipping_due(exchanged, {LINE: 3}, NOW, at_fault=False) == 0
    assert shipping_due(balance(line(), delivered=None), {LINE: 3}, NOW, at_fault=False) == 0
