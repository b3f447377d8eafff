"""Looking at what there is, without an account."""

from collections.abc import Sequence
from decimal import Decimal

from layette_client import LayetteClient
from layette_client.browse import BrowseProducts
from layette_client.counts import CountsProducts
from layette_client.enums import Audience, CurrencyCode, ProductFacetKind, ProductSort
from layette_client.fragments import ProductCard
from layette_client.input_types import ProductFilter
from layette_client.things import ThingsNodesCategory, ThingsNodesProduct

from tests.clients.journeys.visitor import answered_with

PAGE = 30


async def enter(api: LayetteClient) -> None:
    """What a shop window needs: the name, the currencies, the shelves."""
    shop = (await api.shop()).shop
    assert shop.name == "Layette"
    assert CurrencyCode.GBP in shop.currencies
    assert "GB" in shop.ships_to
    shelves = await api.shelves()
    knitwear = next(shelf for shelf in shelves.categories if shelf.slug == "baby-knitwear")
    assert knitwear.parent is not None
    assert knitwear.parent.slug == "baby"
    baby = next(shelf for shelf in shelves.categories if shelf.slug == "baby")
    assert knitwear.slug in {child.slug for child in baby.children}
    assert len({brand.slug for brand in shelves.brands}) == len(shelves.brands) > 1


async def turn_pages(api: LayetteClient) -> None:
    """Through the whole list forwards and backwards, cheapest first: the same products, each once."""
    forwards = await _forwards(api)
    total = (await api.counts()).products.total_count
    assert len({each.id for each in forwards}) == len(forwards) == total > PAGE
    prices = [each.price_range.minimum.amount for each in forwards]
    assert prices == sorted(prices)
    assert {each.price_range.minimum.currency_code for each in forwards} == {CurrencyCode.EUR}
    assert await _backwards(api) == forwards


async def _forwards(api: LayetteClient) -> list[ProductCard]:
    found: list[ProductCard] = []
    after: str | None = None
    while True:
        page = await _cheapest(api, first=PAGE, after=after)
        assert page.page_info.has_previous_page == (after is not None)
        found += [edge.node for edge in page.edges]
        after = page.page_info.end_cursor
        if not page.page_info.has_next_page:
            return found


async def _backwards(api: LayetteClient) -> list[ProductCard]:
    found: list[ProductCard] = []
    before: str | None = None
    while True:
        page = await _cheapest(api, last=PAGE, before=before)
        assert page.page_info.has_next_page == (before is not None)
        found = [edge.node for edge in page.edges] + found
        before = page.page_info.start_cursor
        if not page.page_info.has_previous_page:
            return found


async def _cheapest(
    api: LayetteClient,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> BrowseProducts:
    price = ProductFilter(currencyCode=CurrencyCode.EUR)
    answer = await api.browse(
        first=first,
        after=after,
        last=last,
        before=before,
        filter_=price,
        sort=ProductSort.PRICE_ASCENDING,
        currency_code=CurrencyCode.EUR,
    )
    return answer.products


async def narrow_down(api: LayetteClient) -> None:
    """By filters, and by what their counts promise."""
    wanted = ProductFilter(
        audience=Audience.BABY, maxPrice=Decimal("60.00"), currencyCode=CurrencyCode.GBP, available=True
    )
    page = (await api.browse(first=100, filter_=wanted, currency_code=CurrencyCode.GBP)).products
    assert page.edges
    for edge in page.edges:
        assert Audience.BABY in edge.node.audience
        assert edge.node.price_range.minimum.amount <= Decimal("60.00")
        assert edge.node.available
    counts = (await api.counts(filter_=wanted)).products
    assert counts.total_count == len(page.edges)
    brands = _facet(counts, ProductFacetKind.BRAND)
    assert sum(brands.values()) == counts.total_count
    for slug, count in list(brands.items())[:2]:
        of_brand = wanted.model_copy(update={"brand": slug})
        assert (await api.counts(filter_=of_brand)).products.total_count == count
    assert Audience.GIRLS in _facet(counts, ProductFacetKind.AUDIENCE), "a facet does not narrow itself down"


def _facet(counts: CountsProducts, kind: ProductFacetKind) -> dict[str, int]:
    facet = next(facet for facet in counts.facets if facet.kind == kind)
    return {value.value: value.count for value in facet.values}


async def search(api: LayetteClient) -> None:
    """By words, one of them mistyped, or written without its accent; another word that begins alike is not meant."""
    for words, name in (
        ("merino cardigan", "Feather Merino Cardigan"),
        ("merino cardgan", "Feather Merino Cardigan"),
        ("hooded jaket", "Hedgehog Hooded Jacket"),
        ("celeste", "Céleste Occasion Dress"),
        ("robe", "Still Hours Robe"),
    ):
        assert (await _found(api, words))[0].name == name, words
    assert {"Stargazer Pyjamas", "Dove Flannel Pyjamas"} <= {each.name for each in await _found(api, "pyjmas")}
    assert "Robin Fair Isle Cardigan" not in {each.name for each in await _found(api, "robe")}
    assert not await _found(api, "xylophone zeppelin")


async def _found(api: LayetteClient, words: str) -> Sequence[ProductCard]:
    answer = await api.browse(first=10, filter_=ProductFilter(search=words), sort=ProductSort.RELEVANCE)
    return [edge.node for edge in answer.products.edges]


async def look_at_one(api: LayetteClient) -> None:
    """Everything a product's page shows, and finding it by its id."""
    product = (await api.product_page("feather-merino-cardigan", currency_code=CurrencyCode.GBP)).product
    assert product is not None
    prices = [variant.price.amount for variant in product.variants]
    assert len(prices) > 1
    assert product.price_range.minimum.amount == min(prices)
    assert product.price_range.maximum.amount == max(prices)
    assert product.available == any(variant.available for variant in product.variants)
    assert product.rating.count >= len(product.reviews.edges) > 0
    shelf = product.categories[0]
    found = (await api.things([product.id, shelf.id, "prd_" + "0" * 32])).nodes
    assert isinstance(found[0], ThingsNodesProduct)
    assert found[0].name == product.name
    assert isinstance(found[1], ThingsNodesCategory)
    assert found[1].slug == shelf.slug
    assert found[2] is None


async def look_through_shelves(api: LayetteClient) -> None:
    """A product says that it is on the shelves where it is found, and on no other."""
    product = (await api.product_page("feather-merino-cardigan")).product
    assert product is not None
    found_on: set[str] = set()
    for shelf in (await api.shelves()).categories:
        on_it = (await api.browse(first=100, filter_=ProductFilter(category=shelf.slug))).products
        if not shelf.children and any(edge.node.id == product.id for edge in on_it.edges):
            found_on.add(shelf.slug)
    assert {shelf.slug for shelf in product.categories} == found_on


async def ask_too_much(api: LayetteClient) -> None:
    """What is wrong is told with a code."""
    assert (await api.product_page("no-such-thing")).product is None
    with answered_with("BAD_USER_INPUT"):
        await api.browse(first=1_000_000)
    with answered_with("BAD_USER_INPUT"):
        await api.browse()
