from collections.abc import Generator
from pathlib import Path

import pytest

from app.settings import Settings
from tests.embedded import programs


@pytest.fixture
def own(tmp_path: Path) -> Generator[Settings]:
    """Settings with an empty home; whatever still runs on it at the end is killed, and the test fails."""
    settings = Settings(home=tmp_path / "home")
    yield settings
    left = programs.wait_until_gone(settings.home)
    for pid in left:
        programs.kill(pid)
    assert not left, "processes outlived their users"
