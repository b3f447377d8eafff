"""Products are found by their brand's, categories' and audiences' words too, and by misspelled ones."""

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"

WRITERS_WAIT = "LOCK TABLE product, product_category, brand, category IN SHARE ROW EXCLUSIVE MODE"
# The program before this one reads the column, and writes products without it.
KEEP_VALUES = """
-- squawk-ignore ban-drop-generated-expression
ALTER TABLE product ALTER COLUMN search DROP EXPRESSION"""
# The table is locked already.
DROP_UNUSED = """
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX ix_product_name_trgm"""
FILL = r"""
WITH RECURSIVE lies_in AS (
    SELECT product_id, category_id FROM product_category
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
"""


def upgrade() -> None:
    op.create_table(
        "search_word",
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("cuts", sa.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_search_word")),
    )
    op.create_index("ix_search_word_cuts", "search_word", ["cuts"], unique=False, postgresql_using="gin")
    op.create_index(
        "ix_search_word_trgm",
        "search_word",
        ["word"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    op.execute(WRITERS_WAIT)
    op.execute(KEEP_VALUES)
    op.alter_column("product", "search", server_default=sa.text("''"))
    op.execute(FILL)
    op.execute(DROP_UNUSED)


def downgrade() -> None:
    op.create_index(
        "ix_product_name_trgm",
        "product",
        [sa.literal_column("lower(name)").label("folded")],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
    )
    op.drop_index("ix_product_search", table_name="product", postgresql_using="gin")
    op.drop_column("product", "search")
    op.execute(
        "ALTER TABLE product ADD COLUMN search tsvector NOT NULL GENERATED ALWAYS AS ("
        "setweight(to_tsvector('english', name), 'A') || "
        "setweight(to_tsvector('english', coalesce(description, '')), 'C')) STORED"
    )
    op.create_index("ix_product_search", "product", ["search"], unique=False, postgresql_using="gin")
    op.drop_table("search_word")
