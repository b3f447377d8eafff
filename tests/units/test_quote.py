"""Quotes, reckoned from methods and baskets at hand: what serves a place, what it costs, and what does not fit."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from auth.refusal import RefusalCode
from commerce.basket import Basket, GoodsLine, LineDraft, PricedAlteration
from commerce.pricing import BasketLine, DiscountTerms
from commerce.quote import Destination, Quoted, in_store, place_of, reckon
from commerce.shipping import ShippingTerms
from commerce.tax import Place
from models.catalogue import AlterationKind, CurrencyCode, TaxCategory
from models.discount import DiscountKind

Code = RefusalCode
USD, EUR, GBP = CurrencyCode.USD, CurrencyCode.EUR, CurrencyCode.GBP
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
STORE = Place("US", "NY")
BERLIN, BOSTON, TOKYO = Place("DE", None, "10437"), Place("US", "MA", "02108"), Place("JP")


def method(code: str, *countries: str, **terms: Any) -> ShippingTerms:
    usual: dict[str, Any] = {
        "id": uuid4(),
        "version": 1,
        "code": code,
        "name": code.title(),
        "countries": countries,
        "pickup": not countries,
        "min_days": 2,
        "max_days": 4,
        "max_weight_grams": None,
        "active": True,
        "prices": {USD: 695, EUR: 590},
        "free_from": {},
    }
    return ShippingTerms(**usual | terms)


STANDARD = method("standard", "US", "DE", free_from={USD: 7500, EUR: 7500})
EXPRESS = method("express", "US", max_weight_grams=1000, prices={USD: 1895})
PICKUP = method("pickup", prices={USD: 0, EUR: 0}, min_days=None, max_days=None)
METHODS = (EXPRESS, STANDARD, PICKUP)


def goods(price: int = 2000, quantity: int = 1, days: int = 0, **values: Any) -> GoodsLine:
    """A line; of `days` of the tailor's work, if any."""
    key = uuid4()
    work = (PricedAlteration(AlterationKind.HEM, None, 0, days),) if days else ()
    facts: dict[str, Any] = {"weight_grams": 300} | values
    priced = BasketLine(uuid4(), key, uuid4(), quantity, price, **facts)
    return GoodsLine(
        line_id=priced.line_id,
        draft=LineDraft(key, quantity),
        variant_id=key,
        product_id=priced.product_id,
        sku="SKU",
        product_name="Linen romper",
        size=None,
        color=None,
        custom_made=False,
        required_measurements=(),
        on_hand=9,
        archived=False,
        unit_price=price,
        seen_price=price,
        alterations=work,
        priced=priced,
        in_stock=True,
    )


def quoted(
    place: Place | None,
    code: str | None = None,
    *lines: GoodsLine,
    currency: CurrencyCode = USD,
    codes: Sequence[DiscountTerms] = (),
    methods: Sequence[ShippingTerms] = METHODS,
) -> Quoted:
    basket = Basket(currency, None, uuid4(), 1, lines or (goods(),), tuple(codes))
    return reckon(methods, basket, place, code, NOW, store=STORE)


def refused(found: Quoted) -> list[tuple[RefusalCode, tuple[str, ...]]]:
    return [(one.code, one.field) for one in found.refusals]


def offered(found: Quoted) -> list[str]:
    return [option.method.code for option in found.options]


def test_shipping_costs_nothing_until_a_method_is_chosen():
    found = quoted(BOSTON)
    assert (found.price.shipping_total, found.method, found.refusals) == (0, None, [])
    assert offered(found) == ["express", "standard", "pickup"]
    assert [option.price for option in found.options] == [1895, 695, 0]
    chosen = quoted(BOSTON, "standard")
    assert (chosen.price.shipping_total, chosen.method, chosen.refusals) == (695, STANDARD, [])
    assert offered(chosen) == offered(found)


def test_goods_and_shipping_are_taxed_where_they_go():
    found = quoted(BERLIN, "standard", goods(2000), currency=EUR)
    assert found.taxed_at == BERLIN
    assert found.price.prices_include_tax
    assert (found.price.shipping_tax_rate, found.price.shipping_tax_total) == (Decimal("0.19"), 94)
    assert (found.price.lines[0].tax_total, found.price.tax_total, found.price.total) == (319, 413, 2590)
    there = quoted(BOSTON, "standard")
    assert (there.price.tax_total, there.price.shipping_tax_total, there.price.total) == (125, 0, 2820)


def test_pickup_is_taxed_where_the_store_is_and_needs_no_place():
    for place in (None, BERLIN, TOKYO):
        found = quoted(place, "pickup")
        assert (found.taxed_at, found.method, found.refusals) == (STORE, PICKUP, [])
        assert (found.price.shipping_total, found.price.tax_total, found.price.total) == (0, 80, 2080)


def test_what_is_handed_over_in_the_store_is_priced_without_any_way_of_shipping():
    basket = Basket(USD, None, None, None, (goods(), goods(1999)))
    found = in_store(basket, NOW, store=STORE)
    assert found.price == quoted(None, "pickup", *basket.lines).price
    assert (found.taxed_at, found.options, found.refusals) == (STORE, (), [])


def test_nothing_is_taxed_while_the_place_is_not_known():
    found = quoted(None)
    assert (found.taxed_at, found.price.tax_total, found.price.total, found.refusals) == (None, 0, 2000, [])
    assert offered(found) == ["pickup"]


def test_shipping_is_free_from_its_amount_on_discounts_taken_off():
    assert quoted(BOSTON, "standard", goods(7500)).price.shipping_total == 0
    assert quoted(BOSTON, "standard", goods(7499)).price.shipping_total == 695
    ten = DiscountTerms(uuid4(), "TEN", DiscountKind.PERCENT, percent=Decimal(10))
    found = quoted(BOSTON, "standard", goods(8000), codes=[ten])
    assert (found.price.discount_total, found.price.shipping_total) == (800, 695)
    assert quoted(BOSTON, "express", goods(9000)).price.shipping_total == 1895


def test_code_for_free_shipping_makes_every_option_free():
    free = DiscountTerms(uuid4(), "FREE", DiscountKind.FREE_SHIPPING)
    found = quoted(BOSTON, "express", codes=[free])
    assert (found.price.shipping_total, found.price.shipping_tax_total) == (0, 0)
    assert {option.price for option in found.options} == {0}


def test_unknown_method_is_invalid_and_one_that_is_off_likewise():
    assert refused(quoted(BOSTON, "pigeon")) == [(Code.INVALID, ("shippingMethod",))]
    assert offered(quoted(BOSTON, "pigeon")) == ["express", "standard", "pickup"]
    off = replace(STANDARD, active=False)
    assert offered(quoted(BOSTON, None, methods=[off, PICKUP])) == ["pickup"]


@pytest.mark.parametrize(
    ("place", "code", "lines", "currency"),
    [
        (TOKYO, "standard", [goods()], USD),
        (BERLIN, "express", [goods()], USD),
        (BOSTON, "express", [goods(quantity=4)], USD),
        (BOSTON, "express", [goods()], EUR),
    ],
    ids=["country", "country of express", "weight", "currency"],
)
def test_method_that_does_not_serve_is_refused(place: Place, code: str, lines: list[GoodsLine], currency: CurrencyCode):
    found = quoted(place, code, *lines, currency=currency)
    assert refused(found) == [(Code.NOT_SHIPPABLE, ("shippingMethod",))]
    assert (found.method, found.price.shipping_total) == (None, 0)
    assert code not in offered(found)


def test_heaviest_that_is_taken_is_taken():
    assert quoted(BOSTON, "express", goods(weight_grams=500, quantity=2)).refusals == []
    assert refused(quoted(BOSTON, "express", goods(weight_grams=1001))) != []


def test_method_that_needs_a_place_asks_for_one():
    assert refused(quoted(None, "standard")) == [(Code.REQUIRED, ("shippingAddressId",))]


def test_place_that_nothing_goes_to_is_told_before_a_method_is_chosen():
    found = quoted(TOKYO)
    assert refused(found) == [(Code.NOT_SHIPPABLE, ("countryCode",))]
    assert offered(found) == ["pickup"]
    assert quoted(BERLIN).refusals == []


def test_arrival_counts_from_the_order_and_waits_for_the_tailor():
    options = {one.method.code: (one.earliest, one.latest) for one in quoted(BOSTON).options}
    assert options["standard"] == (date(2026, 11, 28), date(2026, 11, 30))
    assert options["pickup"] == (None, None)
    later = {one.method.code: one for one in quoted(BOSTON, None, goods(days=5), goods(days=7)).options}
    assert (later["standard"].earliest, later["standard"].latest) == (date(2026, 12, 5), date(2026, 12, 7))
    made = {one.method.code: one for one in quoted(BOSTON, None, replace(goods(days=5), custom_made=True)).options}
    assert made["standard"].earliest == date(2026, 12, 24)


def test_childrens_clothes_are_taxed_less_where_the_place_does():
    both = (goods(1000, tax_category=TaxCategory.CHILDRENS_CLOTHING), goods(1000))
    found = quoted(Place("GB"), None, *both, currency=GBP)
    assert [one.tax_rate for one in found.price.lines] == [0, Decimal("0.20")]
    assert found.price.shipping_tax_rate == Decimal("0.20")


# ---- bare places


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        (("de", None, "10437"), BERLIN),
        (("US", "Massachusetts", "02108"), BOSTON),
        ((" us ", "ma", None), Place("US", "MA")),
        (("US", None, "02108"), BOSTON),
        (("US", "", "02108"), BOSTON),
        (("CA", None, "m6g 2p2"), Place("CA", "ON", "M6G 2P2")),
        (("GB", None, None), Place("GB")),
    ],
)
def test_bare_place_is_read_as_addresses_write_it(asked: tuple[Any, ...], place: Place):
    assert place_of(Destination(False, None, *asked)) == place


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ((None, "MA", None), Code.REQUIRED, "countryCode"),
        (("XX", None, None), Code.INVALID, "countryCode"),
        (("ß", None, None), Code.INVALID, "countryCode"),
        (("Germany", None, None), Code.INVALID, "countryCode"),
        (("US", "Atlantis", None), Code.INVALID, "region"),
        (("US", None, None), Code.REQUIRED, "region"),
        (("CA", None, None), Code.REQUIRED, "region"),
    ],
)
def test_place_that_is_none_is_refused(asked: tuple[Any, ...], code: RefusalCode, field: str):
    found = place_of(Destination(False, None, *asked))
    assert isinstance(found, list)
    assert [(one.code, one.field) for one in found] == [(code, (field,))]
