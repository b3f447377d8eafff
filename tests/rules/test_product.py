"""Products: what staff may write, what it refers to, and that nothing of it is ever half written or deleted."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from auth.refusal import RefusalCode
from commerce import product as products
from commerce.product_draft import OfferDraft, PictureDraft
from models.catalogue import (
    AlterationKind,
    AlterationPrice,
    AlterationService,
    Audience,
    Brand,
    Category,
    CurrencyCode,
    MeasurementName,
    Product,
    ProductCategory,
    ProductMedia,
    TaxCategory,
    Variant,
    VariantPrice,
)
from models.ids import new_id
from tests.support.database import RolledBackDatabase
from tests.support.goods import NOBODY, amount, count, made, ranges, romper, row, variant, variants_of
from tests.support.statements import statements

USD, EUR, GBP = CurrencyCode.USD, CurrencyCode.EUR, CurrencyCode.GBP
CODES = RefusalCode


def refusals(outcome: Any) -> list[tuple[str, tuple[str, ...]]]:
    assert isinstance(outcome, list), outcome
    return [(one.code.value, one.field) for one in outcome]


async def save(database: Any, key: UUID | None, *, expected_version: int | None = None, **changes: Any) -> Any:
    return await database.transact(lambda t: products.save(t, key, changes, expected_version=expected_version))


async def shelf(transaction: Any, slug: str) -> UUID:
    key = new_id()
    await transaction.execute(insert(Category).values(id=key, slug=slug, name=slug))
    return key


async def picture(transaction: Any, product_id: UUID | None = None) -> UUID:
    key = new_id()
    row = insert(ProductMedia).values(id=key, url=f"https://cdn.test/{key.hex}", product_id=product_id)
    await transaction.execute(row)
    return key


async def everything(transaction: Any, key: UUID) -> dict[str, Any]:
    """A product's rows in all tables."""
    tables = {Product: Product.id, Variant: Variant.product_id, AlterationService: AlterationService.product_id,
              ProductCategory: ProductCategory.product_id, ProductMedia: ProductMedia.product_id}  # fmt: skip
    found = {}
    for table, owner in tables.items():
        rows = await transaction.execute(select(table.__table__).where(owner == key))
        found[table.__tablename__] = sorted(map(repr, rows.all()))
    for child in (VariantPrice, AlterationPrice):
        found[child.__tablename__] = sorted(map(repr, (await transaction.execute(select(child.__table__))).all()))
    return found


# ---- making


async def test_new_product_has_all_that_is_given(database: RolledBackDatabase):
    async def prepared(transaction: Any) -> Any:
        await transaction.execute(insert(Brand).values(id=new_id(), slug="loom", name="Loom"))
        shelves = {await shelf(transaction, "babies"), await shelf(transaction, "rompers")}
        return shelves, await picture(transaction), await picture(transaction)

    shelves, front, back = await database.transact(prepared)
    key = await save(
        database,
        None,
        slug="linen-romper",
        name="  Linen   romper ",
        description="Soft.\n\n\n\nWashed.",
        care_instructions="Cold.",
        brand="loom",
        categories=["babies", "rompers", "babies"],
        audience=[Audience.BABY, Audience.WOMEN, Audience.BABY],
        custom_made=True,
        required_measurements=[MeasurementName.HIP, MeasurementName.CHEST],
        tax_category=TaxCategory.CHILDRENS_CLOTHING,
        alterations=[OfferDraft(AlterationKind.HEM, 5, [amount("18"), amount("16", EUR)])],
        media=[PictureDraft(back, " The back "), PictureDraft(front)],
        variants=[
            variant("LR-1", "19.90", "18.5", size="3M", color="Undyed", weight_grams=120, compare_at=[amount("25")]),
            variant("LR-2", "24", size="6M"),
        ],
    )
    assert isinstance(key, UUID)

    async def check(transaction: Any) -> None:
        found = await row(transaction, key)
        assert (found.name, found.description, found.version) == ("Linen romper", "Soft.\n\nWashed.", 1)
        assert found.audience == ["WOMEN", "BABY"]
        assert found.required_measurements == ["CHEST", "HIP"]
        assert (found.custom_made, found.tax_category, found.archived_at) == (True, "CHILDRENS_CLOTHING", None)
        first, second = await variants_of(transaction, key)
        assert (first.sku, first.size, first.color, first.weight_grams, first.on_hand) == (
            "LR-1",
            "3M",
            "Undyed",
            120,
            0,
        )
        assert (second.sku, second.size, second.color, second.position) == ("LR-2", "6M", None, 1)
        prices = await transaction.execute(select(VariantPrice.__table__).where(VariantPrice.variant_id == first.id))
        assert {(one.currency, one.price, one.compare_at) for one in prices} == {
            ("USD", 1990, 2500), ("EUR", 1850, None),
        }  # fmt: skip
        assert await ranges(transaction, key) == {"USD": (1990, 2400), "EUR": (1850, 1850)}
        kept = await transaction.execute(
            select(ProductMedia.__table__).where(ProductMedia.product_id == key).order_by(ProductMedia.position)
        )
        assert [(one.id, one.alt, one.unused_since) for one in kept] == [(back, "The back", None), (front, None, None)]
        on = await transaction.scalars(select(ProductCategory.category_id).where(ProductCategory.product_id == key))
        assert set(on) == shelves

    await database.transact(check)


WRONG: list[tuple[dict[str, Any], tuple[str, tuple[str, ...]]]] = [
    ({"slug": None}, ("REQUIRED", ("slug",))),
    ({"slug": ""}, ("REQUIRED", ("slug",))),
    ({"slug": "Romper"}, ("INVALID", ("slug",))),
    ({"slug": "a--b"}, ("INVALID", ("slug",))),
    ({"slug": "a\n"}, ("INVALID", ("slug",))),
    ({"slug": "a" * 101}, ("TOO_LONG", ("slug",))),
    ({"name": " "}, ("REQUIRED", ("name",))),
    ({"name": "4242 4242 4242 4242"}, ("CARD_NUMBER_REFUSED", ("name",))),
    ({"description": "d" * 10_001}, ("TOO_LONG", ("description",))),
    ({"care_instructions": "\u202e"}, ("INVALID", ("careInstructions",))),
    ({"variants": []}, ("REQUIRED", ("variants",))),
    ({"variants": [variant("A", weight_grams=0)]}, ("INVALID", ("variants", "0", "weightGrams"))),
    ({"variants": [variant("A"), variant("")]}, ("REQUIRED", ("variants", "1", "sku"))),
    ({"variants": [variant("-A")]}, ("INVALID", ("variants", "0", "sku"))),
    ({"variants": [variant("A" * 65)]}, ("TOO_LONG", ("variants", "0", "sku"))),
    ({"variants": [variant("A", size="s" * 41)]}, ("TOO_LONG", ("variants", "0", "size"))),
    ({"variants": [variant("A", "1.999")]}, ("INVALID", ("variants", "0", "prices", "0", "amount"))),
    ({"variants": [variant("A", "-1")]}, ("INVALID", ("variants", "0", "prices", "0", "amount"))),
    ({"variants": [variant("A", "1e20")]}, ("INVALID", ("variants", "0", "prices", "0", "amount"))),
    ({"variants": [variant("A"), variant("A")]}, ("TAKEN", ("variants", "1", "sku"))),
    ({"variants": [variant(f"A-{at}") for at in range(101)]}, ("LIMIT_REACHED", ("variants",))),
    (
        {"variants": [variant("A", compare_at=[amount("10.00")])]},
        ("INVALID", ("variants", "0", "compareAtPrices", "0")),
    ),
    (
        {"variants": [variant("A", compare_at=[amount("30", GBP)])]},
        ("INVALID", ("variants", "0", "compareAtPrices", "0")),
    ),
    (
        {"alterations": [OfferDraft(AlterationKind.MADE_TO_MEASURE, 5, [amount("1")])]},
        ("INVALID", ("alterations", "0", "kind")),
    ),
    ({"alterations": [OfferDraft(AlterationKind.HEM, -1, [amount("1")])]}, ("INVALID", ("alterations", "0", "days"))),
    ({"alterations": [OfferDraft(AlterationKind.HEM, 1, [])]}, ("REQUIRED", ("alterations", "0", "prices"))),
    (
        {"alterations": [OfferDraft(AlterationKind.HEM, 1, [amount("1")])] * 2},
        ("INVALID", ("alterations", "1", "kind")),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "refusal"), WRONG)
async def test_product_that_cannot_be_is_refused_and_not_made(
    database: RolledBackDatabase, changes: dict[str, Any], refusal: Any
):
    assert refusals(await save(database, None, **romper(**changes))) == [refusal]
    assert await database.transact(lambda t: count(t, Product)) == 0


async def test_price_in_the_first_currency_is_needed_and_one_of_each_is_enough(database: RolledBackDatabase):
    euros, twice = variant("A"), variant("B")
    draft = [type(euros)("A", [amount("1", EUR)]), type(twice)("B", [amount("1"), amount("2")])]
    assert refusals(await save(database, None, **romper(variants=draft))) == [
        ("REQUIRED", ("variants", "0", "prices")),
        ("INVALID", ("variants", "1", "prices", "1", "currencyCode")),
    ]


async def test_new_product_needs_slug_name_and_variants(database: RolledBackDatabase):
    assert refusals(await save(database, None)) == [
        ("REQUIRED", ("slug",)), ("REQUIRED", ("name",)), ("REQUIRED", ("variants",)),
    ]  # fmt: skip


# ---- what there is not


async def test_what_there_is_not_is_not_found_before_anything_else(database: RolledBackDatabase):
    async def prepared(transaction: Any) -> Any:
        other = await made(transaction, slug="other", variants=[variant("O-1")])
        return (await variants_of(transaction, other))[0].id, await picture(transaction, other)

    foreign_variant, foreign_picture = await database.transact(prepared)
    key = await database.transact(made)
    wrong: dict[str, Any] = {"slug": "Not One", "expected_version": 7}
    assert refusals(await save(database, NOBODY, brand="none", **wrong)) == [("NOT_FOUND", ("id",))]
    variants = [variant("R-1"), variant("X", id=foreign_variant), variant("Y", id=NOBODY), variant("Z", unknown=True)]
    media = [PictureDraft(foreign_picture), PictureDraft(NOBODY), PictureDraft(None)]
    assert refusals(
        await save(database, key, brand="none", categories=["none"], media=media, variants=variants, **wrong)
    ) == [
        ("NOT_FOUND", path)
        for path in (
            ("brand",), ("categories", "0"), ("media", "0", "id"), ("media", "1", "id"), ("media", "2", "id"),
            ("variants", "1", "id"), ("variants", "2", "id"), ("variants", "3", "id"),
        )
    ]  # fmt: skip


async def test_slug_and_sku_of_another_are_taken(database: RolledBackDatabase):
    await database.transact(lambda t: made(t, slug="other", variants=[variant("O-1")]))
    taken = romper(slug="other", variants=[variant("R-1"), variant("O-1")])
    assert refusals(await save(database, None, **taken)) == [("TAKEN", ("slug",)), ("TAKEN", ("variants", "1", "sku"))]


# ---- changing


async def test_change_leaves_what_is_not_given(database: RolledBackDatabase):
    key = await database.transact(lambda t: made(t, description="Soft.", audience=[Audience.BABY]))
    before = await database.transact(lambda t: everything(t, key))
    assert await save(database, key, name="Sleepsuit", expected_version=1) == key
    after = await database.transact(lambda t: everything(t, key))
    found = await database.transact(lambda t: row(t, key))
    assert (found.name, found.slug, found.description, found.audience) == ("Sleepsuit", "romper", "Soft.", ["BABY"])
    assert found.version == 2
    assert {name: rows for name, rows in after.items() if name != "product"} == {
        name: rows for name, rows in before.items() if name != "product"
    }


async def test_null_clears_and_defaults(database: RolledBackDatabase):
    key = await database.transact(
        lambda t: made(t, description="Soft.", audience=[Audience.BABY], tax_category=TaxCategory.CLOTHING)
    )
    cleared = ("description", "audience", "tax_category", "brand", "categories", "alterations", "media")
    assert await save(database, key, **dict.fromkeys(cleared)) == key
    found = await database.transact(lambda t: row(t, key))
    assert (found.description, found.audience, found.tax_category, found.brand_id) == (None, [], "STANDARD", None)
    assert refusals(await save(database, key, variants=None, name=None)) == [
        ("REQUIRED", ("name",)), ("REQUIRED", ("variants",)),
    ]  # fmt: skip


async def test_other_version_than_the_expected_one_is_a_conflict_and_nothing_is_written(database: RolledBackDatabase):
    key = await database.transact(made)
    before = await database.transact(lambda t: everything(t, key))
    assert refusals(await save(database, key, name="Other", expected_version=2)) == [
        ("VERSION_CONFLICT", ("expectedVersion",))
    ]
    assert await database.transact(lambda t: everything(t, key)) == before


async def test_what_is_so_already_is_no_change(database: RolledBackDatabase):
    key = await database.transact(made)
    with statements(database) as sent:
        assert await save(database, key, **romper()) == key
    assert [sql for sql in sent if not sql.startswith("SELECT")] == []
    assert (await database.transact(lambda t: row(t, key))).version == 1


async def test_given_variants_replace_the_old_and_those_left_out_are_archived(database: RolledBackDatabase):
    key = await database.transact(lambda t: made(t, variants=[variant("A"), variant("B", "30"), variant("C")]))
    a, b, c = [one.id for one in await database.transact(lambda t: variants_of(t, key))]
    new = [variant("D", "50", "45"), variant("C2", "10", id=c), variant("A")]
    assert await save(database, key, variants=new) == key
    found = await database.transact(lambda t: variants_of(t, key))
    assert [(one.sku, one.archived_at is None) for one in found] == [
        ("D", True), ("C2", True), ("A", True), ("B", False),
    ]  # fmt: skip
    assert [one.id for one in found][1:] == [c, a, b]
    assert await database.transact(lambda t: ranges(t, key)) == {"USD": (1000, 5000), "EUR": (4500, 4500)}
    assert await save(database, key, variants=[variant("B", "30"), variant("D", "50")]) == key
    found = await database.transact(lambda t: variants_of(t, key))
    assert [(one.id == b, one.sku, one.archived_at is None) for one in found[:2]] == [
        (True, "B", True),
        (False, "D", True),
    ]
    assert await database.transact(lambda t: ranges(t, key)) == {"USD": (3000, 5000)}


async def test_sku_of_a_variant_that_is_left_out_is_taken_still(database: RolledBackDatabase):
    key = await database.transact(lambda t: made(t, variants=[variant("A"), variant("B")]))
    a = (await database.transact(lambda t: variants_of(t, key)))[0].id
    outcome = await save(database, key, variants=[variant("B", id=a)])
    assert refusals(outcome) == [("TAKEN", ("variants", "0", "sku"))]
    named_twice = [variant("A", id=a), variant("C", id=a)]
    assert refusals(await save(database, key, variants=named_twice)) == [("INVALID", ("variants", "1", "id"))]


async def test_pictures_are_placed_taken_off_and_put_back(database: RolledBackDatabase):
    async def prepared(transaction: Any) -> Any:
        return await made(transaction), [await picture(transaction) for _ in range(3)]

    key, (one, two, three) = await database.transact(prepared)

    async def shown(transaction: Any) -> list[tuple[UUID, bool]]:
        found = await transaction.execute(select(ProductMedia.__table__).order_by(ProductMedia.position))
        return [(each.id, each.unused_since is None) for each in found if each.product_id == key]

    for order in ([one, two, three], [three, one], [two, three, one], []):
        assert await save(database, key, media=[PictureDraft(each) for each in order]) == key
        assert await database.transact(shown) == [(each, True) for each in order]
    rows = await database.transact(lambda t: t.execute(select(ProductMedia.unused_since)))
    assert all(since is not None for (since,) in rows)
    twice = [PictureDraft(one), PictureDraft(one)]
    assert refusals(await save(database, key, media=twice)) == [("INVALID", ("media", "1", "id"))]


async def test_save_takes_few_statements_however_many_variants_there_are(database: RolledBackDatabase):
    key = await database.transact(lambda t: made(t, variants=[variant(f"V-{at}") for at in range(60)]))
    with statements(database) as sent:
        await save(database, key, variants=[variant(f"V-{at}", "5.00") for at in range(60)])
    assert len(sent) <= 14


# ---- archiving


async def archive(database: Any, key: UUID, *, archived: bool = True, expected_version: int | None = None) -> Any:
    return await database.transact(
        lambda t: products.archive(t, key, archived=archived, expected_version=expected_version)
    )


async def test_product_is_archived_with_its_variants_and_comes_back_with_them(database: RolledBackDatabase):
    key = await database.transact(lambda t: made(t, variants=[variant("A"), variant("B"), variant("C", "90")]))
    await save(database, key, variants=[variant("A"), variant("B")])
    before = await database.transact(lambda t: ranges(t, key))
    assert await archive(database, key, expected_version=2) == key
    found = await database.transact(lambda t: row(t, key))
    variants = await database.transact(lambda t: variants_of(t, key))
    assert found.archived_at is not None
    assert [one.archived_at == found.archived_at for one in variants] == [True, True, False]
    assert all(one.archived_at is not None for one in variants)
    assert await database.transact(lambda t: ranges(t, key)) == before
    assert await archive(database, key) == key
    assert (await database.transact(lambda t: row(t, key))).version == 3
    assert await archive(database, key, archived=False) == key
    variants = await database.transact(lambda t: variants_of(t, key))
    assert [(one.sku, one.archived_at is None) for one in variants] == [("A", True), ("B", True), ("C", False)]
    assert await database.transact(lambda t: ranges(t, key)) == before


async def test_archived_product_is_edited_without_coming_back(database: RolledBackDatabase):
    key = await database.transact(lambda t: made(t, variants=[variant("A"), variant("B")]))
    await archive(database, key)
    assert await save(database, key, variants=[variant("B", "5"), variant("N", "7")]) == key
    found = await database.transact(lambda t: row(t, key))
    variants = await database.transact(lambda t: variants_of(t, key))
    assert [(one.sku, one.archived_at == found.archived_at) for one in variants] == [
        ("B", True),
        ("N", True),
        ("A", False),
    ]
    assert await database.transact(lambda t: ranges(t, key)) == {"USD": (500, 700)}


async def test_archiving_refuses_what_saving_does(database: RolledBackDatabase):
    assert refusals(await archive(database, NOBODY, expected_version=3)) == [("NOT_FOUND", ("id",))]
    key = await database.transact(made)
    assert refusals(await archive(database, key, expected_version=3)) == [("VERSION_CONFLICT", ("expectedVersion",))]
