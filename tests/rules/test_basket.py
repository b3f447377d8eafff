"""Baskets as they are read: goods, prices, stock and codes of the moment, by one statement (P53)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update

from auth.refusal import Refusal, RefusalCode
from commerce import basket
from commerce.basket import AlterationDraft, Basket, LineDraft
from models.cart import Cart, CartAlteration, CartDiscount, CartLine
from models.catalogue import AlterationKind, CurrencyCode, MeasurementName, TaxCategory, Variant
from models.classification import Channel
from models.discount import DiscountKind
from models.ids import new_id
from tests.support import account, selling
from tests.support.database import RolledBackDatabase
from tests.support.selling import EUR, USD
from tests.support.statements import statements

Code = RefusalCode
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
NOBODY = UUID(int=0)


async def cart_of(database: RolledBackDatabase, *lines: dict[str, Any], **values: Any) -> UUID:
    """A cart with lines as given; each is of one piece, seen at 20.00."""
    key = new_id()
    given = {"id": key, "channel": Channel.WEB, "currency": USD, "token_digest": key.bytes * 2} | values
    await database.connection.execute(insert(Cart).values(given | {"expires_at": NOW}))
    for position, line in enumerate(lines):
        row = {"id": new_id(), "cart_id": key, "position": position, "quantity": 1, "seen_price": 2000} | line
        await database.connection.execute(insert(CartLine).values(row))
    return key


async def till(database: RolledBackDatabase, *drafts: LineDraft, **given: Any) -> Basket:
    outcome = await sold(database, *drafts, **given)
    assert isinstance(outcome, Basket), outcome
    return outcome


async def sold(
    database: RolledBackDatabase,
    *drafts: LineDraft,
    codes: tuple[str, ...] = (),
    currency: CurrencyCode = USD,
    account_id: UUID | None = None,
) -> Basket | list[Refusal]:
    return await basket.of_lines(database.connection, currency, drafts, codes, account_id)


async def test_line_has_what_an_order_copies_of_its_goods(database: RolledBackDatabase):
    garment = await selling.product(
        database.connection,
        name="Christening gown",
        custom_made=True,
        required_measurements=[MeasurementName.CHEST, MeasurementName.HEIGHT],
        tax_category=TaxCategory.CHILDRENS_CLOTHING,
    )
    key = await selling.variant(database.connection, garment, size="68", color="ivory", weight_grams=310)
    [line] = (await till(database, LineDraft(key, 3, gift_message="For Ana"))).lines
    assert (line.line_id, line.variant_id, line.product_id) == (None, key, garment)
    assert (line.sku, line.product_name, line.size, line.color) == (f"SKU-{key.hex}", "Christening gown", "68", "ivory")
    assert (line.custom_made, line.required_measurements) == (True, (MeasurementName.CHEST, MeasurementName.HEIGHT))
    assert (line.on_hand, line.archived, line.unit_price, line.seen_price) == (10, False, 2000, None)
    assert line.draft.gift_message == "For Ana"
    assert line.priced.tax_category is TaxCategory.CHILDRENS_CLOTHING
    assert (line.priced.quantity, line.priced.weight_grams, line.priced.total) == (3, 310, 6000)


async def test_cart_and_sale_are_read_by_one_statement_each_and_a_cart_with_codes_by_two(database: RolledBackDatabase):
    key = await selling.variant(database.connection)
    code = await selling.discount(database.connection, "TEN")
    cart = await cart_of(database, {"variant_id": key})
    with statements(database) as sent:
        assert (await basket.of_cart(database.connection, cart)).discounted(NOW).total == 2000
    assert len(sent) == 1
    await database.connection.execute(insert(CartDiscount).values(cart_id=cart, discount_id=code, position=0))
    with statements(database) as sent:
        of_cart = await basket.of_cart(database.connection, cart)
    assert len(sent) == 2
    with statements(database) as sent:
        of_lines = await till(database, LineDraft(key, 1), codes=("TEN",))
    assert len(sent) == 1
    assert of_cart.discounted(NOW).total == of_lines.discounted(NOW).total == 1800


async def test_prices_are_those_of_the_baskets_currency(database: RolledBackDatabase):
    garment = await selling.product(database.connection, services={AlterationKind.HEM: 900})
    key = await selling.variant(database.connection, garment)
    basket_in_euros = await till(database, LineDraft(key, 1), currency=EUR)
    assert basket_in_euros.lines[0].unit_price == 1800
    hem = LineDraft(key, 1, (AlterationDraft(AlterationKind.HEM),))
    assert [one.code for one in await refused(database, hem, currency=EUR)] == [Code.INVALID]


async def refused(database: RolledBackDatabase, *drafts: LineDraft, **given: Any) -> list[Refusal]:
    outcome = await sold(database, *drafts, **given)
    assert isinstance(outcome, list)
    return outcome


async def test_alterations_are_priced_for_each_piece(database: RolledBackDatabase):
    services = {AlterationKind.HEM: 900, AlterationKind.MONOGRAM: 1250}
    key = await selling.variant(database.connection, await selling.product(database.connection, services=services))
    wanted = (AlterationDraft(AlterationKind.MONOGRAM, " A.R. "), AlterationDraft(AlterationKind.HEM))
    [line] = (await till(database, LineDraft(key, 2, wanted))).lines
    assert [(one.kind, one.note, one.price, one.days) for one in line.alterations] == [
        (AlterationKind.HEM, None, 900, 3),
        (AlterationKind.MONOGRAM, "A.R.", 1250, 3),
    ]
    assert line.priced.total == 2 * (2000 + 900 + 1250)


async def test_code_of_a_category_is_for_what_lies_below_it(database: RolledBackDatabase):
    top = await selling.category(database.connection)
    middle = await selling.category(database.connection, top)
    bottom = await selling.category(database.connection, middle)
    other = await selling.category(database.connection)
    inside = await selling.product(database.connection, categories=[bottom])
    outside = await selling.product(database.connection, categories=[other])
    drafts = [LineDraft(await selling.variant(database.connection, owner), 1) for owner in (inside, outside)]
    for shelf in (top, middle, bottom):
        await selling.discount(database.connection, f"AT-{shelf.hex}".upper(), categories=[shelf])
        found = (await till(database, *drafts, codes=(f"at-{shelf.hex}",))).discounted(NOW)
        assert found.off == (200, 0)


async def test_code_carries_its_terms_exactly(database: RolledBackDatabase):
    garment = await selling.product(database.connection)
    key = await selling.variant(database.connection, garment)
    terms: dict[str, Any] = {
        "percent": Decimal("12.345"),
        "starts_at": NOW - timedelta(microseconds=1),
        "ends_at": NOW + timedelta(days=1),
        "total_limit": 7,
        "per_customer_limit": 2,
        "used": 3,
        "combinable": True,
    }
    big = 10**15 + 1
    await selling.discount(database.connection, "EXACT", amounts={USD: (None, big)}, products=[garment], **terms)
    [found] = (await till(database, LineDraft(key, 1), codes=("exact",))).codes
    assert {name: getattr(found, name) for name in terms} == terms
    assert (found.code, found.kind, found.amount, found.minimum) == ("EXACT", DiscountKind.PERCENT, None, big)
    assert (found.product_ids, found.category_ids) == ({garment}, set())


async def test_codes_apply_in_the_order_of_their_entering(database: RolledBackDatabase):
    key = await selling.variant(database.connection)
    await selling.discount(database.connection, "HALF", percent=50, combinable=True)
    await selling.discount(
        database.connection, "FIVE", DiscountKind.AMOUNT, amounts={USD: (500, None)}, combinable=True
    )
    for codes, total in ((("HALF", "FIVE"), 500), (("FIVE", "HALF"), 750)):
        found = (await till(database, LineDraft(key, 1), codes=codes)).discounted(NOW)
        assert ([one.terms.code for one in found.codes], found.total) == (list(codes), total)


async def test_cart_shows_no_more_than_there_is_and_keeps_what_was_asked_for(database: RolledBackDatabase):
    key = await selling.variant(database.connection, on_hand=3)
    cart = await cart_of(database, {"variant_id": key, "quantity": 5})
    [line] = (await basket.of_cart(database.connection, cart)).lines
    assert (line.draft.quantity, line.priced.quantity, line.in_stock) == (5, 3, True)
    await database.connection.execute(update(Variant).where(Variant.id == key).values(on_hand=8))
    [line] = (await basket.of_cart(database.connection, cart)).lines
    assert line.priced.quantity == 5


async def test_lines_of_one_variant_share_its_stock(database: RolledBackDatabase):
    key = await selling.variant(database.connection, on_hand=3)
    cart = await cart_of(database, *({"variant_id": key, "quantity": 2, "gift_message": word} for word in "abc"))
    found = await basket.of_cart(database.connection, cart)
    assert [(line.priced.quantity, line.in_stock) for line in found.lines] == [(2, True), (1, True), (2, False)]
    assert [one.code for one in found.obstacles()] == [Code.OUT_OF_STOCK]


async def test_sale_at_the_till_is_of_what_is_asked_for(database: RolledBackDatabase):
    key = await selling.variant(database.connection, on_hand=1)
    [line] = (await till(database, LineDraft(key, 2))).lines
    assert (line.priced.quantity, line.in_stock) == (2, False)


async def test_what_is_not_sold_any_more_keeps_its_last_price_and_stands_in_the_way(database: RolledBackDatabase):
    gone = await selling.variant(database.connection, archived_at=NOW)
    priceless = await selling.variant(database.connection, prices={EUR: 1800})
    unhemmed = await selling.variant(database.connection)
    cart = await cart_of(database, *({"variant_id": key, "seen_price": 1999} for key in (gone, priceless, unhemmed)))
    lines = (await basket.of_cart(database.connection, cart)).lines
    hem = {"line_id": lines[2].line_id, "kind": AlterationKind.HEM}
    await database.connection.execute(insert(CartAlteration).values(hem))
    found = await basket.of_cart(database.connection, cart)
    assert [line.unit_price for line in found.lines] == [2000, None, 2000]
    assert [line.priced.unit_price for line in found.lines] == [2000, 1999, 2000]
    assert [line.on_sale for line in found.lines] == [False, False, False]
    assert [one.code for one in found.obstacles()] == [Code.OUT_OF_STOCK] * 3


async def test_made_to_measure_without_measurements_stands_in_the_way(database: RolledBackDatabase):
    owner = await account.customer(database)
    garment = await selling.product(database.connection, required_measurements=[MeasurementName.WAIST])
    key = await selling.variant(database.connection, garment)
    own = await selling.measurement_set(database.connection, owner)
    measured = LineDraft(key, 1, measurement_set_id=own)
    assert (await till(database, measured, account_id=owner)).obstacles() == []
    found = await till(database, LineDraft(key, 1), account_id=owner)
    assert [one.code for one in found.obstacles()] == [Code.MEASUREMENTS_REQUIRED]
    assert [one.code for one in await refused(database, measured)] == [Code.NOT_FOUND]


async def test_empty_cart_cannot_be_ordered(database: RolledBackDatabase):
    found = await basket.of_cart(database.connection, await cart_of(database))
    assert (found.lines, found.codes, found.weight_grams) == ((), (), 0)
    assert [one.code for one in found.obstacles()] == [Code.CART_EMPTY]


async def test_unknown_variant_set_and_code_are_not_found_before_anything_else(database: RolledBackDatabase):
    key = await selling.variant(database.connection)
    drafts = (LineDraft(key, 0, measurement_set_id=NOBODY), LineDraft(None, 1), LineDraft(NOBODY, 1))
    found = await refused(database, *drafts, codes=("NOPE",))
    assert [(one.code, one.field) for one in found] == [
        (Code.NOT_FOUND, ("lines", "0", "measurementSetId")),
        (Code.NOT_FOUND, ("lines", "1", "variantId")),
        (Code.NOT_FOUND, ("lines", "2", "variantId")),
        (Code.NOT_FOUND, ("discountCodes", "0")),
    ]


async def test_sale_of_nothing_is_refused(database: RolledBackDatabase):
    assert [one.code for one in await refused(database)] == [Code.REQUIRED]


async def test_line_out_of_bounds_is_refused_with_its_place(database: RolledBackDatabase):
    services = {AlterationKind.HEM: 900, AlterationKind.MADE_TO_MEASURE: 5000}
    garment = await selling.product(database.connection, services=services)
    key = await selling.variant(database.connection, garment)
    hem, lengthen = AlterationDraft(AlterationKind.HEM), AlterationDraft(AlterationKind.LENGTHEN)
    made = AlterationDraft(AlterationKind.MADE_TO_MEASURE)
    cases = [
        (LineDraft(key, 0), Code.INVALID, "quantity"),
        (LineDraft(key, 1000), Code.INVALID, "quantity"),
        (LineDraft(key, 1, gift_message="x" * 501), Code.TOO_LONG, "giftMessage"),
        (LineDraft(key, 1, gift_message="4242 4242 4242 4242"), Code.CARD_NUMBER_REFUSED, "giftMessage"),
        (LineDraft(key, 1, (AlterationDraft(AlterationKind.HEM, "x" * 301),)), Code.TOO_LONG, "alterations.0.note"),
        (LineDraft(key, 1, (hem, hem)), Code.INVALID, "alterations.1.kind"),
        (LineDraft(key, 1, (hem, lengthen)), Code.INVALID, "alterations.1.kind"),
        (LineDraft(key, 1, (made,)), Code.INVALID, "alterations.0.kind"),
    ]
    found = await refused(database, *(draft for draft, _, _ in cases))
    expected = {(code, f"lines.{at}.{field}") for at, (_, code, field) in enumerate(cases)}
    assert {(one.code, ".".join(one.field)) for one in found} == expected


async def test_sale_of_more_than_a_hundred_lines_is_refused(database: RolledBackDatabase):
    key = await selling.variant(database.connection)
    drafts = [LineDraft(key, 1, gift_message=f"No. {at}") for at in range(101)]
    assert isinstance(await sold(database, *drafts[:100]), Basket)
    assert [one.code for one in await refused(database, *drafts)] == [Code.LIMIT_REACHED]


async def test_weight_is_of_all_pieces(database: RolledBackDatabase):
    light = await selling.variant(database.connection, weight_grams=120)
    unknown = await selling.variant(database.connection)
    assert (await till(database, LineDraft(light, 3), LineDraft(unknown, 2))).weight_grams == 360
