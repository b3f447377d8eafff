"""What the other tests here rely on finds what it is there to find."""

import pytest

from migrations import runner
from tests.upgrades.conftest import Shops
from tests.upgrades.holdings import holdings, lost
from tests.upgrades.stocking import bare
from tests.upgrades.structure import structure, unproven

NEWEST = runner.revisions()[-1]

LOSSES = {
    "a row": ("DELETE FROM partner_usage WHERE ctid = (SELECT min(ctid) FROM partner_usage)", "partner_usage"),
    "all rows": ("TRUNCATE gateway_event", "gateway_event"),
    "a row that nobody planted": ("INSERT INTO brand (id, slug, name) VALUES (uuidv7(), 'new', '')", "brand"),
    "a value": ("UPDATE review SET rating = 6 - rating WHERE rating = 5", "review.rating"),
    "a value that is null now": ("UPDATE account SET username = NULL", "account.username"),
    "a part of a value": ("ALTER TABLE review ALTER created_at TYPE date", "review.created_at"),
    "a column": ("ALTER TABLE credential DROP changed_at", "credential.changed_at"),
    "a column of another name": ("ALTER TABLE till RENAME name TO label", "till.name"),
    "a table": ("DROP TABLE return_line", "return_line"),
}

NO_LOSS = (
    "ALTER TABLE account ADD nickname text NOT NULL DEFAULT 'none'",
    "CREATE TABLE added AS SELECT * FROM account",
    "ALTER TABLE variant_price ALTER price TYPE numeric",
    "UPDATE product SET name = name",
    "DROP INDEX ix_product_search",
)

OTHERWISE = (
    "ALTER TABLE account ADD nickname text",
    "ALTER TABLE account ALTER kind SET DEFAULT 'STAFF'",
    "ALTER TABLE account ALTER name DROP NOT NULL",
    "ALTER TABLE review ALTER rating TYPE integer",
    "ALTER TABLE job DROP CONSTRAINT ck_job_kind",
    "DROP INDEX ix_product_search",
    "DROP INDEX uq_job_dedupe; CREATE UNIQUE INDEX uq_job_dedupe ON job (kind, dedupe)",
    "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE VIEW names AS SELECT name FROM account",
)


@pytest.mark.parametrize("what", LOSSES)
async def test_loss_is_found(shops: Shops, what: str):
    statement, where = LOSSES[what]
    shop = await shops(NEWEST)
    async with shop.spoiled() as connection:
        await connection.execute(statement)
        assert list(lost(shop.holdings, await holdings(connection))) == [where]


async def test_what_loses_nothing_is_let_pass(shops: Shops):
    shop = await shops(NEWEST)
    async with shop.spoiled() as connection:
        for statement in NO_LOSS:
            await connection.execute(statement)
        assert lost(shop.holdings, await holdings(connection)) == {}


@pytest.mark.parametrize("statement", OTHERWISE)
async def test_table_that_is_built_otherwise_is_found(shops: Shops, statement: str):
    shop = await shops(NEWEST)
    async with shop.spoiled() as connection:
        assert await structure(connection) == shop.structure
        await connection.execute(statement)
        assert await structure(connection) != shop.structure


async def test_constraint_that_old_rows_need_not_keep_is_found(shops: Shops):
    async with (await shops(NEWEST)).spoiled() as connection:
        await connection.execute("ALTER TABLE account ADD CONSTRAINT later CHECK (name <> 'x') NOT VALID")
        await connection.execute("ALTER TABLE account ADD CONSTRAINT never CHECK (name <> 'x') NOT ENFORCED")
        assert await unproven(connection) == ["constraint later of account", "constraint never of account"]


async def test_table_or_column_that_is_not_stocked_is_found(shops: Shops):
    async with (await shops(NEWEST)).spoiled() as connection:
        await connection.execute("CREATE TABLE added (id uuid)")
        await connection.execute("ALTER TABLE account ADD nickname text")
        assert bare(await holdings(connection)) == ["added", "account.nickname"]


async def test_every_word_of_an_enum_is_stocked(shops: Shops):
    """So that a migration that takes a word away does not pass for want of a row that has it."""
    shop = await shops(NEWEST)
    async with shop.spoiled() as connection:
        enums = await connection.fetch(
            "SELECT c.relname AS table, a.attname AS column, min(pg_get_constraintdef(o.oid)) AS check"
            " FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid"
            " JOIN pg_attribute a ON a.attrelid = o.conrelid AND o.conkey = ARRAY[a.attnum]"
            " WHERE o.contype = 'c' AND a.atttypid = 'text'::regtype GROUP BY 1, 2"
            " HAVING count(*) = 1 AND min(pg_get_constraintdef(o.oid)) ~ '= ANY'"
        )
    assert len(enums) > 50
    for table, column, check in enums:
        words = {row[column] for row in shop.holdings[table].rows} - {None}
        assert len(words) == check.count("::text"), f"{table}.{column} holds {words} of {check}"
