"""A catalogue with everything that may be null, empty, equal, awkward or missing."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

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
    ProductPrice,
    TaxCategory,
    Variant,
    VariantPrice,
)
from models.classification import Channel
from models.review import Review, ReviewStatus
from models.stock import StockEntry, StockEntryKind
from tests.support.planting import AWKWARD, NOON, Planting

PRODUCTS = 48
SIZES = ("S", "M", "L", '4" \\ wide', "\u2028", "\U0001f457")
WORDS = ("Linen", "Romper", "Nursing", "Dress", "Cardigan", "Wool")


@dataclass
class Catalogue:
    """What was planted. Products by whether the public sees them; all variants, published and other reviews."""

    brands: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    products: dict[UUID, str] = field(default_factory=dict)
    archived: dict[UUID, str] = field(default_factory=dict)
    variants: list[UUID] = field(default_factory=list)
    reviews: list[UUID] = field(default_factory=list)
    unpublished: list[UUID] = field(default_factory=list)
    priceless: list[UUID] = field(default_factory=list)


def plant_catalogue(planting: Planting) -> Catalogue:
    """Brands, shelves three deep, and products. One is archived in eight, and two lack what the schema promises."""
    made = Catalogue()
    brands = [_brand(planting, made, number) for number in range(5)]
    shelves = _shelves(planting, made)
    for number in range(PRODUCTS):
        _product(planting, made, number, planting.random.choice([None, *brands]), shelves)
    return made


def _brand(planting: Planting, made: Catalogue, number: int) -> UUID:
    made.brands.append(f"brand-{number}")
    return planting.add(Brand, slug=f"brand-{number}", name=AWKWARD[number * 3])


def _shelves(planting: Planting, made: Catalogue) -> list[UUID]:
    keys: list[UUID] = []
    for number, parent in enumerate((None, 0, 0, 1, 3, None, None)):
        made.categories.append(f"shelf-{number}")
        keys.append(
            planting.add(
                Category,
                slug=f"shelf-{number}",
                name=planting.text(),
                parent_id=None if parent is None else keys[parent],
                position=number % 2,
            )
        )
    return keys[:-1]  # the last one stays empty


def _product(planting: Planting, made: Catalogue, number: int, brand: UUID | None, shelves: list[UUID]) -> None:
    random = planting.random
    slug, archived, bare = f"product-{number}", number % 8 == 7, number in {PRODUCTS - 2, PRODUCTS - 4}
    ratings = [random.choice((1, 3, 5, 5)) for _ in range(0 if bare else random.choice((0, 0, 1, 4, 9)))]
    key = planting.add(
        Product,
        slug=slug,
        name=f"{random.choice(WORDS)} {random.choice(WORDS)} {planting.text()[:200]}",
        description=planting.maybe(planting.text()),
        care_instructions=planting.maybe(planting.text()),
        brand_id=brand,
        audience=random.sample([one.value for one in Audience], random.randrange(4)),
        custom_made=random.random() < 0.3,
        required_measurements=random.sample([one.value for one in MeasurementName], random.randrange(3)),
        tax_category=random.choice(list(TaxCategory)).value,
        featured_rank=10**6 + 1 if bare else random.choice((1, 2, 3, 10**6)),
        created_at=planting.moment(),
        archived_at=NOON if archived else None,
        rating_count=len(ratings),
        rating_sum=sum(ratings),
        rating_verified=random.randint(0, len(ratings)),
        rating_histogram=[ratings.count(stars) for stars in range(1, 6)],
    )
    (made.archived if archived else made.products)[key] = slug
    for shelf in random.sample(shelves, random.randrange(3)):
        planting.add(ProductCategory, product_id=key, category_id=shelf)
    for position in range(random.randrange(3)):
        _media(planting, key, position)
    for kind in random.sample(list(AlterationKind), random.randrange(3)):
        _alteration(planting, key, kind)
    for rating in ratings:
        _review(planting, made, key, rating, ReviewStatus.PUBLISHED)
    for status in random.sample([one for one in ReviewStatus if one is not ReviewStatus.PUBLISHED], 2):
        _review(planting, made, key, 1, status)
    if bare:
        made.priceless.append(key)
    else:
        _variants(planting, made, key, number, archived=archived)


def _media(planting: Planting, product: UUID, position: int) -> None:
    planting.add(
        ProductMedia,
        product_id=product,
        position=position,
        url=f"https://cdn.shop.test/{position}?a=1&b='\"\\",
        alt=planting.maybe(planting.text()),
        width=planting.maybe(640),
        height=planting.maybe(2**31 - 1),
    )


def _alteration(planting: Planting, product: UUID, kind: AlterationKind) -> None:
    service = planting.add(AlterationService, product_id=product, kind=kind.value, days=planting.random.randrange(9))
    for currency in (CurrencyCode.USD, CurrencyCode.GBP):
        planting.add(AlterationPrice, service_id=service, currency=currency.value, price=planting.random.randrange(999))


def _variants(planting: Planting, made: Catalogue, product: UUID, number: int, *, archived: bool) -> None:
    """Up to four, all in dollars and some in other currencies; on hand none, some, or more than is told.

    Some were given up before, the last ones of their product.
    """
    random = planting.random
    prices: dict[str, list[int]] = {}
    on_sale = random.randint(1, 4)
    for position in range(on_sale + random.choice((0, 0, 1))):
        gone = NOON if archived else None
        key = planting.add(
            Variant,
            product_id=product,
            position=position,
            sku=f"SKU-{number}.{position}",
            size=planting.maybe(random.choice(SIZES)),
            color=planting.maybe(planting.text()),
            weight_grams=planting.maybe(random.randint(1, 9999)),
            archived_at=gone if position < on_sale else NOON - timedelta(days=9),
            on_hand=0 if number % 5 == 0 else random.choice((0, 1, 10, 11, 4000)),
        )
        made.variants.append(key)
        others = random.sample(list(CurrencyCode)[1:], random.choice((0, 0, 1, 3)))
        for currency in (CurrencyCode.USD, *others):
            price = random.choice((0, 5, 1999, 1999, 250_000, 10**13))
            compare_at = planting.maybe(price + random.choice((0, 500)))
            planting.add(VariantPrice, variant_id=key, currency=currency.value, price=price, compare_at=compare_at)
            if position < on_sale:
                prices.setdefault(currency.value, []).append(price)
        _ledger(planting, key)
    for currency, found in prices.items():
        planting.add(ProductPrice, product_id=product, currency=currency, minimum=min(found), maximum=max(found))


def _ledger(planting: Planting, variant: UUID) -> None:
    for at in range(planting.random.randrange(4)):
        planting.add(
            StockEntry,
            variant_id=variant,
            at=NOON - timedelta(hours=at % 2),
            change=planting.random.choice((-1, 3)),
            balance=planting.random.randrange(9),
            kind=planting.random.choice(list(StockEntryKind)).value,
            note=planting.maybe(planting.text()),
        )


def _review(planting: Planting, made: Catalogue, product: UUID, rating: int, status: ReviewStatus) -> None:
    published = status is ReviewStatus.PUBLISHED
    values: dict[str, Any] = {"title": planting.maybe(planting.text()), "body": planting.maybe(planting.text())}
    key = planting.add(
        Review,
        product_id=product,
        channel=Channel.WEB.value,
        created_at=NOON,
        status=status.value,
        published_at=planting.moment() if published else None,
        rating=rating,
        verified_purchase=planting.random.random() < 0.5,
        incentivised=planting.random.random() < 0.2,
        helpful_count=planting.random.choice((0, 0, 3, 2**31 - 1)),
        **values,
    )
    (made.reviews if published else made.unpublished).append(key)
