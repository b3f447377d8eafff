"""Whole baskets, worked out by hand, and what holds of every code on every basket."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from commerce.pricing import (
    BasketLine,
    Discounted,
    DiscountRefusal,
    DiscountTerms,
    discount,
    price,
)
from models.catalogue import CurrencyCode, TaxCategory
from models.discount import DiscountKind

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SHELF, OTHER = UUID(int=90), UUID(int=91)
USD, EUR = CurrencyCode.USD, CurrencyCode.EUR
Kind = DiscountKind
No = DiscountRefusal


class Rates:
    """The same rate for everything, or one for each kind of goods; shipping has the first."""

    def __init__(self, rate: str, **by_category: str) -> None:
        self._rate = Decimal(rate)
        self._by_category = {TaxCategory(name): Decimal(found) for name, found in by_category.items()}

    def of(self, category: TaxCategory, piece: int) -> Decimal:
        return self._by_category.get(category, self._rate)

    def of_shipping(self, goods: Sequence[Decimal]) -> Decimal:
        return self._rate


def line(number: int, unit_price: int, quantity: int = 1, **values: Any) -> BasketLine:
    return BasketLine(UUID(int=number), UUID(int=number), UUID(int=number), quantity, unit_price, **values)


def percent(code: str = "P", value: str = "10", **terms: Any) -> DiscountTerms:
    return DiscountTerms(UUID(int=1), code, Kind.PERCENT, Decimal(value), **terms)


def amount(code: str = "A", off: int | None = 500, **terms: Any) -> DiscountTerms:
    return DiscountTerms(UUID(int=2), code, Kind.AMOUNT, amount=off, **terms)


def free_shipping(code: str = "F", **terms: Any) -> DiscountTerms:
    return DiscountTerms(UUID(int=3), code, Kind.FREE_SHIPPING, **terms)


def taken(lines: Sequence[BasketLine], *codes: DiscountTerms, signed_in: bool = True) -> Discounted:
    return discount(lines, codes, NOW, signed_in=signed_in)


def refusals(found: Discounted) -> list[DiscountRefusal | None]:
    return [one.refusal for one in found.codes]


# ---- worked out by hand


def test_line_counts_its_alterations_for_each_piece():
    assert line(1, 2000, 3, alterations=(900, 150)).total == (2000 + 900 + 150) * 3 == 9150


def test_basket_in_dollars_with_tax_on_top():
    # 2 x 19.99 and 45.00 with a hem of 9.00: 93.98. Ten percent: 9.398, so 9.40, of which 3.998 and 5.4 are spread as
    # 4.00 and 5.40. Tax of 8.875 %: 35.98 makes 3.193225 and 48.60 makes 4.31325; on shipping of 6.00 it is 0.5325.
    basket = taken([line(1, 1999, 2), line(2, 4500, alterations=(900,))], percent())
    assert basket.off == (400, 540)
    found = price(basket, USD, shipping=600, rates=Rates("0.08875"))
    assert [one.tax_total for one in found.lines] == [319, 431]
    assert [one.worth for one in found.lines] == [3598 + 319, 4860 + 431]
    assert (found.subtotal, found.discount_total, found.shipping_total) == (9398, 940, 600)
    assert (found.shipping_tax_total, found.tax_total) == (53, 319 + 431 + 53)
    assert found.total == 9398 - 940 + 600 + 803
    assert found.prices_include_tax is False


def test_basket_in_euros_with_tax_within():
    # 19 % within 119.00 is 19.00; 7 % within 10.70 is 0.70; 19 % within 4.90 is 0.782353.
    goods = [line(1, 11_900), line(2, 1070, tax_category=TaxCategory.CHILDRENS_CLOTHING)]
    found = price(taken(goods), EUR, shipping=490, rates=Rates("0.19", CHILDRENS_CLOTHING="0.07"))
    assert [(one.tax_rate, one.tax_total) for one in found.lines] == [(Decimal("0.19"), 1900), (Decimal("0.07"), 70)]
    assert (found.shipping_tax_rate, found.shipping_tax_total, found.tax_total) == (Decimal("0.19"), 78, 2048)
    assert found.total == 11_900 + 1070 + 490
    assert [one.worth for one in found.lines] == [11_900, 1070]
    assert found.prices_include_tax is True


def test_refused_code_for_free_shipping_frees_nothing():
    basket = taken([line(1, 2000)], free_shipping(minimum=2001))
    assert price(basket, USD, shipping=600).total == 2600


def test_what_a_code_takes_off_is_rounded_once_for_all_its_lines():
    # A third of 3 x 0.05 is 5.0; line by line it would be 2 + 2 + 2.
    basket = taken([line(at, 5) for at in range(3)], percent(value="33.333"))
    assert (sum(basket.off), basket.off) == (5, (2, 2, 1))


def test_amount_is_spread_by_largest_remainder():
    # Of 10.00 over 1.00, 2.00 and 4.00 each part is 1.428..., 2.857..., 5.714...; beyond the whole of it nothing goes.
    assert taken([line(1, 100), line(2, 200), line(3, 400)], amount(off=100)).off == (14, 29, 57)
    assert taken([line(1, 100), line(2, 200), line(3, 400)], amount(off=1000)).off == (100, 200, 400)


def test_code_is_for_its_products_and_categories_alone():
    goods = [line(1, 1000), line(2, 2000, category_ids=frozenset({SHELF})), line(3, 4000)]
    assert taken(goods, percent()).off == (100, 200, 400)
    assert taken(goods, percent(product_ids=frozenset({UUID(int=1)}))).off == (100, 0, 0)
    assert taken(goods, percent(category_ids=frozenset({SHELF, OTHER}))).off == (0, 200, 0)
    both = percent(product_ids=frozenset({UUID(int=3)}), category_ids=frozenset({SHELF}))
    assert taken(goods, both).off == (0, 200, 400)


def test_minimum_is_of_what_the_code_applies_to_before_other_codes():
    goods = [line(1, 1000), line(2, 9000)]
    only: dict[str, Any] = {"product_ids": frozenset({UUID(int=1)}), "combinable": True}
    assert refusals(taken(goods, percent(minimum=1000, **only))) == [None]
    assert refusals(taken(goods, percent(minimum=1001, **only))) == [No.BELOW_MINIMUM]
    halved = taken(goods, percent("FIRST", "50", combinable=True), percent(minimum=1000, **only))
    assert refusals(halved) == [None, None]
    assert halved.off == (550, 4500)


def test_empty_basket_has_nothing_for_any_code():
    found = taken([], percent(), amount(), free_shipping())
    assert refusals(found) == [No.NOTHING_ELIGIBLE] * 3
    assert (found.subtotal, found.total, found.free_shipping) == (0, 0, False)


def test_codes_go_together_only_where_each_allows_it():
    goods = [line(1, 1000)]
    alone, one, two = percent("ALONE"), percent("ONE", combinable=True), percent("TWO", combinable=True)
    assert refusals(taken(goods, one, two)) == [None, None]
    assert refusals(taken(goods, one, alone, two)) == [None, No.NOT_COMBINABLE, None]
    assert refusals(taken(goods, alone, one, two)) == [None, No.NOT_COMBINABLE, No.NOT_COMBINABLE]
    # One that is refused anyway stands in nobody's way.
    assert refusals(taken(goods, percent("OVER", ends_at=NOW), alone)) == [No.EXPIRED, None]


def test_the_whole_may_be_taken_off_and_no_more():
    found = taken([line(1, 999)], percent(value="100", combinable=True), amount(off=500, combinable=True))
    assert (found.off, found.total, [one.amount for one in found.codes]) == ((999,), 0, [999, 0])
    assert price(found, USD, shipping=0, rates=Rates("0.2")).total == 0


# ---- what holds for all


cents = st.integers(0, 10**9)
lines = st.lists(
    st.builds(
        line,
        st.integers(1, 6),
        cents,
        st.integers(1, 999),
        alterations=st.lists(st.integers(0, 10**5), max_size=3).map(tuple),
        category_ids=st.sets(st.sampled_from((SHELF, OTHER))).map(frozenset),
        tax_category=st.sampled_from(TaxCategory),
    ),
    max_size=6,
)


@st.composite
def any_terms(draw: st.DrawFn) -> DiscountTerms:
    kind = draw(st.sampled_from(Kind))
    thousandths = draw(st.integers(1, 100_000))
    return DiscountTerms(
        UUID(int=draw(st.integers(1, 99))),
        "CODE",
        kind,
        Decimal(thousandths).scaleb(-3) if kind is Kind.PERCENT else None,
        draw(st.none() | cents),
        draw(st.none() | cents),
        combinable=draw(st.booleans()),
        product_ids=draw(st.sets(st.integers(1, 6).map(lambda key: UUID(int=key)), max_size=2).map(frozenset)),
        category_ids=draw(st.sets(st.sampled_from((SHELF, OTHER))).map(frozenset)),
    )


codes = st.lists(any_terms(), max_size=4)


@given(lines, codes)
def test_no_line_goes_below_nothing_and_codes_add_up(goods: list[BasketLine], given_codes: list[DiscountTerms]):
    found = taken(goods, *given_codes)
    assert all(0 <= off <= one.total for one, off in zip(goods, found.off, strict=True))
    assert sum(one.amount for one in found.codes) == found.discount_total
    assert found.total == found.subtotal - found.discount_total
    assert [one.terms for one in found.codes] == given_codes
    for applied in found.codes:
        if applied.refusal is not None or applied.terms.kind is Kind.FREE_SHIPPING:
            assert applied.amount == 0
    for one, off in zip(goods, found.off, strict=True):
        assert off == 0 or any(applied.terms.applies_to(one) for applied in found.codes)
