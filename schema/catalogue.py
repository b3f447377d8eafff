"""The catalogue as the public reads it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Numeric, Text, case, cast, func, literal_column, select

from auth.permissions import ANYONE, staff
from models import catalogue as tables
from models.catalogue import (
    DEFAULT_CURRENCY,
    AlterationKind,
    Audience,
    CurrencyCode,
    MeasurementName,
    TaxCategory,
)
from reads.declare import Argument, Columns, Value, column, embed, entity, many, one, page, to, value
from schema.catalogue_filter import (
    PRODUCT_FACETS,
    PRODUCT_FILTER,
    PRODUCT_SORTS,
    ProductFacetKind,
    ProductSort,
    exists_stock,
)
from schema.common import Money, Node, PageInfo, embedded_money, money, word
from schema.review import REVIEW_SORTS, PublicReviewConnection, ReviewSort, published
from schema.stock import READERS as STOCK_READERS
from schema.stock import Stock

strawberry.enum(Audience)
strawberry.enum(TaxCategory, description="Some places tax clothes, or children's clothes, less.")

EDITORS = staff("catalogue:write")

MOST_SHOWN = 10
"""How many pieces of a variant the public learns about at most."""


def in_first_currency(price: Columns) -> ColumnElement[bool]:
    return price.currency == word(DEFAULT_CURRENCY)


def in_currency(prices: Any, owner: str) -> dict[str, Argument]:
    """The argument that chooses among the prices of one `owner`: the asked currency's where there is one, else the
    first's, which whoever writes prices takes care of.
    """

    def chosen(price: Columns, asked: ColumnElement[str]) -> ColumnElement[Any]:
        other = prices.__table__.alias()
        has = select(other.c[owner]).where(other.c[owner] == price[owner], other.c.currency == asked).exists()
        return price.currency == case((has, asked), else_=word(DEFAULT_CURRENCY))

    return {"currency_code": Argument(CurrencyCode | None, Text(), where=chosen, absent=in_first_currency)}


IN_CURRENCY = in_currency(tables.VariantPrice, "variant_id")


@entity(tables.Brand, prefix="brd", readers=ANYONE, visible=(to(ANYONE),))
class Brand(Node):
    """A maker of what the shop sells."""

    id: strawberry.ID
    slug: str
    name: str


@entity(tables.Category, prefix="cat", readers=ANYONE, visible=(to(ANYONE),))
class Category(Node):
    """A shelf of the shop, within another or at the top."""

    id: strawberry.ID
    slug: str
    name: str
    parent: "Category | None" = one(lambda category, parent: parent.id == category.parent_id)
    children: "list[Category]" = many(
        lambda category, child: child.parent_id == category.id, order=lambda child: (child.position, child.id)
    )


@entity(tables.ProductMedia, prefix="med", readers=ANYONE, visible=(to(EDITORS),))
class Media:
    """A picture; `alt` says what it shows."""

    id: strawberry.ID
    url: str
    alt: str | None
    width: int | None
    height: int | None


@value(readers=ANYONE)
class PriceRange:
    """The least and the greatest price among a product's variants."""

    minimum: Money
    maximum: Money


@value(readers=ANYONE)
class RatingSummary:
    """Over the published reviews; `histogram` has five counts, of one star to five."""

    average: Decimal | None
    count: int
    histogram: list[int]
    verified_share: Decimal | None


@entity(tables.AlterationService, readers=ANYONE)
class AlterationService:
    """A change the shop's tailor makes; `days` is how long it takes."""

    kind: AlterationKind
    price: Money = one(
        lambda service, price: price.service_id == service.id,
        model=tables.AlterationPrice,
        fields=money("price"),
        when=in_first_currency,
    )
    days: int


def pieces_shown(variant: Columns) -> ColumnElement[Any]:
    shown = func.least(variant.on_hand, literal_column(str(MOST_SHOWN)))
    return case((variant.archived_at.is_(None), shown), else_=literal_column("0"))


@entity(tables.Variant, prefix="var", readers=ANYONE, visible=(to(ANYONE),))
class Variant(Node):
    """What is bought: a product in a size and a colour. `price` is in the currency asked for where the variant has one,
    else in the shop's first. `quantityAvailable` goes up to ten and no further; what is archived is sold no more.
    """

    id: strawberry.ID
    sku: str
    size: str | None
    color: str | None
    price: Money = one(
        lambda variant, price: price.variant_id == variant.id,
        model=tables.VariantPrice,
        fields=money("price"),
        arguments=IN_CURRENCY,
    )
    compare_at_price: Money | None = one(
        lambda variant, price: price.variant_id == variant.id,
        model=tables.VariantPrice,
        fields=money("compare_at"),
        arguments=IN_CURRENCY,
        when=lambda price: price.compare_at.is_not(None),
    )
    prices: list[Money] = many(
        lambda variant, price: price.variant_id == variant.id,
        model=tables.VariantPrice,
        fields=money("price"),
        order=lambda price: (price.currency,),
    )
    available: bool = column(
        lambda variant: (variant.on_hand > literal_column("0")) & variant.archived_at.is_(None), nullable=False
    )
    quantity_available: int = column(pieces_shown, nullable=False)
    archived: bool = column(lambda variant: variant.archived_at.is_not(None), nullable=False)
    weight_grams: int | None
    stock: Stock | None = one(lambda variant, stock: stock.id == variant.id, readers=STOCK_READERS)
    product: "Product" = one(lambda variant, product: product.id == variant.product_id)


def average(product: Columns) -> ColumnElement[Any]:
    mean = cast(product.rating_sum, Numeric) / func.nullif(product.rating_count, literal_column("0"))
    return func.round(mean, literal_column("2"))


def verified_share(product: Columns) -> ColumnElement[Any]:
    share = cast(product.rating_verified, Numeric) / func.nullif(product.rating_count, literal_column("0"))
    return func.round(share, literal_column("4"))


@entity(tables.Product, prefix="prd", readers=ANYONE, visible=(to(ANYONE),))
class Product(Node):
    """What the shop offers, in variants. Prices are in the currency asked for, else in the shop's first. What is
    archived is in no list and on sale no more; old links and orders still reach it.
    """

    id: strawberry.ID
    version: int
    slug: str
    name: str
    description: str | None
    brand: Brand | None = one(lambda product, brand: brand.id == product.brand_id)
    categories: list[Category] = many(
        lambda product, category: category.id.in_(
            select(tables.ProductCategory.category_id)
            .where(tables.ProductCategory.product_id == product.id)
            .correlate_except(tables.ProductCategory)
        ),
        order=lambda category: (category.position, category.id),
    )
    care_instructions: str | None
    audience: list[Audience]
    custom_made: bool
    required_measurements: list[MeasurementName]
    tax_category: TaxCategory
    archived: bool = column(lambda product: product.archived_at.is_not(None), nullable=False)
    alterations: list[AlterationService] = many(
        lambda product, service: service.product_id == product.id, order=lambda service: (service.kind,)
    )
    media: list[Media] = many(
        lambda product, media: media.product_id == product.id, order=lambda media: (media.position,)
    )
    variants: list[Variant] = many(
        lambda product, variant: variant.product_id == product.id,
        order=lambda variant: (variant.position,),
        when=lambda variant: variant.archived_at.is_(None),
    )
    price_range: PriceRange = one(
        lambda product, price: price.product_id == product.id,
        model=tables.ProductPrice,
        fields={"minimum": embedded_money("minimum"), "maximum": embedded_money("maximum")},
        arguments=in_currency(tables.ProductPrice, "product_id"),
    )
    available: bool = column(exists_stock, nullable=False)
    rating: RatingSummary = embed(
        average=Value(average, True),
        count=lambda product: product.rating_count,
        histogram=lambda product: product.rating_histogram,
        verified_share=Value(verified_share, True),
    )
    reviews: PublicReviewConnection = page(
        lambda product, review: review.product_id == product.id,
        when=published,
        sorts=REVIEW_SORTS,
        sort=ReviewSort.NEWEST,
    )
    created_at: datetime


@value(readers=ANYONE)
class ProductFacetValue:
    """`value` is what ProductFilter takes, `label` what a person reads."""

    value: str
    label: str
    count: int


@value(readers=ANYONE)
class ProductFacet:
    kind: ProductFacetKind
    values: list[ProductFacetValue]


@value(readers=ANYONE)
class ProductEdge:
    cursor: str
    node: Product


@value(readers=ANYONE)
class ProductConnection:
    """`totalCount` and `facets` are counted only where asked for, up to 10000."""

    edges: list[ProductEdge]
    page_info: PageInfo
    total_count: int
    facets: list[ProductFacet]


PRODUCTS = page(
    when=lambda product: product.archived_at.is_(None),
    sorts=PRODUCT_SORTS,
    sort=ProductSort.FEATURED,
    filter=PRODUCT_FILTER,
    facets=PRODUCT_FACETS,
    readers=ANYONE,
)
