"""What must be so before the shop opens: tables at the newest revision, and something on the shelves."""

import asyncpg

from app import sign_ins
from app.settings import Settings
from auth.roles import ROLES
from commerce.tax import read_place
from migrations import runner
from models.database import asyncpg_arguments
from seeds import plant as plant_seeds
from seeds.installation import Installation
from seeds.sign_in import SignIn

Progress = runner.Progress


async def prepare(settings: Settings, database_url: str, progress: Progress) -> list[SignIn]:
    """Migrates, and seeds an empty database as LAYETTE_SEED says. Answers the sign-ins of this home."""
    await runner.upgrade(database_url, progress)
    if settings.seed != "none" and await is_empty(database_url):
        return await plant(settings, database_url, settings.seed, progress)
    return sign_ins.remembered(settings)


async def plant(settings: Settings, database_url: str, what: str, progress: Progress) -> list[SignIn]:
    """Seeds the database with `what`, and remembers the sign-ins."""
    password = sign_ins.password(settings)
    # Before the rows are: killed in between, the next start still knows how to sign in.
    customers = [f"customer{number}@example.com" for number in range(1, 10)]
    staff = [f"{role}@staff.example.com" for role in ROLES] if what == "demo" else []
    sign_ins.remember(settings, [SignIn(email, password) for email in (*customers, *staff)])
    progress(f"stocking the shop ({what})")
    installation = Installation(settings.server_secret, settings.gateway, read_place(settings.store), settings.ships_to)
    planted = await plant_seeds(database_url, what, password, installation, progress)
    if planted:
        sign_ins.remember(settings, planted)
    return planted or sign_ins.remembered(settings)


async def is_empty(database_url: str) -> bool:
    """Whether nobody, staff included, and nothing is in the shop yet. Seeding is one transaction: half never is."""
    connection = await asyncpg.connect(**asyncpg_arguments(database_url))
    try:
        return await connection.fetchval(
            "SELECT NOT EXISTS (SELECT FROM product) AND NOT EXISTS (SELECT FROM account)"
            " AND NOT EXISTS (SELECT FROM staff_member)"
        )
    finally:
        await connection.close()
