"""The fictional shop keeps the rules that the real one keeps."""

import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from app.embedded import Services
from app.settings import ROOT
from auth.passwords import PasswordHasher
from auth.roles import ROLES
from commerce import phone, postal, text
from commerce.postal import AddressDraft
from models.catalogue import Audience, CurrencyCode
from models.order import OrderStatus, PaymentStatus
from models.review import ReviewStatus
from privacy import obligations
from seeds.purchases import order_number
from tests.support.invariants import INVARIANTS
from tests.support.seeded import PASSWORD, Shop, plant, planted

SIZES = {
    "WOMEN": {"XS", "S", "M", "L", "XL", "34", "36", "38", "40", "42", "44", "46"},
    "MATERNITY": {"XS", "S", "M", "L", "XL", "34", "36", "38", "40", "42", "44", "46"},
    "BABY": {"0-3M", "3-6M", "6-12M", "12-18M", "18-24M", "EU 19", "EU 20", "EU 21", "EU 22", "EU 23"},
    "GIRLS": {"2Y", "3Y", "4Y", "5Y", "6Y", "8Y", "10Y", "EU 24", "EU 26", "EU 28", "EU 30", "EU 32"},
    "BOYS": {"2Y", "3Y", "4Y", "5Y", "6Y", "8Y", "10Y"},
}


@pytest.mark.parametrize("rule", INVARIANTS)
async def test_seeded_rows_keep_the_rules_of_the_shop(shop: Shop, rule: str):
    assert await shop.connection.fetch(INVARIANTS[rule].wrong) == []


@pytest.mark.parametrize("rule", INVARIANTS)
async def test_a_broken_rule_is_found(demo: Shop, rule: str):
    broken = demo.connection.transaction()
    await broken.start()
    try:
        await demo.connection.execute(INVARIANTS[rule].breaking)
        assert await demo.connection.fetch(INVARIANTS[rule].wrong) != []
    finally:
        await broken.rollback()


async def test_seeded_addresses_and_phones_are_what_the_shop_would_write(shop: Shop):
    columns = ", ".join(AddressDraft.__dataclass_fields__)
    rows = await shop.connection.fetch(f"SELECT {columns} FROM address UNION SELECT {columns} FROM order_address")
    drafts = [AddressDraft(**row) for row in rows]
    assert drafts
    assert [postal.normalise(draft) for draft in drafts] == drafts
    numbers = await shop.values("SELECT phone FROM account WHERE phone IS NOT NULL")
    assert [phone.normalise(number) for number in numbers] == numbers


async def test_the_first_nine_sign_in_with_the_password_that_was_given(shop: Shop):
    people = await shop.value("SELECT count(*) FROM account WHERE kind = 'CUSTOMER'")
    customers = [one.email for one in shop.sign_ins if not one.note.startswith("staff")]
    assert customers == [f"customer{n + 1}@example.com" for n in range(min(9, people))]
    hasher = PasswordHasher()
    for one in shop.sign_ins:
        stored = await shop.value(
            "SELECT password_hash FROM credential JOIN account ON id = account_id WHERE email = $1"
            " AND email_verified_at IS NOT NULL",
            one.email,
        )
        verdict = await hasher.verify(stored, one.password)
        assert one.password == PASSWORD
        assert (verdict.ok, verdict.needs_rehash) == (True, False)
    hasher.close()


async def test_demo_has_something_for_everyone(demo: Shop):
    products = await demo.count("product")
    assert 78 <= products <= 90
    assert 10 <= await demo.count("brand") <= 12
    for audience in Audience:
        assert await demo.value("SELECT count(*) FROM product WHERE $1 = ANY (audience)", audience) >= 14
    assert await demo.value("SELECT count(*) FROM product WHERE custom_made") >= 5
    assert await demo.value("SELECT count(*) FROM product WHERE archived_at IS NOT NULL") == 2
    bare = """
        SELECT slug FROM product p WHERE NOT EXISTS (SELECT FROM product_media WHERE product_id = p.id)
        OR NOT EXISTS (SELECT FROM product_category WHERE product_id = p.id)
        OR (SELECT count(*) FROM variant WHERE product_id = p.id) NOT BETWEEN 2 AND 6
    """
    assert await demo.values(bare) == []


async def test_demo_categories_have_two_levels_and_no_empty_shelf(demo: Shop):
    assert await demo.value("SELECT count(*) FROM category WHERE parent_id IS NULL") >= 6
    leaves = "category c WHERE NOT EXISTS (SELECT FROM category WHERE parent_id = c.id)"
    deep = "SELECT c.slug FROM category c JOIN category p ON p.id = c.parent_id WHERE p.parent_id IS NOT NULL"
    assert await demo.values(deep) == []
    assert await demo.values(f"SELECT slug FROM {leaves} AND parent_id IS NULL") == []
    shelved = "(SELECT FROM product_category WHERE category_id = c.id)"
    assert await demo.values(f"SELECT slug FROM {leaves} AND NOT EXISTS {shelved}") == []


async def test_demo_sizes_fit_who_the_clothes_are_for(demo: Shop):
    rows = await demo.connection.fetch("SELECT size, audience FROM variant JOIN product p ON p.id = product_id")
    for row in rows:
        assert row["size"] is None or any(row["size"] in SIZES[audience] for audience in row["audience"])
    assert {size[-1] for size in {row["size"] for row in rows} if size} >= {"S", "M", "L", "Y", "4", "8"}


async def test_demo_prices_are_set_in_every_currency_and_differ(demo: Shop):
    variants, currencies = await demo.count("variant"), len(CurrencyCode)
    assert await demo.count("variant_price") == variants * currencies
    assert await demo.count("alteration_price") == await demo.count("alteration_service") * currencies > 0
    alike = "HAVING count(DISTINCT price) < 3 OR max(price) > 2 * min(price)"
    assert await demo.values(f"SELECT variant_id FROM variant_price GROUP BY 1 {alike}") == []
    assert 60 < await demo.value("SELECT count(*) FROM variant_price WHERE compare_at > price") < variants * 2
    assert await demo.value("SELECT count(*) FROM variant_price WHERE compare_at = price") == 0


async def test_demo_has_things_in_and_out_of_stock(demo: Shop):
    sold_out = (
        "SELECT count(*) FROM product p WHERE NOT EXISTS (SELECT FROM variant WHERE product_id = p.id AND on_hand > 0)"
    )
    assert 2 <= await demo.value(f"{sold_out} AND archived_at IS NULL") <= 6
    share = await demo.value("SELECT avg((on_hand = 0)::int) FROM variant")
    assert 0.05 < share < 0.25


async def test_demo_orders_are_in_every_state(demo: Shop):
    assert set(await demo.values("SELECT DISTINCT status FROM orders")) == set(OrderStatus)
    taken_at_once = set(PaymentStatus) - {PaymentStatus.AUTHORIZED}
    assert set(await demo.values("SELECT DISTINCT status FROM order_payment")) == taken_at_once
    of_first = (
        "SELECT DISTINCT status FROM orders JOIN account a ON a.id = account_id WHERE email = 'customer1@example.com'"
    )
    assert set(await demo.values(of_first)) == set(OrderStatus)
    assert await demo.value("SELECT count(*) FROM orders WHERE account_id IS NULL") > 0
    assert set(await demo.values("SELECT DISTINCT status FROM review")) == set(ReviewStatus) - {ReviewStatus.ERASED}


async def test_demo_has_something_that_may_still_be_sent_back(demo: Shop):
    lately = (
        "SELECT count(*) FROM orders o JOIN account a ON a.id = account_id WHERE email = 'customer1@example.com'"
        " AND delivered_at > now() - interval '30 days' AND refunded_total = 0"
    )
    assert await demo.value(lately) == 1


async def test_demo_has_returns_that_wait_for_an_answer(demo: Shop):
    waiting = "FROM return_request q JOIN orders o ON o.id = order_id WHERE q.status = 'REQUESTED'"
    assert await demo.value(f"SELECT count(*) {waiting}") == 3
    assert await demo.value(f"SELECT count(*) {waiting} AND q.created_at > delivered_at + interval '30 days'") == 0


async def test_demo_has_thirty_customers_with_proven_mailboxes(demo: Shop):
    emails = await demo.values("SELECT email FROM account WHERE email_verified_at IS NOT NULL AND kind = 'CUSTOMER'")
    assert set(emails) == {f"customer{n}@example.com" for n in range(1, 31)}


async def test_demo_has_one_member_of_staff_for_each_role_who_may_sign_in(demo: Shop):
    held = await demo.connection.fetch(
        "SELECT a.email, m.email, r.role, m.status, m.second_factor_waived FROM account a"
        " JOIN staff_member m ON m.account_id = a.id JOIN staff_role r ON r.staff_id = m.id WHERE a.kind = 'STAFF'"
    )
    addresses = {role: f"{role}@staff.example.com" for role in ROLES}
    assert sorted(map(tuple, held)) == sorted((e, e, role, "ACTIVE", True) for role, e in addresses.items())
    assert {one.email for one in demo.sign_ins if one.note.startswith("staff")} == set(addresses.values())


async def test_demo_shows_what_it_means_that_obligations_are_not_acknowledged(demo: Shop):
    late = "SELECT email FROM staff_member WHERE obligations_version IS DISTINCT FROM $1"
    rows = await demo.connection.fetch(late, obligations.CURRENT.version)
    assert [row["email"] for row in rows] == ["provider@staff.example.com"]


async def test_nobody_is_spared_a_second_factor_outside_the_demo(shop: Shop):
    spared = await shop.value("SELECT count(*) FROM staff_member WHERE second_factor_waived")
    assert spared == sum(one.note.startswith("staff") for one in shop.sign_ins)


async def test_demo_texts_are_written_once_and_as_the_shop_would_keep_them(demo: Shop):
    for query, limit in (
        ("SELECT description FROM product", 2000),
        ("SELECT alt FROM product_media", 200),
        ("SELECT title FROM review WHERE title IS NOT NULL", 200),
        ("SELECT body FROM review WHERE body IS NOT NULL", 2000),
    ):
        texts = await demo.values(query)
        assert len(texts) > 80
        assert [written for written, times in Counter(texts).items() if times > 1] == []
        assert [text.line(written, field=("text",), limit=limit) for written in texts] == texts
    assert await demo.value("SELECT min(length(description)) FROM product WHERE archived_at IS NULL") >= 120


async def test_demo_is_the_same_at_every_planting(demo: Shop, template: str, running: Services):
    queries = (
        "SELECT slug, featured_rank, rating_sum, rating_verified FROM product ORDER BY slug",
        "SELECT sku, on_hand FROM variant ORDER BY sku",
        "SELECT number, status, total, tax_total FROM orders ORDER BY number",
        "SELECT email, title, helpful_count FROM review JOIN account a ON a.id = account_id ORDER BY 1, 2, 3",
    )
    async with planted("demo", template, running) as other:
        for query in queries:
            assert await demo.connection.fetch(query) == await other.connection.fetch(query)


async def test_bench_has_as_many_as_it_was_asked_for(template: str, running: Services):
    async with planted("bench:30", template, running) as bench:
        asked = {
            "product": 30, "variant": 120, "review": 300, "account": 60, "address": 120, "orders": 300,
            "order_line": 600, "order_contact": 300, "order_address": 600, "order_payment": 300, "credential": 60,
            "charge": 300,
        }  # fmt: skip
        assert {table: await bench.count(table) for table in asked} == asked
        assert bench.told[:3] == ["products: 30 of 30", "customers: 60 of 60", "reviews: 300 of 300"]
        assert await bench.value("SELECT reltuples FROM pg_class WHERE relname = 'order_line'") == 600
        assert await bench.value("SELECT min(c) FROM (SELECT count(*) AS c FROM order_line GROUP BY order_id) l") == 2


async def test_a_shop_that_is_not_empty_is_left_alone(demo: Shop):
    told: list[str] = []
    before = [await demo.count(table) for table in ("account", "product", "orders")]
    assert await plant(demo.url, "bench:3", PASSWORD, told.append) == []
    assert told == ["the shop has products or people already: nothing is planted"]
    assert [await demo.count(table) for table in ("account", "product", "orders")] == before


async def test_none_plants_nothing(empty: Shop):
    assert (empty.sign_ins, empty.told) == ([], [])
    assert await empty.count("product") + await empty.count("account") == 0


@pytest.mark.parametrize("what", ["", "Demo", "bench", "bench:0", "bench:-1", "bench:12345678", "bench:1 "])
async def test_an_unknown_shop_is_refused(empty: Shop, what: str):
    with pytest.raises(ValueError, match="neither demo"):
        await plant(empty.url, what, PASSWORD)
    assert await empty.count("product") == 0


async def test_of_two_who_plant_at_once_one_does(empty: Shop):
    both = await asyncio.gather(plant(empty.url, "demo", PASSWORD), plant(empty.url, "demo", PASSWORD))
    assert sorted(map(len, both)) == [0, 9 + len(ROLES)]
    assert await empty.count("account") == 30 + len(ROLES)


async def test_planting_that_is_killed_leaves_nothing_and_is_done_by_the_next(empty: Shop, tmp_path: Path):
    program = """
import asyncio, os, pathlib, signal, sys
from commerce.tax import Place
from seeds import plant
from seeds.installation import Installation

def die_among_the_customers(told):
    if told.startswith("customers"):
        os.kill(os.getpid(), signal.SIGKILL)

installation = Installation(b"a secret of thirty-two characters", pathlib.Path(sys.argv[2]), Place("US", "NY"), ("US",))
asyncio.run(plant(sys.argv[1], "bench:5", "secret", installation, die_among_the_customers))
"""
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", program, empty.url, tmp_path, cwd=ROOT)
    assert await killed.wait() == -signal.SIGKILL
    assert await empty.count("product") + await empty.count("account") == 0
    assert len(await plant(empty.url, "bench:5", PASSWORD)) == 9
    assert await empty.count("review") == 50


def test_order_numbers_are_unique_and_tell_no_order():
    numbers = [order_number(index) for index in range(20_000)]
    assert len(set(numbers)) == len(numbers)
    assert numbers != sorted(numbers)
    assert len({number[-1] for number in numbers[:64]}) > 20
