"""What the commands about the catalogue do to the database."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from commerce import catalogue_csv
from commerce.catalogue_csv import Mistake, ProductRows
from commerce.catalogue_import import Result, bring_in
from commerce.product_state import load
from migrations import runner
from models.catalogue import Brand, Category, Product
from models.database import Database

READ_AT_ONCE = 500

Told = Callable[[int, int], None]
"""Hears how many products of how many were dealt with."""


class _Undone(Exception):
    """Takes back what a transaction wrote, with what came of it."""

    def __init__(self, outcome: Result | list[Mistake]) -> None:
        super().__init__("taken back")
        self.outcome = outcome


async def export(url: str, progress: runner.Progress, told: Told) -> tuple[str, int]:
    """The catalogue as it is at one moment, and how many products that is."""
    await runner.upgrade(url, progress)
    database = Database(url, readers=1, writers=1)
    try:
        return await database.transact(lambda transaction: _export(transaction, told))
    finally:
        await database.close()


async def _export(transaction: AsyncConnection, told: Told) -> tuple[str, int]:
    await transaction.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    ids = list(await transaction.scalars(select(Product.id).order_by(Product.slug)))
    brands = {row.id: row.slug for row in await transaction.execute(select(Brand.id, Brand.slug))}
    shelves = {row.id: row.slug for row in await transaction.execute(select(Category.id, Category.slug))}
    lines = [catalogue_csv.header_line()]
    for at in range(0, len(ids), READ_AT_ONCE):
        part = ids[at : at + READ_AT_ONCE]
        found = await load(transaction, part, lock=False)
        for product in (found[key] for key in part):
            brand = brands.get(product.brand_id) if product.brand_id else None
            lines.append(
                catalogue_csv.product_lines(product, brand, sorted(shelves[key] for key in product.categories))
            )
        told(at + len(part), len(ids))
    return "".join(lines), len(ids)


def write_whole(file: Path, content: str) -> None:
    """Writes the file whole, or leaves what was there."""
    with NamedTemporaryFile("w", encoding="utf-8", newline="", dir=file.parent, delete=False) as draft:
        path = Path(draft.name)
        try:
            draft.write(content)
            draft.flush()
            os.fsync(draft.fileno())
            path.chmod(0o644)
            path.replace(file)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


async def bring(
    url: str, content: bytes, progress: runner.Progress, told: Told, *, dry_run: bool
) -> Result | list[Mistake]:
    """Brings a file's content into the catalogue: all of it, or nothing where there are mistakes or it is a dry run."""
    products, mistakes = catalogue_csv.read(content)
    await runner.upgrade(url, progress)
    database = Database(url, readers=1, writers=1)
    try:
        return await database.transact(lambda t: _import(t, products, mistakes, told, dry_run=dry_run))
    except _Undone as undone:
        return undone.outcome
    finally:
        await database.close()


async def _import(
    transaction: AsyncConnection,
    products: list[ProductRows],
    mistakes: list[Mistake],
    told: Told,
    *,
    dry_run: bool,
) -> Result | list[Mistake]:
    """Where the file itself has mistakes, those that only the database knows of are told as well."""
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        told(done, len(products))

    outcome = await bring_in(transaction, products, count)
    if mistakes or isinstance(outcome, list):
        more = outcome if isinstance(outcome, list) else []
        raise _Undone(sorted([*mistakes, *more], key=lambda one: one.line))
    if dry_run:
        raise _Undone(outcome)
    return outcome
