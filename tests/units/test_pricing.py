"""The one place of money arithmetic: its identities hold for whatever is bought, whatever is taken off."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.settings import ROOT
from commerce.pricing import (
    BasketLine,
    DiscountRefusal,
    DiscountTerms,
    discount,
    price,
    rounded,
    spread,
    tax_on,
    worth_of,
)
from commerce.tax import Place, PlaceRates, rates_at
from models.catalogue import CurrencyCode, TaxCategory
from models.discount import DiscountKind

NOW = datetime(2026, 11, 26, tzinfo=UTC)
USD, EUR = CurrencyCode.USD, CurrencyCode.EUR
BABY, GIRLS = UUID(int=1), UUID(int=2)
RATES = PlaceRates(Decimal("0.08875"), Decimal("0.04"), Decimal(0), 10999, shipping_taxed=True)

AMOUNTS = some.integers(0, 10**7)


def line(unit_price: int = 1000, quantity: int = 1, **values: Any) -> BasketLine:
    return BasketLine(None, uuid4(), values.pop("product_id", uuid4()), quantity, unit_price, **values)


def code(kind: DiscountKind = DiscountKind.PERCENT, **values: Any) -> DiscountTerms:
    percent = Decimal(10) if kind is DiscountKind.PERCENT else None
    usual: dict[str, Any] = {"id": uuid4(), "code": "CODE", "kind": kind, "percent": percent}
    return DiscountTerms(**usual | values)


def refusals(*codes: DiscountTerms, lines: list[BasketLine] | None = None, signed_in: bool = True) -> list[Any]:
    return [one.refusal for one in discount(lines or [line()], codes, NOW, signed_in=signed_in).codes]


LINES = some.lists(
    some.builds(
        line,
        AMOUNTS,
        some.integers(1, 99),
        alterations=some.lists(some.integers(0, 10**5), max_size=3).map(tuple),
        category_ids=some.sampled_from([frozenset(), frozenset({BABY}), frozenset({BABY, GIRLS})]),
        tax_category=some.sampled_from(TaxCategory),
    ),
    max_size=6,
)
CODES = some.lists(
    some.one_of(
        some.builds(code, percent=some.decimals("0.001", "100", places=3), combinable=some.booleans()),
        some.builds(code, some.just(DiscountKind.AMOUNT), amount=some.integers(1, 10**6), combinable=some.booleans()),
        some.builds(code, some.just(DiscountKind.FREE_SHIPPING), combinable=some.booleans()),
        some.builds(code, category_ids=some.just(frozenset({BABY})), combinable=some.just(True)),
    ),
    max_size=4,
)


@given(LINES, CODES, some.sampled_from(CurrencyCode), some.integers(0, 5000), some.sampled_from([None, RATES]))
def test_identities_hold_for_every_basket(
    lines: list[BasketLine], codes: list[DiscountTerms], currency: CurrencyCode, shipping: int, rates: Any
):
    discounted = discount(lines, codes, NOW, signed_in=True)
    whole = price(discounted, currency, shipping=shipping, rates=rates)
    assert whole.subtotal == sum(one.total for one in whole.lines)
    assert whole.discount_total == sum(one.discount_total for one in whole.lines)
    assert whole.discount_total == sum(one.amount for one in whole.codes)
    assert whole.tax_total == sum(one.tax_total for one in whole.lines) + whole.shipping_tax_total
    added = 0 if whole.prices_include_tax else whole.tax_total
    assert whole.total == whole.subtotal - whole.discount_total + whole.shipping_total + added
    assert whole.prices_include_tax is (currency in {CurrencyCode.EUR, CurrencyCode.GBP})
    shipping_worth = whole.shipping_total + (0 if whole.prices_include_tax else whole.shipping_tax_total)
    assert whole.total == sum(one.worth for one in whole.lines) + shipping_worth
    for one in whole.lines:
        assert one.total == (one.line.unit_price + sum(one.line.alterations)) * one.line.quantity
        assert 0 <= one.discount_total <= one.total
        assert one.tax_total == tax_on(one.total - one.discount_total, one.tax_rate, included=whole.prices_include_tax)


@given(AMOUNTS, some.decimals("0", "0.5", places=6), some.booleans())
def test_tax_is_rounded_once_half_away_from_zero(taxable: int, rate: Decimal, included: bool):
    exact = Fraction(taxable) * Fraction(rate) / (1 + Fraction(rate) if included else 1)
    half_up = int((exact + Fraction(1, 2)).__floor__())
    assert tax_on(taxable, rate, included=included) == half_up


@pytest.mark.parametrize(
    ("taxable", "rate", "included", "tax"),
    [(1999, "0.19", True, 319), (10000, "0.08875", False, 888), (50, "0.05", False, 3), (49, "0.05", False, 2)],
)
def test_tax_by_example(taxable: int, rate: str, included: bool, tax: int):
    assert tax_on(taxable, Decimal(rate), included=included) == tax


@given(some.integers(0, 10**9), some.lists(some.integers(0, 10**6), min_size=1, max_size=8))
def test_parts_add_up_and_differ_from_their_share_by_less_than_a_cent(amount: int, weights: list[int]):
    parts, whole = spread(amount, weights), sum(weights)
    assert sum(parts) == (amount if whole else 0)
    for part, weight in zip(parts, weights, strict=True):
        assert not whole or abs(Fraction(amount * weight, whole) - part) < 1
        assert weight or not part or not whole


def test_the_cent_that_is_left_goes_to_the_first_of_equals():
    assert spread(100, [1, 1, 1]) == [34, 33, 33]
    assert spread(100, [1, 2, 1]) == [25, 50, 25]
    assert spread(5, [0, 0]) == [0, 0]


@given(AMOUNTS, some.integers(1, 99))
def test_units_are_worth_the_whole_together(worth: int, quantity: int):
    steps = [worth_of(worth, quantity, first) for first in range(quantity + 1)]
    assert (steps[0], steps[-1]) == (0, worth)
    assert steps == sorted(steps)


@given(some.integers(0, 10**9), some.integers(1, 10**6))
def test_rounding_is_half_away_from_zero(numerator: int, denominator: int):
    exact = Fraction(numerator, denominator)
    assert rounded(numerator, denominator) == (exact + Fraction(1, 2)).__floor__()
    cents = (Decimal(numerator) / 1000).quantize(Decimal(1), ROUND_HALF_UP)
    assert rounded(numerator, 1000) == cents


def test_dear_piece_is_judged_by_what_is_left_of_its_price():
    clothes = line(11500, 2, tax_category=TaxCategory.CLOTHING)
    dear = price(discount([clothes], [], NOW, signed_in=True), USD, rates=RATES)
    assert dear.lines[0].tax_rate == Decimal("0.08875")
    cheap = price(discount([clothes], [code()], NOW, signed_in=True), USD, rates=RATES)
    assert cheap.lines[0].tax_rate == Decimal("0.04")


def test_worked_example_of_the_page_about_money_is_so():
    lines = [
        line(16750, alterations=(1800,), tax_category=TaxCategory.CLOTHING),
        line(3595, 3, tax_category=TaxCategory.CHILDRENS_CLOTHING),
        line(4190),
    ]
    discounted = discount(lines, [code()], NOW, signed_in=True)
    whole = price(discounted, USD, shipping=1895, rates=rates_at(Place("US", "NY")))
    page = (ROOT / "docs" / "money.md").read_text("utf-8")
    for one in whole.lines:
        taxable = one.total - one.discount_total
        cells = [shown(one.total), shown(one.discount_total), shown(taxable), one.tax_rate, shown(one.tax_total)]
        assert f"| {' | '.join(map(str, cells))} | {shown(one.worth)} |" in page
    assert f"**{shown(whole.subtotal)}** | **{shown(whole.discount_total)}**" in page
    assert f"rounded {shown(whole.shipping_tax_total)}. The tax total is 8.19 + 0.76 = {shown(whole.tax_total)}" in page
    assert f"= **{shown(whole.total)}**" in page
    worth = whole.lines[1].worth
    first, second, third = (worth_of(worth, 3, n + 1) - worth_of(worth, 3, n) for n in range(3))
    assert f"{shown(first)}, {shown(second)} and {shown(third)}.\n" in page
    assert tax_on(11900, Decimal("0.19"), included=True) == 1900


def shown(minor: int) -> str:
    return str(Decimal(minor).scaleb(-2))


# ---- codes


def test_percent_is_rounded_once_and_not_line_by_line():
    lines = [line(333), line(333), line(333)]
    found = discount(lines, [code(percent=Decimal("12.5"))], NOW, signed_in=True)
    assert (found.codes[0].amount, found.off) == (125, (42, 42, 41))


def test_amount_takes_off_no_more_than_there_is():
    found = discount([line(300)], [code(DiscountKind.AMOUNT, amount=500)], NOW, signed_in=True)
    assert (found.off, found.total) == ((300,), 0)


def test_later_code_is_reckoned_from_what_the_earlier_left():
    half = code(percent=Decimal(50), combinable=True)
    found = discount([line(1000)], [half, half], NOW, signed_in=True)
    assert [one.amount for one in found.codes] == [500, 250]


def test_code_for_a_category_leaves_other_lines_alone():
    lines = [line(1000, category_ids=frozenset({BABY})), line(1000)]
    found = discount(lines, [code(category_ids=frozenset({BABY}))], NOW, signed_in=True)
    assert found.off == (100, 0)
    product = lines[1].product_id
    found = discount(lines, [code(product_ids=frozenset({product}))], NOW, signed_in=True)
    assert found.off == (0, 100)


def test_free_shipping_costs_nothing_and_is_taxed_nothing():
    free = discount([line(1000)], [code(DiscountKind.FREE_SHIPPING)], NOW, signed_in=True)
    whole = price(free, USD, shipping=695, rates=RATES)
    assert (whole.shipping_total, whole.shipping_tax_total, whole.discount_total) == (0, 0, 0)
    assert whole.total == 1000 + whole.tax_total


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"active": False}, DiscountRefusal.EXPIRED),
        ({"ends_at": NOW}, DiscountRefusal.EXPIRED),
        ({"ends_at": NOW + timedelta(seconds=1)}, None),
        ({"starts_at": NOW + timedelta(seconds=1)}, DiscountRefusal.NOT_YET),
        ({"starts_at": NOW}, None),
        ({"total_limit": 3, "used": 3}, DiscountRefusal.LIMIT_REACHED),
        ({"total_limit": 3, "used": 2}, None),
        ({"per_customer_limit": 1, "used_by_customer": 1}, DiscountRefusal.LIMIT_REACHED),
        ({"product_ids": frozenset({UUID(int=9)})}, DiscountRefusal.NOTHING_ELIGIBLE),
        ({"minimum": 1001}, DiscountRefusal.BELOW_MINIMUM),
        ({"minimum": 1000}, None),
    ],
)
def test_code_says_why_it_takes_nothing_off(values: dict[str, Any], refusal: DiscountRefusal | None):
    assert refusals(code(**values)) == [refusal]


def test_amount_without_a_price_in_the_currency_is_for_nothing():
    assert refusals(code(DiscountKind.AMOUNT, amount=None)) == [DiscountRefusal.NOTHING_ELIGIBLE]


def test_limit_for_each_customer_needs_a_customer():
    assert refusals(code(per_customer_limit=1), signed_in=False) == [DiscountRefusal.SIGN_IN_REQUIRED]
    assert refusals(code(per_customer_limit=1)) == [None]


def test_codes_combine_where_all_of_them_do():
    alone, friendly = code(), code(combinable=True)
    assert refusals(friendly, friendly) == [None, None]
    assert refusals(alone, friendly) == [None, DiscountRefusal.NOT_COMBINABLE]
    assert refusals(friendly, alone) == [None, DiscountRefusal.NOT_COMBINABLE]
    assert refusals(code(active=False), alone) == [DiscountRefusal.EXPIRED, None]


def test_minimum_is_of_what_the_code_is_for():
    lines = [line(1000, category_ids=frozenset({BABY})), line(9000)]
    assert refusals(code(category_ids=frozenset({BABY}), minimum=5000), lines=lines) == [DiscountRefusal.BELOW_MINIMUM]
