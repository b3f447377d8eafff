"""`python -m app catalogue`, as a person gives it."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from app.embedded import Services
from models.database import Database
from tests.embedded.commands import run

ROWS = "slug,name,sku,size,color,price_USD,price_EUR\n" + "".join(
    f"romper-{at},Romper {at},R-{at}-{size},{size},Red,19.90,\n" for at in range(30) for size in ("S", "M")
)


class Person:
    """Somebody at a command line in a folder, before a shop that is running."""

    def __init__(self, folder: Path, database: Database, services: Services) -> None:
        self.folder = folder
        self._where = {"DATABASE_URL": database.url, "REDIS_URL": services.redis_url}

    async def gives(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(run, self.folder / "home", "catalogue", *arguments, **self._where)

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - {"home"}


@pytest.fixture
def person(tmp_path: Path, committed_database: Database, running: Services) -> Person:
    return Person(tmp_path, committed_database, running)


async def test_catalogue_goes_in_and_out_and_a_mistake_changes_nothing(person: Person):
    given = person.folder / "given.csv"
    given.write_text(ROWS)
    tried = await person.gives("import", str(given), "--dry-run")
    assert (tried.returncode, tried.stdout) == (0, "30 new, 0 changed, 0 unchanged products; nothing was written\n")
    done = await person.gives("import", str(given))
    assert (done.returncode, done.stdout) == (0, "30 new, 0 changed, 0 unchanged products\n")
    out = await person.gives("export", person.path("taken.csv"))
    assert (out.returncode, out.stdout.startswith("30 products in")) == (0, True)
    taken = (person.folder / "taken.csv").read_text()
    assert len(taken.splitlines()) == 61

    given.write_text(ROWS.replace("Romper 0,R-0-S", "Renamed,R-0-S").replace("R-7-M,M,Red,19.90", "R-7-M,M,Red,x"))
    wrong = await person.gives("import", str(given))
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "line 3: name: Line 2 says otherwise of the same product.\n" in wrong.stderr
    assert "line 17: price_USD: An amount is written like 19.90.\n" in wrong.stderr
    assert wrong.stderr.endswith("nothing was changed\n")
    assert "Traceback" not in wrong.stderr
    assert (await person.gives("export", person.path("again.csv"))).returncode == 0
    assert (person.folder / "again.csv").read_text() == taken
    assert person.files() == {"given.csv", "taken.csv", "again.csv"}


async def test_folder_that_is_not_there_is_told(person: Person):
    nowhere = await person.gives("export", person.path("no/folder.csv"))
    assert (nowhere.returncode, nowhere.stdout, "Traceback" in nowhere.stderr) == (1, "", False)
