"""The catalogue as CSV: what goes out comes in unchanged, and every mistake has its line."""

import csv
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import select

from commerce import catalogue_csv
from commerce import product as products
from commerce.brand import save as save_brand
from commerce.catalogue_csv import HEADER, Mistake
from commerce.catalogue_import import Result, bring_in
from commerce.category import save as save_category
from commerce.product_draft import OfferDraft
from commerce.product_state import ProductState, load
from models.catalogue import AlterationKind, Audience, Brand, Category, MeasurementName, Product
from tests.support.database import RolledBackDatabase
from tests.support.goods import amount, count, made, ranges, row, variant, variants_of
from tests.support.statements import statements

NEW = "slug,name,sku,price_USD\n"


def table(*rows: dict[str, Any]) -> bytes:
    out = StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


async def imported(database: Any, content: bytes | str) -> Any:
    found, mistakes = catalogue_csv.read(content if isinstance(content, bytes) else content.encode())
    if mistakes:
        return [str(one) for one in mistakes]
    outcome = await database.transact(lambda t: bring_in(t, found))
    return [str(one) for one in outcome] if isinstance(outcome, list) else outcome


async def exported(database: Any) -> str:
    async def work(transaction: Any) -> str:
        ids = list(await transaction.scalars(select(Product.id).order_by(Product.slug)))
        states = await load(transaction, ids, lock=False)
        brands = {one.id: one.slug for one in await transaction.execute(select(Brand.id, Brand.slug))}
        shelves = {one.id: one.slug for one in await transaction.execute(select(Category.id, Category.slug))}
        lines = [lines_of(states[key], brands, shelves) for key in ids]
        return catalogue_csv.header_line() + "".join(lines)

    return await database.transact(work)


def lines_of(state: ProductState, brands: dict[Any, str], shelves: dict[Any, str]) -> str:
    brand = brands.get(state.brand_id) if state.brand_id else None
    return catalogue_csv.product_lines(state, brand, sorted(shelves[key] for key in state.categories))


async def shop(database: Any) -> None:
    """A product with everything, one with the least, an archived one, and one with a variant that was given up."""

    async def work(transaction: Any) -> None:
        await save_brand(transaction, None, "loom", "Loom")
        for slug in ("babies", "rompers"):
            await save_category(transaction, None, {"slug": slug, "name": slug})
        await made(
            transaction,
            name='=HYPERLINK("x") "quoted", and 100 %',
            description="Soft.\n\nWashed, twice; \u2028 here's “more”.",
            care_instructions="@cold",
            brand="loom",
            categories=["rompers", "babies"],
            audience=[Audience.BABY, Audience.WOMEN],
            custom_made=True,
            required_measurements=[MeasurementName.CHEST],
            alterations=[OfferDraft(AlterationKind.HEM, 3, [amount("5")])],
            variants=[
                variant(
                    "R/1", "0.05", "1234567.80", size="3M", color="-Red", weight_grams=120, compare_at=[amount("9")]
                ),
                variant("R.2", size="+6M"),
            ],
        )
        await made(transaction, slug="least", variants=[variant("L")])
        gone = await made(transaction, slug="archived", variants=[variant("A-1"), variant("A-2"), variant("A-3")])
        await products.save(transaction, gone, {"variants": [variant("A-1"), variant("A-3")]})
        await products.archive(transaction, gone, archived=True)
        lessened = await made(transaction, slug="lessened", variants=[variant("S-1"), variant("S-2")])
        await products.save(transaction, lessened, {"variants": [variant("S-2")]})

    await database.transact(work)


# ---- there and back


async def test_what_goes_out_comes_in_without_a_change(database: RolledBackDatabase):
    await shop(database)
    content = await exported(database)
    with statements(database) as sent:
        assert await imported(database, content) == Result(0, 0, 4)
    assert [sql for sql in sent if not sql.startswith("SELECT")] == []
    assert await exported(database) == content


async def test_what_goes_out_makes_the_same_shop_elsewhere(database: RolledBackDatabase):
    await shop(database)
    content = await exported(database)
    for slug in ("romper", "least", "archived", "lessened"):
        content = content.replace(f"\n{slug},", f"\nnew-{slug},")
    for sku in ("R/1", "R.2", "L", "A-1", "A-2", "A-3", "S-1", "S-2"):
        content = content.replace(f",{sku},", f",N{sku},")
    assert await imported(database, content) == Result(4, 0, 0)
    assert sorted(line for line in (await exported(database)).split("\n") if line.startswith("new-")) == sorted(
        line for line in content.split("\n") if line.startswith("new-")
    )


async def test_every_column_of_the_header_is_read(database: RolledBackDatabase):
    await shop(database)
    content = await exported(database)
    assert content.split("\n", 1)[0].split(",") == HEADER
    assert {"slug", "name", "sku", "size", "color", "price_USD", "price_EUR", "compare_at_GBP"} <= set(HEADER)


async def test_cells_that_a_spreadsheet_may_calculate_with_are_not_changed(database: RolledBackDatabase):
    await shop(database)
    rows = {row["sku"]: row for row in csv.DictReader(StringIO(await exported(database), newline=""))}
    assert rows["R/1"]["name"] == '=HYPERLINK("x") "quoted", and 100 %'
    assert (rows["R/1"]["color"], rows["R/1"]["care_instructions"]) == ("-Red", "@cold")
    assert (rows["R/1"]["price_USD"], rows["R/1"]["price_EUR"]) == ("0.05", "1234567.80")


# ---- changes


async def test_columns_and_rows_that_are_not_there_leave_things_as_they_are(database: RolledBackDatabase):
    await shop(database)
    before = await exported(database)
    assert await imported(database, "sku,slug,price_EUR\nR/1,romper,7\n") == Result(0, 1, 0)
    assert await exported(database) == before.replace(",1234567.80,", ",7.00,")


async def test_empty_cells_clear(database: RolledBackDatabase):
    await shop(database)
    cleared = "slug,sku,size,price_EUR,compare_at_USD,brand,categories,description\nromper,R/1,,,,,,\n"
    assert await imported(database, cleared) == Result(0, 1, 0)
    rows = {row["sku"]: row for row in csv.DictReader(StringIO(await exported(database), newline=""))}
    names = ("size", "price_EUR", "compare_at_USD", "brand", "categories", "description", "color")
    assert [rows["R/1"][name] for name in names] == ["", "", "", "", "", "", "-Red"]


async def test_variants_are_added_given_up_and_brought_back(database: RolledBackDatabase):
    key = await database.transact(lambda t: made(t, variants=[variant("A"), variant("B", "30")]))
    flagged = "slug,sku,price_USD,variant_archived\nromper,B,30,true\nromper,C,50,\n"
    assert await imported(database, flagged) == Result(0, 1, 0)
    found = await database.transact(lambda t: variants_of(t, key))
    assert [(one.sku, one.archived_at is None) for one in found] == [("A", True), ("C", True), ("B", False)]
    assert await database.transact(lambda t: ranges(t, key)) == {"USD": (1990, 5000)}
    assert await imported(database, flagged.replace("true", "false")) == Result(0, 1, 0)
    found = await database.transact(lambda t: variants_of(t, key))
    assert all(one.archived_at is None for one in found)
    assert (await database.transact(lambda t: row(t, key))).version == 3


async def test_product_is_archived_with_its_variants_and_comes_back(database: RolledBackDatabase):
    key = await database.transact(made)
    assert await imported(database, "slug,sku,archived\nromper,R-1,true\n") == Result(0, 1, 0)
    archived_at = (await database.transact(lambda t: row(t, key))).archived_at
    assert archived_at is not None
    assert {one.archived_at for one in await database.transact(lambda t: variants_of(t, key))} == {archived_at}
    assert await imported(database, "slug,sku,archived\nromper,R-1,false\n") == Result(0, 1, 0)
    assert {one.archived_at for one in await database.transact(lambda t: variants_of(t, key))} == {None}


async def test_byte_order_mark_line_ends_and_blank_lines_are_no_mistake(database: RolledBackDatabase):
    content = "\ufeff" + NEW.replace("\n", "\r\n") + '\r\na,"A ""b""",A-1, 5.00 \r\n,,,\r\n\r\n'
    assert await imported(database, content) == Result(1, 0, 0)


# ---- mistakes


LINES = [
    ("", ["line 1: slug: This column is needed.", "line 1: sku: This column is needed."]),
    ("slug,sku,prices\n", ["line 1: prices: There is no such column."]),
    ("slug,sku,slug\n", ["line 1: slug: This column is there twice."]),
    (NEW + "a,A,A-1\n", ["line 2: There are 3 cells, and 4 columns."]),
    (NEW + "A,A,A-1,5\n", ["line 2: slug: Write small letters and digits, with a single dash between words."]),
    (NEW + "a,A,,5\n", ["line 2: sku: This is needed."]),
    (NEW + "a,A,A-1,5\na,B,A-2,5\n", ["line 3: name: Line 2 says otherwise of the same product."]),
    (NEW + "a,A,A-1,5\nb,B,A-1,5\n", ["line 3: sku: This is in line 2 already."]),
    (NEW + "a,A,A-1,\n", ["line 2: price_USD: A price is needed."]),
    *[
        (NEW + f'a,A,A-1,"{wrong}"\n', ["line 2: price_USD: An amount is written like 19.90."])
        for wrong in ("x", "5,00", "-1", "1.999", "NaN", "1_0", "٥", "1e99", "$5")
    ],
    (NEW + 'a,"A\n\nb",A-1,5\nb,B,B 1,5\n', [
        "line 5: sku: Write letters, digits, dots, dashes, underscores and slashes, a letter or digit first.",
    ]),
    (NEW + 'a,"A,A-1,5\n', ["line 2: This is no CSV: a quote is not closed, or is where none may be."]),
    (NEW + 'a,"A"b,A-1,5\n', ["line 2: This is no CSV: a quote is not closed, or is where none may be."]),
    ("slug,sku,price_USD\na,A-1,5\n", ["line 2: name: A new product needs a name."]),
    (NEW.replace("price", "brand,price") + "a,A,A-1,none,5\n", ["line 2: brand: There is no brand 'none'."]),
    (NEW.replace("price", "categories,price") + "a,A,A-1,x y,5\n", [
        "line 2: categories: There is no category 'x'.", "line 2: categories: There is no category 'y'.",
    ]),
    (NEW.replace("price", "archived,price") + "a,A,A-1,yes,5\n", ["line 2: archived: Write true or false."]),
    (NEW.replace("price", "weight_grams,price") + "a,A,A-1,1.5,5\n", [
        "line 2: weight_grams: A weight is 1 to 1000000 grams.",
    ]),
    (NEW.replace("price", "audience,price") + "a,A,A-1,DOGS,5\n", [
        "line 2: audience: Write WOMEN, MATERNITY, BABY, GIRLS, BOYS.",
    ]),
    (NEW.replace("price", "compare_at_USD,price") + "a,A,A-1,4,5\n", [
        "line 2: compare_at_USD: A price to compare with is one in the same currency that is no lower.",
    ]),
    (NEW.replace("price", "variant_archived,price") + "a,A,A-1,true,5\n", [
        "line 2: variant_archived: A product has one variant at least: archive the product.",
    ]),
    (NEW + "a,4242 4242 4242 4242,A-1,5\n", [
        "line 2: name: This looks like a payment card number, which is never kept here.",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "mistakes"), LINES)
async def test_mistake_is_told_with_its_line_and_nothing_is_written(
    database: RolledBackDatabase, content: str, mistakes: list[str]
):
    assert await imported(database, content) == mistakes
    assert await database.transact(lambda t: count(t, Product)) == 0


def test_text_in_another_encoding_is_told_with_its_line():
    assert catalogue_csv.read(NEW.encode() + b"a,A,A-1,5\nb,\xe9t\xe9,B-1,5\n") == (
        [], [Mistake(3, "This is not written in UTF-8.")],
    )  # fmt: skip


async def test_one_mistake_keeps_all_rows_out(database: RolledBackDatabase):
    await database.transact(lambda t: made(t, slug="other", variants=[variant("O-1")]))
    rows = "".join(f"p-{at},P,P-{at},5\n" for at in range(300))
    assert await imported(database, f"{NEW}{rows}q,Q,O-1,5\n") == [
        "line 302: sku: This is the SKU of a variant of 'other'."
    ]
    assert await database.transact(lambda t: count(t, Product)) == 1


async def test_thousands_of_rows_take_few_statements(database: RolledBackDatabase):
    rows = "".join(f"p-{at // 4},P,P-{at},5.00\n" for at in range(4000))
    told: list[int] = []
    found, mistakes = catalogue_csv.read((NEW + rows).encode())
    assert mistakes == []
    with statements(database) as sent:
        outcome = await database.transact(lambda t: bring_in(t, found, told.append))
    assert outcome == Result(1000, 0, 0)
    assert sum(told) == 1000
    assert len(sent) < 80
