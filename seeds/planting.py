"""One transaction that fills an empty database."""

import re
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg

from auth.passwords import PasswordHasher
from commerce import catalogue_search
from gateways.payments.local import LocalGateway
from models import metadata
from models.database import asyncpg_arguments
from seeds.bench import shop as bench
from seeds.counting import Progress
from seeds.demo import shop as demo
from seeds.installation import Installation, Planting
from seeds.rows import Connection
from seeds.sign_in import Notes, SignIn

# Whoever plants at the same time, two servers at their first start, waits for the first and finds its rows.
_ALONE = "LOCK TABLE account, product, staff_member IN SHARE ROW EXCLUSIVE MODE"
_EMPTY = (
    "SELECT NOT EXISTS (SELECT FROM account) AND NOT EXISTS (SELECT FROM product)"
    " AND NOT EXISTS (SELECT FROM staff_member)"
)
_PRODUCTS = "SELECT id FROM product"

Planter = Callable[[Planting], Awaitable[Notes]]


async def plant_into(
    database_url: str, what: str, password: str, installation: Installation, progress: Progress
) -> list[SignIn]:
    """As `seeds.plant`."""
    planter = _planter(what)
    if planter is None:
        return []
    gateway = LocalGateway(installation.gateway, installation.secret)
    connection = await asyncpg.connect(
        **asyncpg_arguments(database_url), server_settings={"application_name": "layette-seed", "jit": "off"}
    )
    try:
        async with connection.transaction():
            await connection.execute(_ALONE)
            if not await connection.fetchval(_EMPTY):
                progress("the shop has products or people already: nothing is planted")
                return []
            planting = Planting(connection, gateway, installation, await _hashed(password), progress)
            notes = await planter(planting)
            progress("noting what products are found by")
            await catalogue_search.index(connection, [row["id"] for row in await connection.fetch(_PRODUCTS)])
        await _vacuum(connection, progress)
    finally:
        await connection.close()
        await gateway.close()
    return [SignIn(email, password, note) for email, note in notes.items()]


def _planter(what: str) -> Planter | None:
    if what == "none":
        return None
    if what == "demo":
        return demo.plant
    if size := re.fullmatch(r"bench:([1-9]\d{0,6})", what):
        return partial(bench.plant, products=int(size[1]))
    raise ValueError(f"{what!r} is neither demo, bench:N nor none")


async def _hashed(password: str) -> str:
    hasher = PasswordHasher()
    try:
        return await hasher.hash(password)
    finally:
        hasher.close()


async def _vacuum(connection: Connection, progress: Progress) -> None:
    """Gives the planner its statistics and index-only scans their visibility map; not possible in a transaction."""
    progress("telling the planner what there is")
    await connection.execute("VACUUM (ANALYZE) " + ", ".join(f'"{table.name}"' for table in metadata.sorted_tables))
