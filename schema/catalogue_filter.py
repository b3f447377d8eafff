"""How the catalogue is filtered, sorted and counted."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

import strawberry
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    Numeric,
    Select,
    Text,
    Uuid,
    case,
    cast,
    column,
    distinct,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import array

from models.catalogue import (
    DEFAULT_CURRENCY,
    Audience,
    Brand,
    Category,
    CurrencyCode,
    Product,
    ProductCategory,
    ProductPrice,
    Variant,
)
from reads.cursors import wrong
from reads.declare import Columns, Facet, Facets, Filter, FilterField, Key
from schema.catalogue_search import TERMS, matches, relevance, search_terms

AnySelect = Select[*tuple[Any, ...]]

DEAREST = 2**62


@strawberry.enum
class ProductSort(StrEnum):
    FEATURED = "FEATURED"
    NEWEST = "NEWEST"
    PRICE_ASCENDING = "PRICE_ASCENDING"
    PRICE_DESCENDING = "PRICE_DESCENDING"
    RATING = "RATING"
    RELEVANCE = "RELEVANCE"


@strawberry.enum
class ProductFacetKind(StrEnum):
    CATEGORY = "CATEGORY"
    BRAND = "BRAND"
    SIZE = "SIZE"
    AUDIENCE = "AUDIENCE"
    AVAILABLE = "AVAILABLE"


@strawberry.input(description="What a product has to match; a field that is left out or null restricts nothing.")
class ProductFilter:
    category: str | None = strawberry.UNSET
    brand: str | None = strawberry.UNSET
    size: str | None = strawberry.UNSET
    audience: Audience | None = strawberry.UNSET
    min_price: Decimal | None = strawberry.UNSET
    max_price: Decimal | None = strawberry.UNSET
    currency_code: CurrencyCode | None = strawberry.UNSET
    available: bool | None = strawberry.UNSET
    search: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words that all have to be found, in any form, or nearly spelled so where no product has the word; "
        '`"a phrase"` has to be found as it is, and `-word` must not be found.',
    )


# ---- conditions


def exists_stock(product: Columns) -> ColumnElement[bool]:
    """OFFSET 0 has PostgreSQL look at each product's own variants; it would read all of the shop's beforehand."""
    in_stock = select(Variant.id).where(
        Variant.product_id == product.id, Variant.on_hand > literal_column("0"), Variant.archived_at.is_(None)
    )
    return in_stock.offset(literal_column("0")).exists()


def in_category(product: Columns, slug: ColumnElement[str], given: Any) -> ColumnElement[bool]:
    """In the category or one below it."""
    tree = select(Category.id).where(Category.slug == slug).cte("shelf", recursive=True, nesting=True)
    tree = tree.union_all(select(Category.id).where(Category.parent_id == tree.c.id))
    shelved = select(ProductCategory.product_id).where(ProductCategory.category_id.in_(select(tree.c.id)))
    return product.id.in_(shelved)


def of_brand(product: Columns, slug: ColumnElement[str], given: Any) -> ColumnElement[bool]:
    return product.brand_id == select(Brand.id).where(Brand.slug == slug).scalar_subquery()


def in_size(product: Columns, size: ColumnElement[str], given: Any) -> ColumnElement[bool]:
    return product.id.in_(select(Variant.product_id).where(Variant.size == size, Variant.archived_at.is_(None)))


def for_audience(product: Columns, audience: ColumnElement[str], given: Any) -> ColumnElement[bool]:
    return product.audience.op("@>", is_comparison=True)(cast(array([audience]), ARRAY(Text)))


def priced(product: Columns, given: Any, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    prices = select(ProductPrice.product_id).where(
        ProductPrice.product_id == product.id, ProductPrice.currency == given("currency_code"), condition
    )
    return prices.exists()


def least_price(product: Columns, given: Any) -> ColumnElement[int]:
    """The least price in the currency; products without one come last when sorted up, and last when sorted down."""
    price = select(ProductPrice.minimum).where(
        ProductPrice.product_id == product.id, ProductPrice.currency == given("currency_code")
    )
    return func.coalesce(price.scalar_subquery(), literal_column(str(DEAREST), BigInteger))


def greatest_price(product: Columns, given: Any) -> ColumnElement[int]:
    price = select(ProductPrice.maximum).where(
        ProductPrice.product_id == product.id, ProductPrice.currency == given("currency_code")
    )
    return func.coalesce(price.scalar_subquery(), literal_column("-1", BigInteger))


# ---- values


def minor_units(value: Decimal) -> int:
    """Whole minor units. Raises GraphQLError for what is no price."""
    units = int(value.scaleb(2)) if abs(value) < 10**15 else -1
    if units < 0:
        raise wrong("A price is a decimal number from 0.")
    return units


PRODUCT_FILTER = Filter(
    ProductFilter | None,
    fields={
        "category": FilterField(Text(), in_category),
        "brand": FilterField(Text(), of_brand),
        "size": FilterField(Text(), in_size),
        "audience": FilterField(Text(), for_audience),
        "min_price": FilterField(
            BigInteger(),
            lambda product, least, given: priced(product, given, ProductPrice.maximum >= least),
            minor_units,
        ),
        "max_price": FilterField(
            BigInteger(), lambda product, most, given: priced(product, given, ProductPrice.minimum <= most), minor_units
        ),
        "available": FilterField(Boolean(), lambda product, wanted, given: exists_stock(product) == wanted),
        "search": FilterField(TERMS, matches, search_terms),
    },
    shared={"currency_code": (Text(), DEFAULT_CURRENCY.value)},
)

ID_UP = Key(lambda product, given: product.id, Uuid())
NEWEST_FIRST = Key(lambda product, given: product.created_at, DateTime(timezone=True), descending=True)
ID_DOWN = Key(lambda product, given: product.id, Uuid(), descending=True)

PRODUCT_SORTS = {
    ProductSort.FEATURED: (Key(lambda product, given: product.featured_rank, Integer()), ID_UP),
    ProductSort.NEWEST: (NEWEST_FIRST, ID_DOWN),
    ProductSort.PRICE_ASCENDING: (Key(least_price, BigInteger()), ID_UP),
    ProductSort.PRICE_DESCENDING: (Key(greatest_price, BigInteger(), descending=True), ID_DOWN),
    ProductSort.RATING: (Key(lambda product, given: product.rating_rank, Integer(), descending=True), ID_DOWN),
    ProductSort.RELEVANCE: (Key(relevance, Numeric(), descending=True), ID_DOWN),
}


# ---- facets: counts of distinct products


def by_category(matching: AnySelect) -> AnySelect:
    """Each category with what lies in it or below it."""
    product = matching.subquery()
    shelves = select(Category.id, Category.id.label("top")).cte("above", recursive=True, nesting=True)
    above = select(shelves.c.id, Category.parent_id).join(Category, Category.id == shelves.c.top)
    shelves = shelves.union_all(above.where(Category.parent_id.is_not(None)))
    return (
        select(Category.slug.label("value"), Category.name.label("label"), tally(product.c.id))
        .select_from(product)
        .join(ProductCategory, ProductCategory.product_id == product.c.id)
        .join(shelves, shelves.c.id == ProductCategory.category_id)
        .join(Category, Category.id == shelves.c.top)
        .group_by(Category.id)
    )


def by_brand(matching: AnySelect) -> AnySelect:
    product = matching.subquery()
    own = Product.__table__.alias()
    return (
        select(Brand.slug.label("value"), Brand.name.label("label"), tally(product.c.id))
        .select_from(product)
        .join(own, own.c.id == product.c.id)
        .join(Brand, Brand.id == own.c.brand_id)
        .group_by(Brand.id)
    )


def by_size(matching: AnySelect) -> AnySelect:
    product = matching.subquery()
    return (
        select(Variant.size.label("value"), Variant.size.label("label"), tally(product.c.id))
        .select_from(product)
        .join(Variant, Variant.product_id == product.c.id)
        .where(Variant.size.is_not(None), Variant.archived_at.is_(None))
        .group_by(Variant.size)
    )


def by_audience(matching: AnySelect) -> AnySelect:
    product = matching.subquery()
    own = Product.__table__.alias()
    named = func.unnest(own.c.audience).table_valued(column("word", Text)).render_derived(name="named")
    return (
        select(named.c.word.label("value"), func.initcap(named.c.word).label("label"), tally(product.c.id))
        .select_from(product.join(own, own.c.id == product.c.id), named)
        .group_by(named.c.word)
    )


def by_availability(matching: AnySelect) -> AnySelect:
    product = matching.subquery()
    available = exists_stock(product.c)
    counted = select(product.c.id, available.label("available")).subquery()
    texts = [
        select(
            literal_column(f"'{value}'", Text).label("value"),
            literal_column(f"'{label}'", Text).label("label"),
            func.count(case((counted.c.available == literal_column(value, Boolean), 1))).label("count"),
        )
        for value, label in (("true", "In stock"), ("false", "Out of stock"))
    ]
    both = union_all(*texts).subquery()
    return select(both).where(both.c.count > literal_column("0"))


def tally(product: ColumnElement[Any]) -> ColumnElement[int]:
    return func.count(distinct(product)).label("count")


PRODUCT_FACETS = Facets(
    {
        ProductFacetKind.CATEGORY: Facet("category", by_category),
        ProductFacetKind.BRAND: Facet("brand", by_brand),
        ProductFacetKind.SIZE: Facet("size", by_size),
        ProductFacetKind.AUDIENCE: Facet("audience", by_audience),
        ProductFacetKind.AVAILABLE: Facet("available", by_availability),
    }
)
