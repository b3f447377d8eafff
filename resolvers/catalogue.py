"""Catalogue queries, all of them public."""

from auth.permissions import ANYONE
from reads.declare import many, one, value
from schema.catalogue import PRODUCTS, Brand, Category, Product, ProductConnection
from schema.common import by_id, by_slug


@value(readers=ANYONE)
class CatalogueQuery:
    products: ProductConnection = PRODUCTS
    product: Product | None = one(arguments={"id": by_id("prd"), "slug": by_slug()})
    categories: list[Category] = many(order=lambda category: (category.position, category.id))
    category: Category | None = one(arguments={"slug": by_slug(required=True)})
    brands: list[Brand] = many(order=lambda brand: (brand.slug,))
