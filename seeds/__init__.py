"""A fictional shop to begin with, and a large one to measure with."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from seeds.sign_in import SignIn

if TYPE_CHECKING:
    from seeds.installation import Installation


async def plant(
    database_url: str,
    what: str,
    password: str,
    installation: "Installation",
    progress: Callable[[str], None] = lambda _: None,
) -> list[SignIn]:
    """Fills the database with `what`: demo, bench:N or none. Answers who may sign in with `password`.

    All of it is one transaction, and what was paid is entered in the local gateway's book. A database with a product or
    an account is left as it is: `progress` is told so, and the answer is empty. Raises ValueError for anything else as
    `what`.
    """
    from seeds.planting import plant_into  # noqa: PLC0415 - commands that print sign-ins import this package

    return await plant_into(database_url, what, password, installation, progress)
