"""What products are found by: kept with them, in the transaction that changes it.

A product's words are those of its name (weight A), of its brand, its audience and the categories that it lies in, with
those above them (B), and of its description (C), all without accents. `search_word` remembers each word of the first
two kinds, so that one that is misspelled is recognised; remembering words that are gone harms nothing.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import ARRAY, ColumnElement, Integer, Text, Uuid, bindparam, column, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.catalogue import Category, Product, ProductCategory
from models.statement import Statement, connection_of


def _of_products(sql: str) -> Statement:
    return Statement(lambda: text(sql).bindparams(bindparam("products", type_=ARRAY(Uuid))))


# Whoever renames a brand or a category holds it alone until its products have the new words: whoever puts a product
# there meanwhile waits, and then sees them too.
_HOLD_BRANDS = _of_products("""
SELECT FROM brand WHERE id IN (SELECT brand_id FROM product WHERE id = ANY (:products)) ORDER BY id FOR SHARE""")
_HOLD_CATEGORIES = _of_products("""
SELECT FROM category WHERE id IN (SELECT category_id FROM product_category WHERE product_id = ANY (:products))
ORDER BY id FOR SHARE""")

_WRITE = _of_products(r"""
WITH RECURSIVE lies_in AS (
    SELECT product_id, category_id FROM product_category WHERE product_id = ANY (:products)
    UNION
    SELECT product_id, parent_id FROM lies_in JOIN category ON id = category_id WHERE parent_id IS NOT NULL
), shelf AS (
    SELECT product_id, string_agg(name, ' ' ORDER BY name) AS names
    FROM lies_in JOIN category ON id = category_id GROUP BY product_id
), told AS MATERIALIZED (
    SELECT
        product.id,
        regexp_replace(normalize(product.name, NFKD), '[\u0300-\u036f]', '', 'g') AS name,
        regexp_replace(
            normalize(concat_ws(' ', brand.name, array_to_string(audience, ' '), shelf.names), NFKD),
            '[\u0300-\u036f]', '', 'g'
        ) AS place,
        regexp_replace(normalize(coalesce(description, ''), NFKD), '[\u0300-\u036f]', '', 'g') AS description
    FROM product LEFT JOIN brand ON brand.id = brand_id LEFT JOIN shelf ON product_id = product.id
    WHERE product.id = ANY (:products)
), written AS (
    UPDATE product SET search =
        setweight(to_tsvector('english', told.name), 'A')
        || setweight(to_tsvector('english', told.place), 'B')
        || setweight(to_tsvector('english', told.description), 'C')
    FROM told WHERE product.id = told.id
), found AS (
    SELECT DISTINCT unnest(tsvector_to_array(to_tsvector('simple', name || ' ' || place))) AS word FROM told
)
INSERT INTO search_word (word, cuts)
SELECT word, word || ARRAY(SELECT overlay(word PLACING '' FROM n FOR 1) FROM generate_series(1, length(word)) n)
FROM found
WHERE word ~ '^\D{3,40}$' AND numnode(plainto_tsquery('english', word)) > 0
    AND NOT EXISTS (SELECT FROM search_word known WHERE known.word = found.word)
ORDER BY word
ON CONFLICT DO NOTHING""")


def cuts(word: ColumnElement[str]) -> ColumnElement[Any]:
    """The word, and what is left of it without one of its letters.

    Two words have one in common where a letter is wrong, missing, too many or swapped with the next.
    """
    series = func.generate_series(literal_column("1"), func.length(word))
    letter = series.table_valued(column("place", Integer)).render_derived(name="letter")
    cut = func.overlay(word, literal_column("''"), letter.c.place, literal_column("1"))
    every = select(cut).select_from(letter).correlate_except(letter)
    return func.array_append(func.array(every.scalar_subquery()), word, type_=ARRAY(Text))


async def index(connection: asyncpg.Connection, product_ids: Sequence[UUID]) -> None:
    """Writes what these products are found by; to be called whenever some of it has changed, before the commit."""
    if product_ids:
        for statement in (_HOLD_BRANDS, _HOLD_CATEGORIES, _WRITE):
            await connection.execute(statement.sql, *statement.arguments({"products": product_ids}))


async def index_brand(transaction: AsyncConnection, brand_id: UUID) -> None:
    """After a brand was renamed."""
    products = await transaction.scalars(select(Product.id).where(Product.brand_id == brand_id).order_by(Product.id))
    await index(connection_of(transaction), products.all())


async def index_category(transaction: AsyncConnection, category_id: UUID) -> None:
    """After a category was renamed or moved: what lies in it or below it."""
    below = select(Category.id).where(Category.id == category_id).cte("below", recursive=True)
    below = below.union_all(select(Category.id).where(Category.parent_id == below.c.id))
    products = select(ProductCategory.product_id).where(ProductCategory.category_id.in_(select(below.c.id))).distinct()
    await index(connection_of(transaction), (await transaction.scalars(products)).all())
