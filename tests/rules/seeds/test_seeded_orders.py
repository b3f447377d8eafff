"""Orders of the fictional shop: taxed, paid, measured and shipped as the real one does."""

from collections import defaultdict

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql

from commerce import measurement
from commerce.measurement_ranges import is_plausible
from commerce.tax import Place, rates_at
from gateways.payments import ChargeRequest
from gateways.payments.local import LocalGateway
from models.catalogue import CurrencyCode, TaxCategory
from models.discount import DiscountKind
from models.ids import new_id
from models.measurement import LengthUnit, MeasuredPerson
from models.payment import ChargeStatus, RefundStatus
from privacy.retention import clearings
from tests.support.seeded import SECRET, SHIPS_TO, STORE, Shop


async def test_orders_are_taxed_as_their_place_does(shop: Shop):
    """Goods by their own rates, shipping by the highest of them or not at all; what is picked up, at the store."""
    rows = await shop.connection.fetch(
        "SELECT o.id, tax_country, tax_region, a.country_code, a.region, a.postal_code, shipping_tax_rate,"
        " p.tax_category, tax_rate, ceil((l.total - l.discount_total)::numeric / quantity)::int AS piece FROM orders o"
        " JOIN order_line l ON l.order_id = o.id JOIN variant v ON v.id = variant_id"
        " JOIN product p ON p.id = product_id LEFT JOIN order_address a ON a.order_id = o.id AND a.kind = 'SHIPPING'"
    )
    assert {row["shipping_tax_rate"] > 0 for row in rows} == {True, False}
    of_order = defaultdict(list)
    for row in rows:
        place = Place(row["country_code"], row["region"], row["postal_code"]) if row["country_code"] else STORE
        assert (row["tax_country"], row["tax_region"]) == (place.country_code, place.region)
        rates = rates_at(place)
        assert row["tax_rate"] == rates.of(TaxCategory(row["tax_category"]), row["piece"])
        of_order[row["id"]].append((rates, row))
    for lines in of_order.values():
        expected = lines[0][0].of_shipping([row["tax_rate"] for _, row in lines])
        assert {row["shipping_tax_rate"] for _, row in lines} == {expected}


async def test_the_gateway_has_every_charge_in_its_book(shop: Shop):
    gateway = LocalGateway(shop.book, SECRET)
    booked = [one async for one in gateway.book()]
    found = {
        (one.charge_id, one.order_id, one.gateway_key, one.status, one.amount, one.currency, one.refunded)
        for one in booked
    }
    columns = "id, order_id, gateway_key, status, amount, currency, refunded"
    rows = await shop.connection.fetch(f"SELECT {columns} FROM charge WHERE gateway = 'local'")
    assert len(rows) == await shop.count("charge") > 0
    assert found == set(map(tuple, rows))
    paid = next(one for one in booked if one.captured > one.refunded)
    assert paid.charge_id is not None
    assert await gateway.refund(paid.charge_id, new_id(), 1) is RefundStatus.SUCCEEDED
    await gateway.close()


async def test_saved_cards_can_be_charged(demo: Shop):
    gateway = LocalGateway(demo.book, SECRET)
    for token in await demo.values("SELECT gateway_token FROM payment_method"):
        asked = ChargeRequest(new_id(), None, 100, CurrencyCode.USD, token, saved=True)
        assert (await gateway.charge(asked)).status is ChargeStatus.CAPTURED
    await gateway.close()


async def test_demo_ships_as_it_says(demo: Shop):
    rows = await demo.connection.fetch(
        "SELECT code, countries, pickup, max_weight_grams, array_agg(price ORDER BY currency) AS prices,"
        " array_agg(DISTINCT free_from) AS free FROM shipping_method JOIN shipping_price ON method_id = id GROUP BY id"
    )
    methods = {row["code"]: row for row in rows}
    assert set(methods) == {"standard", "express", "pickup"}
    assert (methods["standard"]["countries"], methods["standard"]["free"]) == (list(SHIPS_TO), [7500])
    assert methods["standard"]["max_weight_grams"] is None
    assert methods["express"]["countries"] == ["US", "CA", "GB", "DE", "FR"]
    assert (methods["express"]["max_weight_grams"], methods["express"]["free"]) == (10_000, [None])
    assert (methods["pickup"]["pickup"], methods["pickup"]["prices"]) == (True, [0, 0, 0, 0])
    assert {len(row["prices"]) for row in rows} == {len(CurrencyCode)}
    assert set(await demo.values("SELECT DISTINCT shipping_method FROM orders")) == set(methods)


async def test_demo_has_codes_of_every_kind_some_of_them_used(demo: Shop):
    assert set(await demo.values("SELECT DISTINCT kind FROM discount")) == set(DiscountKind)
    assert await demo.value("SELECT total_limit - used FROM discount WHERE code = 'LAST3'") == 3
    assert await demo.value("SELECT count(*) FROM discount WHERE used > 0") >= 3
    baby = "SELECT slug FROM discount JOIN discount_category ON discount_id = discount.id"
    assert await demo.values(f"{baby} JOIN category c ON c.id = category_id WHERE code = 'BABY5'") == ["baby"]


async def test_demo_goods_have_weights_and_are_taxed_as_what_they_are(demo: Shop):
    assert await demo.value("SELECT count(*) FROM variant WHERE weight_grams BETWEEN 50 AND 2500") == await demo.count(
        "variant"
    )
    mixed = (
        "SELECT slug FROM product WHERE tax_category <> CASE WHEN audience && '{WOMEN,MATERNITY}' THEN 'CLOTHING'"
        " ELSE 'CHILDRENS_CLOTHING' END"
    )
    blankets = await demo.values(f"{mixed} AND tax_category = 'STANDARD'")
    assert await demo.values(mixed) == blankets
    assert {"cloud-cellular-blanket", "lull-pregnancy-pillow"} <= set(blankets)


async def test_demo_measurements_open_with_the_shops_secret_and_fit(demo: Shop):
    sealer = measurement.sealer_of(SECRET)
    sets = await demo.connection.fetch("SELECT id, person, unit, sealed FROM measurement_set")
    copies = await demo.connection.fetch(
        "SELECT order_line_id AS id, person, unit, sealed FROM order_measurement WHERE sealed IS NOT NULL"
    )
    assert len(sets) > 3
    assert copies
    for row in (*sets, *copies):
        values = measurement.unseal(sealer, row["sealed"], row["id"])
        person, unit = MeasuredPerson(row["person"]), LengthUnit(row["unit"])
        assert all(is_plausible(name, value, person, unit) for name, value in values.items())
        assert len(values) == 8


async def test_nothing_of_a_body_is_planted_that_should_be_gone(demo: Shop):
    for table, one in clearings().items():
        due = select(func.count()).select_from(table).where(one.condition)
        query = str(due.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
        assert await demo.value(query) == 0, table
    assert await demo.value("SELECT count(*) FROM order_measurement WHERE deleted_at IS NOT NULL") > 0
