"""What was released stays as it was; what was not may change."""

from pathlib import Path

import pytest

from migrations.release import RELEASED, VERSIONS, changed, release


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """A folder of two migrations, the first of which has been released."""
    folder = tmp_path / "versions"
    folder.mkdir()
    (tmp_path / "released.txt").touch()
    (folder / "0001_first.py").write_text("first = 1\n")
    release(folder, tmp_path / "released.txt")
    (folder / "0002_second.py").write_text("second = 2\n")
    return folder


def complaints(versions: Path) -> list[str]:
    return changed(versions, versions.parent / "released.txt")


def test_released_migrations_are_listed_and_as_they_were():
    assert {"0001_foundation.py", "0002_selling.py"} <= set(RELEASED.read_text().split())
    assert changed() == []
    assert all((VERSIONS / name).is_file() for name in RELEASED.read_text().split()[1::2])


def test_migration_that_is_not_listed_may_change(versions: Path):
    (versions / "0002_second.py").write_text("second = 3\n")
    assert complaints(versions) == []


def test_released_migration_that_is_edited_is_told_with_what_to_do(versions: Path):
    (versions / "0001_first.py").write_text("first = 2\n")
    (said,) = complaints(versions)
    assert said.startswith("0001_first.py is not what was released")
    assert "git checkout -- migrations/versions/0001_first.py" in said
    assert "make migration" in said


def test_released_migration_that_is_gone_is_told(versions: Path):
    (versions / "0001_first.py").unlink()
    assert len(complaints(versions)) == 1


def test_releasing_lists_what_is_new_and_takes_no_edit_for_released(versions: Path):
    (versions / "0001_first.py").write_text("first = 2\n")
    release(versions, versions.parent / "released.txt")
    assert len(complaints(versions)) == 1
    (versions / "0002_second.py").write_text("second = 3\n")
    assert len(complaints(versions)) == 2
