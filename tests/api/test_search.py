"""Searching the catalogue through HTTP: what is found by which words, and in which order."""

from collections.abc import AsyncGenerator
from itertools import chain
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncConnection

from app.embedded import Services
from app.settings import Settings
from commerce import brand as brands
from commerce import category as categories
from models.catalogue import Audience
from models.database import Database
from tests.support.goods import made, variant
from tests.support.shop import Shop, copied_shop

SORTS = ("FEATURED", "NEWEST", "PRICE_ASCENDING", "PRICE_DESCENDING", "RATING", "RELEVANCE")
FOUND = """query ($filter: ProductFilter, $sort: ProductSort = RELEVANCE) {
  products(first: 100, filter: $filter, sort: $sort) { totalCount edges { node { slug } } } }"""
COUNTS = """query ($filter: ProductFilter) { products(first: 1, filter: $filter) {
  totalCount facets { kind values { value count } } } }"""
FORWARD = """query ($filter: ProductFilter, $sort: ProductSort!, $at: String) { products(
  first: 2, after: $at, filter: $filter, sort: $sort) {
    edges { node { slug } } pageInfo { more: hasNextPage at: endCursor } } }"""
BACKWARD = """query ($filter: ProductFilter, $sort: ProductSort!, $at: String) { products(
  last: 2, before: $at, filter: $filter, sort: $sort) {
    edges { node { slug } } pageInfo { more: hasPreviousPage at: startCursor } } }"""

# By slug: name, brand, category, audience, description.
GOODS: dict[str, tuple[str, str | None, str | None, list[Audience], str]] = {
    "jumper": ("Clover Cotton Jumper", "plumbell", "knitwear", [Audience.GIRLS], "Knitted from organic yarn."),
    "romper": ("Sailor Romper", "plumbell", "rompers", [Audience.BABY], "Organic cotton, with buttons."),
    "blanket": ("Cloud Blanket", "otterby", "nursery", [], "For the cot; soft as a dressing gown."),
    "sleepsuit": ("Meadow Sleepsuit", None, None, [Audience.BABY], "With feet."),
    "gingham": ("Picnic Gingham Dress", "celeste", "girls-dresses", [Audience.GIRLS], "For the garden."),
    "pinafore": ("Bluebell Pinafore", "celeste", "girls-dresses", [Audience.GIRLS], "Wool, and no merino."),
    "tunic": ("Harbour Linen Tunic", "celeste", None, [Audience.WOMEN], "With pockets."),
    "shirt": ("Chapel Linen Shirt", "otterby", None, [Audience.BOYS], "With a collar."),
    "gown": ("Linnet Christening Gown", "otterby", None, [Audience.BABY], "For one day; silk."),
    "cardigan": ("Feather Wool Cardigan", "plumbell", "knitwear", [Audience.WOMEN], "Lambswool and linen."),
    "coat": ("Field Duffle Coat", None, None, [Audience.BOYS], "With toggles."),
    "boat": ("Wooden Boat", None, "nursery", [], "It floats."),
}
BRANDS = {"plumbell": "Plumbell", "otterby": "Otterby", "celeste": "Céleste"}
SHELVES = {"nursery": ("Baby", None), "rompers": ("All-in-ones", "nursery"), "knitwear": ("Knitwear", None),
           "girls-dresses": ("Dresses", None)}  # fmt: skip


async def fill(transaction: AsyncConnection) -> None:
    for slug, name in BRANDS.items():
        await brands.save(transaction, None, slug, name)
    for slug, (name, parent) in SHELVES.items():
        await categories.save(transaction, None, {"slug": slug, "name": name, "parent": parent})
    for at, (slug, (name, brand, shelf, audience, description)) in enumerate(GOODS.items()):
        await made(
            transaction, slug=slug, name=name, brand=brand, categories=[shelf] if shelf else [], audience=audience,
            description=description, variants=[variant(f"S-{at}", f"{20 + at % 4}.00", size="S")],
        )  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(settings: Settings, template: str, running: Services) -> AsyncGenerator[Shop]:
    async with copied_shop(settings, template, running) as shop:
        await shop.database.transact(fill)
        yield shop


async def found(shop: Shop, search: str, **others: Any) -> list[str]:
    """The slugs, the most relevant first."""
    page = (await shop.ask(FOUND, filter={"search": search} | others))["data"]["products"]
    slugs = [edge["node"]["slug"] for edge in page["edges"]]
    assert page["totalCount"] == len(slugs)
    return slugs


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("cotton", {"jumper", "romper"}),
        ("organic cotton", {"jumper", "romper"}),
        ("organic knitted cotton", {"jumper"}),
        ("cotton linen", set()),
        ("knit blankets", set()),
        ("JUMPERS", {"jumper"}),
    ],
)
async def test_every_word_has_to_be_found_in_some_form(shop: Shop, search: str, expected: set[str]):
    assert set(await found(shop, search)) == expected


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("organic coton", {"jumper", "romper"}),
        ("rompr baby", {"romper"}),
        ("babby rompr", {"romper"}),
        ("linnen for women", {"tunic", "cardigan"}),
        ("linnen and wool", {"cardigan"}),
        ("linnen", {"tunic", "shirt", "cardigan"}),
        ("drss", {"gingham", "pinafore", "blanket"}),
        ("shrt", {"shirt"}),
        ("shrit", {"shirt"}),
        ("shirtt", {"shirt"}),
        ("sbirt", {"shirt"}),
        ("xhirt", {"shirt"}),
        ("plumbel jumper", {"jumper"}),
        ("cardi", {"cardigan"}),
        ("christning gown", {"gown"}),
        ("linen xylophone", set()),
        ("xylophone zeppelin", set()),
    ],
)
async def test_word_that_no_product_has_is_taken_for_the_one_most_like_it(shop: Shop, search: str, expected: set[str]):
    assert set(await found(shop, search)) == expected


async def test_known_word_means_itself(shop: Shop):
    assert await found(shop, "coat") == ["coat"]
    assert await found(shop, "boat") == ["boat"]


async def test_short_words_are_not_taken_for_others(shop: Shop):
    assert await found(shop, "cat") == []


async def test_words_of_brand_category_and_audience_count(shop: Shop):
    assert set(await found(shop, "baby")) == {"romper", "blanket", "sleepsuit", "gown", "boat"}
    assert set(await found(shop, "girls dress")) == {"gingham", "pinafore"}
    assert set(await found(shop, "knitwear women")) == {"cardigan"}
    assert set(await found(shop, "otterby")) == {"blanket", "shirt", "gown"}
    assert set(await found(shop, "womens linen")) == {"tunic", "cardigan"}


async def test_accents_make_no_difference(shop: Shop):
    for search in ("celeste", "Céleste", "Ce\u0301leste", "CELESTE", "celestte", "célèste"):
        assert set(await found(shop, search)) == {"gingham", "pinafore", "tunic"}, search


async def test_excluded_word_is_in_nothing_that_is_found(shop: Shop):
    assert set(await found(shop, "-dress")) == set(GOODS) - {"gingham", "pinafore", "blanket"}
    assert await found(shop, "wool -merino") == ["cardigan"]
    assert set(await found(shop, "linnen -tunic -shirt")) == {"cardigan"}
    assert await found(shop, "coat -coat") == []
    assert set(await found(shop, 'linen -"chapel linen"')) == {"tunic", "cardigan"}
    assert set(await found(shop, "-drss")) == set(GOODS), "what is excluded is not taken for another word"


async def test_phrase_is_found_as_it_is(shop: Shop):
    assert await found(shop, '"organic cotton"') == ["romper"]
    assert await found(shop, '"cotton organic"') == []
    assert await found(shop, '"organic coton"') == []
    assert await found(shop, 'sailor "organic cotton"') == ["romper"]
    assert await found(shop, '"organic cotton') == ["romper"]


@pytest.mark.parametrize(
    "search", ["", " ", " \t\n\u3000", "-", "--", '"', '""', "!?…", "- -", "the", "for and the", "\U0001f457"]
)
async def test_search_that_says_nothing_is_as_if_it_were_not_given(shop: Shop, search: str):
    assert set(await found(shop, search)) == set(GOODS)
    assert set(await found(shop, search, audience="WOMEN")) == {"tunic", "cardigan"}
    literal = f"{{ products(first: 1, filter: {{search: {quoted(search)}}}, sort: RELEVANCE) {{ totalCount }} }}"
    assert (await shop.ask(literal))["data"]["products"]["totalCount"] == len(GOODS)


def quoted(text: str) -> str:
    """As a string in a document."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@pytest.mark.parametrize("type_", ["String", "String!"])
async def test_blank_search_is_no_plan_for_a_word(shop: Shop, type_: str):
    page = "products(first: 1, filter: {search: $search}, sort: RELEVANCE) { totalCount }"
    counts = [
        (await shop.ask(f"query ($search: {type_}) {{ {page} }}", search=search))["data"]["products"]["totalCount"]
        for search in ("", "coat", " ", "boat", "")
    ]
    assert counts == [len(GOODS), 1, len(GOODS), 1, len(GOODS)]


@pytest.mark.parametrize(
    "search",
    ["'", "\\", "a:*", "!", "&|!()<->", "'; DROP TABLE product; --", "%_", "{}", "dress\\'", "x" * 200, "ab " * 66,
     "linen:A", "\u202ecoat", "\ufeff", "çà " * 60, "shirtx " * 28, '"' * 200, "-" * 200],
)  # fmt: skip
async def test_absurd_search_is_answered(shop: Shop, search: str):
    for sort in ("FEATURED", "RELEVANCE"):
        answer = await shop.ask(FOUND, filter={"search": search}, sort=sort)
        assert "errors" not in answer
        assert answer["data"]["products"]["totalCount"] <= len(GOODS)


async def test_search_that_is_too_long_is_refused(shop: Shop):
    for search in ("x" * 201, "coat " * 2000):
        (error,) = (await shop.ask(FOUND, filter={"search": search}))["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_most_relevant_comes_first(shop: Shop):
    assert await found(shop, "cotton") == ["jumper", "romper"], "name before description"
    for search in ("linen", "linnen"):
        assert set((await found(shop, search))[:2]) == {"tunic", "shirt"}, search
        assert (await found(shop, search))[2:] == ["cardigan"], search
    assert (await found(shop, "girls dress")) == ["gingham", "pinafore"], "name before category"
    assert (await found(shop, "dress"))[-1] == "blanket"


async def test_likeness_to_what_is_excluded_makes_nothing_relevant(shop: Shop):
    assert await found(shop, "-rompers") == await found(shop, "-sailor")


async def test_search_goes_with_other_filters(shop: Shop):
    assert await found(shop, "linnen", audience="BOYS") == ["shirt"]
    assert await found(shop, "cotton", category="nursery") == ["romper"]
    assert await found(shop, "wool", brand="celeste") == ["pinafore"]
    assert await found(shop, "cotton", minPrice="21.00") == ["romper"]
    assert await found(shop, "cotton", available=True) == []
    assert set(await found(shop, "cotton", size="S")) == {"jumper", "romper"}


async def test_facets_count_what_is_found(shop: Shop):
    page = (await shop.ask(COUNTS, filter={"search": "linnen -tunic"}))["data"]["products"]
    facets = {one["kind"]: {each["value"]: each["count"] for each in one["values"]} for one in page["facets"]}
    assert page["totalCount"] == 2
    assert facets == {
        "CATEGORY": {"knitwear": 1}, "BRAND": {"otterby": 1, "plumbell": 1}, "SIZE": {"S": 2},
        "AUDIENCE": {"BOYS": 1, "WOMEN": 1}, "AVAILABLE": {"false": 2},
    }  # fmt: skip


async def walked(shop: Shop, query: str, search: str, sort: str) -> list[list[str]]:
    """The pages, in the order in which they are turned."""
    pages, at, more = [], None, True
    while more:
        page = (await shop.ask(query, filter={"search": search}, sort=sort, at=at))["data"]["products"]
        pages.append([edge["node"]["slug"] for edge in page["edges"]])
        at, more = page["pageInfo"]["at"], page["pageInfo"]["more"]
    return pages


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("search", ["babby", "-dress", "", "baby for the"])
async def test_what_is_found_is_paged_both_ways_under_every_sort(shop: Shop, search: str, sort: str):
    whole = (await shop.ask(FOUND, filter={"search": search}, sort=sort))["data"]["products"]["edges"]
    expected = [edge["node"]["slug"] for edge in whole]
    assert len(expected) > 4
    assert list(chain(*await walked(shop, FORWARD, search, sort))) == expected
    assert list(chain(*reversed(await walked(shop, BACKWARD, search, sort)))) == expected


async def test_both_ways_of_executing_are_given_the_same_search(shop: Shop):
    """Beside a field that no statement can compute (`__schema`) the same page is read by the other way."""
    beside = FOUND.replace("{\n", "{ __schema { queryType { name } }\n", 1)
    for search in ("linnen for women", "-dress", "", "celestte", '"organic cotton"'):
        answers = [(await shop.ask(query, filter={"search": search}))["data"]["products"] for query in (FOUND, beside)]
        assert answers[0] == answers[1], search


# ---- what is found follows what is written


@pytest_asyncio.fixture(loop_scope="session")
async def own_shop(settings: Settings, template: str, running: Services) -> AsyncGenerator[Shop]:
    async with copied_shop(settings, template, running) as shop:
        await shop.database.transact(fill)
        yield shop


async def keys(database: Database, table: str) -> dict[str, Any]:
    async with database.reading() as connection:
        return {row["slug"]: row["id"] for row in await connection.fetch(f"SELECT id, slug FROM {table}")}


async def test_products_of_a_renamed_brand_are_found_by_its_new_name(own_shop: Shop):
    key = (await keys(own_shop.database, "brand"))["otterby"]
    await own_shop.database.transact(lambda t: brands.save(t, key, "otterby", "Badgerly"))
    assert await found(own_shop, "otterby") == []
    assert set(await found(own_shop, "badgerley")) == {"blanket", "shirt", "gown"}


async def test_products_of_a_renamed_or_moved_category_are_found_by_where_they_are(own_shop: Shop):
    database = own_shop.database
    shelves = await keys(database, "category")
    await database.transact(lambda t: categories.save(t, shelves["nursery"], {"slug": "nursery", "name": "Playroom"}))
    assert set(await found(own_shop, "playroom")) == {"romper", "blanket", "boat"}
    assert set(await found(own_shop, "baby")) == {"romper", "sleepsuit", "gown"}, "by their audience"
    moved = {"slug": "rompers", "name": "All-in-ones", "parent": "knitwear"}
    await database.transact(lambda t: categories.save(t, shelves["rompers"], moved))
    assert set(await found(own_shop, "playroom")) == {"blanket", "boat"}
    assert set(await found(own_shop, "knitwear")) == {"romper", "jumper", "cardigan"}
